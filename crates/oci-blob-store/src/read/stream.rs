//! The two streams behind [`BlobRead::into_stream`](crate::BlobRead::into_stream): bytes that are
//! there, and a file read by position.

use std::fs::File;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::vec;

use bytes::Bytes;
use futures_core::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{READ, read_at};
use crate::BlobStoreError;

/// How much one blocking read fetches, in bytes.
const CHUNK: u64 = 1 << 20;

/// Chunks that are in memory.
pub(crate) struct Chunks(vec::IntoIter<Bytes>);

impl From<Vec<Bytes>> for Chunks {
    fn from(mut chunks: Vec<Bytes>) -> Self {
        chunks.retain(|chunk| !chunk.is_empty());
        Self(chunks.into_iter())
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, BlobStoreError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// A part of a file, read on blocking threads with one chunk of read-ahead.
pub(super) struct FileChunks {
    file: Arc<File>,
    /// Where the next read starts.
    next: u64,
    end: u64,
    pending: Option<JoinHandle<Result<Bytes, BlobStoreError>>>,
}

impl FileChunks {
    pub(super) fn new(file: Arc<File>, offset: u64, len: u64) -> Self {
        Self {
            file,
            next: offset,
            end: offset.saturating_add(len),
            pending: None,
        }
    }

    fn read_ahead(&mut self) {
        if self.pending.is_some() || self.next >= self.end {
            return;
        }
        let (file, offset) = (Arc::clone(&self.file), self.next);
        let len = CHUNK.min(self.end - self.next);
        self.next += len;
        self.pending = Some(spawn_blocking(move || read_at(&file, offset, len as usize)));
    }
}

impl Stream for FileChunks {
    type Item = Result<Bytes, BlobStoreError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.read_ahead();
        let Some(pending) = &mut self.pending else {
            return Poll::Ready(None);
        };
        let chunk = ready!(Pin::new(pending).poll(cx))
            .unwrap_or_else(|lost| Err(BlobStoreError::lost_task(READ, lost)));
        self.pending = None;
        match chunk {
            Ok(_) => self.read_ahead(),
            Err(_) => self.next = self.end,
        }
        Poll::Ready(Some(chunk))
    }
}
