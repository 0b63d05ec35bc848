//! What is told of each request: to an observer, and to the log.

use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use oci_registry::Actor;
use oci_types::RepositoryName;

#[cfg(feature = "auth")]
use crate::LoginKind;
use crate::body::Progress;
use crate::headers::DOCKER_CONTENT_DIGEST;
use crate::options::Options;
use crate::{Audit, AuditAction, AuditEntry, AuditOutcome, ClientAddr, RouteName, Verb};

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
    audit: Option<Arc<dyn Audit>>,
    record: RequestRecord,
    started: Instant,
    received: Option<Arc<Progress>>,
    logged: bool,
    denied: bool,
    line: Option<Line>,
}

/// What the log and the audit say beyond the record.
#[derive(Debug)]
struct Line {
    actor: Actor,
    address: Option<IpAddr>,
    method: http::Method,
    uri: Uri,
    request_id: Arc<str>,
    repository: Option<RepositoryName>,
    digest: Option<HeaderValue>,
}

/// A request, as it is reported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identified<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) request_id: &'a Arc<str>,
    pub(crate) repository: Option<&'a RepositoryName>,
}

impl Identified<'_> {
    fn line(self, actor: Actor) -> Line {
        Line {
            actor,
            address: ClientAddr::of(self.parts),
            method: self.parts.method.clone(),
            uri: self.parts.uri.clone(),
            request_id: Arc::clone(self.request_id),
            repository: self.repository.cloned(),
            digest: None,
        }
    }
}

impl Recording {
    pub(crate) fn start(options: &Options, verb: Verb, route: RouteName) -> Self {
        options.observer.started();
        Self {
            observer: Arc::clone(&options.observer),
            audit: options.audit.clone(),
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
            logged: is_logged(verb),
            denied: false,
            line: None,
        }
    }

    /// Keeps what the log and the audit need, if the request is one for them.
    pub(crate) fn identify(&mut self, request: Identified<'_>) {
        if self.logged || self.audit.is_some() && !self.record.verb.is_safe() {
            let actor = request.parts.extensions.get::<Actor>();
            self.line = Some(request.line(actor.cloned().unwrap_or(Actor::Anonymous)));
        }
    }

    /// It is carried out on behalf of `actor`.
    #[cfg(feature = "auth")]
    pub(crate) fn admit(&mut self, actor: &Actor) {
        if let Some(line) = &mut self.line {
            line.actor = actor.clone();
        }
    }

    /// It is not carried out, because `actor` may not ask for it.
    #[cfg(feature = "auth")]
    pub(crate) fn deny(&mut self, request: Identified<'_>, actor: Actor) {
        self.denied = true;
        if self.logged || self.audit.is_some() {
            self.line = Some(request.line(actor));
        }
    }

    /// Who asks has logged in by it, or tried to.
    #[cfg(feature = "auth")]
    pub(crate) fn log_in(&self, request: Identified<'_>, actor: &Actor, outcome: AuditOutcome) {
        if let Some(audit) = &self.audit {
            audit.record(&AuditEntry {
                action: AuditAction::Login {
                    by: LoginKind::Password,
                },
                actor,
                address: ClientAddr::of(request.parts),
                request_id: request.request_id,
                outcome,
                status: None,
            });
        }
    }

    pub(crate) fn receiving(&mut self, progress: Arc<Progress>) {
        self.received = Some(progress);
    }

    pub(crate) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.record.status = Some(status);
        if let Some(line) = &mut self.line {
            line.digest = headers.get(&DOCKER_CONTENT_DIGEST).cloned();
        }
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
        let Some(line) = &self.line else {
            return;
        };
        if self.logged {
            log(&self.record, line);
        }
        if let Some(audit) = &self.audit
            && (self.denied || !self.record.verb.is_safe())
        {
            audit.record(&line.entry(&self.record, self.denied));
        }
    }
}

impl Line {
    fn entry(&self, record: &RequestRecord, denied: bool) -> AuditEntry<'_> {
        AuditEntry {
            action: AuditAction::Request {
                verb: record.verb,
                route: record.route,
                uri: &self.uri,
                repository: self.repository.as_ref(),
                digest: self.digest.as_ref().and_then(|digest| digest.to_str().ok()),
            },
            actor: &self.actor,
            address: self.address,
            request_id: &self.request_id,
            outcome: match AuditOutcome::of(record.status) {
                AuditOutcome::Refused if denied => AuditOutcome::Denied,
                outcome => outcome,
            },
            status: record.status,
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
