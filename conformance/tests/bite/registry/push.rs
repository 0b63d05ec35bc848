//! Defects of writing.

use std::time::Duration;

use async_trait::async_trait;
use oci_registry::{
    BlobInfo, Chunk, Ctx, ManifestPush, ManifestPushed, MountFrom, Pull, Push, RegistryError,
    RepoKey, StoredManifest, UploadId, UploadStatus,
};
use oci_types::{Algorithm, Digest, Manifest, MediaType, Reference};

use super::{Defect, Faulty, Whole};

#[async_trait]
impl Push for Faulty {
    async fn start_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        if self.has(Defect::FirstSessionAgain) {
            let sessions = self.memory().sessions.clone();
            let first = sessions.iter().find(|(_, home)| *home == repo);
            if let Some((&id, _)) = first
                && let Ok(status) = self.inner.upload_status(ctx, repo, id).await
            {
                return Ok(status);
            }
        }
        let status = self.inner.start_upload(ctx, repo, algorithm).await?;
        self.memory().sessions.insert(status.id, repo.clone());
        Ok(status)
    }

    async fn upload_status(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<UploadStatus, RegistryError> {
        self.inner
            .upload_status(ctx, &self.home(repo, id), id)
            .await
    }

    async fn append_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        let repo = &self.home(repo, id);
        if self.has(Defect::RefusedChunkStays) {
            let whole = Whole::of(chunk).await?;
            let appended = self.inner.append_upload(ctx, repo, id, whole.chunk()).await;
            if let Err(RegistryError::UploadOffset { .. }) = appended {
                self.inner
                    .append_upload(ctx, repo, id, whole.unplaced())
                    .await?;
            }
            return appended;
        }
        let appended = self.inner.append_upload(ctx, repo, id, chunk).await;
        let ends = match &appended {
            Ok(_) => self.has(Defect::SessionEndsWithChunk),
            Err(RegistryError::UploadOffset { .. }) => self.has(Defect::SessionEndsAt416),
            Err(_) => false,
        };
        if ends {
            self.inner.cancel_upload(ctx, repo, id).await?;
        }
        appended
    }

    async fn finish_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let repo = &self.home(repo, id);
        if !self.has(Defect::AnyDigest) && !self.has(Defect::MismatchStored) {
            let finished = self
                .inner
                .finish_upload(ctx, repo, id, chunk, digest)
                .await?;
            return Ok(self.at_home(repo, finished));
        }
        let whole = match chunk {
            Some(chunk) => Some(Whole::of(chunk).await?),
            None => None,
        };
        let chunk = || whole.as_ref().map(Whole::chunk);
        let finished = self
            .inner
            .finish_upload(ctx, repo, id, chunk(), digest)
            .await;
        let Err(RegistryError::DigestMismatch { actual, .. }) = finished else {
            return finished;
        };
        let stored = self
            .inner
            .finish_upload(ctx, repo, id, chunk(), &actual)
            .await?;
        let claimed = BlobInfo {
            digest: *digest,
            ..stored
        };
        if self.has(Defect::AnyDigest) {
            Ok(claimed)
        } else {
            finished
        }
    }

    async fn cancel_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<(), RegistryError> {
        let repo = &self.home(repo, id);
        match self.has(Defect::CancelForgotten) {
            true => self.inner.upload_status(ctx, repo, id).await.map(drop),
            false => self.inner.cancel_upload(ctx, repo, id).await,
        }
    }

    async fn push_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<BlobInfo, RegistryError> {
        let stored = self.inner.push_blob(ctx, repo, digest, chunk).await?;
        Ok(self.at_home(repo, stored))
    }

    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobInfo>, RegistryError> {
        let mounted = self.inner.mount_blob(ctx, repo, digest, from).await?;
        let claimed = BlobInfo {
            digest: *digest,
            size: 0,
        };
        let mounted = mounted.or_else(|| self.has(Defect::MountClaimed).then_some(claimed));
        Ok(mounted.map(|info| self.at_home(repo, info)))
    }

    async fn push_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        mut push: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        push.reference = self.folded(&push.reference);
        let asked = push.clone();
        match self.defect {
            Defect::Reserialised => {
                let value = serde_json::from_slice::<serde_json::Value>(&push.bytes);
                push.bytes = value.map_or(push.bytes, |value| value.to_string().into());
            }
            Defect::FurtherTagsLost => push.tags.clear(),
            Defect::TagsStay => {
                let taken = self
                    .inner
                    .manifest(ctx, repo, &push.reference)
                    .await
                    .is_ok();
                if taken && push.reference.as_tag().is_some() {
                    push.reference = Reference::Digest(Digest::sha256(&push.bytes));
                }
            }
            Defect::SubjectRequired => self.require_subject(ctx, repo, &push).await?,
            Defect::TagBusy => return self.push_alone(ctx, repo, push).await,
            _ => {}
        }
        let pushed = self.inner.push_manifest(ctx, repo, push).await?;
        self.remember(ctx, repo, &asked, &pushed).await?;
        Ok(ManifestPushed {
            tags: asked.tags,
            ..pushed
        })
    }
}

impl Faulty {
    fn at_home(&self, repo: &RepoKey, info: BlobInfo) -> BlobInfo {
        let mut memory = self.memory();
        memory
            .homes
            .entry(info.digest)
            .or_default()
            .insert(repo.clone());
        info
    }

    async fn require_subject(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: &ManifestPush,
    ) -> Result<(), RegistryError> {
        let manifest = Manifest::parse(push.content_type.as_ref(), &push.bytes)?;
        let Some(subject) = manifest.subject else {
            return Ok(());
        };
        let found = self
            .inner
            .manifest(ctx, repo, &Reference::Digest(subject.digest))
            .await;
        let missing = vec![subject.digest];
        found
            .map(drop)
            .map_err(|_| RegistryError::MissingReferences { missing })
    }

    async fn push_alone(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        let key = (repo.clone(), push.reference.clone());
        if !self.memory().busy.insert(key.clone()) {
            return Err(RegistryError::Unavailable {
                retry_after: Duration::from_secs(1),
                source: "another push is under way".into(),
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let pushed = self.inner.push_manifest(ctx, repo, push).await;
        self.memory().busy.remove(&key);
        pushed
    }

    /// Remembers a tag's manifest and a subject's referrer.
    async fn remember(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: &ManifestPush,
        pushed: &ManifestPushed,
    ) -> Result<(), RegistryError> {
        let stored = self
            .inner
            .manifest(ctx, repo, &Reference::Digest(pushed.digest))
            .await?;
        let StoredManifest {
            media_type, bytes, ..
        } = &stored;
        if let Some(subject) = pushed.subject {
            let manifest = Manifest::parse(Some::<&MediaType>(media_type), bytes)?;
            let descriptor = manifest.referrer_descriptor(pushed.digest, bytes.len() as u64);
            self.memory()
                .referrers
                .push((repo.clone(), subject, descriptor));
        }
        let key = (repo.clone(), push.reference.clone());
        if push.reference.as_tag().is_some() {
            self.memory().tags.insert(key, stored);
        }
        Ok(())
    }
}
