//! Storage for the bytes of blobs: staged, hashed elsewhere, synced before they are acknowledged.
//!
//! A [`BlobStore`] knows bytes and where they are. It knows nothing of repositories, tags, HTTP,
//! or who may read what: a caller keeps the [`Locator`] that [`BlobStore::seal`] answers and
//! comes back with it.
//!
//! The life of a blob: [`begin`](BlobStore::begin) makes a [`Staged`] area,
//! [`append`](BlobStore::append) opens a [`BlobWriter`] on it, [`BlobWriter::checkpoint`] makes
//! what was written durable and answers the new `Staged`, and [`seal`](BlobStore::seal) turns it
//! into an immutable object without copying. Each seal makes an object of its own, even where
//! another object holds the same bytes: removing one can therefore never hurt the other, and
//! which of them a digest stands for is a record that belongs to the caller.
//!
//! ```
//! use bytes::Bytes;
//! use oci_blob_store::{BlobStore, BlobStoreError, FsBlobStore};
//! use oci_types::Digest;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let store = FsBlobStore::open(folder.path())?;
//!
//! // One request stages bytes and records `staged`, here as JSON.
//! let staged = store.begin().await?;
//! let mut writer = store.append(&staged).await?;
//! writer.write(Bytes::from_static(b"Hello, ")).await?;
//! let recorded = serde_json::to_string(&writer.checkpoint().await?)?;
//! drop(writer);
//!
//! // Another one, perhaps after a restart, goes on from there and seals.
//! let staged = serde_json::from_str(&recorded)?;
//! let mut writer = store.append(&staged).await?;
//! writer.write(Bytes::from_static(b"world")).await?;
//! let staged = writer.checkpoint().await?;
//! drop(writer);
//! let locator = store.seal(&staged, &Digest::sha256(b"Hello, world")).await?;
//!
//! // The locator and the length bring the bytes back, whole or in part.
//! let read = store.open(&locator, staged.len(), Some(7..12)).await?;
//! assert_eq!(read.into_bytes().await?, "world");
//!
//! store.remove(&locator).await?;
//! let gone = store.open(&locator, staged.len(), None).await;
//! assert!(matches!(gone, Err(BlobStoreError::NotFound { .. })));
//! # Ok(())
//! # }
//! ```

mod error;
mod locator;
mod read;
mod staged;

#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "fs")]
pub mod fs;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "object-store")]
pub mod object;
mod presign;

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::Digest;

pub use error::BlobStoreError;
#[cfg(feature = "fs")]
pub use fs::FsBlobStore;
pub use locator::{Locator, LocatorError};
#[cfg(feature = "memory")]
pub use memory::MemoryBlobStore;
#[cfg(feature = "object-store")]
pub use object::ObjectBlobStore;
pub use presign::Presign;
pub use read::{BlobContent, BlobRead, ByteStream};
pub use staged::Staged;

