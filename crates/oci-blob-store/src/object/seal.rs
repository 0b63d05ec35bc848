//! Sealing: what was staged becomes one object under its own key.

use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::error::{despite_conflicts, failed, is_missing};
use super::job::put_part;
use super::read::{damaged, gather};
use super::record::{Multipart, ObjectRecord};
use super::{ObjectBlobStore, verify};
use crate::{BlobStoreError, Locator, Staged};

const SEAL: &str = "seal staged bytes";

/// Makes the object, unless that was done before, and removes the tails.
pub(super) async fn seal(
    store: &ObjectBlobStore,
    staged: &Staged,
) -> Result<Locator, BlobStoreError> {
    let record = ObjectRecord::of(staged)?;
    let sealing = Sealing {
        path: store.layout().object_of(record.key),
        locator: Locator::of_key(record.key),
        store,
        staged,
        record,
    };
    match &sealing.record.multipart {
        None => sealing.put().await?,
        Some(multipart) => sealing.complete(multipart).await?,
    }
    let tails = sealing.record.tail_objects();
    if let (_, Some(error)) = store.remove_tails(staged.id, tails).await {
        tracing::debug!(%error, "tails of a sealed blob stay behind");
    }
    Ok(sealing.locator)
}

struct Sealing<'a> {
    store: &'a ObjectBlobStore,
    staged: &'a Staged,
    record: ObjectRecord,
    path: Path,
    locator: Locator,
}

impl Sealing<'_> {
    /// Stores a blob without parts. No other checkpoint has its key.
    async fn put(&self) -> Result<(), BlobStoreError> {
        let Some(tails) = self.tails().await? else {
            return Ok(());
        };
        let body = tails.into_iter().collect();
        let stored = self.store.put(&self.path, &body).await;
        stored.map(drop).map_err(|e| failed(SEAL, e))
    }

    /// Completes the multipart upload.
    async fn complete(&self, multipart: &Multipart) -> Result<(), BlobStoreError> {
        let mut parts = multipart.parts.clone();
        if self.record.tails.is_empty() {
            return self.complete_with(multipart, &parts).await;
        }
        if let Some(last) = &multipart.last {
            parts.push(last.clone());
            match self.complete_with(multipart, &parts).await {
                // Somebody may have sent another part of that number since.
                Err(BlobStoreError::Io { source, .. }) => {
                    tracing::debug!(error = %source, "the last part is sent again");
                    parts.pop();
                }
                done => return done,
            }
        }
        let Some(tails) = self.tails().await? else {
            return Ok(());
        };
        let tag = verify::tag_of(&tails);
        let number = multipart.parts.len();
        let body = (self.staged.len, tails);
        match put_part(self.store, &self.path, &multipart.upload, number, body).await {
            Ok(last) => {
                parts.push(last);
                self.complete_with(multipart, &parts).await
            }
            Err(BlobStoreError::StagedLost { .. }) => {
                parts.push(tag);
                self.was_completed(multipart, &parts).await
            }
            Err(error) => Err(error),
        }
    }

    async fn complete_with(
        &self,
        multipart: &Multipart,
        tags: &[String],
    ) -> Result<(), BlobStoreError> {
        let ids = tags.iter().cloned();
        let ids: Vec<_> = ids.map(|content_id| PartId { content_id }).collect();
        let bucket = self.store.bucket();
        let done = despite_conflicts(|| {
            bucket.complete_multipart(&self.path, &multipart.upload, ids.clone())
        });
        // Not even success says whose parts the object is made of.
        match done.await {
            Err(error) if !is_missing(&error) => Err(failed(SEAL, error)),
            _ => self.was_completed(multipart, tags).await,
        }
    }

    /// The bytes behind the parts, which sealing removes: `None` where it was done before.
    async fn tails(&self) -> Result<Option<Vec<Bytes>>, BlobStoreError> {
        let (id, len) = (self.staged.id, self.staged.len);
        match gather(self.store, id, len, &self.record.tails).await {
            Ok(tails) => Ok(Some(tails)),
            Err(lost @ BlobStoreError::StagedLost { .. }) => match self.made_before().await? {
                Some(_) => Ok(None),
                None => Err(lost),
            },
            Err(error) => Err(error),
        }
    }

    /// Whether the upload was completed, now or before, with parts of these tags.
    async fn was_completed(
        &self,
        multipart: &Multipart,
        tags: &[String],
    ) -> Result<(), BlobStoreError> {
        if let Some(found) = self.made_before().await? {
            let size = multipart.part_size;
            if verify::is_tag_of(found.e_tag.as_deref(), tags)
                || verify::is_made_of(self.store, &self.path, tags, size).await?
            {
                return Ok(());
            }
        }
        Err(BlobStoreError::StagedLost {
            recorded: self.staged.len,
            found: 0,
        })
    }

    /// The object, if it is there; one of another length is damaged.
    async fn made_before(&self) -> Result<Option<ObjectMeta>, BlobStoreError> {
        let recorded = self.staged.len;
        match self.store.bucket().head(&self.path).await {
            Ok(found) if found.size == recorded => Ok(Some(found)),
            Ok(found) => Err(damaged(&self.locator, recorded, found.size)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(SEAL, error)),
        }
    }
}
