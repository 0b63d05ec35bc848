//! What replicas share for authentication: here, the clones of one store.

use async_trait::async_trait;
use oci_auth::{
    KeyId, RefreshToken, RefreshTokenId, SecretsError, SharedSecrets, StoredKey, UnixTime, UserName,
};

use super::MemoryMeta;

#[async_trait]
impl SharedSecrets for MemoryMeta {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError> {
        self.secrets.signing_keys().await
    }

    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError> {
        self.secrets.add_signing_key(key, latest).await
    }

    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError> {
        self.secrets.remove_signing_keys(ids).await
    }

    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError> {
        self.secrets.add_refresh_token(token, keep).await
    }

    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError> {
        self.secrets.refresh_token(id).await
    }

    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError> {
        self.secrets.remove_refresh_tokens(subject).await
    }

    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError> {
        self.secrets.remove_expired(now).await
    }
}
