//! Handing an operation on to the registry within.

use std::sync::Arc;

use async_trait::async_trait;
use oci_meta::{Ctx, RepoKey};
use oci_types::Digest;

use crate::{Delete, List, ManifestDelete, Pull, Push, RegistryError, TagDelete};

/// `Pull` for a type, by the registry that `$inner` is.
macro_rules! forward_pull {
    ([$($generics:tt)*] $type:ty, $this:ident => $inner:expr) => {
        #[async_trait::async_trait]
        impl<$($generics)*> $crate::Pull for $type {
            async fn manifest(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                reference: &oci_types::Reference,
            ) -> Result<$crate::StoredManifest, $crate::RegistryError> {
                let $this = self;
                $inner.manifest(ctx, repo, reference).await
            }

            async fn blob_info(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                digest: &oci_types::Digest,
            ) -> Result<$crate::BlobInfo, $crate::RegistryError> {
                let $this = self;
                $inner.blob_info(ctx, repo, digest).await
            }

            async fn blob(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                digest: &oci_types::Digest,
                range: Option<oci_types::ByteRange>,
            ) -> Result<$crate::Blob, $crate::RegistryError> {
                let $this = self;
                $inner.blob(ctx, repo, digest, range).await
            }
        }
    };
}

/// `List` for a type, by the registry that `$inner` is.
macro_rules! forward_list {
    ([$($generics:tt)*] $type:ty, $this:ident => $inner:expr) => {
        #[async_trait::async_trait]
        impl<$($generics)*> $crate::List for $type {
            async fn tags(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                page: $crate::PageRequest<String>,
            ) -> Result<oci_meta::Page<oci_types::Tag>, $crate::RegistryError> {
                let $this = self;
                $inner.tags(ctx, repo, page).await
            }

            async fn referrers(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                subject: &oci_types::Digest,
                artifact_type: Option<&str>,
                page: $crate::PageRequest<oci_types::Digest>,
            ) -> Result<oci_meta::Page<oci_types::Descriptor>, $crate::RegistryError> {
                let $this = self;
                $inner.referrers(ctx, repo, subject, artifact_type, page).await
            }

            async fn repositories(
                &self,
                ctx: &oci_meta::Ctx,
                scope: &oci_meta::Scope,
                page: $crate::PageRequest<String>,
            ) -> Result<oci_meta::Page<oci_types::RepositoryName>, $crate::RegistryError> {
                let $this = self;
                $inner.repositories(ctx, scope, page).await
            }
        }
    };
}

/// `Push` for a type, by the registry that `$inner` is; a manifest goes there as `$adapted`.
macro_rules! forward_push {
    (
        [$($generics:tt)*] $type:ty, $this:ident => $inner:expr,
        ($repo:ident, $push:ident) => $adapted:expr
    ) => {
        #[async_trait::async_trait]
        impl<$($generics)*> $crate::Push for $type {
            async fn start_upload(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                algorithm: Option<oci_types::Algorithm>,
            ) -> Result<$crate::UploadStatus, $crate::RegistryError> {
                let $this = self;
                $inner.start_upload(ctx, repo, algorithm).await
            }

            async fn upload_status(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                id: oci_upload::UploadId,
            ) -> Result<$crate::UploadStatus, $crate::RegistryError> {
                let $this = self;
                $inner.upload_status(ctx, repo, id).await
            }

            async fn append_upload(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                id: oci_upload::UploadId,
                chunk: $crate::Chunk,
            ) -> Result<$crate::UploadStatus, $crate::RegistryError> {
                let $this = self;
                $inner.append_upload(ctx, repo, id, chunk).await
            }

            async fn finish_upload(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                id: oci_upload::UploadId,
                chunk: Option<$crate::Chunk>,
                digest: &oci_types::Digest,
            ) -> Result<$crate::BlobInfo, $crate::RegistryError> {
                let $this = self;
                $inner.finish_upload(ctx, repo, id, chunk, digest).await
            }

            async fn cancel_upload(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                id: oci_upload::UploadId,
            ) -> Result<(), $crate::RegistryError> {
                let $this = self;
                $inner.cancel_upload(ctx, repo, id).await
            }

            async fn push_blob(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                digest: &oci_types::Digest,
                chunk: $crate::Chunk,
            ) -> Result<$crate::BlobInfo, $crate::RegistryError> {
                let $this = self;
                $inner.push_blob(ctx, repo, digest, chunk).await
            }

            async fn mount_blob(
                &self,
                ctx: &oci_meta::Ctx,
                repo: &oci_meta::RepoKey,
                digest: &oci_types::Digest,
                from: &oci_meta::MountFrom,
            ) -> Result<Option<$crate::BlobInfo>, $crate::RegistryError> {
                let $this = self;
                $inner.mount_blob(ctx, repo, digest, from).await
            }

            async fn push_manifest(
                &self,
                ctx: &oci_meta::Ctx,
                $repo: &oci_meta::RepoKey,
                $push: $crate::ManifestPush,
            ) -> Result<$crate::ManifestPushed, $crate::RegistryError> {
                let $this = self;
                $inner.push_manifest(ctx, $repo, $adapted).await
            }
        }
    };
}

pub(super) use {forward_list, forward_pull, forward_push};

forward_pull!([T: Pull + ?Sized] Arc<T>, this => (**this));
forward_list!([T: List + ?Sized] Arc<T>, this => (**this));

forward_push!([T: Push + ?Sized] Arc<T>, this => (**this), (repo, push) => push);

#[async_trait]
impl<T: Delete + ?Sized> Delete for Arc<T> {
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: ManifestDelete,
    ) -> Result<(), RegistryError> {
        (**self).delete_manifest(ctx, repo, delete).await
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: TagDelete,
    ) -> Result<(), RegistryError> {
        (**self).delete_tag(ctx, repo, delete).await
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        (**self).delete_blob(ctx, repo, digest).await
    }
}
