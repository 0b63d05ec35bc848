//! The traits through a shared pointer, `Arc<dyn MetaStore>` included.

use std::sync::Arc;

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, Reference, RepositoryName, Tag};
use uuid::Uuid;

use crate::{
    AddedBlob, BlobRecord, Blobs, ClaimGarbage, Collection, Ctx, DeletedManifest, DeletedTag,
    Garbage, Health, Lists, ManifestRecord, Manifests, MetaError, MountFrom, NewBlob, Page,
    PutManifest, PutOutcome, RepoKey, Scope, SessionLimits, SessionRecord, TagGuard, Timestamp,
    UploadSessions,
};

#[async_trait]
impl<T: Manifests + ?Sized> Manifests for Arc<T> {
    async fn put_manifest(&self, ctx: &Ctx, put: PutManifest) -> Result<PutOutcome, MetaError> {
        (**self).put_manifest(ctx, put).await
    }

    async fn manifest(
        &self,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<Option<ManifestRecord>, MetaError> {
        (**self).manifest(repo, reference).await
    }

    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        guard: &TagGuard,
    ) -> Result<Option<DeletedManifest>, MetaError> {
        (**self).delete_manifest(ctx, repo, digest, guard).await
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        tag: &Tag,
        guard: &TagGuard,
    ) -> Result<Option<DeletedTag>, MetaError> {
        (**self).delete_tag(ctx, repo, tag, guard).await
    }
}

#[async_trait]
impl<T: Blobs + ?Sized> Blobs for Arc<T> {
    async fn blob(&self, repo: &RepoKey, digest: &Digest) -> Result<Option<BlobRecord>, MetaError> {
        (**self).blob(repo, digest).await
    }

    async fn link_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        (**self).link_blob(ctx, repo, digest).await
    }

    async fn add_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        blob: NewBlob,
    ) -> Result<AddedBlob, MetaError> {
        (**self).add_blob(ctx, repo, blob).await
    }

    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobRecord>, MetaError> {
        (**self).mount_blob(ctx, repo, digest, from).await
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError> {
        (**self).delete_blob(ctx, repo, digest).await
    }
}

#[async_trait]
impl<T: Lists + ?Sized> Lists for Arc<T> {
    async fn tags(
        &self,
        repo: &RepoKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<Tag>>, MetaError> {
        (**self).tags(repo, after, limit).await
    }

    async fn referrers(
        &self,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<Descriptor>, MetaError> {
        (**self)
            .referrers(repo, subject, artifact_type, after, limit)
            .await
    }

    async fn repositories(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetaError> {
        (**self).repositories(scope, after, limit).await
    }
}

#[async_trait]
impl<T: Collection + ?Sized> Collection for Arc<T> {
    async fn claim_garbage(
        &self,
        ctx: &Ctx,
        claim: ClaimGarbage,
    ) -> Result<Vec<Garbage>, MetaError> {
        (**self).claim_garbage(ctx, claim).await
    }

    async fn forget_garbage(&self, ctx: &Ctx, tickets: &[u64]) -> Result<(), MetaError> {
        (**self).forget_garbage(ctx, tickets).await
    }
}

#[async_trait]
impl<T: UploadSessions + ?Sized> UploadSessions for Arc<T> {
    async fn create_session(
        &self,
        record: SessionRecord,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        (**self).create_session(record, limits).await
    }

    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, MetaError> {
        (**self).session(id).await
    }

    async fn update_session(
        &self,
        record: SessionRecord,
        expected: u64,
        limits: &SessionLimits,
    ) -> Result<(), MetaError> {
        (**self).update_session(record, expected, limits).await
    }

    async fn remove_session(&self, id: Uuid, expected: u64) -> Result<(), MetaError> {
        (**self).remove_session(id, expected).await
    }

    async fn expired_sessions(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, MetaError> {
        (**self).expired_sessions(now, limit).await
    }
}

#[async_trait]
impl<T: Health + ?Sized> Health for Arc<T> {
    async fn probe(&self) -> Result<(), MetaError> {
        (**self).probe().await
    }
}
