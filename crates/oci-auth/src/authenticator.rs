//! Who is this? The trait that answers, and the two ways in which registries ask.

use std::error::Error;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_types::RepositoryName;

use crate::{
    Accounts, BearerError, Credentials, Identity, LoginError, ResourceScope, Rights,
    TokenRejection, TokenVerifier, UnixTime,
};

/// Finds out who makes a request. It is asked with each one.
#[async_trait]
pub trait Authenticator: Debug + Send + Sync {
    /// Who makes this request. Without credentials it is somebody too.
    ///
    /// # Errors
    /// [`AuthError`].
    async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Caller, AuthError>;
}

/// What a request shows of who makes it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The credentials, if there are any.
    pub credentials: Option<&'a Credentials>,
    /// The address, as far as it can be believed.
    pub address: Option<IpAddr>,
    /// The time of the request.
    pub now: UnixTime,
}

/// Somebody, and what of their rights can be used in this request. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    /// What bounds the rights.
    pub grant: Grant,
    /// Whether a password was checked for this request, rather than remembered or not asked for:
    /// what a log takes for a login.
    pub logged_in: bool,
}

/// What bounds the rights in a request, besides the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing.
    Unbounded,
    /// There is no token, and one is needed for everything.
    NoToken,
    /// A token of this registry. Rights that are not in it can be had by asking for another one.
    Builtin(Arc<[ResourceScope]>),
    /// A token of a token server elsewhere, which alone knows what more its subject may do.
    External(Arc<[ResourceScope]>),
}

impl Caller {
    /// Somebody whose rights are bounded by the rules alone.
    #[must_use]
    pub fn unbounded(identity: Identity) -> Self {
        Self::new(identity, Grant::Unbounded)
    }

    /// Somebody whose rights are bounded by `grant` too.
    #[must_use]
    pub fn new(identity: Identity, grant: Grant) -> Self {
        Self {
            identity,
            grant,
            logged_in: false,
        }
    }
}

impl Grant {
    /// The rights in a repository that it leaves.
    #[must_use]
    pub fn rights_in(&self, name: &RepositoryName) -> Rights {
        match self {
            Self::Unbounded => Rights::ALL,
            Self::NoToken => Rights::NONE,
            Self::Builtin(scopes) | Self::External(scopes) => {
                let rights = scopes.iter().map(|scope| scope.rights_in(name));
                rights.fold(Rights::NONE, Rights::union)
            }
        }
    }

    /// Whether it lets the catalog be read.
    #[must_use]
    pub fn allows_catalog(&self) -> bool {
        match self {
            Self::Unbounded => true,
            Self::NoToken => false,
            Self::Builtin(scopes) | Self::External(scopes) => {
                let mut scopes = scopes.iter();
                scopes.any(|scope| scope.is_catalog() && scope.rights() == Rights::ALL)
            }
        }
    }
}

/// Why it is not known who makes a request. The request must not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No such user with this password: 401.
    #[error("the user name or the password is wrong")]
    Password,
    /// The token is not believed: 401 with `error="invalid_token"`.
    #[error(transparent)]
    Token(#[from] TokenRejection),
    /// Credentials of a kind that is not asked for: 401.
    #[error("credentials of another kind are needed: see the challenge")]
    Kind,
    /// Too many attempts: 429.
    #[error("too many attempts to log in: try again in {} s", retry_after.as_secs().max(1))]
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
    /// It cannot be found out now: 5xx.
    #[error("it cannot be found out who makes the request")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl AuthError {
    /// A failure with its cause.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// What a challenge says about it, where the answer is one.
    #[must_use]
    pub fn bearer_error(&self) -> Option<BearerError> {
        match self {
            Self::Token(_) => Some(BearerError::InvalidToken),
            Self::Password | Self::Kind | Self::TooMany { .. } | Self::Unavailable(_) => None,
        }
    }
}

impl From<LoginError> for AuthError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::Password,
            LoginError::TooMany { retry_after } => Self::TooMany { retry_after },
            LoginError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

/// Asks for a name and a password with each request. Without them, it is nobody.
#[derive(Clone, Debug)]
pub struct BasicAuthenticator {
    accounts: Arc<dyn Accounts>,
}

impl BasicAuthenticator {
    /// Asks these accounts.
    #[must_use]
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self { accounts }
    }
}

#[async_trait]
impl Authenticator for BasicAuthenticator {
    async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Caller, AuthError> {
        match attempt.credentials {
            None => Ok(Caller::unbounded(Identity::Anonymous)),
            Some(Credentials::Basic(login)) => {
                let account = self.accounts.login(login, attempt.address, attempt.now);
                let account = account.await?;
                Ok(Caller {
                    logged_in: account.checked,
                    ..Caller::unbounded(account.identity)
                })
            }
            Some(Credentials::Bearer(_)) => Err(AuthError::Kind),
        }
    }
}

/// Asks for a token with each request.
#[derive(Clone, Debug)]
pub struct BearerAuthenticator {
    verifiers: Vec<Arc<dyn TokenVerifier>>,
}

impl BearerAuthenticator {
    /// Believes what one of these believes; they are asked in this order.
    #[must_use]
    pub fn new(verifiers: Vec<Arc<dyn TokenVerifier>>) -> Self {
        Self { verifiers }
    }
}

#[async_trait]
impl Authenticator for BearerAuthenticator {
    async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Caller, AuthError> {
        let token = match attempt.credentials {
            None => {
                return Ok(Caller::new(Identity::Anonymous, Grant::NoToken));
            }
            Some(Credentials::Bearer(token)) => token,
            Some(Credentials::Basic(_)) => return Err(AuthError::Kind),
        };
        let mut why_not = AuthError::Token(TokenRejection::UnknownKey);
        for verifier in &self.verifiers {
            match verifier.verify(token, attempt.now).await {
                // Whose key it is has more to say than those whose it is not.
                Err(AuthError::Token(TokenRejection::UnknownKey)) => {}
                // One of which it cannot be said may be the one.
                Err(error) if !matches!(why_not, AuthError::Unavailable(_)) => why_not = error,
                Err(_) => {}
                Ok(caller) => return Ok(caller),
            }
        }
        Err(why_not)
    }
}
