//! The durable form of a hash computation, so that an upload resumes after a
//! restart without reading again what was received.

use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::hasher::Inner;
use super::{Algorithm, Hasher, Hex, decode_hex};

/// Where a [`Hasher`] stands: algorithm, bytes hashed, and the hash function's
/// internal state.
///
/// It is made to be stored, as JSON for example. The state carries a layout
/// tag: a release whose hash library lays it out differently refuses it with
/// [`HashStateError::Layout`] instead of computing a wrong digest, and the
/// caller hashes the stored bytes again.
///
/// It reveals up to one block of the content, and whoever can change it
/// decides the digest that comes out: keep it as private and as safe as the
/// content itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HashState {
    algorithm: Algorithm,
    layout: Box<str>,
    length: u64,
    #[serde(with = "hex_bytes")]
    state: Box<[u8]>,
}

/// The layout that this release writes and reads: chaining value, number of
/// whole blocks (little-endian), bytes in the unfinished block, those bytes
/// padded with zeros.
const LAYOUT: &str = "sha2-0.11";

impl HashState {
    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The number of bytes hashed so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was hashed yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Hasher {
    /// The durable form of this computation.
    #[must_use]
    pub fn to_state(&self) -> HashState {
        let state = match &self.inner {
            Inner::Sha256(hash) => Box::from(hash.serialize().as_slice()),
            Inner::Sha512(hash) => Box::from(hash.serialize().as_slice()),
        };
        HashState {
            algorithm: self.algorithm(),
            layout: LAYOUT.into(),
            length: self.len,
            state,
        }
    }

    /// Continues where [`to_state`](Self::to_state) was called.
    ///
    /// # Errors
    /// [`HashStateError::Layout`] for a state of another release's layout,
    /// [`HashStateError::Corrupt`] for one that no hasher wrote.
    pub fn from_state(state: &HashState) -> Result<Hasher, HashStateError> {
        if &*state.layout != LAYOUT {
            return Err(HashStateError::Layout {
                found: crate::text::excerpt(&state.layout),
            });
        }
        let inner = match state.algorithm {
            Algorithm::Sha256 => Inner::Sha256(restore(&state.state)?),
            Algorithm::Sha512 => Inner::Sha512(restore(&state.state)?),
        };
        if recorded_length(state) != Some(u128::from(state.length)) {
            return Err(HashStateError::Corrupt);
        }
        Ok(Hasher {
            inner,
            len: state.length,
        })
    }
}

fn restore<H: SerializableState>(bytes: &[u8]) -> Result<H, HashStateError> {
    let bytes = <&SerializedState<H>>::try_from(bytes).map_err(|_| HashStateError::Corrupt)?;
    H::deserialize(bytes).map_err(|_| HashStateError::Corrupt)
}

/// The number of bytes that the state itself says were hashed.
fn recorded_length(state: &HashState) -> Option<u128> {
    let (count, block) = match state.algorithm {
        Algorithm::Sha256 => (32..40, 64),
        Algorithm::Sha512 => (64..80, 128),
    };
    let buffered = *state.state.get(count.end)?;
    let mut blocks = [0; 16];
    let count = state.state.get(count)?;
    blocks.get_mut(..count.len())?.copy_from_slice(count);
    u128::from_le_bytes(blocks)
        .checked_mul(block)?
        .checked_add(u128::from(buffered))
}

/// Why a [`HashState`] cannot be continued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashStateError {
    /// Another release wrote it, in a layout that this one does not read.
    #[error("the hash state has the layout \"{found}\", this release reads \"{LAYOUT}\"")]
    Layout {
        /// Its layout tag, escaped and bounded.
        found: String,
    },
    /// Its bytes are no state of its algorithm and length.
    #[error("the hash state is corrupt")]
    Corrupt,
}

/// Bytes as a string of lower-case hexadecimal.
mod hex_bytes {
    use std::borrow::Cow;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Hex, decode_hex};

    #[expect(clippy::borrowed_box, reason = "serde passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(bytes: &Box<[u8]>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&Hex::new(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Box<[u8]>, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        let mut bytes = vec![0; text.len() / 2];
        decode_hex(&text, &mut bytes)
            .map_err(|_| D::Error::custom("the hash state is not lower-case hexadecimal"))?;
        Ok(bytes.into())
    }
}
