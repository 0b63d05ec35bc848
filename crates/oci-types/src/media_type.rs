//! Media types and what a registry makes of them. Only the essence
//! (`type/subtype`) is kept: parameters are dropped when parsing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::text::serde_as_text;

mod known;

pub use known::*;

use known::KNOWN;

/// What a media type says about content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// An image manifest: OCI, or Docker schema 2.
    ImageManifest,
    /// An image index: OCI, or a Docker manifest list.
    ImageIndex,
    /// The withdrawn OCI artifact manifest.
    ArtifactManifest,
    /// A Docker manifest of schema 1, which is refused.
    DockerSchema1,
    /// The configuration of an image or a Docker plugin.
    Config,
    /// A layer of an image.
    Layer,
    /// A layer that clients fetch from elsewhere, and do not push.
    NonDistributableLayer,
    /// The empty JSON object.
    Empty,
    /// `application/octet-stream` or `application/json`: says nothing.
    Generic,
    /// Anything else.
    Other,
}

/// A media type without parameters, such as `application/json` (RFC 6838 §4.2).
///
/// At most [`MAX_LEN`](Self::MAX_LEN) bytes, all ASCII. It prints as it was
/// written; comparison, order and hash ignore case, as RFC 6838 asks. Clones
/// are cheap.
#[derive(Clone)]
pub struct MediaType(Repr);

#[derive(Clone)]
enum Repr {
    Known(&'static str),
    Shared(Arc<str>),
}

impl MediaType {
    /// The most bytes a media type may have: two names of 127 and the slash.
    pub const MAX_LEN: usize = 255;

    /// Parses the value of a `Content-Type` header or a `mediaType` field;
    /// white space around it and parameters after `;` are dropped.
    ///
    /// # Errors
    /// [`MediaTypeError`]: it is not `type/subtype`, or has an invalid
    /// character, or is too long.
    pub fn parse(text: &str) -> Result<MediaType, MediaTypeError> {
        let essence = text.split_once(';').map_or(text, |(essence, _)| essence);
        let lead = essence.len() - essence.trim_start_matches([' ', '\t']).len();
        let essence = essence.trim_matches([' ', '\t']);
        check(essence, lead)?;
        let known = KNOWN.iter().find(|(known, _)| *known == essence);
        Ok(MediaType(match known {
            Some((known, _)) => Repr::Known(known),
            None => Repr::Shared(essence.into()),
        }))
    }

    /// `application/vnd.oci.image.manifest.v1+json`
    #[must_use]
    pub const fn oci_manifest() -> MediaType {
        MediaType(Repr::Known(OCI_MANIFEST))
    }

    /// `application/vnd.oci.image.index.v1+json`
    #[must_use]
    pub const fn oci_index() -> MediaType {
        MediaType(Repr::Known(OCI_INDEX))
    }

    /// `application/vnd.oci.image.config.v1+json`
    #[must_use]
    pub const fn oci_config() -> MediaType {
        MediaType(Repr::Known(OCI_CONFIG))
    }

    /// `application/vnd.oci.empty.v1+json`
    #[must_use]
    pub const fn oci_empty() -> MediaType {
        MediaType(Repr::Known(OCI_EMPTY))
    }

    /// `application/vnd.oci.artifact.manifest.v1+json`
    #[must_use]
    pub const fn oci_artifact() -> MediaType {
        MediaType(Repr::Known(OCI_ARTIFACT))
    }

    /// `application/vnd.oci.image.layer.v1.tar`
    #[must_use]
    pub const fn oci_layer_tar() -> MediaType {
        MediaType(Repr::Known(OCI_LAYER_TAR))
    }

    /// `application/vnd.oci.image.layer.v1.tar+gzip`
    #[must_use]
    pub const fn oci_layer_tar_gzip() -> MediaType {
        MediaType(Repr::Known(OCI_LAYER_TAR_GZIP))
    }

    /// `application/vnd.oci.image.layer.v1.tar+zstd`
    #[must_use]
    pub const fn oci_layer_tar_zstd() -> MediaType {
        MediaType(Repr::Known(OCI_LAYER_TAR_ZSTD))
    }

    /// `application/vnd.docker.distribution.manifest.v2+json`
    #[must_use]
    pub const fn docker_manifest() -> MediaType {
        MediaType(Repr::Known(DOCKER_MANIFEST))
    }

    /// `application/vnd.docker.distribution.manifest.list.v2+json`
    #[must_use]
    pub const fn docker_manifest_list() -> MediaType {
        MediaType(Repr::Known(DOCKER_MANIFEST_LIST))
    }

