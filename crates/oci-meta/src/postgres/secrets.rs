//! What replicas share for authentication: signing keys and refresh tokens.
//!
//! The order of additions is that of the rows' positions, which PostgreSQL counts up.

use async_trait::async_trait;
use oci_auth::{
    CredentialVersion, KeyId, RefreshToken, RefreshTokenId, Secret, SecretsError, SharedSecrets,
    SigningAlgorithm, StoredKey, UnixTime, UserName,
};
use tokio_postgres::Row;

use super::PostgresMeta;
use super::client::Params;
use super::codec::{Count, Text, rows, value};
use crate::MetaError;

const KEYS: &str = "SELECT id, algorithm, pkcs8, created_at FROM signing_keys ORDER BY position";
const ADD_KEY: &str = "SELECT add_signing_key($1, $2, $3, $4, $5)";
const DELETE_KEYS: &str = "DELETE FROM signing_keys WHERE id = ANY ($1)";
const TOKEN: &str = "SELECT id, subject, version, service, client, created_at, expires_at
    FROM refresh_tokens WHERE id = $1";
const ADD_TOKEN: &str = "SELECT add_refresh_token($1, $2, $3, $4, $5, $6, $7, $8)";
const DELETE_SUBJECT: &str = "WITH gone AS
    (DELETE FROM refresh_tokens WHERE subject = $1 RETURNING 1) SELECT count(*) FROM gone";
const DELETE_EXPIRED: &str = "WITH gone AS
    (DELETE FROM refresh_tokens WHERE expires_at <= $1 RETURNING 1) SELECT count(*) FROM gone";

#[async_trait]
impl SharedSecrets for PostgresMeta {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError> {
        const OP: &str = "read the signing keys";
        let found = self.client.rows(OP, KEYS, &[]).await;
        let keys = found.and_then(|rows| rows.iter().map(|row| read_key(OP, row)).collect());
        keys.map_err(SecretsError::new)
    }

    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError> {
        const OP: &str = "add a signing key";
        let params: Params<'_> = &[
            &key.id.as_str(),
            &code(key.algorithm),
            key.pkcs8.expose(),
            &key.created.as_secs(),
            &latest.map(KeyId::as_str),
        ];
        let added = self.client.call(OP, ADD_KEY, params).await;
        let added = added.and_then(|row| value(OP, &row, 0));
        added.map_err(SecretsError::new)
    }

    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError> {
        let ids: Vec<&str> = ids.iter().map(KeyId::as_str).collect();
        let removed = self
            .client
            .rows("remove signing keys", DELETE_KEYS, &[&ids])
            .await;
        removed.map(drop).map_err(SecretsError::new)
    }

    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError> {
        // The new one stays in any case.
        let keep = rows(keep.max(1));
        let params: Params<'_> = &[
            &token.id.as_bytes().as_slice(),
            &token.subject.as_str(),
            &token.version.as_str(),
            &token.service.as_bytes(),
            &token.client.as_ref().map(String::as_bytes),
            &token.created.as_secs(),
            &token.expires.as_secs(),
            &keep,
        ];
        let added = self.client.call("add a refresh token", ADD_TOKEN, params);
        added.await.map(drop).map_err(SecretsError::new)
    }

    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError> {
        const OP: &str = "read a refresh token";
        let id = id.as_bytes().as_slice();
        let found = self.client.row(OP, TOKEN, &[&id]).await;
        let token = found.and_then(|row| row.map(|row| read_token(OP, &row)).transpose());
        token.map_err(SecretsError::new)
    }

    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError> {
        const OP: &str = "remove a user's refresh tokens";
        let subject = subject.as_str();
        let removed = self.client.call(OP, DELETE_SUBJECT, &[&subject]).await;
        let removed = removed.and_then(|row| value::<Count>(OP, &row, 0));
        removed.map(|count| count.0).map_err(SecretsError::new)
    }

    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError> {
        const OP: &str = "remove expired refresh tokens";
        let now = now.as_secs();
        let removed = self.client.call(OP, DELETE_EXPIRED, &[&now]).await;
        let removed = removed.and_then(|row| value::<Count>(OP, &row, 0));
        removed.map(|count| count.0).map_err(SecretsError::new)
    }
}

fn read_key(op: &'static str, row: &Row) -> Result<StoredKey, MetaError> {
    let algorithm = match value::<i16>(op, row, 1)? {
        1 => SigningAlgorithm::EdDsa,
        2 => SigningAlgorithm::Es256,
        _ => return Err(MetaError::backend(op, "a key's algorithm is unknown")),
    };
    Ok(StoredKey {
        id: value::<Text<KeyId>>(op, row, 0)?.0,
        algorithm,
        pkcs8: Secret::new(value(op, row, 2)?),
        created: UnixTime::from_secs(value(op, row, 3)?),
    })
}

/// What is stored for an algorithm.
fn code(algorithm: SigningAlgorithm) -> i16 {
    match algorithm {
        SigningAlgorithm::EdDsa => 1,
        SigningAlgorithm::Es256 => 2,
    }
}

fn read_token(op: &'static str, row: &Row) -> Result<RefreshToken, MetaError> {
    let id: &[u8] = value(op, row, 0)?;
    let id = <[u8; 32]>::try_from(id).map_err(|e| MetaError::backend(op, e))?;
    Ok(RefreshToken {
        id: RefreshTokenId::from_bytes(id),
        subject: value::<Text<UserName>>(op, row, 1)?.0,
        version: value::<Text<CredentialVersion>>(op, row, 2)?.0,
        service: utf8(op, value(op, row, 3)?)?,
        client: value::<Option<Vec<u8>>>(op, row, 4)?
            .map(|client| utf8(op, client))
            .transpose()?,
        created: UnixTime::from_secs(value(op, row, 5)?),
        expires: UnixTime::from_secs(value(op, row, 6)?),
    })
}

fn utf8(op: &'static str, bytes: Vec<u8>) -> Result<String, MetaError> {
    String::from_utf8(bytes).map_err(|e| MetaError::backend(op, e))
}
