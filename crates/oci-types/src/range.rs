//! Byte ranges: of a download (RFC 9110 §14), of an uploaded chunk, and of
//! what an upload session has received.

mod download;
mod upload;

pub use download::{
    ByteRange, RangeError, Unsatisfiable, content_range_header, unsatisfied_range_header,
};
pub use upload::{ContentRange, ContentRangeError, UploadRange, UploadRangeError};

/// The value of a string of one or more digits and nothing else; a value
/// beyond `u64` saturates, because no content reaches that far.
pub(crate) fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}
