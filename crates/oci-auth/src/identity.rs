//! Who somebody is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::{GroupName, ProviderName, UserName};

/// Who asks, as far as it has been shown. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody in particular.
    Anonymous,
    /// A user of this registry.
    User(Arc<User>),
    /// A subject for whom a token server speaks.
    External(Arc<External>),
    /// A workload, such as a job of a build system, for which its platform speaks.
    Workload(Arc<Workload>),
}

/// A user of this registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// The groups at the time of the request.
    pub groups: Arc<BTreeSet<GroupName>>,
}

/// A subject of a token server. It is no user of this registry, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct External {
    /// The token server, as the configuration names it.
    pub issuer: ProviderName,
    /// The token's `sub`, which may be empty.
    pub subject: Box<str>,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Workload {
    /// The platform, as the configuration names it.
    pub provider: ProviderName,
    /// The token's `sub`.
    pub subject: Box<str>,
    /// Those of the token's claims that rules may ask for.
    pub claims: BTreeMap<String, String>,
}

impl Identity {
    /// The user `name` in these groups.
    #[must_use]
    pub fn user(name: UserName, groups: impl Into<Arc<BTreeSet<GroupName>>>) -> Self {
        let groups = groups.into();
        Self::User(Arc::new(User { name, groups }))
    }

    /// Whether it is nobody in particular.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// A name for histories and logs: a user's name as it is, `PROVIDER:SUBJECT` for others,
    /// which no user is named like; `None` for nobody.
    #[must_use]
    pub fn name(&self) -> Option<Arc<str>> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(user.name.clone().into()),
            Self::External(external) => {
                Some(format!("{}:{}", external.issuer, external.subject).into())
            }
            Self::Workload(workload) => {
                Some(format!("{}:{}", workload.provider, workload.subject).into())
            }
        }
    }
}

/// `anonymous`, `user:NAME`, `issuer:NAME:SUBJECT` or `oidc:NAME:SUBJECT`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(user) => write!(f, "user:{}", user.name),
            Self::External(external) => {
                write!(f, "issuer:{}:{}", external.issuer, external.subject)
            }
            Self::Workload(workload) => {
                write!(f, "oidc:{}:{}", workload.provider, workload.subject)
            }
        }
    }
}
