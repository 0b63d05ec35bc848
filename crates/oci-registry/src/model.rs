//! What goes into a registry and what comes out.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use oci_blob_store::BlobRead;
use oci_meta::TagGuard;
use oci_types::{ContentRange, Digest, MediaType, Reference, Tag};
use oci_upload::UploadId;

/// Why a request's body could not be read to its end.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// A request's body as it arrives.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A manifest as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest, in the algorithm that it was pushed with.
    pub digest: Digest,
    /// The media type that it was pushed with.
    pub media_type: MediaType,
    /// The bytes that were pushed.
    pub bytes: Bytes,
}

/// What is known of a blob without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// The digest.
    pub digest: Digest,
    /// The length in bytes.
    pub size: u64,
}

/// An opened blob.
#[derive(Debug)]
pub struct Blob {
    /// Which.
    pub info: BlobInfo,
    /// The half-open range of bytes that `read` yields, where a range was asked for.
    pub range: Option<Range<u64>>,
    /// The bytes.
    pub read: BlobRead,
}

/// How far an upload session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The session.
    pub id: UploadId,
    /// How many bytes it has.
    pub offset: u64,
}

/// A part of a blob on its way in.
pub struct Chunk {
    /// Where the client says that it belongs (`Content-Range`).
    pub range: Option<ContentRange>,
    /// How long the client says that it is, in bytes (`Content-Length`).
    pub length: Option<u64>,
    /// The bytes.
    pub body: BodyStream,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("range", &self.range)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A manifest to be pushed.
#[derive(Clone, Debug)]
pub struct ManifestPush {
    /// The tag or digest that it is pushed to.
    pub reference: Reference,
    /// Further tags (`?tag=`).
    pub tags: Vec<Tag>,
    /// The request's media type.
    pub content_type: Option<MediaType>,
    /// The manifest.
    pub bytes: Bytes,
    /// Tags that may be made and not moved.
    pub protect: TagGuard,
}

/// A manifest that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPushed {
    /// Its digest.
    pub digest: Digest,
    /// The manifest that it refers to as its subject.
    pub subject: Option<Digest>,
    /// The further tags that were written.
    pub tags: Vec<Tag>,
}

/// A manifest to be deleted.
#[derive(Clone, Debug)]
pub struct ManifestDelete {
    /// Which.
    pub digest: Digest,
    /// Tags that may not go with it.
    pub protect: TagGuard,
}

/// A tag to be deleted.
#[derive(Clone, Debug)]
pub struct TagDelete {
    /// Which.
    pub tag: Tag,
    /// Tags that may not be deleted.
    pub protect: TagGuard,
}

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// The last item of the page before, exclusive; it need not exist.
    pub after: Option<K>,
    /// How many items at most.
    pub limit: usize,
}
