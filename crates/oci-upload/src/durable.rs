//! The form in which a session is recorded.

use oci_types::HashState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::session::Lease;
use crate::{Session, UnixMillis, UploadId};

/// The version of the recorded form that this program writes, and the only one it reads.
const VERSION: u32 = 1;

/// Why a recorded session cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// Another version of this program wrote it.
    #[error("the session was recorded in form {found}, this program reads form {VERSION}")]
    Version {
        /// The form's version.
        found: u32,
    },
    /// It is no recorded session.
    #[error("the record is not an upload session")]
    Malformed(#[source] serde_json::Error),
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Record<S> {
    version: u32,
    id: UploadId,
    offset: u64,
    hashes: Vec<HashState>,
    staged: S,
    epoch: u64,
    lease: Option<Lease>,
    expires_at: UnixMillis,
}

impl<S: Serialize + DeserializeOwned + Clone> Session<S> {
    /// The session in its durable form.
    ///
    /// # Errors
    /// Where `S` cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Record {
            version: VERSION,
            id: self.id,
            offset: self.offset,
            hashes: self.hashes.clone(),
            staged: self.staged.clone(),
            epoch: self.epoch,
            lease: self.lease,
            expires_at: self.expires_at,
        })
    }

    /// The session that these bytes record.
    ///
    /// # Errors
    /// [`DurableError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DurableError> {
        // The version first: another one's fields may be anything.
        let Versioned { version } =
            serde_json::from_slice(bytes).map_err(DurableError::Malformed)?;
        if version != VERSION {
            return Err(DurableError::Version { found: version });
        }
        let record: Record<S> = serde_json::from_slice(bytes).map_err(DurableError::Malformed)?;
        Ok(Self {
            id: record.id,
            offset: record.offset,
            hashes: record.hashes,
            staged: record.staged,
            epoch: record.epoch,
            lease: record.lease,
            expires_at: record.expires_at,
        })
    }
}
