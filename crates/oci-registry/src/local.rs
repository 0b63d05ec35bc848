//! The registry over a metadata store and a blob store.

mod deletes;
mod lists;
mod manifests;
mod pulls;
mod receive;
mod sessions;
mod sweep;
mod uploads;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci_blob_store::BlobStore;
use oci_meta::{Ctx, Existence, MetaStore, RepoKey, SessionLimits};
use oci_upload::{Holder, Terms};

pub use sweep::Sweep;

use crate::{Event, Events, NoEvents, RegistryError};

/// How a [`LocalRegistry`] behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The limits of one upload session.
    pub terms: Terms,
    /// The limits of all upload sessions together.
    pub session_limits: SessionLimits,
    /// Which references of a manifest must exist when it is pushed.
    pub existence: Existence,
    /// How long after its last link went a blob's bytes are kept.
    pub grace: Duration,
    /// How long a request waits for another one that is writing to the same session.
    pub busy_wait: Duration,
    /// How long a request for a session's status waits for a writer to settle: one whose
    /// client has gone away is about to record what arrived.
    pub settle_wait: Duration,
    /// How long a request's body may pause.
    pub body_idle: Duration,
    /// After how many bytes a long chunk's progress is recorded.
    pub checkpoint_bytes: u64,
    /// Whether no other process shares the stores, so that what an earlier process left leased
    /// is free.
    pub sole_owner: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            terms: Terms {
                lease: Duration::from_secs(10),
                expiry: Duration::from_secs(24 * 60 * 60),
                ..Terms::default()
            },
            session_limits: SessionLimits {
                sessions: 10_000,
                bytes: 1 << 40,
            },
            existence: Existence::Lax,
            grace: Duration::from_secs(24 * 60 * 60),
            busy_wait: Duration::from_secs(12),
            settle_wait: Duration::from_secs(1),
            body_idle: Duration::from_secs(60),
            checkpoint_bytes: 64 << 20,
            sole_owner: false,
        }
    }
}

/// A registry over a metadata store and a blob store; clones share both.
#[derive(Clone)]
pub struct LocalRegistry {
    inner: Arc<Inner>,
}

struct Inner {
    meta: Arc<dyn MetaStore>,
    blobs: Arc<dyn BlobStore>,
    options: Options,
    holder: Holder,
    events: Arc<dyn Events>,
}

impl LocalRegistry {
    /// A registry over these stores, which nobody observes.
    #[must_use]
    pub fn new(meta: Arc<dyn MetaStore>, blobs: Arc<dyn BlobStore>, options: Options) -> Self {
        Self::observed(meta, blobs, options, Arc::new(NoEvents))
    }

    /// A registry over these stores, which tells `events` what happens.
    #[must_use]
    pub fn observed(
        meta: Arc<dyn MetaStore>,
        blobs: Arc<dyn BlobStore>,
        options: Options,
        events: Arc<dyn Events>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                meta,
                blobs,
                options,
                holder: Holder::random(),
                events,
            }),
        }
    }

    /// Asks whether both stores can be reached.
    ///
    /// # Errors
    /// [`RegistryError::Unavailable`] with what is wrong as its source.
    pub async fn probe(&self) -> Result<(), RegistryError> {
        let unavailable = |source| RegistryError::Unavailable {
            retry_after: Duration::from_secs(5),
            source,
        };
        let meta = self.inner.meta.probe();
        meta.await.map_err(|error| unavailable(error.into()))?;
        let blobs = self.inner.blobs.probe();
        blobs.await.map_err(|error| unavailable(error.into()))
    }
}

impl Inner {
    fn observe(&self, ctx: &Ctx, repo: &RepoKey, event: &Event) {
        self.events.observe(ctx, repo, event);
    }
}

impl fmt::Debug for LocalRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRegistry")
            .field("meta", &self.inner.meta)
            .field("blobs", &self.inner.blobs)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
