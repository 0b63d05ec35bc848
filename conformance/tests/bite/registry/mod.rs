//! Faults in a registry's operations: each method does as it should but for its defects.

mod delete;
mod list;
mod pull;
mod push;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use futures_util::{TryStreamExt, stream};
use oci_registry::{Chunk, LocalRegistry, RegistryError, RepoKey, StoredManifest, UploadId};
use oci_types::{ContentRange, Descriptor, Digest, Reference, Tag};

use crate::fault::faults;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    AnyDigest,
    BlobsLeak,
    CancelForgotten,
    CatalogUnsorted,
    DeletedBlobStays,
    DeletesEverywhere,
    DeletesNothing,
    FilterClaimed,
    FirstSessionAgain,
    ForeignSessions,
    FurtherTagsLost,
    MismatchStored,
    MountClaimed,
    NestedTags,
    NoAnnotations,
    NoArtifactType,
    PageRepeatsLast,
    PageSkipsOne,
    ReferrersLeak,
    ReferrersStay,
    RefusedChunkStays,
    Reserialised,
    SessionEndsAt416,
    SessionEndsWithChunk,
    Sha256Alone,
    SubjectRequired,
    TagBusy,
    TagDeletesManifest,
    TagsFolded,
    TagsOutlive,
    TagsStay,
    TagsUnsorted,
    UnknownIsEmpty,
}

faults! { Registry;
    "blobs are readable in every repository" => "isolation.blob", Defect::BlobsLeak;
    "SHA-512 manifests are served as SHA-256" => "pull.manifest-sha512-tag", Defect::Sha256Alone;
    "content of any digest is taken" => "push.put-digest-mismatch", Defect::AnyDigest;
    "refused content is stored" => "push.put-digest-mismatch-not-stored", Defect::MismatchStored;
    "a session ends with its first chunk" => "chunk.close", Defect::SessionEndsWithChunk;
    "a session ends with a 416" => "chunk.416-keeps-the-session", Defect::SessionEndsAt416;
    "a session keeps a refused chunk" => "chunk.416-keeps-the-session", Defect::RefusedChunkStays;
    "a session is open to every repository" => "isolation.session-patch", Defect::ForeignSessions;
    "a repository has one session" => "push.post-unique-session", Defect::FirstSessionAgain;
    "a cancelled session stays" => "session.cancelled", Defect::CancelForgotten;
    "a mount always succeeds" => "mount.missing-blob", Defect::MountClaimed;
    "manifests are serialised anew" => "manifest.exact-bytes", Defect::Reserialised;
    "a tag does not move" => "manifest.retag", Defect::TagsStay;
    "a tag is locked while it is written" => "manifest.same-tag-at-once", Defect::TagBusy;
    "tags are folded to lower case" => "tags.upper-and-lower-case", Defect::TagsFolded;
    "further tags are not written" => "tag-param.tags", Defect::FurtherTagsLost;
    "a subject must be there" => "subject.absent", Defect::SubjectRequired;
    "a deleted blob stays" => "delete.blob-gone", Defect::DeletedBlobStays;
    "a blob is deleted in every repository" => "delete.blob-shared", Defect::DeletesEverywhere;
    "what is not there can be deleted" => "delete.manifest-missing", Defect::DeletesNothing;
    "a tag's deletion deletes its manifest" => "delete.tag-only", Defect::TagDeletesManifest;
    "tags outlive their manifest" => "delete.manifest-tags-gone", Defect::TagsOutlive;
    "tags are in no order" => "tags.sorted", Defect::TagsUnsorted;
    "a page begins with `last`" => "pages.last", Defect::PageRepeatsLast;
    "a page leaves out its first tag" => "pages.by-last", Defect::PageSkipsOne;
    "an unknown repository lists no tags" => "tags.unknown-repository", Defect::UnknownIsEmpty;
    "tags of nested repositories are listed" => "isolation.nested-tags", Defect::NestedTags;
    "deleted referrers are listed" => "referrers.deleted", Defect::ReferrersStay;
    "other repositories' referrers are listed" => "referrers.other-repository", Defect::ReferrersLeak;
    "a filter is claimed and not applied" => "referrers.filter", Defect::FilterClaimed;
    "referrers have no annotations" => "referrers.annotations", Defect::NoAnnotations;
    "referrers have no artifactType" => "referrers.artifact-type", Defect::NoArtifactType;
    "the catalog is in no order" => "catalog.sorted", Defect::CatalogUnsorted;
}

/// A registry with a defect.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Arc<LocalRegistry>,
    defect: Defect,
    memory: Mutex<Memory>,
}

/// What a defect remembers and a registry would not.
#[derive(Debug, Default)]
struct Memory {
    /// Where each blob was pushed or mounted.
    homes: HashMap<Digest, BTreeSet<RepoKey>>,
    /// Where each session was opened.
    sessions: HashMap<UploadId, RepoKey>,
    /// What each tag named last.
    tags: HashMap<(RepoKey, Reference), StoredManifest>,
    /// The tags that are being written.
    busy: HashSet<(RepoKey, Reference)>,
    /// Every referrer that ever was: its repository, its subject, itself.
    referrers: Vec<(RepoKey, Digest, Descriptor)>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<LocalRegistry>, defect: Defect) -> Faulty {
        Faulty {
            inner,
            defect,
            memory: Mutex::default(),
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    /// Where a blob is looked for or deleted.
    fn homes(&self, repo: &RepoKey, digest: &Digest, defect: Defect) -> Vec<RepoKey> {
        let elsewhere = self.memory().homes.get(digest).cloned().unwrap_or_default();
        let elsewhere = elsewhere.into_iter().filter(|home| home != repo);
        let mut homes = vec![repo.clone()];
        homes.extend(elsewhere.filter(|_| self.has(defect)));
        homes
    }

    /// The repository whose session it is.
    fn home(&self, repo: &RepoKey, id: UploadId) -> RepoKey {
        let home = self.memory().sessions.get(&id).cloned();
        let home = home.filter(|_| self.has(Defect::ForeignSessions));
        home.unwrap_or_else(|| repo.clone())
    }

    /// The tag as the registry knows it.
    fn folded(&self, reference: &Reference) -> Reference {
        match reference {
            Reference::Tag(tag) if self.has(Defect::TagsFolded) => {
                Reference::Tag(tag.as_str().to_lowercase().parse::<Tag>().unwrap())
            }
            other => other.clone(),
        }
    }
}

/// A chunk that has arrived, to be used more than once.
struct Whole {
    range: Option<ContentRange>,
    length: Option<u64>,
    bytes: Bytes,
}

impl Whole {
    async fn of(chunk: Chunk) -> Result<Whole, RegistryError> {
        let bytes: BytesMut = chunk
            .body
            .try_collect()
            .await
            .map_err(RegistryError::BodyInterrupted)?;
        Ok(Whole {
            range: chunk.range,
            length: chunk.length,
            bytes: bytes.freeze(),
        })
    }

    fn chunk(&self) -> Chunk {
        Chunk {
            range: self.range,
            ..self.unplaced()
        }
    }

    /// The chunk for wherever the session stands.
    fn unplaced(&self) -> Chunk {
        let bytes = self.bytes.clone();
        Chunk {
            range: None,
            length: self.length,
            body: Box::pin(stream::iter([Ok(bytes)])),
        }
    }
}
