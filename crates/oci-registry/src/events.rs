//! What happened, for those who want to know.

use std::fmt::Debug;

use oci_meta::{Ctx, RepoKey};
use oci_types::{Digest, MediaType, Tag};

/// Something that a registry did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A manifest was stored, or its tags were written.
    ManifestPushed {
        /// The manifest.
        digest: Digest,
        /// What it is.
        media_type: MediaType,
        /// The tags that name it now.
        tags: Vec<Tag>,
        /// Its length in bytes.
        size: u64,
    },
    /// A manifest was read.
    ManifestPulled {
        /// The manifest.
        digest: Digest,
        /// The tag under which it was asked for.
        tag: Option<Tag>,
        /// Its length in bytes.
        size: u64,
    },
    /// A manifest was deleted with its tags.
    ManifestDeleted {
        /// The manifest.
        digest: Digest,
        /// The tags that went with it.
        tags: Vec<Tag>,
    },
    /// A tag was deleted.
    TagDeleted {
        /// The tag.
        tag: Tag,
        /// What it named.
        digest: Digest,
    },
    /// A blob was stored.
    BlobPushed {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A blob was linked from another repository.
    BlobMounted {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A blob was opened for reading.
    BlobPulled {
        /// The blob.
        digest: Digest,
        /// How many of its bytes were asked for.
        bytes: u64,
    },
    /// A blob was deleted from the repository.
    BlobDeleted {
        /// The blob.
        digest: Digest,
    },
    /// A blob's bytes were found missing or of another length than recorded.
    BlobDamaged {
        /// The blob.
        digest: Digest,
    },
}

/// Is told what happened, after it happened and before the client is answered.
///
/// It is called on the request's own task: hand on what takes time.
pub trait Events: Debug + Send + Sync + 'static {
    /// Takes note of `event` in `repo`.
    fn observe(&self, ctx: &Ctx, repo: &RepoKey, event: &Event);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl Events for NoEvents {
    fn observe(&self, _: &Ctx, _: &RepoKey, _: &Event) {}
}
