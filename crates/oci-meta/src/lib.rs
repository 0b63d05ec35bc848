//! The metadata of a registry: which repositories there are, and what each holds.
//!
//! The traits are verbs, and each method is one transaction of the registry: what it changes
//! changes together or not at all, and has reached stable storage when the method returns
//! (upload sessions alone promise less, see [`UploadSessions`]). A rule that two racing requests
//! could both slip past is a precondition of the transaction, never a check before it.
//!
//! This crate touches no blob bytes: it records where a blob store [put them](Locator). It knows
//! nothing of HTTP, credentials or who is allowed what.
//!
//! With the feature `auth` the stores also implement `oci_auth::SharedSecrets`, and so keep the
//! signing keys and refresh tokens that replicas share. A clone of a store shares its content:
//! `Arc::new(meta.clone())` is an `Arc<dyn SharedSecrets>`.
//!
//! ```
//! use oci_meta::{
//!     Ctx, Existence, Expect, Lists, Manifests, PutManifest, RepoKey, SqliteMeta, TagWrite,
//!     Timestamp,
//! };
//! use oci_types::{Digest, Manifest, MediaType, Reference};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("meta.db");
//! let meta = SqliteMeta::open(&path)?;
//! let repo = RepoKey::local("team/api".parse()?);
//! let bytes = r#"{"schemaVersion":2,"manifests":[]}"#;
//! let put = PutManifest {
//!     repo: repo.clone(),
//!     digest: Digest::sha256(bytes.as_bytes()),
//!     manifest: Manifest::parse(Some(&MediaType::oci_index()), bytes.as_bytes())?,
//!     bytes: bytes.into(),
//!     tags: vec![TagWrite {
//!         tag: "v1".parse()?,
//!         expect: Expect::AbsentOrSame,
//!     }],
//!     existence: Existence::Lax,
//! };
//! meta.put_manifest(&Ctx::system("example", Timestamp::now()), put).await?;
//!
//! let found = meta.manifest(&repo, &Reference::Tag("v1".parse()?)).await?;
//! assert_eq!(found.unwrap().bytes, bytes);
//! let tags = meta.tags(&repo, None, 100).await?.unwrap();
//! assert_eq!(tags.items[0].as_str(), "v1");
//! # Ok(())
//! # }
//! ```

mod context;
mod error;
mod forward;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod keys;
mod model;
#[cfg(any(feature = "memory", feature = "postgres", feature = "sqlite"))]
mod pages;
#[cfg(any(feature = "memory", feature = "postgres", feature = "sqlite"))]
mod ranges;
#[cfg(any(feature = "memory", feature = "postgres", feature = "sqlite"))]
mod references;
mod repo;

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::fmt::Debug;

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, Reference, RepositoryName, Tag};
use uuid::Uuid;

pub use context::{Actor, Ctx, Timestamp};
pub use error::MetaError;
#[cfg(feature = "memory")]
pub use memory::MemoryMeta;
pub use model::{
    AddedBlob, BlobRecord, ClaimGarbage, DeletedManifest, DeletedTag, Existence, Expect, Garbage,
    Locator, ManifestRecord, MountFrom, NewBlob, Page, PutManifest, PutOutcome, SessionLimits,
    SessionRecord, TagGuard, TagOutcome, TagWrite,
};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresConfig, PostgresMeta};
pub use repo::{RepoKey, RepoPattern, Scope, Upstream, UpstreamError};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteMeta;

/// Manifests and the tags that name them.
#[async_trait]
pub trait Manifests: Debug + Send + Sync {
    /// Stores a manifest with its edges, tags and referrers entry, and creates the repository
    /// with its first content.
    ///
    /// Putting a manifest that is already there changes its tags alone, and its media type where
    /// that is another one: the bytes are the same and the later push says what they are. A tag
    /// that names the digest already stays untouched. If one tag is refused, nothing changes at
    /// all.
    ///
    /// # Errors
    /// - [`MetaError::TagConflict`]: a [`TagWrite::expect`] does not hold.
    /// - [`MetaError::MissingReferences`]: something is absent that [`PutManifest::existence`]
    ///   asks for.
    /// - [`MetaError::Backend`]
    async fn put_manifest(&self, ctx: &Ctx, put: PutManifest) -> Result<PutOutcome, MetaError>;

    /// The manifest that `reference` names in `repo`.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn manifest(
        &self,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<Option<ManifestRecord>, MetaError>;

    /// Removes a manifest with its edges and every tag on it; `None` where there is none.
    ///
    /// # Errors
    /// - [`MetaError::TagProtected`]: `guard` protects one of its tags; nothing changed.
    /// - [`MetaError::Backend`]
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        guard: &TagGuard,
    ) -> Result<Option<DeletedManifest>, MetaError>;

    /// Removes a tag and leaves its manifest; `None` where there is none.
    ///
    /// # Errors
    /// - [`MetaError::TagProtected`]: `guard` protects it; nothing changed.
    /// - [`MetaError::Backend`]
    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        tag: &Tag,
        guard: &TagGuard,
    ) -> Result<Option<DeletedTag>, MetaError>;
}

/// Which blobs there are, where, and which repositories link them.
///
/// Storage is shared, access is not: a repository has a blob if it has a link to it.
#[async_trait]
pub trait Blobs: Debug + Send + Sync {
    /// The blob as `repo` links it; `None` without a link, whatever others hold.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn blob(&self, repo: &RepoKey, digest: &Digest) -> Result<Option<BlobRecord>, MetaError>;

