//! Blobs and their links.

use async_trait::async_trait;
use oci_types::Digest;
use rusqlite::{Connection, OptionalExtension, Row};

use super::codec::{Count, Key, NO_UPSTREAM, Stored, Text, upstream};
use super::failure::Fault;
use super::repositories::{self, RepositoryId};
use super::statements::statements;
use super::{SqliteMeta, collection};
use crate::references::EdgeKind;
use crate::{
    AddedBlob, BlobRecord, Blobs, Ctx, Locator, MetaError, MountFrom, NewBlob, RepoKey,
    RepoPattern, Scope, Timestamp,
};

/// How many links of a blob a mount looks at that names families of repositories.
const MOUNT_LINKS: i64 = 64;

statements! {
    LINKED = "SELECT b.id, b.size, b.locator
        FROM repositories r
        CROSS JOIN blobs b ON b.digest = ?3
        CROSS JOIN repository_blobs l ON l.repository = r.id AND l.blob = b.id
        WHERE r.upstream = ?1 AND r.name = ?2";
    RECORDED = "SELECT id, size, locator FROM blobs WHERE digest = ?1";
    INSERT = "INSERT INTO blobs (digest, size, locator) VALUES (?1, ?2, ?3)";
    REPLACE = "UPDATE blobs SET size = ?2, locator = ?3 WHERE id = ?1";
    LINK = "INSERT INTO repository_blobs (repository, blob) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    RELINKED = "UPDATE blobs SET unlinked_at = NULL WHERE id = ?1 AND unlinked_at IS NOT NULL";
    UNLINK = "DELETE FROM repository_blobs WHERE repository = ?1 AND blob = ?2";
    LINKS = "SELECT 1 FROM repository_blobs WHERE blob = ?1 LIMIT 1";
    UNLINKED = "UPDATE blobs SET unlinked_at = ?2 WHERE id = ?1";
    HOLDER = "SELECT m.digest FROM manifest_edges e CROSS JOIN manifests m ON m.id = e.manifest
        WHERE e.repository = ?1 AND e.target = ?2 AND e.kind = ?3 LIMIT 1";
    LINKING = "SELECT r.name FROM blobs b
        CROSS JOIN repository_blobs l ON l.blob = b.id
        CROSS JOIN repositories r ON r.id = l.repository AND r.upstream = ?2
        WHERE b.digest = ?1 LIMIT ?3";
}

/// A row of `blobs`.
struct Recorded {
    id: i64,
    record: BlobRecord,
}

#[async_trait]
impl Blobs for SqliteMeta {
    async fn blob(&self, repo: &RepoKey, digest: &Digest) -> Result<Option<BlobRecord>, MetaError> {
        let found = self
            .readers()
            .read("find a blob", |conn| Ok(linked(conn, repo, digest)?))?;
        Ok(found.map(|found| found.record))
    }

    async fn link_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        let (repo, digest) = (repo.clone(), *digest);
        self.write("link a blob", move |conn| {
            let Some(found) = recorded(conn, &digest)? else {
                return Ok(None);
            };
            link(conn, &repo, found.id)?;
            Ok(Some(found.record))
        })
        .await
    }

    async fn add_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        blob: NewBlob,
    ) -> Result<AddedBlob, MetaError> {
        let (now, repo) = (ctx.now, repo.clone());
        self.write("record a blob", move |conn| {
            let (id, added) = record(conn, blob, now)?;
            link(conn, &repo, id)?;
            Ok(added)
        })
        .await
    }

    async fn mount_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobRecord>, MetaError> {
        let (repo, digest, from) = (repo.clone(), *digest, from.clone());
        self.write("mount a blob", move |conn| {
            let found = match &from {
                MountFrom::Repository(source) => linked(conn, source, &digest)?,
                MountFrom::AnyOf(scope) => linked_within(conn, scope, &digest)?,
            };
            let Some(found) = found else {
                return Ok(None);
            };
            link(conn, &repo, found.id)?;
            Ok(Some(found.record))
        })
        .await
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        let (now, repo, digest) = (ctx.now, repo.clone(), *digest);
        self.write("delete a blob", move |conn| {
            let Some(repository) = repositories::find(conn, &repo)? else {
                return Ok(None);
            };
            let Some(found) = linked(conn, &repo, &digest)? else {
                return Ok(None);
            };
            if let Some(manifest) = holder(conn, repository, &digest)? {
                return Err(MetaError::BlobInUse { digest, manifest }.into());
            }
            unlink(conn, repository, found.id, now)?;
            Ok(Some(found.record))
        })
        .await
    }
}

