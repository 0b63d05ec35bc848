//! The `Content-Range` of a chunk and the `Range` that an upload session
//! answers with. Neither has the form of RFC 9110: see the specification,
//! "Pushing a blob in chunks".

use std::fmt;
use std::str::FromStr;

use super::digits;
use crate::text::{excerpt, serde_as_text};

/// Where a chunk stands in an upload: `start-end` (specification: "Pushing a
/// blob in chunks", `Content-Range`).
///
/// Positions count bytes from 0; `end` is inclusive, at least `start`, and
/// below `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRange {
    start: u64,
    end: u64,
}

impl ContentRange {
    /// The chunk from `start` to `end`, inclusive.
    ///
    /// # Errors
    /// [`ContentRangeError::Reversed`] if it ends before it starts,
    /// [`ContentRangeError::TooLarge`] if `end` is `u64::MAX`.
    pub const fn new(start: u64, end: u64) -> Result<ContentRange, ContentRangeError> {
        if end < start {
            return Err(ContentRangeError::Reversed { start, end });
        }
        if end == u64::MAX {
            return Err(ContentRangeError::TooLarge);
        }
        Ok(ContentRange { start, end })
    }

    /// The first byte.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The last byte, inclusive.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The number of bytes; at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub const fn len(&self) -> u64 {
        self.end - self.start + 1
    }
}

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    /// Parses `start-end`, and `bytes start-end/size` too, which some clients
    /// send; the size may be `*` and otherwise must lie beyond `end`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ContentRangeError::Malformed {
            range: excerpt(text),
        };
        let (range, size) = match text.split_once(' ') {
            None => (text, None),
            Some((unit, rest)) if unit.eq_ignore_ascii_case("bytes") => {
                let (range, size) = rest.split_once('/').ok_or_else(malformed)?;
                (range, Some(size))
            }
            Some(_) => return Err(malformed()),
        };
        let (start, end) = range.split_once('-').ok_or_else(malformed)?;
        let start = digits(start).ok_or_else(malformed)?;
        let end = digits(end).ok_or_else(malformed)?;
        if let Some(size) = size
            && size != "*"
            && digits(size).ok_or_else(malformed)? <= end
        {
            return Err(malformed());
        }
        ContentRange::new(start, end)
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.end)
    }
}

serde_as_text!(ContentRange, "a range such as 0-1023");

/// Why a text is no [`ContentRange`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentRangeError {
    /// It is not of the form `start-end`.
    #[error(
        "the content range \"{range}\" is malformed: use <first byte>-<last byte>, as in 0-1023"
    )]
    Malformed {
        /// The text, escaped and bounded.
        range: String,
    },
    /// It ends before it starts.
    #[error("the content range ends at byte {end}, before it starts at byte {start}")]
    Reversed {
        /// The first byte.
        start: u64,
        /// The last byte.
        end: u64,
    },
    /// It ends beyond what a 64-bit size can count.
    #[error("the content range ends beyond any possible content")]
    TooLarge,
}

/// What an upload session has received, `0-last` (specification: "Pushing a
/// blob in chunks", `Range`).
///
/// Nothing received prints as `0-0`, as a single byte does: the form cannot
/// tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadRange {
    last: u64,
}

impl UploadRange {
    /// The range of a session that has received `len` bytes.
    #[must_use]
    pub const fn of_len(len: u64) -> UploadRange {
        UploadRange {
            last: len.saturating_sub(1),
        }
    }

    /// The last byte that was received; 0 also where none was.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }
}

impl fmt::Display for UploadRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0-{}", self.last)
    }
}

impl FromStr for UploadRange {
    type Err = UploadRangeError;

    /// Parses `0-last`, and `bytes=0-last` too, which some registries send.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = text.strip_prefix("bytes=").unwrap_or(text);
        let last = range.strip_prefix("0-").and_then(digits);
        last.map(|last| UploadRange { last })
            .ok_or_else(|| UploadRangeError {
                range: excerpt(text),
            })
    }
}

/// A text that is not of the form `0-last`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload range \"{range}\" is malformed: it has the form 0-<last byte>")]
pub struct UploadRangeError {
    /// The text, escaped and bounded.
    pub range: String,
}
