//! The contract of shared secrets, over memory and behind a pointer.

use std::sync::Arc;

use async_trait::async_trait;
use oci_auth::{
    KeyId, MemorySecrets, RefreshToken, RefreshTokenId, SecretsError, SharedSecrets, StoredKey,
    UnixTime, UserName,
};

mod memory {
    use super::MemorySecrets;

    async fn memory() -> (MemorySecrets, ()) {
        (MemorySecrets::new(), ())
    }

    oci_auth::shared_secrets_contract!(memory);
}

mod wrapped {
    use super::{Arc, MemorySecrets, Wrapped};

    async fn wrapped() -> (Wrapped, ()) {
        (Wrapped(Arc::new(MemorySecrets::new())), ())
    }

    oci_auth::shared_secrets_contract!(wrapped);
}

/// A store by way of a trait object, as the key ring and the token service have it.
#[derive(Debug)]
struct Wrapped(Arc<dyn SharedSecrets>);

#[async_trait]
impl SharedSecrets for Wrapped {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError> {
        self.0.signing_keys().await
    }

    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError> {
        self.0.add_signing_key(key, latest).await
    }

    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError> {
        self.0.remove_signing_keys(ids).await
    }

    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError> {
        self.0.add_refresh_token(token, keep).await
    }

    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError> {
        self.0.refresh_token(id).await
    }

    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError> {
        self.0.remove_refresh_tokens(subject).await
    }

    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError> {
        self.0.remove_expired(now).await
    }
}
