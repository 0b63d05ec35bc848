//! From who somebody is and what they may to what they are told.
//!
//! Whether something exists is told to those who may see it. Without a token, or with one that is
//! not for this, everyone is challenged alike; who is known and has no right in a repository is
//! told that it is not there; and who has some right, and not this one, is told so.

use oci_types::RepositoryName;

use crate::{
    Action, BearerError, Caller, Grant, Policy, PolicyError, PullScope, RepoGlob, ResourceScope,
    Rights, ScopeAction,
};

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// `/v2/`: to be somebody.
    Base,
    /// The catalog, of which everyone is shown their part.
    Catalog,
    /// Something in a repository.
    Repository {
        /// The repository.
        name: &'a RepositoryName,
        /// What.
        access: Access,
    },
}

/// What a request does in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// It reads: GET of manifests, blobs, tags and referrers.
    Read,
    /// It asks whether something is there: HEAD of manifests and blobs. Who pushes has to.
    Probe,
    /// It adds: uploads, their states and cancellations, mounts, manifests.
    Write,
    /// It removes.
    Delete,
}

impl Access {
    /// Whether these rights suffice.
    #[must_use]
    pub const fn is_allowed_by(self, rights: Rights) -> bool {
        match self {
            Self::Read => rights.contains(Action::Pull),
            Self::Probe => rights.contains(Action::Pull) || rights.contains(Action::Push),
            Self::Write => rights.contains(Action::Push),
            Self::Delete => rights.contains(Action::Delete),
        }
    }

    /// A word for it, fit for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Probe => "probe",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }

    /// What a client is told to ask for. Who pushes reads too.
    fn scope_actions(self) -> &'static [ScopeAction] {
        match self {
            Self::Read | Self::Probe => &[ScopeAction::Pull],
            Self::Write => &[ScopeAction::Pull, ScopeAction::Push],
            Self::Delete => &[ScopeAction::Delete],
        }
    }
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be carried out, within these rights in its repository: without
    /// [`Action::Overwrite`], no tag that exists may be moved. For `/v2/` and the catalog they
    /// say nothing.
    Allowed(Rights),
    /// 401 with a challenge.
    Challenge {
        /// What a token has to be for.
        scopes: Vec<ResourceScope>,
        /// What is wrong with the token that came along.
        error: Option<BearerError>,
    },
    /// 404, in every respect as if the repository were not there.
    Hidden,
    /// 403.
    Denied,
}

/// Decides what is to be done with a request.
///
/// # Errors
/// [`PolicyError`]: the request must not be carried out.
pub async fn authorize(
    policy: &dyn Policy,
    caller: &Caller,
    need: Need<'_>,
) -> Result<Verdict, PolicyError> {
    match need {
        Need::Base => Ok(base(caller)),
        Need::Catalog => catalog(policy, caller).await,
        Need::Repository { name, access } => repository(policy, caller, name, access).await,
    }
}

/// Clients decide by this answer how they will log in: it challenges whoever shows nothing.
fn base(caller: &Caller) -> Verdict {
    match &caller.grant {
        Grant::Unbounded if !caller.identity.is_anonymous() => Verdict::Allowed(Rights::NONE),
        Grant::Builtin(_) | Grant::External(_) => Verdict::Allowed(Rights::NONE),
        Grant::Unbounded | Grant::NoToken => Verdict::Challenge {
            scopes: Vec::new(),
            error: None,
        },
    }
}

async fn catalog(policy: &dyn Policy, caller: &Caller) -> Result<Verdict, PolicyError> {
    let scopes = vec![ResourceScope::catalog()];
    if !caller.grant.allows_catalog() {
        let error = caller.insufficient();
        return Ok(Verdict::Challenge { scopes, error });
    }
    let is_empty = policy.pull_scope(&caller.identity).await?.is_empty();
    if is_empty && caller.identity.is_anonymous() {
        let error = caller.insufficient();
        return Ok(Verdict::Challenge { scopes, error });
    }
    Ok(Verdict::Allowed(Rights::NONE))
}

async fn repository(
    policy: &dyn Policy,
    caller: &Caller,
    name: &RepositoryName,
    access: Access,
) -> Result<Verdict, PolicyError> {
    let rules = policy.rights(&caller.identity, name).await?;
    let granted = caller.grant.rights_in(name);
    let rights = rules.intersection(granted);
    if access.is_allowed_by(rights) {
        return Ok(Verdict::Allowed(rights));
    }
    if !access.is_allowed_by(granted) || caller.identity.is_anonymous() {
        let actions = access.scope_actions().iter().cloned();
        return Ok(Verdict::Challenge {
            scopes: vec![ResourceScope::repository(name, actions)],
            error: caller.insufficient(),
        });
    }
    Ok(if rules.is_empty() {
        Verdict::Hidden
    } else {
        Verdict::Denied
    })
}

impl Caller {
    /// What is wrong with the token, if one came along and it is not for this.
    fn insufficient(&self) -> Option<BearerError> {
        match self.grant {
            Grant::Builtin(_) | Grant::External(_) => Some(BearerError::InsufficientScope),
            Grant::Unbounded | Grant::NoToken => None,
        }
    }

    /// Whether a blob may be mounted from this repository. Clients that mount ask for a token
    /// for the target alone, so that tokens of this registry are not asked: what counts is what
    /// their subject may do now.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub async fn may_mount_from(
        &self,
        policy: &dyn Policy,
        source: &RepositoryName,
    ) -> Result<bool, PolicyError> {
        let granted = match &self.grant {
            Grant::Unbounded | Grant::Builtin(_) => Rights::ALL,
            Grant::NoToken => Rights::NONE,
            external @ Grant::External(_) => external.rights_in(source),
        };
        if !granted.contains(Action::Pull) {
            return Ok(false);
        }
        let rules = policy.rights(&self.identity, source).await?;
        Ok(rules.contains(Action::Pull))
    }

    /// The repositories from which a blob may be mounted, when the client names none.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub async fn mount_scope(&self, policy: &dyn Policy) -> Result<PullScope, PolicyError> {
        let scopes = match &self.grant {
            Grant::NoToken => return Ok(PullScope::default()),
            Grant::Unbounded | Grant::Builtin(_) => {
                return policy.pull_scope(&self.identity).await;
            }
            Grant::External(scopes) => scopes,
        };
        let mut globs: Vec<RepoGlob> = Vec::new();
        for name in scopes.iter().filter_map(ResourceScope::repository_name) {
            if self.may_mount_from(policy, &name).await? {
                globs.push(name.into());
            }
        }
        Ok(PullScope::new(globs))
    }

    /// The repositories that the catalog lists, once it is [allowed](authorize) at all.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub async fn catalog_scope(&self, policy: &dyn Policy) -> Result<PullScope, PolicyError> {
        if !self.grant.allows_catalog() {
            return Ok(PullScope::default());
        }
        policy.pull_scope(&self.identity).await
    }
}

#[cfg(test)]
mod tests;
