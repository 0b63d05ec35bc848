//! Manifests and tags.

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::{Digest, Reference, Tag};
use rusqlite::{Connection, OptionalExtension, Row};

use super::codec::{Key, Stored, Text, upstream};
use super::failure::Fault;
use super::repositories::{self, RepositoryId};
use super::statements::statements;
use super::{SqliteMeta, references};
use crate::{
    Ctx, DeletedManifest, DeletedTag, Existence, Expect, ManifestRecord, Manifests, MetaError,
    PutManifest, PutOutcome, RepoKey, TagGuard, TagOutcome, TagWrite,
};

/// Larger manifests are read on the blocking pool: they take many pages.
const INLINE_BYTES: i64 = 128 << 10;

statements! {
    BY_DIGEST = "SELECT m.digest, m.media_type, iif(length(m.payload) <= ?4, m.payload, NULL)
        FROM repositories r
        CROSS JOIN manifests m ON m.repository = r.id AND m.digest = ?3
        WHERE r.upstream = ?1 AND r.name = ?2";
    BY_TAG = "SELECT m.digest, m.media_type, iif(length(m.payload) <= ?4, m.payload, NULL)
        FROM repositories r
        CROSS JOIN tags t ON t.repository = r.id AND t.name = ?3
        CROSS JOIN manifests m ON m.id = t.manifest
        WHERE r.upstream = ?1 AND r.name = ?2";
    FIND = "SELECT id, media_type FROM manifests WHERE repository = ?1 AND digest = ?2";
    INSERT = "INSERT INTO manifests
        (repository, digest, media_type, pushed_at, pushed_by, payload)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    SET_MEDIA_TYPE = "UPDATE manifests SET media_type = ?2 WHERE id = ?1";
    DELETE = "DELETE FROM manifests WHERE id = ?1";
    TAGGED = "SELECT m.digest FROM tags t CROSS JOIN manifests m ON m.id = t.manifest
        WHERE t.repository = ?1 AND t.name = ?2";
    TAGS_OF = "SELECT name FROM tags WHERE manifest = ?1 ORDER BY name";
    SET_TAG = "INSERT INTO tags (repository, name, manifest, updated_at)
        VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository, name)
        DO UPDATE SET manifest = excluded.manifest, updated_at = excluded.updated_at";
    DELETE_TAG = "DELETE FROM tags WHERE repository = ?1 AND name = ?2";
    DELETE_TAGS_OF = "DELETE FROM tags WHERE manifest = ?1";
    RECORD_CHANGE = "INSERT INTO tag_history (repository, tag, digest, at, actor, request_id)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
}

#[async_trait]
impl Manifests for SqliteMeta {
    async fn put_manifest(&self, ctx: &Ctx, put: PutManifest) -> Result<PutOutcome, MetaError> {
        let ctx = ctx.clone();
        self.write("store a manifest", move |conn| {
            let repository = repositories::find_or_create(conn, &put.repo)?;
            let put = Put {
                conn,
                ctx: &ctx,
                repository,
                put: &put,
            };
            put.run()
        })
        .await
    }

    async fn manifest(
        &self,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<Option<ManifestRecord>, MetaError> {
        const OP: &str = "read a manifest";
        let readers = self.readers();
        let found = readers.read(OP, |conn| read(conn, repo, reference, INLINE_BYTES))?;
        match found {
            Some(Read::Whole(record)) => Ok(Some(record)),
            None => Ok(None),
            Some(Read::Long) => {
                let (repo, reference) = (repo.clone(), reference.clone());
                let read = move |conn: &Connection| read(conn, &repo, &reference, i64::MAX);
                Ok(match readers.read_long(OP, read).await? {
                    Some(Read::Whole(record)) => Some(record),
                    Some(Read::Long) | None => None,
                })
            }
        }
    }

    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        guard: &TagGuard,
    ) -> Result<Option<DeletedManifest>, MetaError> {
        let (ctx, repo, digest, guard) = (ctx.clone(), repo.clone(), *digest, guard.clone());
        self.write("delete a manifest", move |conn| {
            let Some(repository) = repositories::find(conn, &repo)? else {
                return Ok(None);
            };
            let Some((id, _)) = find(conn, repository, &digest)? else {
                return Ok(None);
            };
            let tags = tags_of(conn, id)?;
            for tag in &tags {
                check(&guard, tag)?;
                record_change(conn, &ctx, repository, tag, None)?;
            }
            conn.prepare_cached(DELETE_TAGS_OF)?.execute([id])?;
            references::delete(conn, id)?;
            conn.prepare_cached(DELETE)?.execute([id])?;
            Ok(Some(DeletedManifest { tags }))
        })
        .await
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        tag: &Tag,
        guard: &TagGuard,
    ) -> Result<Option<DeletedTag>, MetaError> {
        let (ctx, repo, tag, guard) = (ctx.clone(), repo.clone(), tag.clone(), guard.clone());
        self.write("delete a tag", move |conn| {
            let Some(repository) = repositories::find(conn, &repo)? else {
                return Ok(None);
            };
            let Some(digest) = tagged(conn, repository, &tag)? else {
                return Ok(None);
            };
            check(&guard, &tag)?;
            let mut delete = conn.prepare_cached(DELETE_TAG)?;
            delete.execute((repository, tag.as_str()))?;
            record_change(conn, &ctx, repository, &tag, None)?;
            Ok(Some(DeletedTag { digest }))
        })
        .await
    }
}

fn check(guard: &TagGuard, tag: &Tag) -> Result<(), MetaError> {
    if guard.protects(tag) {
        return Err(MetaError::TagProtected { tag: tag.clone() });
    }
    Ok(())
}

enum Read {
    Whole(ManifestRecord),
    /// It is longer than what was to be read.
    Long,
}

