//! Tokens that come along with requests: those that were handed out here, and those of others.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::TokenRejection;
use super::claims::{Accepted, Expected};
use super::service::TokenService;
use crate::fingerprint::{Fingerprint, Fingerprints, NoRandomness};
use crate::jws::Typed;
use crate::recent::Recent;
use crate::{
    Accounts, AuthError, Caller, External, Grant, Identity, Jwks, KeyId, KeyRing, KeySet,
    ProviderName, ResourceScope, Secret, UnixTime,
};

/// How many verified tokens are remembered.
const REMEMBERED: usize = 10_000;

/// Says whose a token is and what it is for.
#[async_trait]
pub trait TokenVerifier: fmt::Debug + Send + Sync {
    /// Holds a token against its keys and its issuer.
    ///
    /// # Errors
    /// [`AuthError::Token`], [`AuthError::Unavailable`].
    async fn verify(&self, token: &Secret<String>, now: UnixTime) -> Result<Caller, AuthError>;
}

/// Tokens of this registry's own token service. Their subject is looked up with each request.
#[derive(Debug)]
pub struct BuiltinTokens {
    keys: Arc<KeyRing>,
    accounts: Arc<dyn Accounts>,
    checks: Checks,
}

impl BuiltinTokens {
    /// Verifies what `service` hands out.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(service: &TokenService) -> Result<Self, NoRandomness> {
        let (options, backends) = (service.options(), service.backends());
        let expected = Expected {
            issuer: options.issuer.clone(),
            audience: options.service.clone(),
            complete: true,
        };
        Ok(Self {
            keys: Arc::clone(&backends.keys),
            accounts: Arc::clone(&backends.accounts),
            checks: Checks::new(expected, Typed::Required)?,
        })
    }
}

#[async_trait]
impl TokenVerifier for BuiltinTokens {
    async fn verify(&self, token: &Secret<String>, now: UnixTime) -> Result<Caller, AuthError> {
        let look_again = async {
            self.keys
                .look_again(now)
                .await
                .map_err(AuthError::unavailable)
        };
        let verified = self
            .checks
            .verify_anew(token, now, || self.keys.keys(), look_again);
        let Verified {
            accepted, scopes, ..
        } = &*verified.await?;
        let grant = Grant::Builtin(Arc::clone(scopes));
        if accepted.subject.is_empty() {
            let identity = Identity::Anonymous;
            return Ok(Caller::new(identity, grant));
        }
        let name = accepted
            .subject
            .parse()
            .map_err(|_| TokenRejection::Subject)?;
        let account = self.accounts.account(&name).await?;
        let same =
            account.filter(|account| accepted.cred.as_deref() == Some(account.version.as_str()));
        let identity = same.ok_or(TokenRejection::Subject)?.identity;
        Ok(Caller::new(identity, grant))
    }
}

/// What is configured of a token server elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIssuer {
    /// What rules call it: `issuer:NAME`.
    pub name: ProviderName,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The `aud` that its tokens have for this registry.
    pub audience: String,
}

/// Tokens of a token server elsewhere. What they are for is bounded by the rules, too.
#[derive(Debug)]
pub struct ExternalTokens {
    name: ProviderName,
    keys: Arc<Jwks>,
    checks: Checks,
}

impl ExternalTokens {
    /// Verifies the tokens of `issuer` with its keys.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(issuer: ExternalIssuer, keys: Arc<Jwks>) -> Result<Self, NoRandomness> {
        let expected = Expected {
            issuer: issuer.issuer,
            audience: issuer.audience,
            complete: false,
        };
        Ok(Self {
            name: issuer.name,
            keys,
            checks: Checks::new(expected, Typed::Optional)?,
        })
    }
}

#[async_trait]
impl TokenVerifier for ExternalTokens {
    async fn verify(&self, token: &Secret<String>, now: UnixTime) -> Result<Caller, AuthError> {
        let look_again = async {
            self.keys
                .look_again(now)
                .await
                .map_err(AuthError::unavailable)
        };
        let verified = self
            .checks
            .verify_anew(token, now, || self.keys.keys(), look_again);
        let Verified {
            accepted, scopes, ..
        } = &*verified.await?;
        let external = External {
            issuer: self.name.clone(),
            subject: accepted.subject.as_str().into(),
        };
        let identity = Identity::External(Arc::new(external));
        Ok(Caller::new(identity, Grant::External(Arc::clone(scopes))))
    }
}

/// Checks a token, and remembers what does not change of the outcome.
struct Checks {
    expected: Expected,
    typed: Typed,
    fingerprints: Fingerprints,
    remembered: Mutex<Recent<Fingerprint, Arc<Verified>>>,
}

/// A token whose signature is good. It is worth nothing without its key, and outside its time.
struct Verified {
    key: KeyId,
    accepted: Accepted,
    scopes: Arc<[ResourceScope]>,
}

impl Checks {
    fn new(expected: Expected, typed: Typed) -> Result<Self, NoRandomness> {
        Ok(Self {
            expected,
            typed,
            fingerprints: Fingerprints::new()?,
            remembered: Mutex::new(Recent::new(REMEMBERED)),
        })
    }

    /// Verifies a token with the keys of the moment. If none of them has signed it, they are looked
    /// for once more, and whether that was done is what `look_again` answers.
    async fn verify_anew(
        &self,
        token: &Secret<String>,
        now: UnixTime,
        keys: impl Fn() -> Arc<KeySet> + Send,
        look_again: impl Future<Output = Result<bool, AuthError>> + Send,
    ) -> Result<Arc<Verified>, AuthError> {
        match self.verify(token, &keys(), now) {
            Err(TokenRejection::UnknownKey) if look_again.await? => {
                Ok(self.verify(token, &keys(), now)?)
            }
            verified => Ok(verified?),
        }
    }

    fn verify(
        &self,
        token: &Secret<String>,
        keys: &KeySet,
        now: UnixTime,
    ) -> Result<Arc<Verified>, TokenRejection> {
        let token = token.expose();
        let fingerprint = self.fingerprints.of(&[token.as_bytes()]);
        if let Some(verified) = self.remembered(&fingerprint)
            && keys.contains(&verified.key)
        {
            verified.accepted.validity.check(now)?;
            return Ok(verified);
        }
        let payload = keys.verify(token, self.typed)?;
        let mut accepted = self.expected.accept(&payload.json)?;
        accepted.validity.check(now)?;
        let scopes = std::mem::take(&mut accepted.scopes).into();
        let key = payload.key;
        let verified = Arc::new(Verified {
            key,
            accepted,
            scopes,
        });
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered.insert(fingerprint, Arc::clone(&verified));
        Ok(verified)
    }

    fn remembered(&self, fingerprint: &Fingerprint) -> Option<Arc<Verified>> {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        remembered
            .find(fingerprint)
            .map(|verified| Arc::clone(verified))
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected.fmt(f)
    }
}
