//! Storing blobs: sessions and single requests, and what makes their bytes a blob.

use std::future::Future;

use async_trait::async_trait;
use futures_util::StreamExt;
use oci_blob_store::Staged;
use oci_meta::{BlobRecord, Ctx, Locator, MountFrom, NewBlob, RepoKey};
use oci_types::{Algorithm, Digest, Hasher};
use oci_upload::{Commit, Refusal, Session, UploadId};
use tokio::time::Instant;

use super::pulls::info;
use super::receive::{Shape, Then, refused};
use super::sessions::{Clock, Recorded};
use super::{Inner, LocalRegistry};
use crate::{
    BlobInfo, Chunk, Event, ManifestPush, ManifestPushed, Push, RegistryError, UploadStatus,
};

#[async_trait]
impl Push for LocalRegistry {
    async fn start_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        let id = self.inner.open_session(ctx, repo, algorithm).await?;
        Ok(UploadStatus { id, offset: 0 })
    }

    async fn upload_status(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<UploadStatus, RegistryError> {
        let recorded = self.inner.settled(ctx, repo, id).await?;
        Ok(status(&recorded.session))
    }

    async fn append_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        let this = self.inner.clone();
        let (ctx, repo) = (ctx.clone(), repo.clone());
        detached(async move {
            let shape = Shape::of(&chunk);
            let admitted = this.admit(&ctx, &repo, id, shape, |_| ()).await?;
            let received = this.receive(&ctx, admitted, chunk.body, Then::Release);
            Ok(status(&received.await?.session))
        })
        .await
    }

    async fn finish_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let this = self.inner.clone();
        let (ctx, repo, digest) = (ctx.clone(), repo.clone(), *digest);
        detached(async move { this.finish(&ctx, &repo, id, chunk, digest).await }).await
    }

    async fn cancel_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<(), RegistryError> {
        let (recorded, ()) = self.inner.lease(ctx, repo, id, |_| Ok(())).await?;
        self.inner.drop_session(&recorded).await
    }

    async fn push_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<BlobInfo, RegistryError> {
        let this = self.clone();
        let (ctx, repo, digest) = (ctx.clone(), repo.clone(), *digest);
        detached(async move { this.push_whole(&ctx, &repo, digest, chunk).await }).await
    }

    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobInfo>, RegistryError> {
        let inner = &self.inner;
        let Some(record) = inner.meta.mount_blob(ctx, repo, digest, from).await? else {
            return Ok(None);
        };
        if !inner.is_whole(ctx, repo, &record).await? {
            return Ok(None);
        }
        let event = Event::BlobMounted {
            digest: *digest,
            size: record.size,
        };
        inner.observe(ctx, repo, &event);
        Ok(Some(info(&record)))
    }

    async fn push_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        self.inner.push_manifest(ctx, repo, push).await
    }
}

impl LocalRegistry {
    /// A session that lives as long as one request.
    async fn push_whole(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: Digest,
        chunk: Chunk,
    ) -> Result<BlobInfo, RegistryError> {
        let inner = &self.inner;
        let id = inner
            .open_session(ctx, repo, Some(digest.algorithm()))
            .await?;
        let error = match inner.finish(ctx, repo, id, Some(chunk), digest).await {
            Ok(info) => return Ok(info),
            Err(error) => error,
        };
        match self.cancel_upload(ctx, repo, id).await {
            Ok(()) | Err(RegistryError::UploadUnknown { .. }) => {}
            Err(also) => {
                tracing::warn!(upload = %id, error = %also, "an upload's bytes stay until it expires");
            }
        }
        Err(match error {
            RegistryError::UploadLength {
                offset,
                announced,
                received,
                ..
            } => RegistryError::UploadLength {
                id: None,
                offset,
                announced,
                received,
            },
            other => other,
        })
    }
}

