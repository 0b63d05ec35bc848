//! Defects of reading.

use async_trait::async_trait;
use oci_registry::{Blob, BlobInfo, Ctx, Pull, RegistryError, RepoKey, StoredManifest};
use oci_types::{ByteRange, Digest, Reference};

use super::{Defect, Faulty};

#[async_trait]
impl Pull for Faulty {
    async fn manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        let reference = self.folded(reference);
        let mut found = self.inner.manifest(ctx, repo, &reference).await;
        if self.has(Defect::TagsOutlive) && found.is_err() {
            let remembered = self.memory().tags.get(&(repo.clone(), reference)).cloned();
            found = remembered.map_or(found, Ok);
        }
        if self.has(Defect::Sha256Alone) {
            found = found.map(|manifest| StoredManifest {
                digest: Digest::sha256(&manifest.bytes),
                ..manifest
            });
        }
        found
    }

    async fn blob_info(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let mut found = Err(RegistryError::BlobUnknown {
            repo: repo.clone(),
            digest: *digest,
        });
        for home in self.homes(repo, digest, Defect::BlobsLeak) {
            if found.is_err() {
                found = self.inner.blob_info(ctx, &home, digest).await;
            }
        }
        found
    }

    async fn blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, RegistryError> {
        let mut found = Err(RegistryError::BlobUnknown {
            repo: repo.clone(),
            digest: *digest,
        });
        for home in self.homes(repo, digest, Defect::BlobsLeak) {
            if found.is_err() {
                found = self.inner.blob(ctx, &home, digest, range).await;
            }
        }
        found
    }
}
