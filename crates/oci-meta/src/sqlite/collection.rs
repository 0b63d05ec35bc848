//! The queue of objects to be removed.

use async_trait::async_trait;
use oci_types::Digest;
use rusqlite::{Connection, OptionalExtension, Row};

use super::SqliteMeta;
use super::codec::{Count, Key, Stored, rows};
use super::failure::Fault;
use super::statements::statements;
use crate::{BlobRecord, ClaimGarbage, Collection, Ctx, Garbage, Locator, MetaError, Timestamp};

statements! {
    DELETE_UNLINKED = "DELETE FROM blobs WHERE id IN
        (SELECT id FROM blobs WHERE unlinked_at <= ?1 ORDER BY unlinked_at LIMIT ?2)
        RETURNING digest, locator, size";
    QUEUE = "INSERT INTO collection_queue (digest, locator, size, available_at)
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT (locator) DO NOTHING";
    CLAIM = "UPDATE collection_queue SET available_at = ?2, claims = claims + 1
        WHERE ticket IN (SELECT ticket FROM collection_queue
            WHERE available_at <= ?1 ORDER BY available_at, ticket LIMIT ?3)
        RETURNING digest, locator, size, ticket";
    FORGET = "DELETE FROM collection_queue WHERE ticket = ?1";
    QUEUED = "SELECT ticket, claims > 0 FROM collection_queue WHERE locator = ?1";
}

#[async_trait]
impl Collection for SqliteMeta {
    async fn claim_garbage(
        &self,
        ctx: &Ctx,
        claim: ClaimGarbage,
    ) -> Result<Vec<Garbage>, MetaError> {
        let now = ctx.now;
        self.write("claim garbage", move |conn| {
            for blob in delete_unlinked(conn, now, &claim)? {
                queue(conn, &blob, now)?;
            }
            Ok(claim_queued(conn, now, &claim)?)
        })
        .await
    }

    async fn forget_garbage(&self, _: &Ctx, tickets: &[u64]) -> Result<(), MetaError> {
        let tickets = tickets.to_vec();
        self.write("forget garbage", move |conn| {
            let mut forget = conn.prepare_cached(FORGET)?;
            for ticket in tickets {
                forget.execute([Count(ticket)])?;
            }
            Ok(())
        })
        .await
    }
}

/// Forgets blobs whose grace period is over.
fn delete_unlinked(
    conn: &Connection,
    now: Timestamp,
    claim: &ClaimGarbage,
) -> rusqlite::Result<Vec<BlobRecord>> {
    let mut delete = conn.prepare_cached(DELETE_UNLINKED)?;
    let due = now.before(claim.grace);
    let deleted = delete.query_map((due, rows(claim.limit)), read_row)?;
    deleted.collect()
}

fn claim_queued(
    conn: &Connection,
    now: Timestamp,
    claim: &ClaimGarbage,
) -> rusqlite::Result<Vec<Garbage>> {
    let mut statement = conn.prepare_cached(CLAIM)?;
    let params = (now, now.after(claim.lease), rows(claim.limit));
    let claimed = statement.query_map(params, |row| {
        let BlobRecord {
            digest,
            size,
            locator,
        } = read_row(row)?;
        Ok(Garbage {
            ticket: row.get::<_, Count>(3)?.0,
            digest,
            locator,
            size,
        })
    })?;
    claimed.collect()
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<BlobRecord> {
    Ok(BlobRecord {
        digest: row.get::<_, Stored<Digest>>(0)?.0,
        locator: Locator::new(row.get::<_, String>(1)?),
        size: row.get::<_, Count>(2)?.0,
    })
}

/// Queues an object; it can be claimed at once.
pub(super) fn queue(
    conn: &Connection,
    object: &BlobRecord,
    now: Timestamp,
) -> rusqlite::Result<()> {
    conn.prepare_cached(QUEUE)?.execute((
        Key::of(&object.digest),
        object.locator.as_str(),
        Count(object.size),
        now,
    ))?;
    Ok(())
}

/// Takes an object back that is to be recorded again.
pub(super) fn withdraw(conn: &Connection, locator: &Locator) -> Result<(), Fault> {
    let mut queued = conn.prepare_cached(QUEUED)?;
    let queued: Option<(i64, bool)> = queued
        .query_row([locator.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match queued {
        None => Ok(()),
        Some((_, true)) => Err(MetaError::being_removed(locator).into()),
        Some((ticket, false)) => {
            conn.prepare_cached(FORGET)?.execute([ticket])?;
            Ok(())
        }
    }
}
