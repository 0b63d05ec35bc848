//! Response bodies that are read while they are sent.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt;
use http_body::{Frame, SizeHint};
use oci_registry::{BlobContent, BlobRead};

use crate::failure::chain;
use crate::observe::Recording;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A blob, or a part of one, on its way out.
pub(crate) struct BlobBody {
    source: Source,
    /// How many bytes are still to come.
    left: u64,
}

enum Source {
    Memory(Bytes),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>),
}

impl BlobBody {
    /// How many bytes are still to come.
    pub(crate) fn len(&self) -> u64 {
        self.left
    }

    /// The next chunk. It is an error if the store yields another number of bytes than it said:
    /// the length has been sent, so all that is left is to break the connection off.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = match &mut self.source {
            Source::Memory(bytes) => std::mem::take(bytes),
            Source::Stream(stream) => match ready!(stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => Bytes::new(),
            },
        };
        match self.left.checked_sub(chunk.len() as u64) {
            Some(left) if !chunk.is_empty() => {
                self.left = left;
                Poll::Ready(Some(Ok(chunk)))
            }
            Some(left) => {
                let lost = format!("the store's bytes ended {left} short");
                let error = io::Error::new(io::ErrorKind::UnexpectedEof, lost);
                Poll::Ready(Some(Err(error.into())))
            }
            None => Poll::Ready(Some(Err("the store yields more bytes than it said".into()))),
        }
    }
}

impl From<BlobRead> for BlobBody {
    fn from(read: BlobRead) -> Self {
        let left = read.len;
        let source = match read.content {
            BlobContent::Bytes(bytes) => Source::Memory(bytes),
            BlobContent::File { .. } | BlobContent::Stream(_) => {
                let chunks = read.into_stream().map_err(BoxError::from);
                // An empty chunk would look like the end.
                let chunks = chunks.try_filter(|chunk| std::future::ready(!chunk.is_empty()));
                Source::Stream(Box::pin(chunks))
            }
        };
        Self { source, left }
    }
}

impl fmt::Debug for BlobBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobBody")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A blob being sent. It has an exact length, so that `Content-Length` can be sent; whoever
/// sends it must not take an error for the end.
pub(crate) struct Sending {
    blob: BlobBody,
    failed: bool,
    request_id: Arc<str>,
    recording: Recording,
}

impl Sending {
    pub(crate) fn new(blob: BlobBody, request_id: Arc<str>, recording: Recording) -> Self {
        Self {
            blob,
            failed: false,
            request_id,
            recording,
        }
    }
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.failed {
            return Poll::Ready(None);
        }
        match ready!(self.blob.poll_chunk(cx)) {
            Some(Ok(chunk)) => {
                self.recording.sent(chunk.len() as u64);
                if self.blob.left == 0 {
                    self.recording.complete();
                }
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Some(Err(error)) => {
                self.failed = true;
                let (id, text) = (&*self.request_id, chain(&*error));
                tracing::error!(
                    request_id = id,
                    error = text,
                    "a blob could not be sent whole"
                );
                Poll::Ready(Some(Err(error)))
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.blob.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.blob.left)
    }
}
