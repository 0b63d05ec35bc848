//! Defects of deleting.

use async_trait::async_trait;
use oci_registry::{Ctx, Delete, ManifestDelete, Pull, RegistryError, RepoKey, TagDelete};
use oci_types::{Digest, Reference};

use super::{Defect, Faulty};

#[async_trait]
impl Delete for Faulty {
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: ManifestDelete,
    ) -> Result<(), RegistryError> {
        match self.inner.delete_manifest(ctx, repo, delete).await {
            Err(RegistryError::ManifestUnknown { .. }) if self.has(Defect::DeletesNothing) => {
                Ok(())
            }
            other => other,
        }
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: TagDelete,
    ) -> Result<(), RegistryError> {
        let reference = self.folded(&Reference::Tag(delete.tag.clone()));
        self.memory()
            .tags
            .remove(&(repo.clone(), reference.clone()));
        if self.has(Defect::TagDeletesManifest) {
            let digest = self.inner.manifest(ctx, repo, &reference).await?.digest;
            let protect = delete.protect;
            return self
                .inner
                .delete_manifest(ctx, repo, ManifestDelete { digest, protect })
                .await;
        }
        self.inner.delete_tag(ctx, repo, delete).await
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        if self.has(Defect::DeletedBlobStays) {
            return self.inner.blob_info(ctx, repo, digest).await.map(drop);
        }
        self.inner.delete_blob(ctx, repo, digest).await?;
        for home in &self.homes(repo, digest, Defect::DeletesEverywhere)[1..] {
            // It may be gone there.
            let _ = self.inner.delete_blob(ctx, home, digest).await;
        }
        Ok(())
    }
}
