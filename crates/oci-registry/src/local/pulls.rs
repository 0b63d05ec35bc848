//! Reading manifests and blobs.

use std::ops::Range;

use async_trait::async_trait;
use oci_blob_store::{BlobRead, BlobStoreError, Locator};
use oci_meta::{BlobRecord, Ctx, RepoKey};
use oci_types::{ByteRange, Digest, Reference};

use super::{Inner, LocalRegistry};
use crate::{Blob, BlobInfo, Event, Pull, RegistryError, StoredManifest};

#[async_trait]
impl Pull for LocalRegistry {
    async fn manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        let inner = &self.inner;
        let Some(record) = inner.meta.manifest(repo, reference).await? else {
            return Err(RegistryError::ManifestUnknown {
                repo: repo.clone(),
                reference: reference.clone(),
            });
        };
        let event = Event::ManifestPulled {
            digest: record.digest,
            tag: match reference {
                Reference::Tag(tag) => Some(tag.clone()),
                Reference::Digest(_) => None,
            },
            size: record.bytes.len() as u64,
        };
        inner.observe(ctx, repo, &event);
        Ok(StoredManifest {
            digest: record.digest,
            media_type: record.media_type,
            bytes: record.bytes,
        })
    }

    async fn blob_info(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let inner = &self.inner;
        let record = inner.linked(repo, digest).await?;
        if inner.is_whole(ctx, repo, &record).await? {
            Ok(info(&record))
        } else {
            Err(unknown(repo, digest))
        }
    }

    async fn blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, RegistryError> {
        let inner = &self.inner;
        let record = inner.linked(repo, digest).await?;
        let size = record.size;
        let range = match range.map(|range| range.resolve(size)) {
            None => None,
            Some(Ok(range)) => Some(range),
            Some(Err(_)) => return Err(RegistryError::RangeNotSatisfiable { size }),
        };
        let read = inner.open(ctx, repo, &record, range.clone()).await?;
        let event = Event::BlobPulled {
            digest: *digest,
            bytes: read.len,
        };
        inner.observe(ctx, repo, &event);
        Ok(Blob {
            info: info(&record),
            range,
            read,
        })
    }
}

impl Inner {
    /// The blob as the repository links it.
    async fn linked(&self, repo: &RepoKey, digest: &Digest) -> Result<BlobRecord, RegistryError> {
        let record = self.meta.blob(repo, digest).await?;
        record.ok_or_else(|| unknown(repo, digest))
    }

    /// Whether the bytes are there in full length. Where they are not, that is reported, and the
    /// caller treats the blob as absent: then clients push it again, which mends it.
    pub(super) async fn is_whole(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        record: &BlobRecord,
    ) -> Result<bool, RegistryError> {
        match self.blobs.size(&locator(record)?).await {
            Ok(found) if found == record.size => Ok(true),
            Ok(found) => {
                self.report_damage(ctx, repo, record, Some(found));
                Ok(false)
            }
            Err(BlobStoreError::NotFound { .. }) => {
                self.report_damage(ctx, repo, record, None);
                Ok(false)
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn open(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        record: &BlobRecord,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, RegistryError> {
        match self.blobs.open(&locator(record)?, record.size, range).await {
            Ok(read) => Ok(read),
            Err(BlobStoreError::Damaged { found, .. }) => {
                self.report_damage(ctx, repo, record, Some(found));
                Err(unknown(repo, &record.digest))
            }
            Err(BlobStoreError::NotFound { .. }) => {
                // A blob that was deleted and collected between the two look-ups is no damage.
                if self.meta.blob(repo, &record.digest).await?.as_ref() == Some(record) {
                    self.report_damage(ctx, repo, record, None);
                }
                Err(unknown(repo, &record.digest))
            }
            Err(other) => Err(other.into()),
        }
    }

    fn report_damage(&self, ctx: &Ctx, repo: &RepoKey, record: &BlobRecord, found: Option<u64>) {
        tracing::error!(
            request_id = %ctx.request_id,
            digest = %record.digest,
            locator = %record.locator,
            recorded = record.size,
            found,
            "a blob's bytes are missing or of another length than recorded; \
             it is not served until it is pushed again"
        );
        let event = Event::BlobDamaged {
            digest: record.digest,
        };
        self.observe(ctx, repo, &event);
    }
}

/// Where the blob store keeps the bytes.
pub(super) fn locator(record: &BlobRecord) -> Result<Locator, RegistryError> {
    record
        .locator
        .as_str()
        .parse()
        .map_err(RegistryError::internal)
}

pub(super) fn info(record: &BlobRecord) -> BlobInfo {
    BlobInfo {
        digest: record.digest,
        size: record.size,
    }
}

pub(super) fn unknown(repo: &RepoKey, digest: &Digest) -> RegistryError {
    RegistryError::BlobUnknown {
        repo: repo.clone(),
        digest: *digest,
    }
}
