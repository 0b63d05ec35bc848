//! Metadata in memory, for tests and for registries that may forget.
//!
//! It keeps the same rules as the other stores, except that nothing outlives it: tag history,
//! which nothing here could read, is not kept.

mod blobs;
mod collection;
mod lists;
mod manifests;
#[cfg(feature = "auth")]
mod secrets;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, RepositoryName, Tag};

use self::collection::Queue;
use self::sessions::Sessions;
use crate::references::EdgeKind;
use crate::{BlobRecord, Health, ManifestRecord, MetaError, RepoKey, Timestamp, Upstream};

/// A metadata store in memory. Clones share their content.
#[derive(Clone, Debug, Default)]
pub struct MemoryMeta {
    state: Arc<Mutex<State>>,
    #[cfg(feature = "auth")]
    secrets: Arc<oci_auth::MemorySecrets>,
}

impl MemoryMeta {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every operation checks before it changes anything, so a panic in a check, which may be a
    /// caller's guard, leaves the state whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<Option<Upstream>, BTreeMap<RepositoryName, Repository>>,
    blobs: BTreeMap<Digest, Blob>,
    /// Blobs that no repository links, by the time at which the last link went.
    unlinked: BTreeSet<(Timestamp, Digest)>,
    queue: Queue,
    sessions: Sessions,
}

#[derive(Debug, Default)]
struct Repository {
    manifests: BTreeMap<Digest, StoredManifest>,
    tags: BTreeMap<Tag, Digest>,
    /// Which manifests refer to a digest, and as what.
    holders: BTreeMap<Digest, BTreeSet<(EdgeKind, Digest)>>,
    referrers: BTreeMap<Digest, Referrers>,
}

#[derive(Debug)]
struct StoredManifest {
    record: ManifestRecord,
    edges: BTreeSet<(Digest, EdgeKind)>,
    tags: BTreeSet<Tag>,
}

/// The manifests that name one subject.
#[derive(Debug, Default)]
struct Referrers {
    all: BTreeMap<Digest, Descriptor>,
    by_type: BTreeMap<String, BTreeSet<Digest>>,
}

#[derive(Debug)]
struct Blob {
    record: BlobRecord,
    links: BTreeSet<RepoKey>,
    unlinked_at: Option<Timestamp>,
}

impl State {
    fn repository(&self, key: &RepoKey) -> Option<&Repository> {
        self.repositories.get(&key.upstream)?.get(&key.name)
    }

    fn repository_mut(&mut self, key: &RepoKey) -> Option<&mut Repository> {
        self.repositories.get_mut(&key.upstream)?.get_mut(&key.name)
    }

    fn repository_or_new(&mut self, key: &RepoKey) -> &mut Repository {
        let names = self.repositories.entry(key.upstream.clone()).or_default();
        names.entry(key.name.clone()).or_default()
    }
}

#[async_trait]
impl Health for MemoryMeta {
    async fn probe(&self) -> Result<(), MetaError> {
        Ok(())
    }
}
