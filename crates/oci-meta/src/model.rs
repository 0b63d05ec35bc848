//! What goes into a metadata store and what comes out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oci_types::{Digest, Manifest, MediaType, Tag};
use uuid::Uuid;

#[cfg(any(feature = "memory", feature = "sqlite"))]
use crate::MetaError;
use crate::{RepoKey, Scope, Timestamp};

/// A manifest to be stored, with everything that changes together with it.
#[derive(Clone, Debug)]
pub struct PutManifest {
    /// The repository.
    pub repo: RepoKey,
    /// The digest of `bytes`, in the algorithm that the client named, else sha256.
    pub digest: Digest,
    /// What `bytes` say.
    pub manifest: Manifest,
    /// The manifest to the byte.
    pub bytes: Bytes,
    /// The tags that are to name it.
    pub tags: Vec<TagWrite>,
    /// What must be in the repository already.
    pub existence: Existence,
}

/// A tag to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagWrite {
    /// The tag.
    pub tag: Tag,
    /// What it has to be before.
    pub expect: Expect,
}

/// What a tag has to be for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// Absent, or naming the same digest already.
    AbsentOrSame,
}

/// Which references of a manifest must exist in its repository. `subject` and
/// non-distributable layers never need to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existence {
    /// None: sparse indexes and manifests pushed before their blobs are fine.
    #[default]
    Lax,
    /// Config, layers and the manifests of an index. A child whose media type is not a manifest's
    /// may be a blob: build caches list their layers so.
    Strict,
}

/// What a put did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOutcome {
    /// Whether the manifest was new to the repository.
    pub created: bool,
    /// Each tag of the put, in its order.
    pub tags: Vec<TagOutcome>,
}

/// What became of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagOutcome {
    /// The tag.
    pub tag: Tag,
    /// What it named before.
    pub previous: Option<Digest>,
}

/// A stored manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRecord {
    /// Its digest, in the algorithm it was pushed with.
    pub digest: Digest,
    /// The media type it is served under.
    pub media_type: MediaType,
    /// Its bytes as they were pushed.
    pub bytes: Bytes,
}

/// A manifest that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedManifest {
    /// The tags that went with it, sorted.
    pub tags: Vec<Tag>,
}

/// A tag that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTag {
    /// What it named.
    pub digest: Digest,
}

/// Decides, inside the transaction, which tags a deletion may not take away.
#[derive(Clone, Default)]
pub struct TagGuard(Option<Arc<Protects>>);

type Protects = dyn Fn(&Tag) -> bool + Send + Sync;

impl TagGuard {
    /// A guard that protects nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// A guard that protects the tags for which `protects` answers true.
    pub fn new(protects: impl Fn(&Tag) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(protects)))
    }

    /// A guard that protects what either of the two protects.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self::new(move |tag| a(tag) || b(tag)),
            (a, b) => Self(a.or(b)),
        }
    }

    /// Whether `tag` may not be taken away.
    #[must_use]
    pub fn protects(&self, tag: &Tag) -> bool {
        self.0.as_ref().is_some_and(|protects| protects(tag))
    }
}

impl fmt::Debug for TagGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "TagGuard(rule)"
        } else {
            "TagGuard(none)"
        })
    }
}

/// Where a blob store keeps an object, as the text that the blob store made; opaque here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locator(Arc<str>);

impl Locator {
    /// The locator with this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A blob that a repository links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// The digest.
    pub digest: Digest,
    /// The length in bytes.
    pub size: u64,
    /// Where the bytes are.
    pub locator: Locator,
}

/// A sealed object to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlob {
    /// The object.
    pub record: BlobRecord,
    /// The locator of an object of the same digest that was found damaged; where it is still the
    /// recorded one, the new object takes its place.
    pub replaces: Option<Locator>,
}

/// What became of a sealed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedBlob {
    /// The blob as it is recorded now: its locator may be an older object's.
    pub record: BlobRecord,
    /// Whether the object added is the one that stands for the digest.
    pub kept: bool,
}

/// Where a mount may take a blob from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountFrom {
    /// One repository.
    Repository(RepoKey),
    /// Any repository of the scope; a bounded number of links is looked at.
    AnyOf(Scope),
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Whether there are items behind the last one. Always false for a limit of zero.
    pub more: bool,
}

/// Which garbage to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimGarbage {
    /// How long after its last link went a blob is kept.
    pub grace: Duration,
    /// For how long nobody else is handed the claimed objects.
    pub lease: Duration,
    /// How many objects at most.
    pub limit: usize,
}

/// An object that is to be removed, and that no record names any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// What [`Collection::forget_garbage`](crate::Collection::forget_garbage) takes.
    pub ticket: u64,
    /// The digest that it stood for.
    pub digest: Digest,
    /// Where it is.
    pub locator: Locator,
    /// Its length in bytes.
    pub size: u64,
}

/// How much all upload sessions together may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// How many sessions may be open.
    pub sessions: u64,
    /// How many staged bytes they may hold.
    pub bytes: u64,
}

#[cfg(any(feature = "memory", feature = "sqlite"))]
impl SessionLimits {
    /// Whether a session may go from `old` to `new` bytes when all together hold `total`.
    pub(crate) fn check_bytes(&self, total: u64, old: u64, new: u64) -> Result<(), MetaError> {
        let others = total.saturating_sub(old);
        let fits = others.checked_add(new).is_some_and(|sum| sum <= self.bytes);
        if new <= old || fits {
            Ok(())
        } else {
            Err(MetaError::TooManySessionBytes { limit: self.bytes })
        }
    }
}

/// An upload session as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: Uuid,
    /// The repository that it belongs to.
    pub repo: RepoKey,
    /// Counts the changes.
    pub revision: u64,
    /// When it may be removed.
    pub expires_at: Timestamp,
    /// How many bytes are staged.
    pub bytes: u64,
    /// What it is, opaque to the store.
    pub state: Bytes,
}
