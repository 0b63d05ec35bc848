//! What somebody may have to answer for: writes, refusals of access, logins.

use std::fmt::Debug;
use std::net::IpAddr;

use http::{StatusCode, Uri};
use oci_registry::Actor;
use oci_types::RepositoryName;

use crate::{RouteName, Verb};

/// Is told of every write, every refusal of access and every login, when it is over.
///
/// It is called on the connection's task, also while that is being cancelled: it must be quick
/// and must not panic.
pub trait Audit: Debug + Send + Sync + 'static {
    /// Takes note of `entry`.
    fn record(&self, entry: &AuditEntry<'_>);
}

/// Something that happened. It holds no password and no token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuditEntry<'a> {
    /// What.
    pub action: AuditAction<'a>,
    /// On whose behalf; [`Actor::Anonymous`] where that was not shown.
    pub actor: &'a Actor,
    /// From where, as far as the [address](crate::ClientAddr) is known.
    pub address: Option<IpAddr>,
    /// The id under which the request is logged.
    pub request_id: &'a str,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// The answer's status; `None` where the client was gone before there was an answer, and for
    /// a password that came along with another request, which has an entry of its own.
    pub status: Option<StatusCode>,
}

/// What was done, or was to be.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuditAction<'a> {
    /// A request to the API.
    Request {
        /// The method.
        verb: Verb,
        /// The endpoint.
        route: RouteName,
        /// The path with its query.
        uri: &'a Uri,
        /// The repository that it is about.
        repository: Option<&'a RepositoryName>,
        /// The digest that the answer names.
        digest: Option<&'a str>,
    },
    /// A password was checked, or a token was asked for.
    Login {
        /// By what.
        by: LoginKind,
    },
}

/// By what somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginKind {
    /// A password.
    Password,
    /// A refresh token.
    RefreshToken,
}

impl LoginKind {
    /// A word for it, fit for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// Who asked may not do it, or has not shown who they are.
    Denied,
    /// It was refused for what it asks.
    Refused,
    /// The registry failed.
    Failed,
    /// The client was gone before there was an answer; it may have been done.
    Abandoned,
}

impl AuditOutcome {
    /// What an answer of this status means, to a request that access was not denied to.
    #[must_use]
    pub fn of(status: Option<StatusCode>) -> Self {
        match status {
            None => Self::Abandoned,
            Some(status) if status.is_server_error() => Self::Failed,
            Some(StatusCode::FORBIDDEN) => Self::Denied,
            Some(status) if status.is_client_error() => Self::Refused,
            Some(_) => Self::Done,
        }
    }

    /// A word for it, fit for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}
