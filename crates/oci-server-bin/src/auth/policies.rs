//! The rules of the moment.

use std::sync::Arc;

use async_trait::async_trait;
use oci_auth::{Action, Explanation, Identity, Live, Policy, PolicyError, PullScope, Rights};
use oci_registry::{RepoKey, TagGuard};
use oci_types::RepositoryName;

use crate::config::Ruleset;

/// The rules and groups of the moment. Both change together, so that nobody is ever held
/// against rules of one state and groups of another.
#[derive(Debug, Default)]
pub(crate) struct Policies(Live<Ruleset>);

impl Policies {
    pub(super) fn replace(&self, ruleset: Ruleset) {
        self.0.replace(ruleset);
    }

    /// The rules and groups.
    pub(crate) fn current(&self) -> Arc<Ruleset> {
        self.0.current()
    }

    /// The tags of a repository that nobody may move or remove.
    pub(crate) fn immutable(&self, repo: &RepoKey) -> TagGuard {
        let ruleset = self.current();
        if ruleset.rules.immutable_tags(&repo.name).is_empty() {
            return TagGuard::none();
        }
        let name = repo.name.clone();
        TagGuard::new(move |tag| ruleset.rules.is_immutable(&name, tag))
    }
}

impl Ruleset {
    /// Why somebody may do something, or may not.
    pub(crate) fn explain(
        &self,
        who: &Identity,
        action: Action,
        repository: &RepositoryName,
    ) -> Explanation {
        self.rules.explain(&self.known(who), action, repository)
    }

    /// Somebody with the groups that they are in.
    fn known(&self, identity: &Identity) -> Identity {
        match identity {
            Identity::User(user) => Identity::user(user.name.clone(), self.groups.of(&user.name)),
            other => other.clone(),
        }
    }
}

#[async_trait]
impl Policy for Policies {
    async fn rights(
        &self,
        identity: &Identity,
        repository: &RepositoryName,
    ) -> Result<Rights, PolicyError> {
        let ruleset = self.current();
        let identity = ruleset.known(identity);
        Ok(ruleset.rules.rights(&identity, repository))
    }

    async fn pull_scope(&self, identity: &Identity) -> Result<PullScope, PolicyError> {
        let ruleset = self.current();
        let identity = ruleset.known(identity);
        Ok(ruleset.rules.pull_scope(&identity))
    }
}
