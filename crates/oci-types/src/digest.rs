//! Content digests, and computing and verifying them as bytes arrive.
//!
//! SHA-256 and SHA-512 only: a digest of another algorithm is refused by name,
//! because content that cannot be verified is not stored.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

use crate::text::{excerpt, serde_as_text};

mod hasher;
mod state;

pub use hasher::{Hasher, Mismatch, Verifier};
pub use state::{HashState, HashStateError};

/// A registered hash algorithm (image specification: "Registered algorithms").
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Algorithm {
    /// SHA-256: 32 bytes.
    Sha256,
    /// SHA-512: 64 bytes.
    Sha512,
}

impl Algorithm {
    /// Every supported algorithm.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// The registered identifier: `sha256` or `sha512`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// The length of a digest in bytes; its hexadecimal form has twice as many
    /// characters.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    /// Parses an identifier.
    ///
    /// # Errors
    /// [`DigestError::MalformedAlgorithm`] or [`DigestError::UnsupportedAlgorithm`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(known) = Algorithm::ALL.into_iter().find(|a| a.as_str() == text) {
            return Ok(known);
        }
        let algorithm = excerpt(text);
        if is_algorithm(text) {
            Err(DigestError::UnsupportedAlgorithm { algorithm })
        } else {
            Err(DigestError::MalformedAlgorithm { algorithm })
        }
    }
}

serde_as_text!(Algorithm, "a digest algorithm");

/// Whether `text` is what the digest grammar calls an algorithm:
/// `[a-z0-9]+([+._-][a-z0-9]+)*`.
fn is_algorithm(text: &str) -> bool {
    text.split(['+', '.', '_', '-']).all(|component| {
        !component.is_empty()
            && component
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// The digest of some content, such as `sha256:e3b0c442…` (image
/// specification: "Digests").
///
/// Ordered as its text is.
#[derive(Clone, Copy, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub struct Digest(Repr);

#[derive(Clone, Copy, Eq, PartialEq, Hash, Ord, PartialOrd)]
enum Repr {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

impl Digest {
    /// A digest from its raw bytes.
    ///
    /// # Errors
    /// [`DigestError::WrongLength`] unless there are
    /// [`algorithm.digest_len()`](Algorithm::digest_len) bytes.
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Digest, DigestError> {
        let repr = match algorithm {
            Algorithm::Sha256 => bytes.try_into().map(Repr::Sha256),
            Algorithm::Sha512 => bytes.try_into().map(Repr::Sha512),
        };
        repr.map(Digest).map_err(|_| DigestError::WrongLength {
            algorithm,
            found: bytes.len().saturating_mul(2),
        })
    }

    /// Hashes `content` with `algorithm`.
    #[must_use]
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Digest {
        Digest(match algorithm {
            Algorithm::Sha256 => Repr::Sha256(sha2::Sha256::digest(content).into()),
            Algorithm::Sha512 => Repr::Sha512(sha2::Sha512::digest(content).into()),
        })
    }

    /// Hashes `content` with SHA-256.
    #[must_use]
    pub fn sha256(content: &[u8]) -> Digest {
        Digest::of(Algorithm::Sha256, content)
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Repr::Sha256(_) => Algorithm::Sha256,
            Repr::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The raw hash: [`digest_len`](Algorithm::digest_len) bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Sha256(bytes) => bytes,
            Repr::Sha512(bytes) => bytes,
        }
    }

    /// The hash in lower-case hexadecimal, without the algorithm.
    #[must_use]
    pub const fn hex(&self) -> Hex<'_> {
        Hex(self.as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().as_str(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, hex) = text.split_once(':').ok_or(DigestError::MissingSeparator)?;
        let algorithm: Algorithm = algorithm.parse()?;
        let mut bytes = [0; 64];
        let bytes = &mut bytes[..algorithm.digest_len()];
        match decode_hex(hex, bytes) {
            Ok(()) => Digest::from_bytes(algorithm, bytes),
            Err(HexError::Length) => Err(DigestError::WrongLength {
                algorithm,
                found: hex.chars().count(),
            }),
            Err(HexError::Character { offset, character }) => Err(DigestError::NotLowerHex {
                offset: algorithm.as_str().len() + 1 + offset,
                character,
            }),
        }
    }
}

impl TryFrom<&str> for Digest {
    type Error = DigestError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

serde_as_text!(
    Digest,
    "a digest such as sha256:<64 hexadecimal characters>"
);

/// Prints bytes in lower-case hexadecimal. Made by [`Digest::hex`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<'a>(&'a [u8]);

impl<'a> Hex<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Hex(bytes)
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for chunk in self.0.chunks(64) {
            let mut buffer = [0; 128];
            for (pair, byte) in buffer.chunks_exact_mut(2).zip(chunk) {
                pair[0] = DIGITS[usize::from(byte >> 4)];
                pair[1] = DIGITS[usize::from(byte & 0xf)];
            }
            let text = &buffer[..chunk.len() * 2];
            f.write_str(std::str::from_utf8(text).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

/// Why [`decode_hex`] refused a text.
enum HexError {
    Length,
    Character { offset: usize, character: char },
}

/// Decodes lower-case hexadecimal that fills `out` exactly.
fn decode_hex(text: &str, out: &mut [u8]) -> Result<(), HexError> {
    let foreign = text
        .char_indices()
        .find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f'));
    if let Some((offset, character)) = foreign {
        return Err(HexError::Character { offset, character });
    }
    if text.len() != out.len() * 2 {
        return Err(HexError::Length);
    }
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    };
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = nibble(pair[0]) << 4 | nibble(pair[1]);
    }
    Ok(())
}

/// Why a text is no [`Digest`]. Offsets count bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `:` between algorithm and hash.
    #[error("a digest has the form algorithm:hash, such as sha256:<64 hexadecimal characters>")]
    MissingSeparator,
    /// What stands before the `:` is no name of an algorithm.
    #[error("\"{algorithm}\" is not a digest algorithm: use sha256 or sha512")]
    MalformedAlgorithm {
        /// The text, escaped and bounded.
        algorithm: String,
    },
    /// A well-formed algorithm that this crate does not compute.
    #[error("the digest algorithm {algorithm} is not supported: use sha256 or sha512")]
    UnsupportedAlgorithm {
        /// Its name, bounded.
        algorithm: String,
    },
    /// The hash is too short or too long.
    #[error(
        "a {algorithm} digest has {} hexadecimal characters, this one has {found}",
        algorithm.digest_len() * 2
    )]
    WrongLength {
        /// The algorithm, which fixes the length.
        algorithm: Algorithm,
        /// The length that was found, in hexadecimal characters.
        found: usize,
    },
    /// A character other than `0`-`9` and `a`-`f` in the hash.
    #[error(
        "character {character:?} at byte {offset} of the digest: \
         only lower-case hexadecimal is allowed"
    )]
    NotLowerHex {
        /// Where the character starts.
        offset: usize,
        /// The character.
        character: char,
    },
}
