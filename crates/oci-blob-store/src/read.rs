//! Bytes on their way out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use crate::BlobStoreError;

/// A stream of chunks in order.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BlobStoreError>> + Send>>;

/// An opened object or a range of it.
#[derive(Debug)]
pub struct BlobRead {
    /// How many bytes `content` yields.
    pub len: u64,
    /// The bytes.
    pub content: BlobContent,
}

/// The bytes of an opened object, in the form that is cheapest for the store that holds them.
pub enum BlobContent {
    /// A file, to be read at `offset` for [`BlobRead::len`] bytes.
    File {
        /// The open file; its cursor means nothing, read it by position.
        file: Arc<std::fs::File>,
        /// Where to start, in bytes.
        offset: u64,
    },
    /// All the bytes, in memory.
    Bytes(Bytes),
    /// Bytes that arrive from elsewhere.
    Stream(ByteStream),
}

impl fmt::Debug for BlobContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, offset } => f
                .debug_struct("File")
                .field("file", file)
                .field("offset", offset)
                .finish(),
            Self::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            Self::Stream(_) => f.debug_tuple("Stream").finish(),
        }
    }
}
