//! Percent-encoding (RFC 3986 §2.1) of query values, which forms read with `+`
//! as a space, and of paths.

use std::fmt::{self, Write};

/// Prints text with all but some ASCII characters percent-encoded.
pub(super) struct Encoded<'a> {
    text: &'a str,
    is_plain: fn(u8) -> bool,
}

/// A query value: only unreserved characters stay as they are.
pub(super) fn query_value(text: &str) -> Encoded<'_> {
    Encoded {
        text,
        is_plain: is_unreserved,
    }
}

/// A path that may be encoded already: only what no path contains is encoded.
pub(super) fn path(text: &str) -> Encoded<'_> {
    Encoded {
        text,
        is_plain: |b| is_unreserved(b) || b"!$&'()*+,;=:@/%".contains(&b),
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.bytes().try_for_each(|byte| {
            if (self.is_plain)(byte) {
                f.write_char(char::from(byte))
            } else {
                write!(f, "%{byte:02X}")
            }
        })
    }
}

/// Decodes a query value.
pub(super) fn decode(text: &str) -> Result<String, PercentError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|(_, b)| nibble(b));
                let pair = digit().zip(digit());
                let (high, low) = pair.ok_or(PercentError::Escape { offset })?;
                high << 4 | low
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).map_err(|_| PercentError::NotUtf8)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Why a query value cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// A `%` without two hexadecimal digits after it.
    #[error("the % at byte {offset} of the value is not followed by two hexadecimal digits")]
    Escape {
        /// Where the `%` is, in bytes from 0.
        offset: usize,
    },
    /// The decoded bytes are no UTF-8.
    #[error("the decoded value is not UTF-8")]
    NotUtf8,
}
