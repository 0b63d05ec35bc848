//! Identities, credentials, rules and tokens of an OCI registry, free of transport and storage.
//!
//! Two traits carry it. An [`Authenticator`] says who makes a request: from its
//! [`Credentials`] it makes a [`Caller`], which is an [`Identity`] and what bounds its rights. A
//! [`Policy`] says what that identity may do in a repository, now. [`authorize`] puts the two
//! together with what the request [needs](Need), and says what it is [told](Verdict). Whoever
//! embeds a registry can bring either:
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! use async_trait::async_trait;
//! use oci_auth::{
//!     Attempt, AuthError, Authenticator, Caller, Credentials, Identity, Policy, PolicyError,
//!     PullScope, Rights,
//! };
//! use oci_types::RepositoryName;
//!
//! /// Knows its own users, and gives each of them the repositories below their name.
//! #[derive(Debug)]
//! struct Mine;
//!
//! #[async_trait]
//! impl Authenticator for Mine {
//!     async fn authenticate(&self, attempt: Attempt<'_>) -> Result<Caller, AuthError> {
//!         let identity = match attempt.credentials {
//!             None => Identity::Anonymous,
//!             Some(Credentials::Basic(login)) if login.password.expose() == "open sesame" => {
//!                 let name = login.user.parse().map_err(|_| AuthError::Password)?;
//!                 Identity::user(name, BTreeSet::new())
//!             }
//!             Some(_) => return Err(AuthError::Password),
//!         };
//!         Ok(Caller::unbounded(identity))
//!     }
//! }
//!
//! #[async_trait]
//! impl Policy for Mine {
//!     async fn rights(&self, who: &Identity, repo: &RepositoryName) -> Result<Rights, PolicyError> {
//!         let own = self.pull_scope(who).await?.contains(repo);
//!         Ok(if own { Rights::ALL } else { Rights::NONE })
//!     }
//!
//!     async fn pull_scope(&self, who: &Identity) -> Result<PullScope, PolicyError> {
//!         let below = who.name().and_then(|name| format!("{name}/**").parse().ok());
//!         Ok(PullScope::new(below.into_iter().collect()))
//!     }
//! }
//!
//! # use oci_auth::{Access, Need, Secret, UnixTime, Verdict, authorize};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = Credentials::parse(b"Basic YWxpY2U6b3BlbiBzZXNhbWU=")?;
//! let attempt = Attempt {
//!     credentials: Some(&credentials),
//!     address: None,
//!     now: UnixTime::now(),
//! };
//! let alice = Mine.authenticate(attempt).await?;
//! let (own, other) = ("alice/api".parse()?, "bob/api".parse()?);
//! let read = |name| Need::Repository { name, access: Access::Read };
//! assert_eq!(authorize(&Mine, &alice, read(&own)).await?, Verdict::Allowed(Rights::ALL));
//! assert_eq!(authorize(&Mine, &alice, read(&other)).await?, Verdict::Hidden);
//! # Ok(())
//! # }
//! ```
//!
//! # What is ready
//!
//! - [`HtpasswdAccounts`]: users of an htpasswd file. Behind [`Accounts`], so that a directory
//!   elsewhere can take its place.
//! - [`BasicAuthenticator`] and [`BearerAuthenticator`]; for the latter [`BuiltinTokens`] and
//!   [`ExternalTokens`].
//! - [`TokenService`]: the token endpoint, apart from HTTP. A [`TokenRequest`] goes in, a
//!   [`TokenResponse`] comes out. Its keys are those of a [`KeyRing`]; what replicas share is
//!   behind [`SharedSecrets`].
//! - [`Rules`]: the policy that a configuration describes, with [`Rules::explain`] and
//!   [`Rules::findings`].
//! - [`Live`] and [`Reloading`]: values that are replaced while requests go on.
//! - [`Challenge`], [`LoginScheme`], [`ResourceScope`]: what goes over the wire.
//!
//! # What a request needs
//!
//! | request | [`Need`] |
//! |---|---|
//! | `/v2/` | [`Need::Base`] |
//! | the catalog | [`Need::Catalog`], its pages within [`Caller::catalog_scope`] |
//! | GET of a manifest, a blob, tags, referrers | [`Access::Read`] |
//! | HEAD of a manifest or a blob | [`Access::Probe`] |
//! | uploads: opening, writing, their state, cancelling | [`Access::Write`] |
//! | a mount | [`Access::Write`] in the target; the source by [`Caller::may_mount_from`] or [`Caller::mount_scope`], and an ordinary upload where it may not be read |
//! | PUT of a manifest | [`Access::Write`]; without [`Action::Overwrite`] in the verdict no tag may move, and no [immutable](Rules::is_immutable) tag in any case |
//! | DELETE of a manifest, a tag, a blob | [`Access::Delete`]; immutable tags stay |
//!
//! # What is not here
//!
//! Nothing here listens, reads a body, names a status or keeps anything on a disk. Whether an
//! address can be believed is for the caller to say, as is the time.

mod action;
mod authenticator;
mod authorize;
mod challenge;
#[cfg(feature = "contract")]
pub mod contract;
mod credentials;
mod fingerprint;
mod glob;
mod groups;
mod identity;
mod jwks;
mod jws;
mod keyring;
mod live;
mod name;
mod passwords;
mod policy;
mod recent;
mod rules;
mod scope;
mod secret;
mod secrets;
mod time;
mod token;

pub use action::{Action, ActionError, Rights};
pub use authenticator::{
    Attempt, AuthError, Authenticator, BasicAuthenticator, BearerAuthenticator, Caller, Grant,
};
pub use authorize::{Access, Need, Verdict, authorize};
pub use challenge::{BearerError, Challenge, ChallengeError, LoginScheme, Quotable, QuotableError};
pub use credentials::{Credentials, CredentialsError, Login};
pub use fingerprint::NoRandomness;
pub use glob::{GlobError, RepoGlob, TagGlob};
pub use groups::{Groups, GroupsError};
pub use identity::{External, Identity, User, Workload};
pub use jwks::{Jwks, JwksFile, JwksSource, JwksSourceError};
pub use jws::{JwksError, KeyError, KeyId, KeySet, SigningAlgorithm, TokenAlgorithm};
pub use keyring::{KeyOptions, KeyRing};
pub use live::{Live, ReloadError, Reloading};
pub use name::{GroupName, NameError, ProviderName, UserName};
pub use passwords::{
    Account, Accounts, CredentialVersion, CredentialVersionError, HashError, Htpasswd,
    HtpasswdAccounts, HtpasswdError, LoginError, PasswordOptions, hash_password,
};
pub use policy::{Policy, PolicyError, PullScope, QueryPattern, QueryScope, TagSet};
pub use rules::{
    AccessRule, Decision, Explanation, Finding, FindingKind, ImmutableRule, Known, Miss, RuleError,
    RuleRef, Rules, RulesConfig, Severity, Who, WhoError,
};
pub use scope::{ResourceScope, ResourceType, ScopeAction, ScopeError, merge_scopes};
pub use secret::Secret;
pub use secrets::{
    MemorySecrets, RefreshToken, RefreshTokenId, SecretsError, SharedSecrets, StoredKey,
};
pub use time::UnixTime;
pub use token::{
    BuiltinTokens, ExternalIssuer, ExternalTokens, GrantRequest, TokenBackends, TokenError,
    TokenOptions, TokenOptionsError, TokenPeer, TokenRejection, TokenRequest, TokenRequestError,
    TokenResponse, TokenService, TokenVerifier,
};
