//! Upload sessions, in their own file.

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::RepositoryName;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use super::SqliteMeta;
use super::codec::{Count, Stored, Text, rows, upstream};
use super::failure::Fault;
use super::statements::statements;
use crate::{
    MetaError, RepoKey, SessionLimits, SessionRecord, Timestamp, UploadSessions, Upstream,
};

statements! {
    GET = "SELECT id, upstream, repository, revision, expires_at, bytes, state
        FROM sessions WHERE id = ?1";
    EXPIRED = "SELECT id, upstream, repository, revision, expires_at, bytes, state
        FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2";
    CURRENT = "SELECT revision, bytes FROM sessions WHERE id = ?1";
    INSERT = "INSERT INTO sessions (id, upstream, repository, revision, expires_at, bytes, state)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    UPDATE = "UPDATE sessions SET upstream = ?2, repository = ?3, revision = ?4,
        expires_at = ?5, bytes = ?6, state = ?7 WHERE id = ?1";
    DELETE = "DELETE FROM sessions WHERE id = ?1";
    TOTALS = "SELECT sessions, bytes FROM totals WHERE id = 1";
    ADD_TOTALS = "UPDATE totals SET sessions = sessions + ?1, bytes = bytes - ?2 + ?3 WHERE id = 1";
}

#[async_trait]
impl UploadSessions for SqliteMeta {
    async fn create_session(
        &self,
        record: SessionRecord,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        let limits = *limits;
        self.upload("create an upload session", move |conn| {
            if current(conn, record.id)?.is_some() {
                return Err(MetaError::SessionConflict.into());
            }
            let totals = totals(conn)?;
            if totals.sessions >= limits.sessions {
                let limit = limits.sessions;
                return Err(MetaError::TooManySessions { limit }.into());
            }
            limits.check_bytes(totals.bytes, 0, record.bytes)?;
            put(conn, INSERT, &record)?;
            add_totals(conn, 1, 0, record.bytes)
        })
        .await
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, MetaError> {
        let readers = &self.files.uploads.readers;
        readers.read("read an upload session", |conn| {
            let mut statement = conn.prepare_cached(GET)?;
            Ok(statement.query_row([id.as_bytes()], read_row).optional()?)
        })
    }

    async fn update_session(
        &self,
        record: SessionRecord,
        expected: u64,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        let limits = *limits;
        self.upload("update an upload session", move |conn| {
            let old_bytes = at_revision(conn, record.id, expected)?;
            limits.check_bytes(totals(conn)?.bytes, old_bytes, record.bytes)?;
            put(conn, UPDATE, &record)?;
            add_totals(conn, 0, old_bytes, record.bytes)
        })
        .await
    }

    async fn remove_session(&self, id: Uuid, expected: u64) -> Result<(), MetaError> {
        self.upload("remove an upload session", move |conn| {
            let bytes = at_revision(conn, id, expected)?;
            conn.prepare_cached(DELETE)?.execute([id.as_bytes()])?;
            add_totals(conn, -1, bytes, 0)
        })
        .await
    }

    async fn expired_sessions(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, MetaError> {
        let readers = &self.files.uploads.readers;
        readers
            .read_rows("list expired upload sessions", limit, move |conn| {
                let mut statement = conn.prepare_cached(EXPIRED)?;
                let records = statement.query_map((now, rows(limit)), read_row)?;
                Ok(records.collect::<Result<_, _>>()?)
            })
            .await
    }
}

impl SqliteMeta {
    async fn upload<F>(&self, op: &'static str, work: F) -> Result<(), MetaError>
    where
        F: FnOnce(&Connection) -> Result<(), Fault> + Send + 'static,
    {
        self.files.uploads.writer.run(op, work).await
    }
}

/// The recorded revision and bytes of a session.
fn current(conn: &Connection, id: Uuid) -> rusqlite::Result<Option<(u64, u64)>> {
    let mut statement = conn.prepare_cached(CURRENT)?;
    let read = |row: &Row<'_>| Ok((row.get::<_, Count>(0)?.0, row.get::<_, Count>(1)?.0));
    statement.query_row([id.as_bytes()], read).optional()
}

/// The bytes of a session, as long as it is at the expected revision.
fn at_revision(conn: &Connection, id: Uuid, expected: u64) -> Result<u64, Fault> {
    match current(conn, id)? {
        Some((revision, bytes)) if revision == expected => Ok(bytes),
        _ => Err(MetaError::SessionConflict.into()),
    }
}

struct Totals {
    sessions: u64,
    bytes: u64,
}

fn totals(conn: &Connection) -> rusqlite::Result<Totals> {
    conn.prepare_cached(TOTALS)?.query_row([], |row| {
        Ok(Totals {
            sessions: row.get::<_, Count>(0)?.0,
            bytes: row.get::<_, Count>(1)?.0,
        })
    })
}

fn add_totals(conn: &Connection, sessions: i64, old: u64, new: u64) -> Result<(), Fault> {
    let mut add = conn.prepare_cached(ADD_TOTALS)?;
    add.execute((sessions, Count(old), Count(new)))?;
    Ok(())
}

fn put(conn: &Connection, sql: &str, record: &SessionRecord) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute((
        record.id.as_bytes(),
        upstream(&record.repo),
        record.repo.name.as_str(),
        Count(record.revision),
        record.expires_at,
        Count(record.bytes),
        &*record.state,
    ))?;
    Ok(())
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    let upstream = match row.get_ref(1)?.as_str()? {
        "" => None,
        _ => Some(row.get::<_, Text<Upstream>>(1)?.0),
    };
    Ok(SessionRecord {
        id: row.get::<_, Stored<Uuid>>(0)?.0,
        repo: RepoKey {
            upstream,
            name: row.get::<_, Text<RepositoryName>>(2)?.0,
        },
        revision: row.get::<_, Count>(3)?.0,
        expires_at: row.get::<_, Stored<Timestamp>>(4)?.0,
        bytes: row.get::<_, Count>(5)?.0,
        state: row.get::<_, Stored<Bytes>>(6)?.0,
    })
}
