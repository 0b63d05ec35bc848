//! What names a manifest within a repository: a tag or a digest.

use std::fmt;
use std::str::FromStr;

use crate::text::serde_as_text;
use crate::{Digest, DigestError, Tag, TagError};

/// A tag or a digest (specification: "Pulling manifests", `<reference>`).
///
/// No tag contains `:` and every digest does, so the text tells which it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reference {
    /// A tag: it may name another manifest tomorrow.
    Tag(Tag),
    /// A digest: it names the same bytes for ever.
    Digest(Digest),
}

impl Reference {
    /// The tag, if it is one.
    #[must_use]
    pub fn as_tag(&self) -> Option<&Tag> {
        match self {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        }
    }

    /// The digest, if it is one.
    #[must_use]
    pub fn as_digest(&self) -> Option<&Digest> {
        match self {
            Reference::Tag(_) => None,
            Reference::Digest(digest) => Some(digest),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            Ok(Reference::Digest(text.parse()?))
        } else {
            Ok(Reference::Tag(text.parse()?))
        }
    }
}

impl TryFrom<&str> for Reference {
    type Error = ReferenceError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Reference::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Reference::Digest(digest)
    }
}

serde_as_text!(Reference, "a tag or a digest");

/// Why a text is no [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The text has no `:` and is no tag.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The text has a `:` and is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
}
