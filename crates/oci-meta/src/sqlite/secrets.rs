//! What replicas share for authentication: signing keys and refresh tokens.
//!
//! The order of additions is that of the rows' positions, which SQLite counts up.

use async_trait::async_trait;
use oci_auth::{
    CredentialVersion, KeyId, RefreshToken, RefreshTokenId, Secret, SecretsError, SharedSecrets,
    SigningAlgorithm, StoredKey, UnixTime, UserName,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};

use super::SqliteMeta;
use super::codec::{Stored, Text, rows};
use super::statements::statements;

statements! {
    /// The range is the whole table, in its order. It holds the keys that are in use, a handful.
    KEYS = "SELECT id, algorithm, pkcs8, created_at FROM signing_keys
        WHERE position > 0 ORDER BY position";
    LATEST_KEY = "SELECT id FROM signing_keys
        WHERE position = (SELECT max(position) FROM signing_keys)";
    INSERT_KEY = "INSERT INTO signing_keys (id, algorithm, pkcs8, created_at)
        VALUES (?1, ?2, ?3, ?4)";
    DELETE_KEY = "DELETE FROM signing_keys WHERE id = ?1";
    TOKEN = "SELECT id, subject, version, service, client, created_at, expires_at
        FROM refresh_tokens WHERE id = ?1";
    PUT_TOKEN = "INSERT OR REPLACE INTO refresh_tokens
        (id, subject, version, service, client, created_at, expires_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    DELETE_BEYOND = "DELETE FROM refresh_tokens WHERE subject = ?1 AND position <=
        (SELECT position FROM refresh_tokens WHERE subject = ?1
            ORDER BY position DESC LIMIT 1 OFFSET ?2)";
    DELETE_SUBJECT = "DELETE FROM refresh_tokens WHERE subject = ?1";
    DELETE_EXPIRED = "DELETE FROM refresh_tokens WHERE expires_at <= ?1";
}

#[async_trait]
impl SharedSecrets for SqliteMeta {
    async fn signing_keys(&self) -> Result<Vec<StoredKey>, SecretsError> {
        let read = self.readers().read("read the signing keys", |conn| {
            let mut statement = conn.prepare_cached(KEYS)?;
            let keys = statement.query_map([], read_key)?;
            Ok(keys.collect::<Result<_, _>>()?)
        });
        read.map_err(SecretsError::new)
    }

    async fn add_signing_key(
        &self,
        key: &StoredKey,
        latest: Option<&KeyId>,
    ) -> Result<bool, SecretsError> {
        let (key, latest) = (key.clone(), latest.cloned());
        let added = self.write("add a signing key", move |conn| {
            let is_next = latest_key(conn)? == latest;
            if is_next {
                insert_key(conn, &key)?;
            }
            Ok(is_next)
        });
        added.await.map_err(SecretsError::new)
    }

    async fn remove_signing_keys(&self, ids: &[KeyId]) -> Result<(), SecretsError> {
        let ids = ids.to_vec();
        let removed = self.write("remove signing keys", move |conn| {
            let mut delete = conn.prepare_cached(DELETE_KEY)?;
            for id in &ids {
                delete.execute([id.as_str()])?;
            }
            Ok(())
        });
        removed.await.map_err(SecretsError::new)
    }

    async fn add_refresh_token(
        &self,
        token: &RefreshToken,
        keep: usize,
    ) -> Result<(), SecretsError> {
        let token = token.clone();
        let added = self.write("add a refresh token", move |conn| {
            put_token(conn, &token)?;
            // The new one stays in any case.
            let kept = rows(keep.max(1));
            conn.prepare_cached(DELETE_BEYOND)?
                .execute((token.subject.as_str(), kept))?;
            Ok(())
        });
        added.await.map_err(SecretsError::new)
    }

    async fn refresh_token(
        &self,
        id: &RefreshTokenId,
    ) -> Result<Option<RefreshToken>, SecretsError> {
        let read = self.readers().read("read a refresh token", |conn| {
            let mut statement = conn.prepare_cached(TOKEN)?;
            Ok(statement
                .query_row([id.as_bytes()], read_token)
                .optional()?)
        });
        read.map_err(SecretsError::new)
    }

    async fn remove_refresh_tokens(&self, subject: &UserName) -> Result<u64, SecretsError> {
        let subject = subject.clone();
        let removed = self.write("remove a user's refresh tokens", move |conn| {
            let mut delete = conn.prepare_cached(DELETE_SUBJECT)?;
            Ok(delete.execute([subject.as_str()])? as u64)
        });
        removed.await.map_err(SecretsError::new)
    }

    async fn remove_expired(&self, now: UnixTime) -> Result<u64, SecretsError> {
        let removed = self.write("remove expired refresh tokens", move |conn| {
            let mut delete = conn.prepare_cached(DELETE_EXPIRED)?;
            Ok(delete.execute([now.as_secs()])? as u64)
        });
        removed.await.map_err(SecretsError::new)
    }
}

fn latest_key(conn: &Connection) -> rusqlite::Result<Option<KeyId>> {
    let mut statement = conn.prepare_cached(LATEST_KEY)?;
    let id = statement.query_row([], |row| Ok(row.get::<_, Text<KeyId>>(0)?.0));
    id.optional()
}

fn insert_key(conn: &Connection, key: &StoredKey) -> rusqlite::Result<()> {
    conn.prepare_cached(INSERT_KEY)?.execute((
        key.id.as_str(),
        code(key.algorithm),
        key.pkcs8.expose(),
        key.created.as_secs(),
    ))?;
    Ok(())
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    Ok(StoredKey {
        id: row.get::<_, Text<KeyId>>(0)?.0,
        algorithm: row.get::<_, Stored<SigningAlgorithm>>(1)?.0,
        pkcs8: Secret::new(row.get(2)?),
        created: UnixTime::from_secs(row.get(3)?),
    })
}

/// What is stored for an algorithm.
fn code(algorithm: SigningAlgorithm) -> i64 {
    match algorithm {
        SigningAlgorithm::EdDsa => 1,
        SigningAlgorithm::Es256 => 2,
    }
}

impl FromSql for Stored<SigningAlgorithm> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Stored(SigningAlgorithm::EdDsa)),
            2 => Ok(Stored(SigningAlgorithm::Es256)),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

fn put_token(conn: &Connection, token: &RefreshToken) -> rusqlite::Result<()> {
    conn.prepare_cached(PUT_TOKEN)?.execute((
        token.id.as_bytes(),
        token.subject.as_str(),
        token.version.as_str(),
        &token.service,
        &token.client,
        token.created.as_secs(),
        token.expires.as_secs(),
    ))?;
    Ok(())
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<RefreshToken> {
    Ok(RefreshToken {
        id: RefreshTokenId::from_bytes(row.get(0)?),
        subject: row.get::<_, Text<UserName>>(1)?.0,
        version: row.get::<_, Text<CredentialVersion>>(2)?.0,
        service: row.get(3)?,
        client: row.get(4)?,
        created: UnixTime::from_secs(row.get(5)?),
        expires: UnixTime::from_secs(row.get(6)?),
    })
}
