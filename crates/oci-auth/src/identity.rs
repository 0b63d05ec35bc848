//! Who somebody is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::{GroupName, Groups, NameError, ProviderName, UserName};

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

    /// Reads what [`Display`](fmt::Display) prints, and a bare name as a user's; users are put
    /// into their `groups`. A workload has no claims then. For questions about somebody, not for
    /// requests of theirs.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str, groups: &Groups) -> Result<Self, NameError> {
        let (kind, rest) = text.split_once(':').unwrap_or(("user", text));
        let provider = || rest.split_once(':').unwrap_or((rest, ""));
        Ok(match kind {
            "user" if text == "anonymous" => Self::Anonymous,
            "user" => {
                let name: UserName = rest.parse()?;
                let groups = groups.of(&name);
                Self::user(name, groups)
            }
            "issuer" => Self::External(Arc::new(External {
                issuer: provider().0.parse()?,
                subject: provider().1.into(),
            })),
            "oidc" => Self::Workload(Arc::new(Workload {
                provider: provider().0.parse()?,
                subject: provider().1.into(),
                claims: BTreeMap::new(),
            })),
            _ => return Err(NameError::Character(':')),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_print_and_parse() {
        let groups = Groups::parse("team: alice").unwrap();
        for (text, printed, name) in [
            ("anonymous", "anonymous", None),
            ("alice", "user:alice", Some("alice")),
            ("user:alice", "user:alice", Some("alice")),
            ("user:anonymous", "user:anonymous", Some("anonymous")),
            ("issuer:corp:a:b", "issuer:corp:a:b", Some("corp:a:b")),
            ("issuer:corp", "issuer:corp:", Some("corp:")),
            (
                "oidc:github:repo:a/b",
                "oidc:github:repo:a/b",
                Some("github:repo:a/b"),
            ),
        ] {
            let identity = Identity::parse(text, &groups).unwrap();
            assert_eq!(identity.to_string(), printed, "{text}");
            assert_eq!(identity.name().as_deref(), name, "{text}");
        }
        let Ok(Identity::User(alice)) = Identity::parse("alice", &groups) else {
            panic!("alice is a user");
        };
        assert!(alice.groups.contains("team"));
        for bad in ["", "user:", "user:a:b", "issuer:", "role:a"] {
            assert!(Identity::parse(bad, &groups).is_err(), "{bad:?}");
        }
    }
}
