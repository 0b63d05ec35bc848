//! What a request may reach beyond its own repository, and which tags it may not move.

use std::borrow::Cow;

use oci_registry::{RepoKey, RepoPattern, Scope, TagGuard};
use oci_types::RepositoryName;

#[cfg(feature = "auth")]
use crate::access::Admitted;
use crate::failure::Failure;

/// What bounds a request that is carried out.
#[derive(Debug)]
pub(crate) enum Bounds<'a> {
    /// What a layer before the router said; without one, nothing.
    Scope(Cow<'a, Scope>),
    /// What the policy says of who asks.
    #[cfg(feature = "auth")]
    Policy(Admitted<'a>),
}

/// Tells repositories apart.
pub(crate) type Filter = Box<dyn Fn(&RepositoryName) -> bool + Send + Sync>;

/// The repositories that the catalog lists.
pub(crate) struct Listed<'a> {
    /// They are all within this.
    pub(crate) scope: Cow<'a, Scope>,
    /// Which of those within the scope are listed, where a query cannot express it.
    pub(crate) filter: Option<Filter>,
}

impl Bounds<'_> {
    /// What the catalog lists.
    pub(crate) async fn listed(&self) -> Result<Listed<'_>, Failure> {
        match self {
            Self::Scope(scope) => Ok(Listed {
                scope: Cow::Borrowed(scope),
                filter: None,
            }),
            #[cfg(feature = "auth")]
            Self::Policy(admitted) => admitted.listed().await,
        }
    }

    /// Whether blobs of this repository may be mounted.
    pub(crate) async fn may_mount_from(&self, source: &RepositoryName) -> Result<bool, Failure> {
        match self {
            Self::Scope(scope) => Ok(scope.contains(source)),
            #[cfg(feature = "auth")]
            Self::Policy(admitted) => admitted.may_mount_from(source).await,
        }
    }

    /// The repositories among which a blob to be mounted into `target` is looked for.
    pub(crate) async fn mountable(&self, target: &RepoKey) -> Result<Scope, Failure> {
        let mut scope = match self {
            Self::Scope(scope) => scope.clone().into_owned(),
            #[cfg(feature = "auth")]
            Self::Policy(admitted) => admitted.mountable().await?,
        };
        if let Scope::AnyOf(patterns) = &mut scope
            && target.upstream.is_none()
        {
            patterns.push(RepoPattern::Exact(target.name.clone()));
        }
        Ok(scope)
    }

    /// Whether tags that exist may be moved.
    pub(crate) fn may_overwrite(&self) -> bool {
        match self {
            Self::Scope(_) => true,
            #[cfg(feature = "auth")]
            Self::Policy(admitted) => admitted.may_overwrite(),
        }
    }

    /// The tags that may not be moved.
    pub(crate) fn protected(&self) -> TagGuard {
        if self.may_overwrite() {
            TagGuard::none()
        } else {
            TagGuard::new(|_| true)
        }
    }
}
