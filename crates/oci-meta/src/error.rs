//! Why a metadata store did not do what it was asked.

use std::error::Error;

use oci_types::{Digest, Tag};

#[cfg(any(feature = "memory", feature = "postgres", feature = "sqlite"))]
use crate::Locator;

/// Why a metadata store did not do what it was asked.
///
/// Where a method of a trait can end in [`Backend`](Self::Backend), it can end in
/// [`Unavailable`](Self::Unavailable) and [`Full`](Self::Full) too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetaError {
    /// The tag is not what the write expects it to be.
    #[error("tag {tag} already names {current}")]
    TagConflict {
        /// The tag.
        tag: Tag,
        /// What it names.
        current: Digest,
    },
    /// A rule keeps this tag from being removed.
    #[error("tag {tag} is protected")]
    TagProtected {
        /// The tag.
        tag: Tag,
    },
    /// The manifest refers to what is not in the repository.
    #[error("{} referenced digests are missing", missing.len())]
    MissingReferences {
        /// The missing digests, in the manifest's order, at most 100 of them.
        missing: Vec<Digest>,
    },
    /// A manifest of the repository refers to the blob.
    #[error("blob {digest} is referenced by manifest {manifest}")]
    BlobInUse {
        /// The blob.
        digest: Digest,
        /// One of the manifests that refer to it.
        manifest: Digest,
    },
    /// The session has changed or is gone.
    #[error("the upload session has changed")]
    SessionConflict,
    /// As many sessions are open as may be.
    #[error("{limit} upload sessions are open")]
    TooManySessions {
        /// The limit.
        limit: u64,
    },
    /// The open sessions hold as many bytes as they may.
    #[error("the open upload sessions would hold more than {limit} bytes")]
    TooManySessionBytes {
        /// The limit in bytes.
        limit: u64,
    },
    /// The database was written by a version that this one cannot read.
    #[error(
        "the database has schema {found}, which needs a newer version (this one reads up to {supported})"
    )]
    SchemaTooNew {
        /// The database's schema version.
        found: u32,
        /// The newest schema version that this program reads.
        supported: u32,
    },
    /// The store is full.
    #[error("no space left while trying to {op}")]
    Full {
        /// What was being done.
        op: &'static str,
        /// The store's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store is out of reach for now, or too busy: the same may succeed later.
    ///
    /// A change that ends so may have happened, as when the connection is lost while it is
    /// committed.
    #[error("could not {op}: the store is out of reach")]
    Unavailable {
        /// What was being done.
        op: &'static str,
        /// The store's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store failed.
    #[error("could not {op}")]
    Backend {
        /// What was being done.
        op: &'static str,
        /// The store's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(any(feature = "memory", feature = "postgres", feature = "sqlite"))]
impl MetaError {
    /// A failure that the store found itself.
    pub(crate) fn backend(
        op: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Backend {
            op,
            source: source.into(),
        }
    }

    /// A sealed object is to be recorded that a collector may be removing this moment.
    pub(crate) fn being_removed(locator: &Locator) -> Self {
        Self::backend(
            "record a blob",
            format!("its object {locator} was handed out for removal"),
        )
    }
}
