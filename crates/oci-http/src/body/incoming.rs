//! Request bodies: counted, collected within a limit, and read on when nobody wants them.
//!
//! A server that answers before it has read the request, and then closes the connection, makes
//! the client's kernel drop the answer: unread bytes turn the close into a reset. So a body that
//! is dropped before its end is read on in the background for a while, with the answer already
//! on its way. Most clients stop sending when they see it; a connection whose body ends in time
//! is used again.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, Request};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use oci_registry::{BodyError, BodyStream};

use crate::headers::expects_continue;

/// How many bytes of an unwanted body are read.
const LINGER_BYTES: u64 = 64 << 20;
/// For how long an unwanted body is read.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// Makes a request's body read itself on in the background, for a bounded time and amount, when
/// it is dropped before its end, so that the client gets to see an early answer.
///
/// The router does this with every request that reaches it. It is for layers before it that
/// answer by themselves, such as one that asks for credentials.
pub fn linger(request: Request<Body>) -> Request<Body> {
    if request.body().is_end_stream() {
        return request;
    }
    let (parts, body) = request.into_parts();
    let (body, _) = track(&parts.headers, body);
    Request::from_parts(parts, body)
}

/// As [`linger`], and tells how far the body has been read.
pub(crate) fn track(headers: &HeaderMap, body: Body) -> (Body, Arc<Progress>) {
    let progress = Arc::new(Progress::default());
    let tracked = Tracked {
        inner: body,
        progress: Arc::clone(&progress),
        // Reading would invite a body that the client holds back until it is asked for.
        untouched: expects_continue(headers),
        done: false,
    };
    (Body::new(tracked), progress)
}

/// How far a request's body has been read.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Progress {
    /// How many bytes of content have arrived.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether it is known that the rest of a body of `length` bytes will not be read: more is
    /// outstanding than is read of a body that nobody wants.
    pub(crate) fn is_hopeless(&self, length: Option<u64>) -> bool {
        !self.ended.load(Ordering::Relaxed)
            && length.is_some_and(|length| length.saturating_sub(self.bytes()) > LINGER_BYTES)
    }
}

struct Tracked {
    inner: Body,
    progress: Arc<Progress>,
    /// Waits for a `100 Continue`, and has not been read from.
    untouched: bool,
    done: bool,
}

impl Tracked {
    fn end(&mut self) {
        self.done = true;
        self.progress.ended.store(true, Ordering::Relaxed);
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        self.untouched = false;
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.progress.bytes.fetch_add(len, Ordering::Relaxed);
                if self.inner.is_end_stream() {
                    self.end();
                }
            }
            Poll::Ready(Some(Err(_)) | None) => self.end(),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.done || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.is_end_stream() || self.untouched {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let body = std::mem::take(&mut self.inner);
            runtime.spawn(tokio::time::timeout(LINGER_TIME, drain(body)));
        }
    }
}

/// Reads and drops, up to the limit.
async fn drain(mut body: Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let len = frame.data_ref().map_or(0, Bytes::len) as u64;
        match left.checked_sub(len) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// What reading a whole body within a limit came to.
#[derive(Debug)]
pub(crate) enum Collect {
    /// All of it.
    Whole(Bytes),
    /// It has more bytes than the limit, or says so.
    TooLarge,
    /// It ended early.
    Interrupted,
}

/// Reads a body of at most `limit` bytes into memory, which grows with what arrives and not
/// with what is announced.
pub(crate) async fn collect(mut body: Body, announced: Option<u64>, limit: usize) -> Collect {
    if announced.is_some_and(|announced| announced > limit as u64) {
        return Collect::TooLarge;
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Collect::Interrupted;
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + rest.len() + data.len() > limit {
            return Collect::TooLarge;
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Collect::Whole(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

/// A body as the registry takes it.
pub(crate) fn into_stream(body: Body) -> BodyStream {
    let chunks = body.into_data_stream();
    Box::pin(chunks.map(|chunk| chunk.map_err(|error| -> BodyError { error.into_inner() })))
}
