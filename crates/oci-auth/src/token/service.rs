//! The token endpoint, apart from HTTP.
//!
//! A token is for what was asked as far as it is allowed; less than was asked is no error. It
//! names its subject, and what the subject may do is looked up again with each request, so that
//! a token never opens more than the rules do at that moment.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use oci_types::RepositoryName;

use super::claims::{Claims, LEEWAY};
use super::{GrantRequest, TokenRequest, TokenResponse};
use crate::fingerprint::NoRandomness;
use crate::keyring::random_text;
use crate::{
    Account, Accounts, Action, Credentials, Identity, KeyRing, Login, LoginError, Policy,
    PolicyError, RefreshToken, RefreshTokenId, ResourceScope, Rights, ScopeAction, Secret,
    SecretsError, SharedSecrets, UnixTime,
};

/// What the tokens say, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOptions {
    /// The `iss` of the tokens, such as the registry's public URL.
    pub issuer: String,
    /// The `aud` of the tokens, which challenges have as `service`, such as the registry's host.
    pub service: String,
    /// For how long a token is good: at least a minute, and at most as long as
    /// [`KeyOptions::known_for`](crate::KeyOptions::known_for) less two minutes. By default 5
    /// minutes.
    pub lifetime: Duration,
    /// For how long a refresh token is good. By default 90 days.
    pub refresh_lifetime: Duration,
    /// How many refresh tokens a user may have. By default 100.
    pub refresh_tokens: usize,
}

impl TokenOptions {
    /// The defaults for this issuer and service.
    pub fn new(issuer: impl Into<String>, service: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            service: service.into(),
            lifetime: Duration::from_secs(5 * 60),
            refresh_lifetime: Duration::from_secs(90 * 24 * 60 * 60),
            refresh_tokens: 100,
        }
    }
}

/// Options that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenOptionsError {
    /// Clients take a token that lives for less than a minute as one that lives for a minute.
    #[error("a token has to live for at least 60 s")]
    TooShort,
    /// A token would outlive the key that it was signed with.
    #[error("a token can live for at most {} s, or its key is gone before it", longest.as_secs())]
    TooLong {
        /// How long it can live.
        longest: Duration,
    },
    /// The issuer or the service is empty.
    #[error("tokens need an issuer and a service")]
    Unnamed,
}

/// What the token service is built on.
#[derive(Clone, Debug)]
pub struct TokenBackends {
    /// The users.
    pub accounts: Arc<dyn Accounts>,
    /// The rules.
    pub policy: Arc<dyn Policy>,
    /// The keys that sign.
    pub keys: Arc<KeyRing>,
    /// Where refresh tokens are kept.
    pub secrets: Arc<dyn SharedSecrets>,
}

/// Hands out tokens.
#[derive(Debug)]
pub struct TokenService {
    options: TokenOptions,
    backends: TokenBackends,
}

/// Who makes a request for a token, besides what is in it.
#[derive(Clone, Copy, Debug)]
pub struct TokenPeer<'a> {
    /// The credentials of the `Authorization` header; none if there is none.
    pub credentials: Option<&'a Credentials>,
    /// The address.
    pub address: Option<IpAddr>,
    /// The time of the request.
    pub now: UnixTime,
}

/// Why no token is handed out.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It was asked for a token for another service: 400.
    #[error("tokens for that service are not handed out here")]
    Service,
    /// A token for all that was asked for would be too long to be sent: 400.
    #[error("ask for fewer scopes at once: the token would be too long")]
    TooManyScopes,
    /// The name or the password is wrong, or there are others than Basic credentials: 401.
    #[error("the user name or the password is wrong")]
    Credentials,
    /// The refresh token is unknown, expired, or of a user who is gone or has another password:
    /// 401.
    #[error("the refresh token is not valid: log in again")]
    RefreshToken,
    /// Too many attempts to log in: 429.
    #[error("too many attempts to log in: try again in {} s", retry_after.as_secs().max(1))]
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
    /// It cannot be done now: 5xx.
    #[error("tokens cannot be handed out now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl TokenError {
    /// The code for it (RFC 6749 §5.2).
    #[must_use]
    pub const fn oauth_code(&self) -> &'static str {
        match self {
            Self::Service | Self::TooManyScopes => "invalid_request",
            Self::Credentials | Self::RefreshToken => "invalid_grant",
            Self::TooMany { .. } | Self::Unavailable(_) => "temporarily_unavailable",
        }
    }
}