    /// `application/octet-stream`
    #[must_use]
    pub const fn octet_stream() -> MediaType {
        MediaType(Repr::Known(OCTET_STREAM))
    }

    /// `application/json`
    #[must_use]
    pub const fn json() -> MediaType {
        MediaType(Repr::Known(JSON))
    }

    /// The essence, in the case it was written in.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(text) => text,
            Repr::Shared(text) => text,
        }
    }

    /// What the media type says about content.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        let known = KNOWN
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(self.as_str()));
        known.map_or(MediaKind::Other, |(_, kind)| *kind)
    }

    /// Whether this is a manifest that the registry understands: an image
    /// manifest, an image index or an artifact manifest.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        match self.kind() {
            MediaKind::ImageManifest | MediaKind::ImageIndex | MediaKind::ArtifactManifest => true,
            MediaKind::DockerSchema1
            | MediaKind::Config
            | MediaKind::Layer
            | MediaKind::NonDistributableLayer
            | MediaKind::Empty
            | MediaKind::Generic
            | MediaKind::Other => false,
        }
    }

    /// Whether this is an image index or a Docker manifest list.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.kind() == MediaKind::ImageIndex
    }

    /// Whether this is a layer that clients fetch from elsewhere.
    #[must_use]
    pub fn is_non_distributable(&self) -> bool {
        self.kind() == MediaKind::NonDistributableLayer
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.as_str().bytes().map(|b| b.to_ascii_lowercase())
    }
}

/// Checks `type/subtype`, which starts at byte `base` of the text.
fn check(essence: &str, base: usize) -> Result<(), MediaTypeError> {
    if essence.is_empty() {
        return Err(MediaTypeError::Empty);
    }
    if essence.len() > MediaType::MAX_LEN {
        let len = essence.len();
        return Err(MediaTypeError::TooLong { len });
    }
    let (kind, subtype) = essence
        .split_once('/')
        .ok_or(MediaTypeError::MissingSlash)?;
    check_name(kind, base)?;
    check_name(subtype, base + kind.len() + 1)
}

/// Checks a `restricted-name` (RFC 6838 §4.2), but for its own limit of 127.
fn check_name(name: &str, base: usize) -> Result<(), MediaTypeError> {
    if name.is_empty() {
        return Err(MediaTypeError::EmptyName { offset: base });
    }
    let invalid = name
        .char_indices()
        .find(|&(at, c)| !c.is_ascii_alphanumeric() && (at == 0 || !"!#$&-^_.+".contains(c)));
    match invalid {
        Some((at, character)) => Err(MediaTypeError::InvalidCharacter {
            offset: base + at,
            character,
        }),
        None => Ok(()),
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        MediaType::parse(text)
    }
}

impl TryFrom<&str> for MediaType {
    type Error = MediaTypeError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        MediaType::parse(text)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for MediaType {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<MediaType> for Cow<'static, str> {
    fn from(media_type: MediaType) -> Self {
        match media_type.0 {
            Repr::Known(text) => Cow::Borrowed(text),
            Repr::Shared(text) => Cow::Owned(text.as_ref().to_owned()),
        }
    }
}

impl PartialEq for MediaType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }
}

impl Eq for MediaType {}

impl PartialEq<str> for MediaType {
    fn eq(&self, other: &str) -> bool {
        self.as_str().eq_ignore_ascii_case(other)
    }
}

impl PartialEq<&str> for MediaType {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl PartialOrd for MediaType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MediaType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for MediaType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.folded() {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

serde_as_text!(MediaType, "a media type");

/// Why a text is no [`MediaType`]. Offsets count bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// There is nothing before the parameters.
    #[error("a media type must not be empty")]
    Empty,
    /// The essence has more than [`MediaType::MAX_LEN`] bytes.
    #[error(
        "a media type has at most {} bytes, this one has {len}",
        MediaType::MAX_LEN
    )]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// There is no `/`.
    #[error("a media type has the form type/subtype, such as {OCI_MANIFEST}")]
    MissingSlash,
    /// Nothing stands before or after the `/`.
    #[error("empty name at byte {offset} of the media type: it has the form type/subtype")]
    EmptyName {
        /// Where the name should start.
        offset: usize,
    },
    /// A character that no media type has there.
    #[error("character {character:?} at byte {offset} is not allowed in a media type")]
    InvalidCharacter {
        /// Where the character starts.
        offset: usize,
        /// The character.
        character: char,
    },
}
