//! A registry that nobody can change.

use async_trait::async_trait;
use oci_meta::{Ctx, MountFrom, RepoKey};
use oci_types::{Algorithm, Digest};
use oci_upload::UploadId;

use super::forward::{forward_list, forward_pull};
use crate::{
    BlobInfo, Chunk, Delete, List, ManifestDelete, ManifestPush, ManifestPushed, Pull, Push,
    RegistryError, TagDelete, UploadStatus,
};

/// A registry that serves what is there and refuses every change.
#[derive(Debug, Clone)]
pub struct ReadOnly<R> {
    inner: R,
}

impl<R> ReadOnly<R> {
    /// `inner` without its changing operations.
    pub fn new(inner: R) -> Self {
        Self { inner }
    }
}

const REFUSED: RegistryError = RegistryError::Unsupported {
    what: "this registry is read-only; push to the one that it mirrors",
};

forward_pull!([R: Pull] ReadOnly<R>, this => this.inner);
forward_list!([R: List] ReadOnly<R>, this => this.inner);

#[async_trait]
impl<R: Send + Sync + std::fmt::Debug> Push for ReadOnly<R> {
    async fn start_upload(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError> {
        Err(REFUSED)
    }

    async fn upload_status(
        &self,
        _: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<UploadStatus, RegistryError> {
        let repo = repo.clone();
        Err(RegistryError::UploadUnknown { repo, id })
    }

    async fn append_upload(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: UploadId,
        _: Chunk,
    ) -> Result<UploadStatus, RegistryError> {
        Err(REFUSED)
    }

    async fn finish_upload(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: UploadId,
        _: Option<Chunk>,
        _: &Digest,
    ) -> Result<BlobInfo, RegistryError> {
        Err(REFUSED)
    }

    async fn cancel_upload(&self, _: &Ctx, _: &RepoKey, _: UploadId) -> Result<(), RegistryError> {
        Err(REFUSED)
    }

    async fn push_blob(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: &Digest,
        _: Chunk,
    ) -> Result<BlobInfo, RegistryError> {
        Err(REFUSED)
    }

    async fn mount_blob(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: &Digest,
        _: &MountFrom,
    ) -> Result<Option<BlobInfo>, RegistryError> {
        Err(REFUSED)
    }

    async fn push_manifest(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        Err(REFUSED)
    }
}

#[async_trait]
impl<R: Send + Sync + std::fmt::Debug> Delete for ReadOnly<R> {
    async fn delete_manifest(
        &self,
        _: &Ctx,
        _: &RepoKey,
        _: ManifestDelete,
    ) -> Result<(), RegistryError> {
        Err(REFUSED)
    }

    async fn delete_tag(&self, _: &Ctx, _: &RepoKey, _: TagDelete) -> Result<(), RegistryError> {
        Err(REFUSED)
    }

    async fn delete_blob(&self, _: &Ctx, _: &RepoKey, _: &Digest) -> Result<(), RegistryError> {
        Err(REFUSED)
    }
}
