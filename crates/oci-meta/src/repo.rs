//! Which repository, and which of them all.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci_types::RepositoryName;

/// The key of a repository: its name and, for content of another registry, the upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoKey {
    /// The registry that the content belongs to; `None` is this one.
    pub upstream: Option<Upstream>,
    /// The name.
    pub name: RepositoryName,
}

impl RepoKey {
    /// The key of this registry's own repository `name`.
    #[must_use]
    pub fn local(name: RepositoryName) -> Self {
        Self {
            upstream: None,
            name,
        }
    }
}

impl From<RepositoryName> for RepoKey {
    fn from(name: RepositoryName) -> Self {
        Self::local(name)
    }
}

impl fmt::Display for RepoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.upstream {
            Some(upstream) => write!(f, "{upstream}/{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// Another registry as `?ns=` names it: a host with an optional port, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upstream(Arc<str>);

/// The text names no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an upstream is a host with an optional port, such as registry.example.com:5000")]
pub struct UpstreamError;

impl Upstream {
    /// The host and port as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let valid = text.len() <= 255
            && host.split('.').all(label)
            && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        valid
            .then(|| Self(text.to_ascii_lowercase().into()))
            .ok_or(UpstreamError)
    }
}

/// Which repositories an operation may see. It goes into the query: filtering a page afterwards
/// would make a page cost what the registry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every repository.
    All,
    /// Those that at least one pattern matches.
    AnyOf(Vec<RepoPattern>),
}

impl Scope {
    /// Whether `name` is within the scope.
    #[must_use]
    pub fn contains(&self, name: &RepositoryName) -> bool {
        match self {
            Self::All => true,
            Self::AnyOf(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
        }
    }
}

/// One repository or a family of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepoPattern {
    /// The repository of exactly this name.
    Exact(RepositoryName),
    /// Every repository below this one: `team` covers `team/api`, and neither `team` nor
    /// `team-b/api`.
    Below(RepositoryName),
}

impl RepoPattern {
    /// Whether it covers `name`.
    #[must_use]
    pub fn matches(&self, name: &RepositoryName) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Below(parent) => name
                .as_str()
                .strip_prefix(parent.as_str())
                .is_some_and(|rest| rest.starts_with('/')),
        }
    }
}
