//! Upload sessions.

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::RepositoryName;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresMeta;
use super::client::Params;
use super::codec::{Count, Limit, Stored, Text, rows, upstream, value};
use crate::{
    MetaError, RepoKey, SessionLimits, SessionRecord, Timestamp, UploadSessions, Upstream,
};

const GET: &str = "SELECT id, upstream, repository, revision, expires_at, bytes, state
    FROM sessions WHERE id = $1";
const EXPIRED: &str = "SELECT id, upstream, repository, revision, expires_at, bytes, state
    FROM sessions WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
const CREATE: &str = "SELECT create_session($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const UPDATE: &str = "SELECT update_session($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const REMOVE: &str = "SELECT remove_session($1, $2)";

#[async_trait]
impl UploadSessions for PostgresMeta {
    async fn create_session(
        &self,
        record: SessionRecord,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        const OP: &str = "create an upload session";
        let (sessions, bytes) = (Limit(limits.sessions), Limit(limits.bytes));
        self.change(
            OP,
            CREATE,
            &[
                &record.id.as_bytes().as_slice(),
                &upstream(&record.repo),
                &record.repo.name.as_str(),
                &Count(record.revision),
                &record.expires_at,
                &Count(record.bytes),
                &&*record.state,
                &sessions,
                &bytes,
            ],
            limits,
        )
        .await
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, MetaError> {
        const OP: &str = "read an upload session";
        let id = id.as_bytes().as_slice();
        let row = self.client.row(OP, GET, &[&id]).await?;
        row.map(|row| read(OP, &row)).transpose()
    }

    async fn update_session(
        &self,
        record: SessionRecord,
        expected: u64,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        const OP: &str = "update an upload session";
        self.change(
            OP,
            UPDATE,
            &[
                &record.id.as_bytes().as_slice(),
                &upstream(&record.repo),
                &record.repo.name.as_str(),
                &Count(record.revision),
                &record.expires_at,
                &Count(record.bytes),
                &&*record.state,
                &Count(expected),
                &Limit(limits.bytes),
            ],
            limits,
        )
        .await
    }

    async fn remove_session(&self, id: Uuid, expected: u64) -> Result<(), MetaError> {
        const OP: &str = "remove an upload session";
        const NO_LIMITS: SessionLimits = SessionLimits {
            sessions: u64::MAX,
            bytes: u64::MAX,
        };
        let id = id.as_bytes().as_slice();
        self.change(OP, REMOVE, &[&id, &Count(expected)], &NO_LIMITS)
            .await
    }

    async fn expired_sessions(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, MetaError> {
        const OP: &str = "list expired upload sessions";
        let found = self.client.rows(OP, EXPIRED, &[&now, &rows(limit)]).await?;
        found.iter().map(|row| read(OP, row)).collect()
    }
}

impl PostgresMeta {
    /// Calls a function that changes a session.
    async fn change(
        &self,
        op: &'static str,
        sql: &'static str,
        params: Params<'_>,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        let row = self.client.call(op, sql, params).await?;
        match value::<i16>(op, &row, 0)? {
            0 => Ok(()),
            1 => Err(MetaError::SessionConflict),
            2 => Err(MetaError::TooManySessions {
                limit: limits.sessions,
            }),
            3 => Err(MetaError::TooManySessionBytes {
                limit: limits.bytes,
            }),
            _ => Err(MetaError::backend(op, "the answer has no meaning")),
        }
    }
}

fn read(op: &'static str, row: &Row) -> Result<SessionRecord, MetaError> {
    let upstream = match value::<&str>(op, row, 1)? {
        "" => None,
        _ => Some(value::<Text<Upstream>>(op, row, 1)?.0),
    };
    Ok(SessionRecord {
        id: value::<Stored<Uuid>>(op, row, 0)?.0,
        repo: RepoKey {
            upstream,
            name: value::<Text<RepositoryName>>(op, row, 2)?.0,
        },
        revision: value::<Count>(op, row, 3)?.0,
        expires_at: value::<Stored<Timestamp>>(op, row, 4)?.0,
        bytes: value::<Count>(op, row, 5)?.0,
        state: value::<Stored<Bytes>>(op, row, 6)?.0,
    })
}