    /// Links a blob that is recorded already, for a caller that has proved to own its bytes;
    /// `None` where no repository's push has recorded it. Creates the repository.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn link_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError>;

    /// Records a sealed object and links it. Creates the repository.
    ///
    /// One locator stands for a digest: where another is recorded already (and is not the one
    /// that [`NewBlob::replaces`] names), that one stays, and the new object is queued for
    /// removal, as is a replaced one. The same object again, as after a crash between sealing and
    /// recording, is no other one.
    ///
    /// # Errors
    /// [`MetaError::Backend`]; also where the new object itself was handed out for removal before.
    async fn add_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        blob: NewBlob,
    ) -> Result<AddedBlob, MetaError>;

    /// Links a blob that another repository links; `None` where `from` names no such link.
    /// Creates the repository.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn mount_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        from: &MountFrom,
    ) -> Result<Option<BlobRecord>, MetaError>;

    /// Drops the repository's link; `None` where there is none. The last link's end starts the
    /// grace period after which [`Collection::claim_garbage`] hands the object out.
    ///
    /// # Errors
    /// - [`MetaError::BlobInUse`]: a manifest of the repository refers to it; nothing changed.
    /// - [`MetaError::Backend`]
    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetaError>;
}

/// Lists, each in a stable order and in pages that cost the same wherever they are.
#[async_trait]
pub trait Lists: Debug + Send + Sync {
    /// Tags of `repo` behind `after` (exclusive; it need not exist), in ASCII order, at most
    /// `limit`; `None` for an unknown repository.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn tags(
        &self,
        repo: &RepoKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<Tag>>, MetaError>;

    /// Manifests of `repo` whose subject is `subject`, as descriptors with their artifact type
    /// and annotations, in the order of their digests, behind `after`, at most `limit`.
    /// `artifact_type` keeps those of one type. An unknown repository has none. A page of very
    /// long descriptors ends before the limit, with [`Page::more`] set.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn referrers(
        &self,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<Descriptor>, MetaError>;

    /// Repositories (of no upstream) within `scope` behind `after` (exclusive; it need not
    /// exist), in ASCII order, at most `limit`.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn repositories(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetaError>;
}

/// What has lost its last reference, handed out for removal.
///
/// The protocol: `claim_garbage` forgets the blob records that are due, in the same transaction
/// in which it hands their objects out; from then on nobody can find or link such an object, and
/// a push of the same digest records an object of its own. The caller removes the object and
/// then calls `forget_garbage`. A claim that is not forgotten is handed out again.
#[async_trait]
pub trait Collection: Debug + Send + Sync {
    /// Claims objects to be removed.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn claim_garbage(
        &self,
        ctx: &Ctx,
        claim: ClaimGarbage,
    ) -> Result<Vec<Garbage>, MetaError>;

    /// Forgets claims whose objects are removed.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn forget_garbage(&self, ctx: &Ctx, tickets: &[u64]) -> Result<(), MetaError>;
}

/// Upload sessions: opaque records with a revision that only ever grows.
///
/// A change survives the death of the process when the method returns. Power loss may bring back
/// an older revision, or lose a session, never a mixture.
#[async_trait]
pub trait UploadSessions: Debug + Send + Sync {
    /// Records a new session; its revision counts from the record's own.
    ///
    /// # Errors
    /// - [`MetaError::TooManySessions`], [`MetaError::TooManySessionBytes`]
    /// - [`MetaError::SessionConflict`]: the id is taken.
    /// - [`MetaError::Backend`]
    async fn create_session(
        &self,
        record: SessionRecord,
        limits: &SessionLimits,
    ) -> Result<(), MetaError>;

    /// The session as last recorded.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn session(&self, id: Uuid) -> Result<Option<SessionRecord>, MetaError>;

    /// Replaces a session whose recorded revision is `expected` by `record`.
    ///
    /// # Errors
    /// - [`MetaError::SessionConflict`]: it has another revision, or is gone.
    /// - [`MetaError::TooManySessionBytes`]: it grew, and all sessions together are too large.
    /// - [`MetaError::Backend`]
    async fn update_session(
        &self,
        record: SessionRecord,
        expected: u64,
        limits: &SessionLimits,
    ) -> Result<(), MetaError>;

    /// Removes a session whose recorded revision is `expected`.
    ///
    /// # Errors
    /// - [`MetaError::SessionConflict`]: it has another revision, or is gone.
    /// - [`MetaError::Backend`]
    async fn remove_session(&self, id: Uuid, expected: u64) -> Result<(), MetaError>;

    /// At most `limit` sessions whose [`SessionRecord::expires_at`] is not after `now`, the
    /// oldest first.
    ///
    /// # Errors
    /// [`MetaError::Backend`].
    async fn expired_sessions(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, MetaError>;
}

/// Whether the store can be reached.
#[async_trait]
pub trait Health: Debug + Send + Sync {
    /// Asks, cheaply, whether reads and writes would succeed.
    ///
    /// # Errors
    /// [`MetaError::Backend`] saying what is wrong.
    async fn probe(&self) -> Result<(), MetaError>;
}

/// All of a registry's metadata in one store.
pub trait MetaStore:
    Manifests + Blobs + Lists + Collection + UploadSessions + Health + 'static
{
}

impl<T: Manifests + Blobs + Lists + Collection + UploadSessions + Health + 'static> MetaStore
    for T
{
}
