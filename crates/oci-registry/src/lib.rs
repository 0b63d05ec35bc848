//! What an OCI registry does, free of transport.
//!
//! [`Pull`], [`Push`], [`Delete`] and [`List`] are the operations of the OCI Distribution
//! Specification. [`LocalRegistry`] carries them out over a metadata store and a blob store;
//! [`ReadOnly`] and [`ImmutableTags`] wrap any registry and implement the same traits. A wrapper
//! turns its policy into a precondition that the metadata transaction enforces, or refuses; it
//! never checks first and acts later.
//!
//! Nothing here names a status code or a header: [`RegistryError`] has one variant for each
//! outcome that a client can tell apart, and the transport maps them.

mod error;
mod events;
mod local;
mod model;
#[cfg(feature = "testing")]
pub mod testing;
mod wrap;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use oci_types::{Algorithm, ByteRange, Descriptor, Digest, Reference, RepositoryName, Tag};

pub use error::RegistryError;
pub use events::{Event, Events, NoEvents};
pub use local::{LocalRegistry, Options, Sweep};
pub use model::{
    Blob, BlobInfo, BodyError, BodyStream, Chunk, ManifestDelete, ManifestPush, ManifestPushed,
    PageRequest, StoredManifest, TagDelete, UploadStatus,
};
pub use oci_blob_store::{BlobContent, BlobRead};
pub use oci_meta::{
    Actor, Ctx, MountFrom, Page, RepoKey, RepoPattern, Scope, TagGuard, Timestamp, Upstream,
};
pub use oci_upload::UploadId;
pub use wrap::{ImmutableTags, ReadOnly};

/// Reads manifests and blobs (specification: Pull).
#[async_trait]
pub trait Pull: Debug + Send + Sync {
    /// The manifest that `reference` names, to the byte.
    ///
    /// # Errors
    /// [`RegistryError::ManifestUnknown`], [`RegistryError::Internal`],
    /// [`RegistryError::Unavailable`].
    async fn manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError>;

    /// Whether the repository has the blob, and its size.
    ///
    /// A blob whose bytes are missing or too short is unknown, so that clients push it again.
    ///
    /// # Errors
    /// [`RegistryError::BlobUnknown`], [`RegistryError::Internal`],
    /// [`RegistryError::Unavailable`].
    async fn blob_info(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError>;

    /// Opens the blob or a range of it.
    ///
    /// # Errors
    /// As [`Pull::blob_info`], and [`RegistryError::RangeNotSatisfiable`].
    async fn blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, RegistryError>;
}

/// Writes blobs and manifests (specification: Push).
///
/// What takes a [`BodyStream`] goes on by itself when its caller is dropped: it records what
/// arrived, and leaves a shorter, valid session where the stream ends early.
#[async_trait]
pub trait Push: Debug + Send + Sync {
    /// Opens an upload session. `algorithm` is the one of the digest that will end it, where
    /// the client has announced it.
    ///
    /// # Errors
    /// [`RegistryError::TooManyUploads`], [`RegistryError::Unsupported`],
    /// [`RegistryError::Internal`], [`RegistryError::Unavailable`].
    async fn start_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadStatus, RegistryError>;

    /// How far an upload session has come. While a request is writing to it, waits a moment for
    /// that to settle: the writer of a client that has gone away is about to.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`]: no such session in this repository.
    async fn upload_status(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<UploadStatus, RegistryError>;

    /// Appends a chunk; acknowledged, it survives the death of the process.
    ///
    /// # Errors
    /// - [`RegistryError::UploadUnknown`]
    /// - [`RegistryError::UploadOffset`], [`RegistryError::UploadLength`]: the session is as it
    ///   was before.
    /// - [`RegistryError::UploadBusy`]: another request is writing to the session.
    /// - [`RegistryError::BodyInterrupted`]: the session keeps what arrived.
    /// - [`RegistryError::TooManyUploads`], [`RegistryError::BlobTooLarge`],
    ///   [`RegistryError::StorageFull`], [`RegistryError::Internal`]
    async fn append_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Chunk,
    ) -> Result<UploadStatus, RegistryError>;

