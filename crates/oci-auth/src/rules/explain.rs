//! Why somebody may or may not do something.

use std::fmt;

use oci_types::RepositoryName;

use super::{AccessRule, List, RuleRef, Rules};
use crate::{Action, Identity, TagSet};

/// Why somebody may or may not do something; `Display` says it in sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Who.
    pub identity: Identity,
    /// What.
    pub action: Action,
    /// Where.
    pub repository: RepositoryName,
    /// All rules that allow it; it is denied if there are none.
    pub allowed_by: Vec<(RuleRef, AccessRule)>,
    /// The rules that cover the repository and do not allow it.
    pub near: Vec<(RuleRef, AccessRule, Miss)>,
    /// The tags in the repository that nobody may move or remove, whatever the rules allow.
    pub immutable: TagSet,
}

/// What of a rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is for others.
    Who,
    /// It is for a workload with other claims.
    Claims,
    /// It allows other actions.
    Action,
}

impl Rules {
    /// Says which rules allow something, and of those that cover the repository and do not, why
    /// not.
    #[must_use]
    pub fn explain(
        &self,
        identity: &Identity,
        action: Action,
        repository: &RepositoryName,
    ) -> Explanation {
        let (mut allowed_by, mut near) = (Vec::new(), Vec::new());
        for (rule, access) in self.numbered() {
            if !access.covers(repository) {
                continue;
            }
            match access.miss(identity, action) {
                None => allowed_by.push((rule, access.clone())),
                Some(miss) => near.push((rule, access.clone(), miss)),
            }
        }
        Explanation {
            identity: identity.clone(),
            action,
            repository: repository.clone(),
            allowed_by,
            near,
            immutable: self.immutable_tags(repository),
        }
    }
}

impl AccessRule {
    fn miss(&self, identity: &Identity, action: Action) -> Option<Miss> {
        if !self.who.iter().any(|who| who.is(identity)) {
            Some(Miss::Who)
        } else if !self.claims_hold(identity) {
            Some(Miss::Claims)
        } else if !self.allows(action) {
            Some(Miss::Action)
        } else {
            None
        }
    }
}

impl Explanation {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        !self.allowed_by.is_empty()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            identity,
            action,
            repository,
            ..
        } = self;
        if self.is_allowed() {
            writeln!(f, "{identity} may {action} {repository}:")?;
        } else {
            writeln!(
                f,
                "{identity} may not {action} {repository}: no rule allows it."
            )?;
        }
        for (rule, access) in &self.allowed_by {
            writeln!(f, "  {rule} allows it: {access}")?;
        }
        for (rule, access, miss) in self.near.iter().filter(|_| !self.is_allowed()) {
            let why = match miss {
                Miss::Who => "is for others",
                Miss::Claims => "asks for other claims",
                Miss::Action => "allows other actions",
            };
            writeln!(f, "  {rule} covers the repository and {why}: {access}")?;
        }
        let binds = matches!(action, Action::Overwrite | Action::Delete);
        if binds && !self.immutable.is_empty() {
            let tags = List(self.immutable.globs());
            writeln!(f, "  tags that nobody may move or remove there: {tags}")?;
        }
        Ok(())
    }
}