impl From<LoginError> for TokenError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Wrong => Self::Credentials,
            LoginError::TooMany { retry_after } => Self::TooMany { retry_after },
            LoginError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

macro_rules! unavailable {
    ($($error:ty),+) => {
        $(
            impl From<$error> for TokenError {
                fn from(error: $error) -> Self {
                    Self::Unavailable(error.into())
                }
            }
        )+
    };
}

unavailable!(PolicyError, SecretsError, NoRandomness, serde_json::Error);

impl TokenService {
    /// A service with these options.
    ///
    /// # Errors
    /// [`TokenOptionsError`].
    pub fn new(options: TokenOptions, backends: TokenBackends) -> Result<Self, TokenOptionsError> {
        let longest = backends.keys.longest_life().saturating_sub(2 * LEEWAY);
        if options.lifetime < Duration::from_secs(60) {
            return Err(TokenOptionsError::TooShort);
        }
        if options.lifetime > longest {
            return Err(TokenOptionsError::TooLong { longest });
        }
        if options.issuer.is_empty() || options.service.is_empty() {
            return Err(TokenOptionsError::Unnamed);
        }
        Ok(Self { options, backends })
    }

    /// What the tokens say.
    #[must_use]
    pub fn options(&self) -> &TokenOptions {
        &self.options
    }

    /// What the tokens are verified with and held against.
    #[must_use]
    pub fn backends(&self) -> &TokenBackends {
        &self.backends
    }

