//! Every outcome of an operation that a client can tell apart.

use std::error::Error;
use std::time::Duration;

use oci_blob_store::BlobStoreError;
use oci_meta::{MetaError, RepoKey};
use oci_types::{Digest, ManifestError, Reference, Tag};
use oci_upload::UploadId;

use crate::BodyError;

/// What a client is told to wait where a store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(5);

/// Why an operation was refused or failed.
///
/// Each variant is an outcome of its own for the client. The source of [`Internal`] and
/// [`Unavailable`] is for the log.
///
/// [`Internal`]: RegistryError::Internal
/// [`Unavailable`]: RegistryError::Unavailable
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nothing was ever pushed to this repository.
    #[error("repository {repo} is not known to this registry")]
    RepositoryUnknown {
        /// The repository.
        repo: RepoKey,
    },
    /// The repository has no such manifest.
    #[error("manifest {reference} is not in repository {repo}")]
    ManifestUnknown {
        /// The repository.
        repo: RepoKey,
        /// What was asked for.
        reference: Reference,
    },
    /// The document is not a manifest that can be stored.
    #[error("{0}")]
    ManifestInvalid(#[from] ManifestError),
    /// The manifest refers to what the repository does not have.
    #[error(
        "the manifest refers to {} blobs or manifests that are not in the repository; push them first",
        missing.len()
    )]
    MissingReferences {
        /// The digests.
        missing: Vec<Digest>,
    },
    /// The repository has no such blob.
    #[error("blob {digest} is not in repository {repo}")]
    BlobUnknown {
        /// The repository.
        repo: RepoKey,
        /// The blob.
        digest: Digest,
    },
    /// A manifest of the repository refers to the blob.
    #[error("blob {digest} is referenced by manifest {manifest}; delete the manifest first")]
    BlobInUse {
        /// The blob.
        digest: Digest,
        /// One of the manifests that refer to it.
        manifest: Digest,
    },
    /// The bytes do not have the digest that the client gave.
    #[error("the content's digest is {actual}, not {expected}")]
    DigestMismatch {
        /// What the client gave.
        expected: Digest,
        /// What the bytes have.
        actual: Digest,
    },
    /// The repository has no such upload session.
    #[error("no upload {id} is open in repository {repo}; it may have expired, start a new one")]
    UploadUnknown {
        /// The repository.
        repo: RepoKey,
        /// The session.
        id: UploadId,
    },
    /// A chunk does not start where the session stands.
    #[error("the upload stands at byte {offset}, the chunk starts at byte {start}")]
    UploadOffset {
        /// The session.
        id: UploadId,
        /// How many bytes the session has.
        offset: u64,
        /// Where the chunk starts.
        start: u64,
    },
    /// A chunk is not as long as was announced.
    #[error("{announced} bytes were announced and {received} received")]
    UploadLength {
        /// The session, where there is one.
        id: Option<UploadId>,
        /// How many bytes the session has.
        offset: u64,
        /// The announced length in bytes.
        announced: u64,
        /// The length received, in bytes; one more than announced for any excess.
        received: u64,
    },
    /// Another request is writing to the session.
    #[error("another request is writing to this upload")]
    UploadBusy {
        /// When it is worth to try again.
        retry_after: Duration,
    },
    /// Too many sessions are open, or they hold too many bytes.
    #[error("too many uploads are open; finish or cancel some, or try again later")]
    TooManyUploads {
        /// When it is worth to try again.
        retry_after: Duration,
    },
    /// The blob is larger than this registry takes.
    #[error("the blob is larger than the limit of {limit} bytes")]
    BlobTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The request's body ended early or was malformed.
    #[error("the request's body ended before it was complete")]
    BodyInterrupted(#[source] BodyError),
    /// No byte of the blob lies within the range.
    #[error("the range lies outside of the blob's {size} bytes")]
    RangeNotSatisfiable {
        /// The blob's length in bytes.
        size: u64,
    },
    /// A rule keeps the tag from being moved or removed.
    #[error("tag {tag} is immutable in this repository; push under another tag")]
    TagImmutable {
        /// The tag.
        tag: Tag,
    },
    /// This registry does not do that.
    #[error("{what}")]
    Unsupported {
        /// A sentence that says what is not done here.
        what: &'static str,
    },
    /// No space is left.
    #[error("the registry has no space left")]
    StorageFull(#[source] Box<dyn Error + Send + Sync>),
    /// A store is out of reach for now.
    #[error("a store is out of reach")]
    Unavailable {
        /// When it is worth to try again.
        retry_after: Duration,
        /// For the log.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something failed that should not.
    #[error("internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl RegistryError {
    /// An internal error with its source.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<BlobStoreError> for RegistryError {
    fn from(error: BlobStoreError) -> Self {
        match error {
            BlobStoreError::Full { .. } => Self::StorageFull(error.into()),
            BlobStoreError::Unavailable { .. } => Self::Unavailable {
                retry_after: STORE_RETRY,
                source: error.into(),
            },
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<MetaError> for RegistryError {
    /// Maps what needs no knowledge of the operation; where an operation can meet one of the
    /// other refusals, it maps that itself.
    fn from(error: MetaError) -> Self {
        match error {
            MetaError::TagConflict { tag, .. } | MetaError::TagProtected { tag } => {
                Self::TagImmutable { tag }
            }
            MetaError::MissingReferences { missing } => Self::MissingReferences { missing },
            MetaError::BlobInUse { digest, manifest } => Self::BlobInUse { digest, manifest },
            MetaError::Full { .. } => Self::StorageFull(error.into()),
            MetaError::Unavailable { .. } => Self::Unavailable {
                retry_after: STORE_RETRY,
                source: error.into(),
            },
            _ => Self::Internal(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_out_of_reach_is_no_defect() {
        let lost = || Box::<dyn Error + Send + Sync>::from("connection refused");
        let meta = MetaError::Unavailable {
            op: "read a tag",
            source: lost(),
        };
        let blobs = BlobStoreError::Unavailable {
            op: "read an object",
            source: lost(),
        };
        for error in [RegistryError::from(meta), RegistryError::from(blobs)] {
            assert!(
                matches!(error, RegistryError::Unavailable { .. }),
                "{error:?}"
            );
        }
    }
}