fn read(
    conn: &Connection,
    repo: &RepoKey,
    reference: &Reference,
    max_bytes: i64,
) -> Result<Option<Read>, Fault> {
    let (upstream, name) = (upstream(repo), repo.name.as_str());
    let found = match reference {
        Reference::Digest(digest) => {
            let mut statement = conn.prepare_cached(BY_DIGEST)?;
            statement.query_row((upstream, name, Key::of(digest), max_bytes), read_row)
        }
        Reference::Tag(tag) => {
            let mut statement = conn.prepare_cached(BY_TAG)?;
            statement.query_row((upstream, name, tag.as_str(), max_bytes), read_row)
        }
    };
    Ok(found.optional()?)
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<Read> {
    let Some(Stored(bytes)) = row.get::<_, Option<Stored<Bytes>>>(2)? else {
        return Ok(Read::Long);
    };
    Ok(Read::Whole(ManifestRecord {
        digest: row.get::<_, Stored<Digest>>(0)?.0,
        media_type: row.get::<_, Text<_>>(1)?.0,
        bytes,
    }))
}

type ManifestId = i64;

/// A manifest's row and the media type that is recorded for it.
fn find(
    conn: &Connection,
    repository: RepositoryId,
    digest: &Digest,
) -> rusqlite::Result<Option<(ManifestId, String)>> {
    let mut statement = conn.prepare_cached(FIND)?;
    statement
        .query_row((repository, Key::of(digest)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

/// What a tag names.
fn tagged(
    conn: &Connection,
    repository: RepositoryId,
    tag: &Tag,
) -> rusqlite::Result<Option<Digest>> {
    let mut statement = conn.prepare_cached(TAGGED)?;
    let digest = statement
        .query_row((repository, tag.as_str()), |row| {
            row.get::<_, Stored<Digest>>(0)
        })
        .optional()?;
    Ok(digest.map(|digest| digest.0))
}

fn tags_of(conn: &Connection, manifest: ManifestId) -> rusqlite::Result<Vec<Tag>> {
    let mut statement = conn.prepare_cached(TAGS_OF)?;
    let names = statement.query_map([manifest], |row| row.get::<_, Text<Tag>>(0))?;
    names.map(|name| name.map(|name| name.0)).collect()
}

/// Adds to the history of a tag: what it names from now on, or nothing.
fn record_change(
    conn: &Connection,
    ctx: &Ctx,
    repository: RepositoryId,
    tag: &Tag,
    digest: Option<&Digest>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(RECORD_CHANGE)?;
    statement.execute((
        repository,
        tag.as_str(),
        digest.map(Key::of),
        ctx.now,
        ctx.actor.to_string(),
        &*ctx.request_id,
    ))?;
    Ok(())
}

/// One put, in its transaction.
struct Put<'a> {
    conn: &'a Connection,
    ctx: &'a Ctx,
    repository: RepositoryId,
    put: &'a PutManifest,
}

impl Put<'_> {
    fn run(&self) -> Result<PutOutcome, Fault> {
        for write in &self.put.tags {
            self.check_tag(write)?;
        }
        if self.put.existence == Existence::Strict {
            references::check(self.conn, self.repository, &self.put.manifest)?;
        }
        let known = find(self.conn, self.repository, &self.put.digest)?;
        let created = known.is_none();
        let id = match known {
            None => self.insert()?,
            Some((id, media_type)) => {
                if media_type != self.put.manifest.media_type.as_str() {
                    self.set_media_type(id)?;
                }
                id
            }
        };
        let tags = self.put.tags.iter().map(|write| self.tag(id, &write.tag));
        let tags = tags.collect::<Result<_, _>>()?;
        Ok(PutOutcome { created, tags })
    }

    fn check_tag(&self, write: &TagWrite) -> Result<(), Fault> {
        if write.expect == Expect::Any {
            return Ok(());
        }
        match tagged(self.conn, self.repository, &write.tag)? {
            Some(current) if current != self.put.digest => Err(MetaError::TagConflict {
                tag: write.tag.clone(),
                current,
            }
            .into()),
            _ => Ok(()),
        }
    }

    fn insert(&self) -> Result<ManifestId, Fault> {
        let mut statement = self.conn.prepare_cached(INSERT)?;
        let id = statement.insert((
            self.repository,
            Key::of(&self.put.digest),
            self.put.manifest.media_type.as_str(),
            self.ctx.now,
            self.ctx.actor.to_string(),
            &*self.put.bytes,
        ))?;
        references::insert(self.conn, self.repository, id, self.put)?;
        Ok(id)
    }

    /// The bytes are the same, and the later push says what they are. What they refer to is read
    /// by their media type, so that is recorded anew.
    fn set_media_type(&self, id: ManifestId) -> Result<(), Fault> {
        let media_type = self.put.manifest.media_type.as_str();
        let mut statement = self.conn.prepare_cached(SET_MEDIA_TYPE)?;
        statement.execute((id, media_type))?;
        references::delete(self.conn, id)?;
        references::insert(self.conn, self.repository, id, self.put)
    }

    /// Points a tag at the manifest; one that names it already is left as it is.
    fn tag(&self, id: ManifestId, tag: &Tag) -> Result<TagOutcome, Fault> {
        let previous = tagged(self.conn, self.repository, tag)?;
        if previous != Some(self.put.digest) {
            let mut set = self.conn.prepare_cached(SET_TAG)?;
            set.execute((self.repository, tag.as_str(), id, self.ctx.now))?;
            let digest = Some(&self.put.digest);
            record_change(self.conn, self.ctx, self.repository, tag, digest)?;
        }
        Ok(TagOutcome {
            tag: tag.clone(),
            previous,
        })
    }
}
