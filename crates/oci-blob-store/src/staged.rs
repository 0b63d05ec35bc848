//! A staging area, as a session records it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A staging area and how many of its bytes count.
///
/// Opaque to callers but for its length; it is what an upload session keeps between requests,
/// and any process with the same storage can go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    pub(crate) id: Uuid,
    pub(crate) len: u64,
}

impl Staged {
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
