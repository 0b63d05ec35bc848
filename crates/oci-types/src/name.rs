//! Repository names. A name holds no registry host, no tag and no digest: see
//! [`Reference`](crate::Reference) for the latter two.

use std::sync::Arc;

use crate::text::validated_text;

/// The name of a repository within a registry, such as `library/alpine`
/// (specification: "Pulling manifests", `<name>`).
///
/// Components of lower-case letters and digits, joined inside by one `.`, one
/// or two `_` or any number of `-`, and separated by `/`; 1 to
/// [`MAX_LEN`](Self::MAX_LEN) bytes, all ASCII. Ordered by bytes. Clones are
/// cheap: they share the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The most bytes a name may have.
    ///
    /// The specification warns that many clients limit host, `/` and name
    /// together to 255 characters, so a longer name is of no use to anyone.
    pub const MAX_LEN: usize = 255;

    /// The components of the name, from left to right; at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameError::TooLong { len: text.len() });
        }
        let mut offset = 0;
        for component in text.split('/') {
            check_component(component, offset)?;
            offset += component.len() + 1;
        }
        Ok(())
    }
}

validated_text!(RepositoryName, NameError, "a repository name");

/// Checks one component, which starts at byte `base` of the name.
fn check_component(component: &str, base: usize) -> Result<(), NameError> {
    if component.is_empty() {
        return Err(NameError::EmptyComponent { offset: base });
    }
    if let Some((at, character)) = component.char_indices().find(|(_, c)| !is_name_char(*c)) {
        let offset = base + at;
        return Err(NameError::InvalidCharacter { offset, character });
    }
    let mut rest = component;
    while let Some(start) = rest.find(is_separator) {
        let run = &rest[start..];
        let end = run.find(|c| !is_separator(c)).unwrap_or(run.len());
        let (separator, after) = run.split_at(end);
        let offset = base + component.len() - run.len();
        if offset == base || after.is_empty() {
            return Err(NameError::EdgeSeparator { offset });
        }
        if !matches!(separator, "." | "_" | "__") && separator.bytes().any(|b| b != b'-') {
            return Err(NameError::InvalidSeparator { offset });
        }
        rest = after;
    }
    Ok(())
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | '_' | '-')
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || is_separator(c)
}

/// Why a text is no [`RepositoryName`]. Offsets count bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a repository name must not be empty")]
    Empty,
    /// The text has more than [`RepositoryName::MAX_LEN`] bytes.
    #[error(
        "a repository name has at most {} bytes, this one has {len}",
        RepositoryName::MAX_LEN
    )]
    TooLong {
        /// The length of the text in bytes.
        len: usize,
    },
    /// Two slashes follow each other, or the name starts or ends with one.
    #[error(
        "empty component at byte {offset} of the repository name: \
         it must not start or end with '/' or contain '//'"
    )]
    EmptyComponent {
        /// Where the component should start.
        offset: usize,
    },
    /// A character that no name contains.
    #[error(
        "character {character:?} at byte {offset} of the repository name: \
         only a-z, 0-9, '.', '_', '-' and '/' are allowed"
    )]
    InvalidCharacter {
        /// Where the character starts.
        offset: usize,
        /// The character.
        character: char,
    },
    /// A component starts or ends with `.`, `_` or `-`.
    #[error(
        "misplaced separator at byte {offset} of the repository name: \
         each component must start and end with a letter or a digit"
    )]
    EdgeSeparator {
        /// Where the separator starts.
        offset: usize,
    },
    /// Separators in a row that the grammar does not join.
    #[error(
        "invalid separator at byte {offset} of the repository name: \
         use one '.', one or two '_', or any number of '-'"
    )]
    InvalidSeparator {
        /// Where the separator starts.
        offset: usize,
    },
}
