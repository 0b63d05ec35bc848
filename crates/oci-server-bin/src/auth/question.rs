//! Who may do what, for people who ask.

use std::collections::BTreeSet;

use oci_auth::{Action, Identity, Miss, NameError, UserName};
use oci_types::RepositoryName;

use super::Sources;
use crate::admin::{ExplainAnswer, RuleAnswer};
use crate::config::{Config, Ruleset};

/// What decides about it besides the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// Whether rules are asked at all.
    pub(crate) guarded: bool,
    /// Whether nothing can be written.
    pub(crate) read_only: bool,
}

impl Surroundings {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            guarded: config.auth.is_some(),
            read_only: config.read_only,
        }
    }

    /// Says who may do what, and why.
    ///
    /// # Errors
    /// `who` is nobody.
    pub(crate) fn explain(
        self,
        sources: &Sources,
        who: &str,
        action: Action,
        repository: &RepositoryName,
    ) -> Result<ExplainAnswer, NameError> {
        let ruleset = sources.policies().current();
        let identity = Identity::parse(who, &ruleset.groups)?;
        let mut answer = if self.guarded {
            by_rules(&ruleset, &identity, action, repository)
        } else {
            without_rules(&identity, action, repository)
        };
        let users = sources.users().map(|users| users.current().users());
        if let Some(name) = stranger(&identity, users.as_ref()) {
            let note = format!("  there is no user `{name}`, so that nobody can log in as that\n");
            answer.text.push_str(&note);
        }
        if self.read_only && !matches!(action, Action::Pull | Action::Catalog) {
            answer.allowed = false;
            let note = "  read_only is set: nobody can change anything, whatever the rules allow\n";
            answer.text.push_str(note);
        }
        Ok(answer)
    }
}

fn by_rules(
    ruleset: &Ruleset,
    identity: &Identity,
    action: Action,
    repository: &RepositoryName,
) -> ExplainAnswer {
    let explanation = ruleset.explain(identity, action, repository);
    let allowing = explanation.allowed_by.iter();
    let allowing = allowing.map(|(rule, access)| RuleAnswer {
        rule: rule.to_string(),
        text: access.to_string(),
        miss: None,
    });
    let near = explanation.near.iter();
    let near = near.map(|(rule, access, miss)| RuleAnswer {
        rule: rule.to_string(),
        text: access.to_string(),
        miss: Some(
            match miss {
                Miss::Who => "who",
                Miss::Claims => "claims",
                Miss::Action => "action",
            }
            .to_owned(),
        ),
    });
    ExplainAnswer {
        allowed: explanation.is_allowed(),
        who: identity.to_string(),
        action: action.to_string(),
        repository: repository.to_string(),
        rules: allowing.chain(near).collect(),
        text: explanation.to_string(),
    }
}

fn without_rules(
    identity: &Identity,
    action: Action,
    repository: &RepositoryName,
) -> ExplainAnswer {
    ExplainAnswer {
        allowed: true,
        who: identity.to_string(),
        action: action.to_string(),
        repository: repository.to_string(),
        rules: Vec::new(),
        text: format!(
            "{identity} may {action} {repository}:\n  auth.scheme is \"none\", so that everybody \
             may do everything\n"
        ),
    }
}

/// The name of a user who is none.
fn stranger<'a>(
    identity: &'a Identity,
    users: Option<&BTreeSet<UserName>>,
) -> Option<&'a UserName> {
    let Identity::User(user) = identity else {
        return None;
    };
    let is_known = users.is_none_or(|users| users.contains(&user.name));
    (!is_known).then_some(&user.name)
}