    /// Answers a request for a token.
    ///
    /// Who shows nothing gets a token for nobody, with what everyone may. A refresh token that
    /// was used is answered as it came.
    ///
    /// Cancel-safe: a refresh token may have been kept that nobody got.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn issue(
        &self,
        request: &TokenRequest,
        peer: TokenPeer<'_>,
    ) -> Result<TokenResponse, TokenError> {
        if request
            .service
            .as_ref()
            .is_some_and(|asked| *asked != self.options.service)
        {
            return Err(TokenError::Service);
        }
        let account = self.account(request, peer).await?;
        let identity = account
            .as_ref()
            .map_or(Identity::Anonymous, |account| account.identity.clone());
        let scopes = self.granted(&request.scopes, &identity).await?;
        let token = self.sign(account.as_ref(), &scopes, peer.now)?;
        let refresh_token = match (&request.grant, &account) {
            (GrantRequest::Refresh(token), _) => Some(token.clone()),
            (_, Some(account)) if request.offline => {
                let client = request.client.clone();
                Some(self.new_refresh_token(account, client, peer.now).await?)
            }
            _ => None,
        };
        Ok(TokenResponse {
            token,
            expires_in: self.options.lifetime,
            issued_at: peer.now,
            scopes,
            refresh_token,
            identity,
        })
    }

    /// Who asks; none is nobody.
    async fn account(
        &self,
        request: &TokenRequest,
        peer: TokenPeer<'_>,
    ) -> Result<Option<Account>, TokenError> {
        match (&request.grant, peer.credentials) {
            (GrantRequest::Password(login), _) => self.log_in(login, peer).await.map(Some),
            (GrantRequest::Refresh(token), _) => self.refreshed(token, peer.now).await.map(Some),
            (GrantRequest::Header, None) => Ok(None),
            (GrantRequest::Header, Some(Credentials::Basic(login))) => {
                self.log_in(login, peer).await.map(Some)
            }
            (GrantRequest::Header, Some(Credentials::Bearer(_))) => Err(TokenError::Credentials),
        }
    }

    async fn log_in(&self, login: &Login, peer: TokenPeer<'_>) -> Result<Account, TokenError> {
        let accounts = &self.backends.accounts;
        Ok(accounts.login(login, peer.address, peer.now).await?)
    }

    /// The user of a refresh token, as it is now.
    async fn refreshed(
        &self,
        token: &Secret<String>,
        now: UnixTime,
    ) -> Result<Account, TokenError> {
        let id = RefreshTokenId::of(token);
        let found = self.backends.secrets.refresh_token(&id).await?;
        let kept = found.ok_or(TokenError::RefreshToken)?;
        if kept.expires <= now || kept.service != self.options.service {
            return Err(TokenError::RefreshToken);
        }
        let account = self.backends.accounts.account(&kept.subject).await?;
        let same = account.filter(|account| account.version == kept.version);
        same.ok_or(TokenError::RefreshToken)
    }

    /// What was asked for as far as it is allowed.
    async fn granted(
        &self,
        asked: &[ResourceScope],
        identity: &Identity,
    ) -> Result<Vec<ResourceScope>, TokenError> {
        let policy = &self.backends.policy;
        let mut granted = Vec::new();
        for scope in asked {
            if let Some(name) = scope.repository_name() {
                let rights = policy.rights(identity, &name).await?;
                granted.extend(granted_in(scope, rights, &name));
            } else if scope.is_catalog() {
                let nothing = policy.pull_scope(identity).await?.is_empty();
                // An empty list is an answer to somebody, and none to nobody.
                if !nothing || !identity.is_anonymous() {
                    granted.push(ResourceScope::catalog());
                }
            }
        }
        Ok(granted)
    }

    fn sign(
        &self,
        account: Option<&Account>,
        scopes: &[ResourceScope],
        now: UnixTime,
    ) -> Result<Secret<String>, TokenError> {
        let jti = random_text()?;
        let claims = Claims {
            iss: &self.options.issuer,
            sub: account.map_or("", |account| account.name.as_str()),
            aud: &self.options.service,
            exp: now.after(self.options.lifetime),
            nbf: now,
            iat: now,
            jti: jti.expose(),
            access: scopes.iter().map(Into::into).collect(),
            cred: account.map(|account| account.version.as_str()),
        };
        let payload = serde_json::to_vec(&claims)?;
        let token = self.backends.keys.signer().sign(&payload)?;
        // The header has a scheme before it.
        if token.expose().len() + "Bearer ".len() > Credentials::MAX_LEN {
            return Err(TokenError::TooManyScopes);
        }
        Ok(token)
    }

    async fn new_refresh_token(
        &self,
        account: &Account,
        client: Option<String>,
        now: UnixTime,
    ) -> Result<Secret<String>, TokenError> {
        // The prefix is for those who look for secrets where none should be.
        let token = Secret::new(format!("ocirt_{}", random_text()?.expose()));
        let kept = RefreshToken {
            id: RefreshTokenId::of(&token),
            subject: account.name.clone(),
            version: account.version.clone(),
            service: self.options.service.clone(),
            client,
            created: now,
            expires: now.after(self.options.refresh_lifetime),
        };
        let (secrets, keep) = (&self.backends.secrets, self.options.refresh_tokens);
        secrets.add_refresh_token(&kept, keep).await?;
        Ok(token)
    }
}

/// The actions of a repository's scope that are allowed; none if there are none.
fn granted_in(
    scope: &ResourceScope,
    allowed: Rights,
    name: &RepositoryName,
) -> Option<ResourceScope> {
    let rights = scope.rights_in(name).intersection(allowed);
    let actions = [
        (Action::Pull, ScopeAction::Pull),
        (Action::Push, ScopeAction::Push),
        (Action::Delete, ScopeAction::Delete),
    ];
    let granted = actions
        .into_iter()
        .filter(|(action, _)| rights.contains(*action));
    let granted = scope.with_actions(granted.map(|(_, action)| action));
    (!granted.actions().is_empty()).then_some(granted)
}
