//! Manifests and tags.

use std::collections::BTreeSet;
use std::mem;

use async_trait::async_trait;
use oci_types::{Digest, Reference, Tag};

use super::{MemoryMeta, Repository, State, StoredManifest};
use crate::references::{self, EdgeKind, MAX_MISSING, Needed};
use crate::{
    Ctx, DeletedManifest, DeletedTag, Existence, Expect, ManifestRecord, Manifests, MetaError,
    PutManifest, PutOutcome, RepoKey, TagGuard, TagOutcome,
};

#[async_trait]
impl Manifests for MemoryMeta {
    async fn put_manifest(&self, _: &Ctx, put: PutManifest) -> Result<PutOutcome, MetaError> {
        let mut state = self.state();
        state.check_tags(&put)?;
        if put.existence == Existence::Strict {
            state.check_references(&put)?;
        }
        Ok(state.put(put))
    }

    async fn manifest(
        &self,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<Option<ManifestRecord>, MetaError> {
        let state = self.state();
        let Some(repository) = state.repository(repo) else {
            return Ok(None);
        };
        let digest = match reference {
            Reference::Tag(tag) => repository.tags.get(tag),
            Reference::Digest(digest) => Some(digest),
        };
        let stored = digest.and_then(|digest| repository.manifests.get(digest));
        Ok(stored.map(|stored| stored.record.clone()))
    }

    async fn delete_manifest(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        guard: &TagGuard,
    ) -> Result<Option<DeletedManifest>, MetaError> {
        let mut state = self.state();
        let Some(repository) = state.repository_mut(repo) else {
            return Ok(None);
        };
        let Some(stored) = repository.manifests.get(digest) else {
            return Ok(None);
        };
        if let Some(tag) = stored.tags.iter().find(|tag| guard.protects(tag)) {
            return Err(MetaError::TagProtected { tag: tag.clone() });
        }
        Ok(repository.remove(digest).map(|stored| DeletedManifest {
            tags: stored.tags.into_iter().collect(),
        }))
    }

    async fn delete_tag(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        tag: &Tag,
        guard: &TagGuard,
    ) -> Result<Option<DeletedTag>, MetaError> {
        let mut state = self.state();
        let Some(repository) = state.repository_mut(repo) else {
            return Ok(None);
        };
        if !repository.tags.contains_key(tag) {
            return Ok(None);
        }
        if guard.protects(tag) {
            return Err(MetaError::TagProtected { tag: tag.clone() });
        }
        Ok(repository.untag(tag).map(|digest| DeletedTag { digest }))
    }
}

impl State {
    fn check_tags(&self, put: &PutManifest) -> Result<(), MetaError> {
        let repository = self.repository(&put.repo);
        for write in &put.tags {
            let current = repository.and_then(|repository| repository.tags.get(&write.tag));
            match (write.expect, current) {
                (Expect::AbsentOrSame, Some(current)) if *current != put.digest => {
                    return Err(MetaError::TagConflict {
                        tag: write.tag.clone(),
                        current: *current,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_references(&self, put: &PutManifest) -> Result<(), MetaError> {
        let repository = self.repository(&put.repo);
        let is_manifest =
            |digest: &Digest| repository.is_some_and(|repo| repo.manifests.contains_key(digest));
        let is_blob = |digest: &Digest| {
            let blob = self.blobs.get(digest);
            blob.is_some_and(|blob| blob.links.contains(&put.repo))
        };
        let missing: Vec<Digest> = references::needed(&put.manifest)
            .filter(|(digest, needed)| match needed {
                Needed::Blob => !is_blob(digest),
                Needed::Manifest => !is_manifest(digest),
                Needed::Either => !is_manifest(digest) && !is_blob(digest),
            })
            .map(|(digest, _)| digest)
            .take(MAX_MISSING)
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(MetaError::MissingReferences { missing })
        }
    }

    fn put(&mut self, put: PutManifest) -> PutOutcome {
        let repository = self.repository_or_new(&put.repo);
        let known = repository.manifests.get(&put.digest);
        let created = known.is_none();
        if known.is_none_or(|known| known.record.media_type != put.manifest.media_type) {
            repository.store(&put);
        }
        let digest = put.digest;
        let tags = put
            .tags
            .into_iter()
            .map(|write| TagOutcome {
                previous: repository.tag(&write.tag, digest),
                tag: write.tag,
            })
            .collect();
        PutOutcome { created, tags }
    }
}

impl Repository {
    /// Stores the manifest with what it refers to, or replaces it under its new media type.
    fn store(&mut self, put: &PutManifest) {
        let tags = self.remove_references(&put.digest);
        let edges = references::edges(&put.manifest);
        for (target, kind) in &edges {
            let holders = self.holders.entry(*target).or_default();
            holders.insert((*kind, put.digest));
        }
        if let Some(subject) = &put.manifest.subject {
            let descriptor = put
                .manifest
                .referrer_descriptor(put.digest, put.bytes.len() as u64);
            let referrers = self.referrers.entry(subject.digest).or_default();
            referrers.insert(descriptor);
        }
        let stored = StoredManifest {
            record: ManifestRecord {
                digest: put.digest,
                media_type: put.manifest.media_type.clone(),
                bytes: put.bytes.clone(),
            },
            edges,
            tags,
        };
        self.manifests.insert(put.digest, stored);
    }

    fn remove(&mut self, digest: &Digest) -> Option<StoredManifest> {
        let tags = self.remove_references(digest);
        for tag in &tags {
            self.tags.remove(tag);
        }
        self.manifests.remove(digest)
    }

    /// Forgets the edges of a manifest and its referrers entry; answers its tags.
    fn remove_references(&mut self, digest: &Digest) -> BTreeSet<Tag> {
        let Some(stored) = self.manifests.get_mut(digest) else {
            return BTreeSet::new();
        };
        let tags = stored.tags.clone();
        for (target, kind) in mem::take(&mut stored.edges) {
            if kind == EdgeKind::Subject {
                self.remove_referrer(&target, digest);
            }
            if let Some(holders) = self.holders.get_mut(&target) {
                holders.remove(&(kind, *digest));
                if holders.is_empty() {
                    self.holders.remove(&target);
                }
            }
        }
        tags
    }

    /// Points the tag at `digest` and answers what it named before.
    fn tag(&mut self, tag: &Tag, digest: Digest) -> Option<Digest> {
        let previous = self.tags.insert(tag.clone(), digest);
        if let Some(before) = previous.and_then(|before| self.manifests.get_mut(&before)) {
            before.tags.remove(tag);
        }
        if let Some(now) = self.manifests.get_mut(&digest) {
            now.tags.insert(tag.clone());
        }
        previous
    }

    fn untag(&mut self, tag: &Tag) -> Option<Digest> {
        let digest = self.tags.remove(tag)?;
        if let Some(stored) = self.manifests.get_mut(&digest) {
            stored.tags.remove(tag);
        }
        Some(digest)
    }
}
