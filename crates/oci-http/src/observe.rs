//! What is told of each request: to an observer, and to the log.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{StatusCode, Uri};
use oci_registry::Actor;

use crate::body::Progress;
use crate::{RouteName, Verb};

/// Is told of every request when it is over, for metrics.
///
/// It is called on the connection's task, also while that is being cancelled: it must be quick
/// and must not panic.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A request has arrived. [`request`](Self::request) follows it exactly once.
    fn started(&self) {}

    /// A request is over: its answer has been handed to the connection, or the client is gone.
    fn request(&self, record: &RequestRecord);
}

/// Nobody wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn request(&self, _: &RequestRecord) {}
}

/// One request that is over. Every field but the numbers has few values, fit for labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The method.
    pub verb: Verb,
    /// The endpoint.
    pub route: RouteName,
    /// The answer's status; `None` where the client was gone before there was an answer.
    pub status: Option<StatusCode>,
    /// How many bytes of the request's body were read.
    pub bytes_in: u64,
    /// How many bytes of the answer's body were handed to the connection.
    pub bytes_out: u64,
    /// From the request's headers to the end of the answer's body.
    pub duration: Duration,
    /// Whether the answer's body was handed over to its end.
    pub complete: bool,
}

/// A request under way: whatever becomes of it, it is reported once.
#[derive(Debug)]
pub(crate) struct Recording {
    observer: Arc<dyn Observer>,
    record: RequestRecord,
    started: Instant,
    received: Option<Arc<Progress>>,
    line: Option<Line>,
}

/// What the log says beyond the record.
#[derive(Debug)]
struct Line {
    actor: Actor,
    method: http::Method,
    uri: Uri,
    request_id: Arc<str>,
}

impl Recording {
    pub(crate) fn start(observer: Arc<dyn Observer>, verb: Verb, route: RouteName) -> Self {
        observer.started();
        Self {
            observer,
            record: RequestRecord {
                verb,
                route,
                status: None,
                bytes_in: 0,
                bytes_out: 0,
                duration: Duration::ZERO,
                complete: false,
            },
            started: Instant::now(),
            received: None,
            line: None,
        }
    }

    /// Keeps what the log needs, if the request is to be logged.
    pub(crate) fn log_as(&mut self, parts: &Parts, request_id: &Arc<str>) {
        if is_logged(self.record.verb) {
            let actor = parts.extensions.get::<Actor>();
            self.line = Some(Line {
                actor: actor.cloned().unwrap_or(Actor::Anonymous),
                method: parts.method.clone(),
                uri: parts.uri.clone(),
                request_id: Arc::clone(request_id),
            });
        }
    }

    pub(crate) fn receiving(&mut self, progress: Arc<Progress>) {
        self.received = Some(progress);
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.record.status = Some(status);
    }

    pub(crate) fn sent(&mut self, bytes: u64) {
        self.record.bytes_out += bytes;
    }

    pub(crate) fn complete(&mut self) {
        self.record.complete = true;
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.record.duration = self.started.elapsed();
        self.record.bytes_in = self
            .received
            .as_ref()
            .map_or(0, |progress| progress.bytes());
        self.observer.request(&self.record);
        if let Some(line) = &self.line {
            log(&self.record, line);
        }
    }
}

/// What reads is logged at the level of debugging, what may write at that of information.
fn is_logged(verb: Verb) -> bool {
    if verb.is_safe() {
        tracing::enabled!(tracing::Level::DEBUG)
    } else {
        tracing::enabled!(tracing::Level::INFO)
    }
}

fn log(record: &RequestRecord, line: &Line) {
    macro_rules! event {
        ($level:expr) => {
            tracing::event!(
                $level,
                request_id = &*line.request_id,
                actor = %line.actor,
                method = %line.method,
                path = line.uri.path(),
                status = record.status.map(|status| status.as_u16()),
                bytes_in = record.bytes_in,
                bytes_out = record.bytes_out,
                micros = u64::try_from(record.duration.as_micros()).unwrap_or(u64::MAX),
                complete = record.complete,
                "request"
            )
        };
    }
    if record.verb.is_safe() {
        event!(tracing::Level::DEBUG);
    } else {
        event!(tracing::Level::INFO);
    }
}