    /// Appends the last chunk, where there is one, and makes the session the blob `digest`;
    /// acknowledged, the blob survives power loss.
    ///
    /// # Errors
    /// As [`Push::append_upload`], and [`RegistryError::DigestMismatch`], which leaves the session
    /// as it was before the request.
    async fn finish_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
        chunk: Option<Chunk>,
        digest: &Digest,
    ) -> Result<BlobInfo, RegistryError>;

    /// Ends a session without a blob.
    ///
    /// # Errors
    /// [`RegistryError::UploadUnknown`], [`RegistryError::UploadBusy`],
    /// [`RegistryError::Internal`].
    async fn cancel_upload(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        id: UploadId,
    ) -> Result<(), RegistryError>;

    /// Stores a blob from a single request.
    ///
    /// # Errors
    /// As [`Push::finish_upload`], without those of sessions.
    async fn push_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<BlobInfo, RegistryError>;

    /// Links a blob of another repository; `None` where it cannot, and the client uploads.
    ///
    /// # Errors
    /// [`RegistryError::Internal`], [`RegistryError::Unavailable`],
    /// [`RegistryError::Unsupported`].
    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobInfo>, RegistryError>;

    /// Stores a manifest and writes its tags, together or not at all.
    ///
    /// # Errors
    /// - [`RegistryError::ManifestInvalid`], [`RegistryError::DigestMismatch`],
    ///   [`RegistryError::MissingReferences`]
    /// - [`RegistryError::TagImmutable`]: one refused tag refuses all.
    /// - [`RegistryError::StorageFull`], [`RegistryError::Internal`],
    ///   [`RegistryError::Unavailable`], [`RegistryError::Unsupported`]
    async fn push_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError>;
}

/// Removes content (specification: Content Management).
#[async_trait]
pub trait Delete: Debug + Send + Sync {
    /// Removes a manifest and every tag on it.
    ///
    /// # Errors
    /// [`RegistryError::ManifestUnknown`], [`RegistryError::TagImmutable`],
    /// [`RegistryError::Unsupported`], [`RegistryError::Internal`].
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: ManifestDelete,
    ) -> Result<(), RegistryError>;

    /// Removes a tag alone.
    ///
    /// # Errors
    /// As [`Delete::delete_manifest`].
    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: TagDelete,
    ) -> Result<(), RegistryError>;

    /// Removes a blob from the repository.
    ///
    /// # Errors
    /// [`RegistryError::BlobUnknown`], [`RegistryError::BlobInUse`],
    /// [`RegistryError::Unsupported`], [`RegistryError::Internal`].
    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<(), RegistryError>;
}

/// Lists content (specification: Content Discovery).
#[async_trait]
pub trait List: Debug + Send + Sync {
    /// Tags in ASCII order.
    ///
    /// # Errors
    /// [`RegistryError::RepositoryUnknown`], [`RegistryError::Internal`].
    async fn tags(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        page: PageRequest<String>,
    ) -> Result<Page<Tag>, RegistryError>;

    /// Descriptors of the manifests whose subject is `subject`, in the order of their digests;
    /// none in an unknown repository.
    ///
    /// # Errors
    /// [`RegistryError::Internal`].
    async fn referrers(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: PageRequest<Digest>,
    ) -> Result<Page<Descriptor>, RegistryError>;

    /// Repositories within `scope` in ASCII order.
    ///
    /// # Errors
    /// [`RegistryError::Internal`].
    async fn repositories(
        &self,
        ctx: &Ctx,
        scope: &Scope,
        page: PageRequest<String>,
    ) -> Result<Page<RepositoryName>, RegistryError>;
}

/// All that a registry does.
pub trait Registry: Pull + Push + Delete + List + 'static {}

impl<T: Pull + Push + Delete + List + 'static> Registry for T {}

/// A registry of whatever kind.
pub type SharedRegistry = Arc<dyn Registry>;
