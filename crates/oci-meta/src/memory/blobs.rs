//! Blobs and their links.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use oci_types::Digest;

use super::{Blob, MemoryMeta, Repository, State};
use crate::references::EdgeKind;
use crate::{AddedBlob, BlobRecord, Blobs, Ctx, MetaError, MountFrom, NewBlob, RepoKey, Timestamp};

#[async_trait]
impl Blobs for MemoryMeta {
    async fn blob(&self, repo: &RepoKey, digest: &Digest) -> Result<Option<BlobRecord>, MetaError> {
        let state = self.state();
        let blob = state.blobs.get(digest);
        let linked = blob.filter(|blob| blob.links.contains(repo));
        Ok(linked.map(|blob| blob.record.clone()))
    }

    async fn link_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        Ok(self.state().link(repo, digest))
    }

    async fn add_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        blob: NewBlob,
    ) -> Result<AddedBlob, MetaError> {
        let mut state = self.state();
        let digest = blob.record.digest;
        let locator = blob.record.locator.clone();
        state.record(blob, ctx.now)?;
        let linked = state.link(repo, &digest);
        let record = linked.ok_or_else(|| MetaError::backend("record a blob", "it is gone"))?;
        Ok(AddedBlob {
            kept: record.locator == locator,
            record,
        })
    }

    async fn mount_blob(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobRecord>, MetaError> {
        let mut state = self.state();
        let blob = state.blobs.get(digest);
        let found = blob.is_some_and(|blob| match from {
            MountFrom::Repository(source) => blob.links.contains(source),
            MountFrom::AnyOf(scope) => blob
                .links
                .iter()
                .any(|link| link.upstream.is_none() && scope.contains(&link.name)),
        });
        Ok(found.then(|| state.link(repo, digest)).flatten())
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        let mut state = self.state();
        let linked = |blob: &&Blob| blob.links.contains(repo);
        if state.blobs.get(digest).filter(linked).is_none() {
            return Ok(None);
        }
        if let Some(manifest) = state.repository(repo).and_then(|r| r.holder(digest)) {
            return Err(MetaError::BlobInUse {
                digest: *digest,
                manifest,
            });
        }
        Ok(state.unlink(repo, digest, ctx.now))
    }
}

impl Repository {
    /// A manifest that refers to the blob.
    fn holder(&self, digest: &Digest) -> Option<Digest> {
        let holders = self.holders.get(digest)?;
        let mut of_blobs = holders
            .iter()
            .filter(|(kind, _)| EdgeKind::OF_BLOBS.contains(kind));
        of_blobs.next().map(|(_, manifest)| *manifest)
    }
}

impl State {
    /// Records the object, or queues it where another one stands for its digest.
    fn record(&mut self, blob: NewBlob, now: Timestamp) -> Result<(), MetaError> {
        let digest = blob.record.digest;
        let recorded = self.blobs.get(&digest).map(|blob| &blob.record.locator);
        let replaced = recorded.filter(|recorded| {
            blob.replaces.as_ref() == Some(recorded) && **recorded != blob.record.locator
        });
        match (recorded, replaced) {
            (Some(recorded), None) => {
                if *recorded != blob.record.locator {
                    self.queue.add(blob.record, now);
                }
            }
            _ => self.take(blob.record, now)?,
        }
        Ok(())
    }

    /// Makes the object the one that stands for its digest.
    fn take(&mut self, record: BlobRecord, now: Timestamp) -> Result<(), MetaError> {
        self.queue.withdraw(&record.locator)?;
        match self.blobs.entry(record.digest) {
            Entry::Occupied(mut recorded) => {
                let replaced = std::mem::replace(&mut recorded.get_mut().record, record);
                self.queue.add(replaced, now);
            }
            Entry::Vacant(place) => {
                place.insert(Blob {
                    record,
                    links: BTreeSet::new(),
                    unlinked_at: None,
                });
            }
        }
        Ok(())
    }

    fn link(&mut self, repo: &RepoKey, digest: &Digest) -> Option<BlobRecord> {
        let blob = self.blobs.get_mut(digest)?;
        if let Some(at) = blob.unlinked_at.take() {
            self.unlinked.remove(&(at, *digest));
        }
        blob.links.insert(repo.clone());
        let record = blob.record.clone();
        self.repository_or_new(repo);
        Some(record)
    }

    fn unlink(&mut self, repo: &RepoKey, digest: &Digest, now: Timestamp) -> Option<BlobRecord> {
        let blob = self.blobs.get_mut(digest)?;
        blob.links.remove(repo);
        if blob.links.is_empty() {
            blob.unlinked_at = Some(now);
            self.unlinked.insert((now, *digest));
        }
        Some(blob.record.clone())
    }
}
