//! What replicas share: the keys that sign tokens, and refresh tokens.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ring::digest::{SHA256, digest};

use crate::{CredentialVersion, KeyId, Secret, SigningAlgorithm, UnixTime, UserName};

/// Keeps what replicas share. Each method is one transaction.
///
/// What implements it can check itself against `oci_auth::contract` (feature `contract`).
#[async_trait]
pub trait SharedSecrets: Debug + Send + Sync {
    /// The signing keys, in the order in which they were added.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError>;

    /// Adds a key if the one added last is `latest` (none: if there is no key), and answers
    /// whether it did. So of several replicas that make a new key at once, one does.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError>;

    /// Removes these keys, of which some may be gone already.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError>;

    /// Adds a refresh token. Of those of its subject, the `keep` that were added last stay.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError>;

    /// Finds a refresh token, expired or not.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError>;

    /// Removes all refresh tokens of a user, and answers how many there were.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError>;

    /// Removes the refresh tokens that have expired, and answers how many there were.
    ///
    /// # Errors
    /// [`SecretsError`].
    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError>;
}

/// What is shared cannot be reached, or cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the keys and refresh tokens that replicas share cannot be had")]
pub struct SecretsError(#[source] Box<dyn Error + Send + Sync>);

impl SecretsError {
    /// A failure with its cause.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// A signing key as it is kept.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The name.
    pub id: KeyId,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// The private key, in PKCS #8.
    pub pkcs8: Secret<Vec<u8>>,
    /// When it was made.
    pub created: UnixTime,
}

/// A refresh token as it is kept: what it is good for, and not what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The name under which it is kept.
    pub id: RefreshTokenId,
    /// Whose it is.
    pub subject: UserName,
    /// The password that it was handed out for.
    pub version: CredentialVersion,
    /// The audience of the tokens it is exchanged for.
    pub service: String,
    /// The client that asked for it, as it named itself; at most 255 bytes.
    pub client: Option<String>,
    /// When it was handed out.
    pub created: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
}

/// The SHA-256 of a refresh token. Who reads it cannot log in with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefreshTokenId([u8; 32]);

impl RefreshTokenId {
    /// The name of this token.
    #[must_use]
    pub fn of(token: &Secret<String>) -> Self {
        let mut id = [0; 32];
        id.copy_from_slice(digest(&SHA256, token.expose().as_bytes()).as_ref());
        Self(id)
    }

    /// The name as it was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Keeps them in memory, for one process and for as long as it lives.
#[derive(Debug, Default)]
pub struct MemorySecrets(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    keys: Vec<StoredKey>,
    tokens: BTreeMap<RefreshTokenId, (u64, RefreshToken)>,
    /// Counts what was added.
    added: u64,
}

impl MemorySecrets {
    /// Without keys and tokens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Removes the tokens for which `gone` answers true.
    fn remove_tokens(&mut self, gone: impl Fn(&RefreshToken) -> bool) -> u64 {
        let before = self.tokens.len();
        self.tokens.retain(|_, (_, token)| !gone(token));
        (before - self.tokens.len()) as u64
    }
}

#[async_trait]
impl SharedSecrets for MemorySecrets {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError> {
        Ok(self.lock().keys.clone())
    }

    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError> {
        let mut memory = self.lock();
        let is_next = memory.keys.last().map(|key| &key.id) == latest;
        if is_next {
            memory.keys.push(key.clone());
        }
        Ok(is_next)
    }

    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError> {
        self.lock().keys.retain(|key| !ids.contains(&key.id));
        Ok(())
    }

    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError> {
        let mut memory = self.lock();
        memory.added += 1;
        let added = memory.added;
        memory.tokens.insert(token.id, (added, token.clone()));
        let of_subject = memory.tokens.values();
        let of_subject = of_subject.filter(|(_, other)| other.subject == token.subject);
        let mut order: Vec<u64> = of_subject.map(|(added, _)| *added).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(last_kept) = order.get(keep.max(1) - 1).copied() {
            let subject = &token.subject;
            memory
                .tokens
                .retain(|_, (added, other)| other.subject != *subject || *added >= last_kept);
        }
        Ok(())
    }

    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError> {
        let memory = self.lock();
        Ok(memory.tokens.get(id).map(|(_, token)| token.clone()))
    }

    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError> {
        Ok(self.lock().remove_tokens(|token| token.subject == *subject))
    }

    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError> {
        Ok(self.lock().remove_tokens(|token| token.expires <= now))
    }
}
