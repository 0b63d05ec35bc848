//! What a session records of an upload to an object store: enough for another process to go on.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{BlobStoreError, Staged};

/// Where the bytes of a staging area are: full parts first, then tails, without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectRecord {
    /// The key of the object that sealing makes. Each checkpoint has one of its own until there
    /// is a multipart upload, so that no two of them can seal to one key.
    pub(super) key: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) multipart: Option<Multipart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tails: Vec<Tail>,
    /// Tails whose bytes are in a part now. They are removed by whoever goes on from here: until
    /// then somebody may still go back to the checkpoint before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) superseded: Vec<Tail>,
}

/// A multipart upload under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Multipart {
    pub(super) upload: String,
    /// The length of each part in bytes.
    pub(super) part_size: u64,
    /// What the store called each part, in order.
    pub(super) parts: Vec<String>,
    /// What the store called a part behind them that holds all tails, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<String>,
}

impl Multipart {
    /// How many bytes are in full parts.
    pub(super) fn len(&self) -> u64 {
        self.part_size * self.parts.len() as u64
    }
}

/// Bytes behind the last full part, fewer than a part. Never changed once it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    /// Where it starts in the blob, in bytes.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) len: u64,
    pub(super) at: TailPlace,
}

/// Where a tail's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TailPlace {
    /// In an object, whose name this is a part of: two writers at one place have two objects.
    Object(Uuid),
    /// In the record itself.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    Inline(Bytes),
}

impl ObjectRecord {
    /// The record of an area: that of one where nothing was recorded yet follows from its name.
    pub(super) fn of(staged: &Staged) -> Result<Self, BlobStoreError> {
        let record = match &staged.object {
            Some(record) => (**record).clone(),
            None => Self {
                key: staged.id,
                multipart: None,
                tails: Vec::new(),
                superseded: Vec::new(),
            },
        };
        let found = record.len();
        if found == staged.len {
            return Ok(record);
        }
        Err(BlobStoreError::StagedLost {
            recorded: staged.len,
            found,
        })
    }

    fn len(&self) -> u64 {
        self.parts_len() + self.tails.iter().map(|tail| tail.len).sum::<u64>()
    }

    /// How many bytes are in full parts.
    pub(super) fn parts_len(&self) -> u64 {
        self.multipart.as_ref().map_or(0, Multipart::len)
    }

    /// The tails that are objects, whether they still count or not.
    pub(super) fn tail_objects(&self) -> Vec<Tail> {
        let all = self.tails.iter().chain(&self.superseded);
        all.filter(|tail| tail.is_object()).cloned().collect()
    }
}

impl Tail {
    pub(super) fn is_object(&self) -> bool {
        matches!(self.at, TailPlace::Object(_))
    }
}

fn to_base64<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64_STANDARD.decode(text);
    bytes.map(Bytes::from).map_err(de::Error::custom)
}
