//! What can go wrong with stored bytes.

use std::error::Error;
use std::io;

use tokio::task::JoinError;

use crate::Locator;

/// Why a blob store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobStoreError {
    /// No object is at this place.
    #[error("no object at {locator}")]
    NotFound {
        /// Where it was looked for.
        locator: Locator,
    },
    /// The object is there with another length than its record says.
    #[error("the object at {locator} has {found} bytes, its record says {recorded}")]
    Damaged {
        /// Where it is.
        locator: Locator,
        /// The recorded length in bytes.
        recorded: u64,
        /// The length found, in bytes.
        found: u64,
    },
    /// Fewer staged bytes are there than were recorded.
    #[error("{found} staged bytes are left of {recorded}")]
    StagedLost {
        /// The recorded length in bytes.
        recorded: u64,
        /// The length found, in bytes.
        found: u64,
    },
    /// Another writer holds this staging area.
    #[error("another writer holds this staging area")]
    Busy,
    /// The storage is full: space or quota.
    #[error("no space left while trying to {op}")]
    Full {
        /// What was being done.
        op: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The storage is out of reach, overloaded or failing for now; trying again later may help.
    #[error("storage did not answer in time while trying to {op}")]
    Unavailable {
        /// What was being done.
        op: &'static str,
        /// The storage's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The storage failed.
    #[error("could not {op}")]
    Io {
        /// What was being done.
        op: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl BlobStoreError {
    /// Names what was being done when `source` happened; a full disk becomes [`Self::Full`].
    pub fn io(op: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { op, source },
            _ => Self::Io { op, source },
        }
    }

    /// A blocking task ended without an answer: it panicked, or the runtime is shutting down.
    pub(crate) fn lost_task(op: &'static str, source: JoinError) -> Self {
        Self::Io {
            op,
            source: io::Error::other(source),
        }
    }
}
