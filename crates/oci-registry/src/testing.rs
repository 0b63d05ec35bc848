//! A registry in memory for the tests of those who embed one.

use std::sync::Arc;

use oci_blob_store::MemoryBlobStore;
use oci_meta::{Actor, Ctx, MemoryMeta, Timestamp};

use crate::{LocalRegistry, Options};

/// An empty registry that keeps everything in memory.
#[must_use]
pub fn memory_registry() -> Arc<LocalRegistry> {
    Arc::new(LocalRegistry::new(
        Arc::new(MemoryMeta::new()),
        Arc::new(MemoryBlobStore::new()),
        Options::default(),
    ))
}

/// The context of an anonymous request that happens now.
#[must_use]
pub fn anonymous() -> Ctx {
    Ctx {
        actor: Actor::Anonymous,
        request_id: Arc::from("test"),
        now: Timestamp::now(),
    }
}
