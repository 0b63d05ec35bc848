//! Removing content.

use async_trait::async_trait;
use oci_meta::{Ctx, RepoKey};
use oci_types::{Digest, Reference};

use super::LocalRegistry;
use super::pulls::unknown;
use crate::{Delete, Event, ManifestDelete, RegistryError, TagDelete};

#[async_trait]
impl Delete for LocalRegistry {
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: ManifestDelete,
    ) -> Result<(), RegistryError> {
        let inner = &self.inner;
        let digest = delete.digest;
        let deleted = inner
            .meta
            .delete_manifest(ctx, repo, &digest, &delete.protect)
            .await?;
        let Some(deleted) = deleted else {
            return Err(manifest_unknown(repo, Reference::Digest(digest)));
        };
        let event = Event::ManifestDeleted {
            digest,
            tags: deleted.tags,
        };
        inner.observe(ctx, repo, &event);
        Ok(())
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: TagDelete,
    ) -> Result<(), RegistryError> {
        let inner = &self.inner;
        let deleted = inner
            .meta
            .delete_tag(ctx, repo, &delete.tag, &delete.protect)
            .await?;
        let Some(deleted) = deleted else {
            return Err(manifest_unknown(repo, Reference::Tag(delete.tag)));
        };
        let event = Event::TagDeleted {
            tag: delete.tag,
            digest: deleted.digest,
        };
        inner.observe(ctx, repo, &event);
        Ok(())
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let inner = &self.inner;
        if inner.meta.delete_blob(ctx, repo, digest).await?.is_none() {
            return Err(unknown(repo, digest));
        }
        let event = Event::BlobDeleted { digest: *digest };
        inner.observe(ctx, repo, &event);
        Ok(())
    }
}

fn manifest_unknown(repo: &RepoKey, reference: Reference) -> RegistryError {
    RegistryError::ManifestUnknown {
        repo: repo.clone(),
        reference,
    }
}
