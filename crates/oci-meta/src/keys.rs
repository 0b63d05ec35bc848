//! Digests and repositories as the SQL backends store them.

use oci_types::{Algorithm, Digest, DigestError};

use crate::RepoKey;

/// What is stored for the upstream of this registry's own repositories.
pub(crate) const NO_UPSTREAM: &str = "";

pub(crate) fn upstream(repo: &RepoKey) -> &str {
    repo.upstream.as_ref().map_or(NO_UPSTREAM, |u| u.as_str())
}

/// A digest as one byte for the algorithm and the raw hash: sorted as [`Digest`] sorts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    bytes: [u8; 65],
    len: usize,
}

/// The bytes are no [`Key`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("the algorithm of a stored digest is unknown")]
    Algorithm,
    #[error("a stored digest is damaged")]
    Hash(#[source] DigestError),
}

impl Key {
    /// Before every digest.
    pub(crate) const FIRST: Self = Self {
        bytes: [0; 65],
        len: 0,
    };

    pub(crate) fn of(digest: &Digest) -> Self {
        let hash = digest.as_bytes();
        let mut bytes = [0; 65];
        bytes[0] = match digest.algorithm() {
            Algorithm::Sha256 => 1,
            Algorithm::Sha512 => 2,
        };
        let len = 1 + hash.len();
        bytes[1..len].copy_from_slice(hash);
        Self { bytes, len }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The digest that was stored as these bytes.
    pub(crate) fn digest(stored: &[u8]) -> Result<Digest, KeyError> {
        let algorithm = match stored.first() {
            Some(1) => Algorithm::Sha256,
            Some(2) => Algorithm::Sha512,
            _ => return Err(KeyError::Algorithm),
        };
        Digest::from_bytes(algorithm, &stored[1..]).map_err(KeyError::Hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_survive_and_sort_as_they_do() {
        let mut digests: Vec<Digest> = (0..64u8)
            .flat_map(|n| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, &[n])))
            .collect();
        digests.sort();
        let keys: Vec<Key> = digests.iter().map(Key::of).collect();
        assert!(keys.is_sorted_by_key(|key| key.as_bytes().to_vec()));
        for (digest, key) in digests.iter().zip(&keys) {
            assert_eq!(Key::digest(key.as_bytes()).unwrap(), *digest);
        }
    }

    #[test]
    fn a_damaged_digest_is_an_error() {
        for bytes in [&[][..], &[0; 33], &[3; 33], &[1; 32], &[2; 33]] {
            assert!(Key::digest(bytes).is_err());
        }
    }
}