/// Where blobs are written, sealed, read and removed.
///
/// Every method may be called from many tasks at once. Two writers on one [`Staged`] are the
/// caller's mistake; a store that can tell answers [`BlobStoreError::Busy`]. One that can not
/// still never mixes their bytes: what a checkpoint answered seals to its own bytes or fails.
///
/// Every method that talks to storage may answer [`BlobStoreError::Unavailable`] where the
/// storage is elsewhere.
#[async_trait]
pub trait BlobStore: Debug + Send + Sync + 'static {
    /// Makes a new, empty staging area.
    ///
    /// Cheap: nothing needs to exist on storage before the first byte is appended.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`] where storage refuses.
    async fn begin(&self) -> Result<Staged, BlobStoreError>;

    /// Opens `staged` for writing behind its recorded length; bytes beyond that are cut off.
    ///
    /// # Errors
    /// - [`BlobStoreError::Busy`]: another writer is still at it.
    /// - [`BlobStoreError::StagedLost`]: fewer bytes are there than `staged` records.
    /// - [`BlobStoreError::Io`]
    async fn append(&self, staged: &Staged) -> Result<Box<dyn BlobWriter>, BlobStoreError>;

    /// Turns what was staged into an immutable object and answers where it is.
    ///
    /// When this returns, the object survives power loss. It does not copy: its cost does not
    /// grow with the size. It does not hash either: the caller has. Calling it again after it
    /// succeeded, or after a crash in its midst, answers the same locator.
    ///
    /// Not cancel-safe in effect, but safe to repeat: a dropped call has sealed or has not.
    ///
    /// # Errors
    /// - [`BlobStoreError::Busy`]: a writer is still at it.
    /// - [`BlobStoreError::StagedLost`]: fewer bytes are there than `staged` records.
    /// - [`BlobStoreError::Damaged`]: it was sealed before, and the object has another length now.
    /// - [`BlobStoreError::Io`]: nothing was sealed; the staged bytes must be discarded if the
    ///   failure was one of syncing.
    async fn seal(&self, staged: &Staged, digest: &Digest) -> Result<Locator, BlobStoreError>;

    /// Reads staged bytes back, from the first to the recorded length.
    ///
    /// # Errors
    /// [`BlobStoreError::StagedLost`], [`BlobStoreError::Io`].
    async fn read_staged(&self, staged: &Staged) -> Result<BlobRead, BlobStoreError>;

    /// Drops a staging area with its bytes; one that is not there is no error.
    ///
    /// An object that was already sealed from it stays.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`].
    async fn discard(&self, staged: &Staged) -> Result<(), BlobStoreError>;

    /// The length in bytes of a sealed object.
    ///
    /// # Errors
    /// [`BlobStoreError::NotFound`], [`BlobStoreError::Io`].
    async fn size(&self, locator: &Locator) -> Result<u64, BlobStoreError>;

    /// Opens a sealed object whose recorded length is `size` bytes.
    ///
    /// `range` is half-open, in bytes, and lies within `0..size`; `None` is the whole object.
    /// An object whose length differs from its record is never read from.
    ///
    /// # Errors
    /// - [`BlobStoreError::NotFound`]
    /// - [`BlobStoreError::Damaged`]: the object's length is not `size`.
    /// - [`BlobStoreError::Io`]; of [`std::io::ErrorKind::InvalidInput`] for a `range` that is not
    ///   within the object.
    async fn open(
        &self,
        locator: &Locator,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobStoreError>;

    /// Removes a sealed object; one that is not there is no error.
    ///
    /// Readers that opened it before keep reading where the storage allows it.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`].
    async fn remove(&self, locator: &Locator) -> Result<(), BlobStoreError>;

    /// A page of at most `limit` sealed objects behind `after`, in the order of their locators.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`].
    async fn list(
        &self,
        after: Option<&Locator>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, BlobStoreError>;

    /// Asks whether the storage can be reached and written to, cheaply.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`] saying what is wrong.
    async fn probe(&self) -> Result<(), BlobStoreError>;
}

/// One sealed object, as [`BlobStore::list`] finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Where it is.
    pub locator: Locator,
    /// Its length in bytes.
    pub size: u64,
}

/// Writes behind the end of a staging area.
///
/// Dropped without a checkpoint, what was written since the last one may or may not be there;
/// the next [`BlobStore::append`] cuts it off.
#[async_trait]
pub trait BlobWriter: Debug + Send {
    /// Takes bytes; they may be held in memory, in a bounded amount, until more arrive.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`]; the writer is of no use afterwards.
    async fn write(&mut self, data: Bytes) -> Result<(), BlobStoreError>;

    /// Makes everything written so far durable and answers the staging area as it is now.
    ///
    /// # Errors
    /// - [`BlobStoreError::StagedLost`]: the staging area was discarded meanwhile.
    /// - [`BlobStoreError::Io`]; after a failed sync nothing since the last successful checkpoint
    ///   may be relied on.
    ///
    /// The writer is of no use afterwards.
    async fn checkpoint(&mut self) -> Result<Staged, BlobStoreError>;
}

#[async_trait]
impl<T: BlobStore + ?Sized> BlobStore for Arc<T> {
    async fn begin(&self) -> Result<Staged, BlobStoreError> {
        (**self).begin().await
    }

    async fn append(&self, staged: &Staged) -> Result<Box<dyn BlobWriter>, BlobStoreError> {
        (**self).append(staged).await
    }

    async fn seal(&self, staged: &Staged, digest: &Digest) -> Result<Locator, BlobStoreError> {
        (**self).seal(staged, digest).await
    }

    async fn read_staged(&self, staged: &Staged) -> Result<BlobRead, BlobStoreError> {
        (**self).read_staged(staged).await
    }

    async fn discard(&self, staged: &Staged) -> Result<(), BlobStoreError> {
        (**self).discard(staged).await
    }

    async fn size(&self, locator: &Locator) -> Result<u64, BlobStoreError> {
        (**self).size(locator).await
    }

    async fn open(
        &self,
        locator: &Locator,
        size: u64,
        range: Option<Range<u64>>,
    ) -> Result<BlobRead, BlobStoreError> {
        (**self).open(locator, size, range).await
    }

    async fn remove(&self, locator: &Locator) -> Result<(), BlobStoreError> {
        (**self).remove(locator).await
    }

    async fn list(
        &self,
        after: Option<&Locator>,
        limit: usize,
    ) -> Result<Vec<StoredObject>, BlobStoreError> {
        (**self).list(after, limit).await
    }

    async fn probe(&self) -> Result<(), BlobStoreError> {
        (**self).probe().await
    }
}
