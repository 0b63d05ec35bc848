//! Hashing content piece by piece, and checking it against a digest.

use std::fmt;

use sha2::Digest as _;

use super::{Algorithm, Digest, Repr};

/// Computes a [`Digest`] of content that arrives in pieces.
///
/// Cloning one forks the computation; [`to_state`](Self::to_state) makes it
/// durable.
#[derive(Clone)]
pub struct Hasher {
    pub(super) inner: Inner,
    pub(super) len: u64,
}

#[derive(Clone)]
pub(super) enum Inner {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Hasher {
        let inner = match algorithm {
            Algorithm::Sha256 => Inner::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Inner::Sha512(sha2::Sha512::new()),
        };
        Hasher { inner, len: 0 }
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.inner {
            Inner::Sha256(_) => Algorithm::Sha256,
            Inner::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Appends `bytes` to the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.inner {
            Inner::Sha256(hash) => hash.update(bytes),
            Inner::Sha512(hash) => hash.update(bytes),
        }
        // No one can feed 2^64 bytes; saturating keeps this total all the same.
        self.len = self.len.saturating_add(bytes.len() as u64);
    }

    /// The number of bytes appended so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of everything that was appended.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(match self.inner {
            Inner::Sha256(hash) => Repr::Sha256(hash.finalize().into()),
            Inner::Sha512(hash) => Repr::Sha512(hash.finalize().into()),
        })
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm())
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Checks content that arrives in pieces against the digest it should have.
#[derive(Clone, Debug)]
pub struct Verifier {
    expected: Digest,
    hasher: Hasher,
}

impl Verifier {
    /// A verifier of content that should have the digest `expected`.
    #[must_use]
    pub fn new(expected: Digest) -> Verifier {
        let hasher = Hasher::new(expected.algorithm());
        Verifier { expected, hasher }
    }

    /// The digest that the content should have.
    #[must_use]
    pub const fn expected(&self) -> &Digest {
        &self.expected
    }

    /// Appends `bytes` to the content.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// The number of bytes appended so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.hasher.len()
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hasher.is_empty()
    }

    /// Returns the digest if the content has it.
    ///
    /// # Errors
    /// [`Mismatch`] with the digest that the content has instead.
    pub fn verify(self) -> Result<Digest, Mismatch> {
        let expected = self.expected;
        let actual = self.hasher.finish();
        if actual == expected {
            Ok(actual)
        } else {
            Err(Mismatch { expected, actual })
        }
    }
}

/// The content does not have the digest it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content has the digest {actual}, not {expected}")]
pub struct Mismatch {
    /// The digest that was announced.
    pub expected: Digest,
    /// The digest of the bytes that arrived.
    pub actual: Digest,
}
