//! A staging area, as a session records it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(feature = "object-store")]
use crate::object::ObjectRecord;

/// A staging area and how many of its bytes count.
///
/// Opaque to callers but for its length; it is what an upload session keeps between requests,
/// and any process with the same storage can go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    pub(crate) id: Uuid,
    pub(crate) len: u64,
    /// Where the bytes are on an object store.
    #[cfg(feature = "object-store")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<Box<ObjectRecord>>,
}

impl Staged {
    /// An area that its name and its length say everything of.
    #[cfg(any(feature = "fs", feature = "memory", feature = "object-store"))]
    pub(crate) fn new(id: Uuid, len: u64) -> Self {
        Self {
            id,
            len,
            #[cfg(feature = "object-store")]
            object: None,
        }
    }

    /// The number of durable bytes staged.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is staged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
