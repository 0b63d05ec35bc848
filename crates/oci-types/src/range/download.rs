//! The `Range` of a GET and the `Content-Range` of its answer. One range a
//! request: several are ignored, which RFC 9110 §14.2 permits.

use std::fmt;
use std::ops::Range;

use super::digits;
use crate::text::excerpt;

/// One range of a `Range: bytes=…` header (RFC 9110 §14.1.2); positions count
/// bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// `first-`: from a position to the end.
    From {
        /// The first byte.
        first: u64,
    },
    /// `first-last`: from a position to another one, inclusive.
    FromTo {
        /// The first byte.
        first: u64,
        /// The last byte, inclusive.
        last: u64,
    },
    /// `-len`: the last bytes.
    Suffix {
        /// How many of them.
        len: u64,
    },
}

impl ByteRange {
    /// Reads the value of a `Range` header.
    ///
    /// `Ok(None)` is for a header to ignore: it has another unit than bytes,
    /// or several ranges.
    ///
    /// # Errors
    /// [`RangeError`]: the unit is bytes and the range is malformed, or ends
    /// before it starts.
    pub fn parse_header(value: &str) -> Result<Option<ByteRange>, RangeError> {
        let malformed = || RangeError::Malformed {
            range: excerpt(value),
        };
        let Some((unit, set)) = value.split_once('=') else {
            return Err(malformed());
        };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Ok(None);
        }
        // RFC 9110 §5.6.1.2: a list may have empty elements.
        let mut specs = set
            .split(',')
            .map(str::trim)
            .filter(|spec| !spec.is_empty());
        let spec = specs.next().ok_or_else(malformed)?;
        if specs.next().is_some() {
            return Ok(None);
        }
        Self::parse_spec(spec, malformed).map(Some)
    }

    fn parse_spec(spec: &str, malformed: impl Fn() -> RangeError) -> Result<ByteRange, RangeError> {
        let (first, last) = spec.split_once('-').ok_or_else(&malformed)?;
        if first.is_empty() {
            let len = digits(last).ok_or_else(&malformed)?;
            return Ok(ByteRange::Suffix { len });
        }
        let first = digits(first).ok_or_else(&malformed)?;
        if last.is_empty() {
            return Ok(ByteRange::From { first });
        }
        let last = digits(last).ok_or_else(&malformed)?;
        if last < first {
            return Err(RangeError::Reversed { first, last });
        }
        Ok(ByteRange::FromTo { first, last })
    }

    /// The bytes meant in content of `size` bytes: half-open, not empty,
    /// within the content; an end beyond it is clamped.
    ///
    /// # Errors
    /// [`Unsatisfiable`]: the content has no such byte. Empty content has
    /// none for any range.
    pub fn resolve(&self, size: u64) -> Result<Range<u64>, Unsatisfiable> {
        let range = match *self {
            ByteRange::From { first } => first..size,
            ByteRange::FromTo { first, last } => first..last.saturating_add(1).min(size),
            ByteRange::Suffix { len } => size.saturating_sub(len)..size,
        };
        if range.is_empty() {
            return Err(Unsatisfiable { size });
        }
        Ok(range)
    }
}

impl fmt::Display for ByteRange {
    /// The value of a `Range` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ByteRange::From { first } => write!(f, "bytes={first}-"),
            ByteRange::FromTo { first, last } => write!(f, "bytes={first}-{last}"),
            ByteRange::Suffix { len } => write!(f, "bytes=-{len}"),
        }
    }
}

/// The `Content-Range` of a 206: `bytes first-last/size`.
///
/// `range` is half-open and not empty, as [`ByteRange::resolve`] returns it.
#[must_use]
pub fn content_range_header(range: &Range<u64>, size: u64) -> String {
    let last = range.end.saturating_sub(1);
    format!("bytes {}-{last}/{size}", range.start)
}

/// The `Content-Range` of a 416: `bytes */size`.
#[must_use]
pub fn unsatisfied_range_header(size: u64) -> String {
    format!("bytes */{size}")
}

/// Why a `Range` header of bytes cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is not of the form `bytes=first-last`, `bytes=first-` or `bytes=-len`.
    #[error("the range \"{range}\" is malformed: use bytes=<first>-<last>, <first>- or -<length>")]
    Malformed {
        /// The header, escaped and bounded.
        range: String,
    },
    /// It ends before it starts.
    #[error("the range ends at byte {last}, before it starts at byte {first}")]
    Reversed {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
}

/// The content has no byte in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range has no byte of the content, which has {size} bytes")]
pub struct Unsatisfiable {
    /// The size of the content in bytes.
    pub size: u64,
}
