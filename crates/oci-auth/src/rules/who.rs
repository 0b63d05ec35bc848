//! To whom a rule grants.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::{GroupName, Identity, NameError, ProviderName, UserName};

/// One of those to whom a rule grants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Who {
    /// `anonymous`: everyone, also without credentials.
    Anonymous,
    /// `authenticated`: everyone who is somebody, by whatever means.
    Authenticated,
    /// `user:NAME`: this user.
    User(UserName),
    /// `group:NAME`: the members of this group.
    Group(GroupName),
    /// `issuer:NAME`: all for whom this token server speaks.
    Issuer(ProviderName),
    /// `oidc:NAME`: all workloads of this platform, bounded by the rule's claims.
    Oidc(ProviderName),
}

impl Who {
    /// Whether `identity` is one of them.
    #[must_use]
    pub fn is(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Self::Anonymous, _) => true,
            // A token server that vouches for nobody names an empty subject.
            (Self::Authenticated, Identity::External(external)) => !external.subject.is_empty(),
            (Self::Authenticated, identity) => !identity.is_anonymous(),
            (Self::User(name), Identity::User(user)) => user.name == *name,
            (Self::Group(group), Identity::User(user)) => user.groups.contains(group),
            (Self::Issuer(issuer), Identity::External(external)) => external.issuer == *issuer,
            (Self::Oidc(provider), Identity::Workload(workload)) => workload.provider == *provider,
            _ => false,
        }
    }
}

/// The text names nobody whom a rule could mean.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhoError {
    /// It has none of the forms.
    #[error(
        "`{0}` is nobody: write anonymous, authenticated, user:NAME, group:NAME, issuer:NAME or oidc:NAME"
    )]
    Form(String),
    /// The name in it is malformed.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for Who {
    type Err = WhoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            None if text == "anonymous" => Self::Anonymous,
            None if text == "authenticated" => Self::Authenticated,
            Some(("user", name)) => Self::User(name.parse()?),
            Some(("group", name)) => Self::Group(name.parse()?),
            Some(("issuer", name)) => Self::Issuer(name.parse()?),
            Some(("oidc", name)) => Self::Oidc(name.parse()?),
            _ => return Err(WhoError::Form(text.chars().take(64).collect())),
        })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Authenticated => f.write_str("authenticated"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Issuer(name) => write!(f, "issuer:{name}"),
            Self::Oidc(name) => write!(f, "oidc:{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
