//! Bytes on their way out.

mod stream;

use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use tokio::task::spawn_blocking;

use crate::BlobStoreError;

pub(crate) use stream::Chunks;
use stream::FileChunks;

const READ: &str = "read stored bytes";

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
        file: Arc<File>,
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

impl BlobRead {
    /// The bytes as a stream of chunks in order.
    ///
    /// A file is read by position on blocking threads, in chunks of up to 1 MiB, one of them
    /// ahead of the reader: a stream holds 2 MiB at most. Polling it needs a Tokio runtime;
    /// dropping it gives up at most one read. A file that ends early yields
    /// [`BlobStoreError::Io`] of [`io::ErrorKind::UnexpectedEof`], never a short success, and
    /// after an error the stream ends.
    #[must_use]
    pub fn into_stream(self) -> ByteStream {
        match self.content {
            BlobContent::File { file, offset } => Box::pin(FileChunks::new(file, offset, self.len)),
            BlobContent::Bytes(bytes) => Box::pin(Chunks::from(vec![bytes])),
            BlobContent::Stream(stream) => stream,
        }
    }

    /// All the bytes at once, for small things: memory grows with [`BlobRead::len`].
    ///
    /// Cancel-safe: nothing but work is lost. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`BlobStoreError::Io`] where reading fails, and of [`io::ErrorKind::UnexpectedEof`] where
    /// there are not exactly [`BlobRead::len`] bytes.
    pub async fn into_bytes(self) -> Result<Bytes, BlobStoreError> {
        let bytes = match self.content {
            BlobContent::Bytes(bytes) => bytes,
            BlobContent::Stream(stream) => collect(stream).await?,
            BlobContent::File { file, offset } => {
                let len = usize::try_from(self.len).map_err(|_| too_large())?;
                return spawn_blocking(move || read_at(&file, offset, len))
                    .await
                    .map_err(|lost| BlobStoreError::lost_task(READ, lost))?;
            }
        };
        if bytes.len() as u64 == self.len {
            Ok(bytes)
        } else {
            Err(BlobStoreError::io(
                READ,
                io::ErrorKind::UnexpectedEof.into(),
            ))
        }
    }
}

async fn collect(mut stream: ByteStream) -> Result<Bytes, BlobStoreError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes.freeze())
}

fn too_large() -> BlobStoreError {
    BlobStoreError::Io {
        op: READ,
        source: io::ErrorKind::OutOfMemory.into(),
    }
}

/// Reads exactly `len` bytes at `offset`. Blocks.
pub(crate) fn read_at(file: &File, offset: u64, len: usize) -> Result<Bytes, BlobStoreError> {
    let mut buffer = vec![0; len];
    read_exact_at(file, &mut buffer, offset).map_err(|e| BlobStoreError::io(READ, e))?;
    Ok(buffer.into())
}

#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset + done as u64;
        match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// The part of an object of `size` bytes that `range` asks for.
#[cfg(any(feature = "fs", feature = "memory", feature = "object-store"))]
pub(crate) fn resolve(
    range: Option<std::ops::Range<u64>>,
    size: u64,
) -> Result<std::ops::Range<u64>, BlobStoreError> {
    let range = range.unwrap_or(0..size);
    if range.start <= range.end && range.end <= size {
        Ok(range)
    } else {
        Err(BlobStoreError::Io {
            op: "read a range that is not within the object",
            source: io::ErrorKind::InvalidInput.into(),
        })
    }
}
