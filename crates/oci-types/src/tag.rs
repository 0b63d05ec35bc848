//! Tags: the names that move from manifest to manifest within a repository.

use std::sync::Arc;

use crate::text::validated_text;

/// A tag, such as `latest` or `v1.2.3` (specification: "Pulling manifests",
/// `<reference>` as a tag).
///
/// A letter, digit or `_`, then up to 127 letters, digits, `.`, `_` and `-`;
/// all ASCII. Ordered by bytes, which is the order of tag lists. Clones are
/// cheap: they share the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The most bytes a tag may have.
    pub const MAX_LEN: usize = 128;

    fn check(text: &str) -> Result<(), TagError> {
        let Some(first) = text.chars().next() else {
            return Err(TagError::Empty);
        };
        if text.len() > Self::MAX_LEN {
            return Err(TagError::TooLong { len: text.len() });
        }
        if matches!(first, '.' | '-') {
            return Err(TagError::InvalidStart { character: first });
        }
        match text.char_indices().find(|(_, c)| !is_tag_char(*c)) {
            Some((offset, character)) => Err(TagError::InvalidCharacter { offset, character }),
            None => Ok(()),
        }
    }
}

validated_text!(Tag, TagError, "a tag");

fn is_tag_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Why a text is no [`Tag`]. Offsets count bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The text is empty.
    #[error("a tag must not be empty")]
    Empty,
    /// The text has more than [`Tag::MAX_LEN`] bytes.
    #[error(
        "a tag has at most {} characters, this one has {len} bytes",
        Tag::MAX_LEN
    )]
    TooLong {
        /// The length of the text in bytes.
        len: usize,
    },
    /// The first character is `.` or `-`.
    #[error("a tag must start with a letter, a digit or '_', not with {character:?}")]
    InvalidStart {
        /// The first character.
        character: char,
    },
    /// A character that no tag contains.
    #[error(
        "character {character:?} at byte {offset} of the tag: \
         only letters, digits, '.', '_' and '-' are allowed"
    )]
    InvalidCharacter {
        /// Where the character starts.
        offset: usize,
        /// The character.
        character: char,
    },
}