impl Inner {
    async fn finish(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: Digest,
    ) -> Result<BlobInfo, RegistryError> {
        let (mut recorded, before) = self.take_last(ctx, repo, id, chunk, &digest).await?;
        let settled = match self.prove(ctx, &mut recorded, &digest).await {
            Ok(()) => self.settle(ctx, repo, &recorded.session, digest).await,
            Err(error) => Err(error),
        };
        let record = match settled {
            Ok(record) => record,
            Err(error) => {
                // A wrong digest undoes the last chunk too, so that the client can try again
                // from where it stood.
                let session = match error {
                    RegistryError::DigestMismatch { .. } => before,
                    _ => recorded.session.clone(),
                };
                self.advance(&mut recorded, session.release()).await?;
                return Err(error);
            }
        };
        self.forget_session(&recorded).await?;
        let event = Event::BlobPushed {
            digest,
            size: record.size,
        };
        self.observe(ctx, repo, &event);
        Ok(info(&record))
    }

    /// Leases the session and takes its last chunk in, where there is one. Also answers the
    /// session as it was before the chunk.
    async fn take_last(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: &Digest,
    ) -> Result<(Recorded, Session<Staged>), RegistryError> {
        let announce = |session: &mut Session<Staged>| session.announce(digest.algorithm());
        let Some(chunk) = chunk else {
            let lease = self.lease(ctx, repo, id, |session| {
                announce(session);
                Ok(())
            });
            let (recorded, ()) = lease.await?;
            let before = recorded.session.clone();
            return Ok((recorded, before));
        };
        let shape = Shape::of(&chunk);
        let admitted = self.admit(ctx, repo, id, shape, announce).await?;
        let before = admitted.0.session.clone();
        let recorded = self.receive(ctx, admitted, chunk.body, Then::Keep).await?;
        Ok((recorded, before))
    }

    /// Makes sure that the session's bytes have the digest.
    async fn prove(
        &self,
        ctx: &Ctx,
        recorded: &mut Recorded,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let id = recorded.session.id();
        let commit = recorded.session.commit(digest);
        match commit.map_err(|refusal| refused(id, refusal))? {
            Commit::Proved => Ok(()),
            Commit::Rehash(algorithm) => {
                let actual = self.rehash(ctx, recorded, algorithm).await?;
                if actual == *digest {
                    return Ok(());
                }
                let expected = *digest;
                Err(refused(id, Refusal::Mismatch { expected, actual }))
            }
        }
    }

    /// Hashes the staged bytes with an algorithm that the client named only at the end.
    async fn rehash(
        &self,
        ctx: &Ctx,
        recorded: &mut Recorded,
        algorithm: Algorithm,
    ) -> Result<Digest, RegistryError> {
        let (clock, terms) = (Clock::starting(ctx), &self.options.terms);
        let mut renew_at = Instant::now() + terms.lease / 3;
        let staged = recorded.session.staged();
        let mut stream = self.blobs.read_staged(staged).await?.into_stream();
        let mut hasher = Hasher::new(algorithm);
        while let Some(data) = stream.next().await {
            hasher.update(&data?);
            if Instant::now() >= renew_at {
                let session = recorded.session.clone().renew(clock.now(), terms);
                self.advance(recorded, session).await?;
                renew_at = Instant::now() + terms.lease / 3;
            }
        }
        Ok(hasher.finish())
    }

    /// Makes proved bytes a blob of the repository, durably.
    async fn settle(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        session: &Session<Staged>,
        digest: Digest,
    ) -> Result<BlobRecord, RegistryError> {
        let mut replaces = None;
        if let Some(known) = self.meta.link_blob(ctx, repo, &digest).await? {
            if self.is_whole(ctx, repo, &known).await? {
                self.blobs.discard(session.staged()).await?;
                return Ok(known);
            }
            replaces = Some(known.locator);
        }
        let locator = self.blobs.seal(session.staged(), &digest).await?;
        let record = BlobRecord {
            digest,
            size: session.offset(),
            locator: Locator::new(locator.as_str()),
        };
        let added = self.meta.add_blob(ctx, repo, NewBlob { record, replaces });
        Ok(added.await?.record)
    }
}

fn status(session: &Session<Staged>) -> UploadStatus {
    UploadStatus {
        id: session.id(),
        offset: session.offset(),
    }
}

/// Runs to its end even where the caller is dropped, as it is when a client goes away.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, RegistryError>> + Send + 'static,
) -> Result<T, RegistryError> {
    match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(panicked) => Err(RegistryError::internal(panicked)),
    }
}