/// The blob as the repository links it.
fn linked(
    conn: &Connection,
    repo: &RepoKey,
    digest: &Digest,
) -> rusqlite::Result<Option<Recorded>> {
    let mut statement = conn.prepare_cached(LINKED)?;
    let params = (upstream(repo), repo.name.as_str(), Key::of(digest));
    statement
        .query_row(params, |row| read_row(row, *digest))
        .optional()
}

/// The blob as any repository of this registry within `scope` links it.
fn linked_within(
    conn: &Connection,
    scope: &Scope,
    digest: &Digest,
) -> rusqlite::Result<Option<Recorded>> {
    let Scope::AnyOf(patterns) = scope else {
        return linked_by_some(conn, scope, digest);
    };
    for pattern in patterns {
        if let RepoPattern::Exact(name) = pattern
            && let Some(found) = linked(conn, &RepoKey::local(name.clone()), digest)?
        {
            return Ok(Some(found));
        }
    }
    linked_by_some(conn, scope, digest)
}

/// The blob if one of the repositories that a few of its links name is within `scope`.
fn linked_by_some(
    conn: &Connection,
    scope: &Scope,
    digest: &Digest,
) -> rusqlite::Result<Option<Recorded>> {
    let mut statement = conn.prepare_cached(LINKING)?;
    let mut names = statement.query((Key::of(digest), NO_UPSTREAM, MOUNT_LINKS))?;
    while let Some(row) = names.next()? {
        if scope.contains(&row.get::<_, Text<_>>(0)?.0) {
            return recorded(conn, digest);
        }
    }
    Ok(None)
}

/// The blob, whoever links it.
fn recorded(conn: &Connection, digest: &Digest) -> rusqlite::Result<Option<Recorded>> {
    let mut statement = conn.prepare_cached(RECORDED)?;
    statement
        .query_row([Key::of(digest)], |row| read_row(row, *digest))
        .optional()
}

fn read_row(row: &Row<'_>, digest: Digest) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        id: row.get(0)?,
        record: BlobRecord {
            digest,
            size: row.get::<_, Count>(1)?.0,
            locator: Locator::new(row.get::<_, String>(2)?),
        },
    })
}

/// Records the object, or queues it where another one stands for its digest.
fn record(conn: &Connection, blob: NewBlob, now: Timestamp) -> Result<(i64, AddedBlob), Fault> {
    let new = blob.record;
    let added = |record, kept| AddedBlob { record, kept };
    let Some(old) = recorded(conn, &new.digest)? else {
        collection::withdraw(conn, &new.locator)?;
        let mut insert = conn.prepare_cached(INSERT)?;
        let id = insert.insert((Key::of(&new.digest), Count(new.size), new.locator.as_str()))?;
        return Ok((id, added(new, true)));
    };
    if old.record.locator == new.locator {
        return Ok((old.id, added(old.record, true)));
    }
    if blob.replaces.as_ref() != Some(&old.record.locator) {
        collection::queue(conn, &new, now)?;
        return Ok((old.id, added(old.record, false)));
    }
    collection::withdraw(conn, &new.locator)?;
    let mut replace = conn.prepare_cached(REPLACE)?;
    replace.execute((old.id, Count(new.size), new.locator.as_str()))?;
    collection::queue(conn, &old.record, now)?;
    Ok((old.id, added(new, true)))
}

/// Links the blob and takes it out of the way of collection.
fn link(conn: &Connection, repo: &RepoKey, blob: i64) -> rusqlite::Result<()> {
    let repository = repositories::find_or_create(conn, repo)?;
    conn.prepare_cached(LINK)?.execute((repository, blob))?;
    conn.prepare_cached(RELINKED)?.execute([blob])?;
    Ok(())
}

/// Drops the link; the last one's end begins the grace period.
fn unlink(
    conn: &Connection,
    repository: RepositoryId,
    blob: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    conn.prepare_cached(UNLINK)?.execute((repository, blob))?;
    if !conn.prepare_cached(LINKS)?.exists([blob])? {
        conn.prepare_cached(UNLINKED)?.execute((blob, now))?;
    }
    Ok(())
}

/// A manifest of the repository that refers to the blob.
fn holder(
    conn: &Connection,
    repository: RepositoryId,
    digest: &Digest,
) -> rusqlite::Result<Option<Digest>> {
    let mut statement = conn.prepare_cached(HOLDER)?;
    for kind in EdgeKind::OF_BLOBS {
        let params = (repository, Key::of(digest), kind as i64);
        let manifest = statement
            .query_row(params, |row| row.get::<_, Stored<Digest>>(0))
            .optional()?;
        if let Some(Stored(manifest)) = manifest {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}
