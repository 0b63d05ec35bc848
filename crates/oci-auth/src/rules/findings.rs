//! What is odd about rules that make sense by themselves.

use std::collections::BTreeSet;
use std::fmt;

use super::{RuleRef, Rules, Who};
use crate::{Action, GroupName, Groups, ProviderName, UserName};

/// What rules can be held against.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The groups there are.
    pub groups: &'a Groups,
    /// The users there are; `None` if they are kept elsewhere.
    pub users: Option<&'a BTreeSet<UserName>>,
    /// The token servers and platforms that are configured.
    pub providers: &'a BTreeSet<ProviderName>,
}

/// Something odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleRef,
    /// What it is.
    pub kind: FindingKind,
}

/// What is odd about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// No such group: the rule may grant to nobody.
    UnknownGroup(GroupName),
    /// No such user.
    UnknownUser(UserName),
    /// No such token server or platform.
    UnknownProvider(ProviderName),
    /// Everyone may do this, without credentials.
    OpenToTheWorld(Action),
}

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be looked at.
    Warning,
    /// To be refused at the start.
    Error,
}

impl Finding {
    /// How serious it is. A user who is not there yet is a warning, because users come and go.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.kind {
            FindingKind::UnknownGroup(_) | FindingKind::UnknownProvider(_) => Severity::Error,
            FindingKind::UnknownUser(_) | FindingKind::OpenToTheWorld(_) => Severity::Warning,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule)?;
        match &self.kind {
            FindingKind::UnknownGroup(group) => write!(f, "there is no group `{group}`"),
            FindingKind::UnknownUser(user) => write!(f, "there is no user `{user}`"),
            FindingKind::UnknownProvider(provider) => {
                write!(f, "there is no token issuer `{provider}`")
            }
            FindingKind::OpenToTheWorld(action) => {
                write!(f, "everyone may {action} without credentials")
            }
        }
    }
}

impl Rules {
    /// What is odd about the rules, in their order.
    #[must_use]
    pub fn findings(&self, known: &Known<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (rule, access) in self.numbered() {
            let unknown = access.who.iter().filter_map(|who| known.misses(who));
            findings.extend(unknown.map(|kind| Finding { rule, kind }));
            if access.who.contains(&Who::Anonymous) {
                let writes = access
                    .allow
                    .iter()
                    .filter(|action| **action != Action::Pull);
                let open = writes.map(|action| FindingKind::OpenToTheWorld(*action));
                findings.extend(open.map(|kind| Finding { rule, kind }));
            }
        }
        findings
    }

    /// Whether somebody without credentials may do anything. Together with Basic it does not
    /// work for clients that send credentials only after a challenge.
    #[must_use]
    pub fn grants_anonymous(&self) -> bool {
        let mut rules = self.access.iter();
        rules.any(|rule| rule.who.contains(&Who::Anonymous))
    }
}

impl Known<'_> {
    fn misses(&self, who: &Who) -> Option<FindingKind> {
        match who {
            Who::Anonymous | Who::Authenticated => None,
            Who::Group(group) => {
                (!self.groups.contains(group)).then(|| FindingKind::UnknownGroup(group.clone()))
            }
            Who::User(user) => self
                .users
                .is_some_and(|users| !users.contains(user))
                .then(|| FindingKind::UnknownUser(user.clone())),
            Who::Issuer(provider) | Who::Oidc(provider) => (!self.providers.contains(provider))
                .then(|| FindingKind::UnknownProvider(provider.clone())),
        }
    }
}
