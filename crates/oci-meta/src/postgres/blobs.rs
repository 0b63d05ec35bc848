//! Blobs and their links.

use async_trait::async_trait;
use oci_types::{Digest, RepositoryName};
use tokio_postgres::Row;

use super::PostgresMeta;
use super::client::Params;
use super::codec::{Count, Key, NO_UPSTREAM, Stored, Text, upstream, value};
use crate::{
    AddedBlob, BlobRecord, Blobs, Ctx, Locator, MetaError, MountFrom, NewBlob, RepoKey,
    RepoPattern, Scope,
};

/// How many links of a blob a mount looks at that names families of repositories.
const MOUNT_LINKS: i64 = 64;

const LINKED: &str = "SELECT b.size, b.locator
    FROM repositories r
    JOIN blobs b ON b.digest = $3
    JOIN repository_blobs l ON l.repository = r.id AND l.blob = b.id
    WHERE r.upstream = $1 AND r.name = $2";
const LINK: &str = "SELECT size, locator FROM link_blob($1, $2, $3)";
const ADD: &str = "SELECT size, locator, being_removed FROM add_blob($1, $2, $3, $4, $5, $6, $7)";
const MOUNT: &str = "SELECT size, locator FROM mount_blob($1, $2, $3, $4, $5)";
const DELETE: &str = "SELECT size, locator, held_by FROM delete_blob($1, $2, $3, $4)";
/// Those of the named repositories that link the blob, and some others that do.
const LINKING: &str = "(SELECT r.name FROM unnest($3::text[]) AS named (name)
        JOIN repositories r ON r.upstream = $2 AND r.name = named.name
        JOIN blobs b ON b.digest = $1
        JOIN repository_blobs l ON l.repository = r.id AND l.blob = b.id
        LIMIT 1)
    UNION ALL
    (SELECT r.name FROM blobs b
        JOIN repository_blobs l ON l.blob = b.id
        JOIN repositories r ON r.id = l.repository AND r.upstream = $2
        WHERE b.digest = $1 LIMIT $4)";

#[async_trait]
impl Blobs for PostgresMeta {
    async fn blob(&self, repo: &RepoKey, digest: &Digest) -> Result<Option<BlobRecord>, MetaError> {
        const OP: &str = "find a blob";
        let key = Key::of(digest);
        let params: Params<'_> = &[&upstream(repo), &repo.name.as_str(), &key];
        let row = self.client.row(OP, LINKED, params).await?;
        row.map_or(Ok(None), |row| read(OP, &row, digest))
    }

    async fn link_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        const OP: &str = "link a blob";
        let key = Key::of(digest);
        let params: Params<'_> = &[&upstream(repo), &repo.name.as_str(), &key];
        let row = self.client.call(OP, LINK, params).await?;
        read(OP, &row, digest)
    }

    async fn add_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        blob: NewBlob,
    ) -> Result<AddedBlob, MetaError> {
        const OP: &str = "record a blob";
        let new = blob.record;
        let row = self
            .client
            .call(
                OP,
                ADD,
                &[
                    &upstream(repo),
                    &repo.name.as_str(),
                    &Key::of(&new.digest),
                    &Count(new.size),
                    &new.locator.as_str(),
                    &blob.replaces.as_ref().map(Locator::as_str),
                    &ctx.now,
                ],
            )
            .await?;
        if value(OP, &row, 2)? {
            return Err(MetaError::being_removed(&new.locator));
        }
        let record = read(OP, &row, &new.digest)?;
        let record = record.ok_or_else(|| MetaError::backend(OP, "no record came back"))?;
        let kept = record.locator == new.locator;
        Ok(AddedBlob { record, kept })
    }

    async fn mount_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobRecord>, MetaError> {
        const OP: &str = "mount a blob";
        let source = match from {
            MountFrom::Repository(source) => source.clone(),
            MountFrom::AnyOf(scope) => match self.linking(scope, digest).await? {
                Some(source) => RepoKey::local(source),
                None => return Ok(None),
            },
        };
        let row = self
            .client
            .call(
                OP,
                MOUNT,
                &[
                    &upstream(repo),
                    &repo.name.as_str(),
                    &Key::of(digest),
                    &upstream(&source),
                    &source.name.as_str(),
                ],
            )
            .await?;
        read(OP, &row, digest)
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        const OP: &str = "delete a blob";
        let (upstream, name) = (upstream(repo), repo.name.as_str());
        let key = Key::of(digest);
        let params: Params<'_> = &[&upstream, &name, &key, &ctx.now];
        let row = self.client.call(OP, DELETE, params).await?;
        if let Some(Stored(manifest)) = value(OP, &row, 2)? {
            return Err(MetaError::BlobInUse {
                digest: *digest,
                manifest,
            });
        }
        read(OP, &row, digest)
    }
}

impl PostgresMeta {
    /// A repository within `scope` that links the blob, as far as a few of its links tell. It may
    /// be gone a moment later; the mount looks again.
    async fn linking(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<RepositoryName>, MetaError> {
        const OP: &str = "find a blob to mount";
        let exact: Vec<&str> = match scope {
            Scope::All => Vec::new(),
            Scope::AnyOf(patterns) => patterns
                .iter()
                .filter_map(|pattern| match pattern {
                    RepoPattern::Exact(name) => Some(name.as_str()),
                    RepoPattern::Below(_) => None,
                })
                .collect(),
        };
        let key = Key::of(digest);
        let params: Params<'_> = &[&key, &NO_UPSTREAM, &exact, &MOUNT_LINKS];
        for row in self.client.rows(OP, LINKING, params).await? {
            let Text(name) = value(OP, &row, 0)?;
            if scope.contains(&name) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

/// The blob of a row whose first columns are its size and locator; nulls are no blob.
fn read(op: &'static str, row: &Row, digest: &Digest) -> Result<Option<BlobRecord>, MetaError> {
    let Some(Count(size)) = value(op, row, 0)? else {
        return Ok(None);
    };
    Ok(Some(BlobRecord {
        digest: *digest,
        size,
        locator: Locator::new(value::<String>(op, row, 1)?),
    }))
}
