//! Refusals and failures, and how each becomes an answer.
//!
//! The tables here are the only place where an outcome meets a status and an error code. A 4xx
//! says what to do; a 5xx says the request id, and its source goes to the log under that id.

use std::error::Error;
use std::fmt::Write;

use http::{HeaderMap, StatusCode};
use oci_registry::RegistryError;
use oci_types::{Digest, DigestError, ErrorCode, ErrorEnvelope, ErrorInfo, MediaType};
use serde_json::json;

use crate::headers::{
    AcceptRanges, Allow, HeaderError, Location, ResponseHeader, RetryAfter, SessionRange,
    Unsatisfied,
};
use crate::query::QueryError;
use crate::reply::Reply;
use crate::urls::Urls;
use crate::{RouteError, RouteName, Verb};

/// How many missing references an answer names.
const MISSING_NAMED: usize = 100;

/// An operation that did not succeed, as its client is to see it.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    errors: Vec<ErrorInfo>,
    headers: HeaderMap,
    /// For the log alone.
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure of one error.
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            errors: ErrorEnvelope::new(code, message).errors,
            headers: HeaderMap::new(),
            source: None,
        }))
    }

    /// Something that should not happen.
    pub(crate) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Unknown,
            "the registry failed",
        )
        .caused_by(source)
    }

    /// The method is not one that the endpoint answers.
    pub(crate) fn method(route: RouteName, verb: Verb) -> Self {
        let message = format!("{verb} is not a method of this path, see the header Allow");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Unsupported,
            message,
        )
        .with(Allow(route.verbs().to_vec()))
    }

    /// A request of HTTP/1.1 without exactly one `Host`.
    pub(crate) fn hosts(found: usize) -> Self {
        let message = format!("a request has one header Host, this one has {found}");
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
    }

    /// The path names no endpoint, or is malformed.
    pub(crate) fn path(error: &RouteError, verb: Verb) -> Self {
        let message = error.to_string();
        let (status, code) = match error {
            RouteError::Unknown => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
            RouteError::EncodedSlash { .. } | RouteError::Name { .. } => {
                (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid)
            }
            RouteError::Reference { .. } | RouteError::Digest { .. } => {
                return Self::reference(error, verb);
            }
            RouteError::UploadId => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        };
        Self::new(status, code, message)
    }

    /// A tag or digest in the path is malformed. What can never have been stored is simply not
    /// there for those who ask for it; only a digest that is none at all is refused.
    fn reference(error: &RouteError, verb: Verb) -> Self {
        let unsupported = matches!(
            error.digest(),
            Some(DigestError::UnsupportedAlgorithm { .. })
        );
        let absent = verb != Verb::Put && (error.tag().is_some() || unsupported);
        let (status, code) = match (error.name(), absent) {
            (RouteName::Manifest, true) => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown),
            (RouteName::Blob, true) => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown),
            _ if error.tag().is_some() => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
            _ => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        };
        Self::new(status, code, error.to_string())
    }

    /// An upload's `?digest=` or another part of the query is malformed. `code` is that of the
    /// endpoint, for what is not about a digest.
    pub(crate) fn query(error: &QueryError, code: ErrorCode) -> Self {
        let (status, code) = match error {
            QueryError::Digest { .. } | QueryError::NoDigest => {
                (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid)
            }
            QueryError::TooManyTags { .. } => (StatusCode::URI_TOO_LONG, code),
            QueryError::Namespace(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            QueryError::Repeated { .. } | QueryError::Page(_) | QueryError::Tag(_) => {
                (StatusCode::BAD_REQUEST, code)
            }
        };
        Self::new(status, code, error.to_string())
    }

    /// A header of the request cannot be read.
    pub(crate) fn header(error: &HeaderError, code: ErrorCode) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, error.to_string())
    }

    /// What the registry answered. `urls` are those of the repository, where there is one.
    pub(crate) fn registry(error: RegistryError, route: RouteName, urls: Option<Urls<'_>>) -> Self {
        use ErrorCode as Code;
        use RegistryError as E;
        use StatusCode as Status;

        let text = error.to_string();
        let refuse = |status, code| Self::new(status, code, text);
        match error {
            E::RepositoryUnknown { .. } => refuse(Status::NOT_FOUND, Code::NameUnknown),
            E::ManifestUnknown { .. } => refuse(Status::NOT_FOUND, Code::ManifestUnknown),
            E::ManifestInvalid(_) => refuse(Status::BAD_REQUEST, Code::ManifestInvalid),
            E::MissingReferences { missing } => Self::missing_references(&missing),
            E::BlobUnknown { .. } => refuse(Status::NOT_FOUND, Code::BlobUnknown),
            E::BlobInUse { digest, manifest } => {
                refuse(Status::METHOD_NOT_ALLOWED, Code::Unsupported)
                    .with(Allow(safe_verbs(route)))
                    .with_detail(json!({ "digest": digest, "manifest": manifest }))
            }
            E::DigestMismatch { expected, actual } => {
                refuse(Status::BAD_REQUEST, Code::DigestInvalid)
                    .with_detail(json!({ "expected": expected, "actual": actual }))
            }
            E::UploadUnknown { .. } => refuse(Status::NOT_FOUND, Code::BlobUploadUnknown),
            E::UploadOffset { id, offset, .. } => {
                refuse(Status::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid)
                    .with_some(urls.map(|urls| Location(urls.upload(id))))
                    .with(SessionRange(offset))
            }
            E::UploadLength {
                id: Some(id),
                offset,
                ..
            } => refuse(Status::RANGE_NOT_SATISFIABLE, Code::SizeInvalid)
                .with_some(urls.map(|urls| Location(urls.upload(id))))
                .with(SessionRange(offset)),
            E::UploadLength { id: None, .. } => refuse(Status::BAD_REQUEST, Code::SizeInvalid),
            E::UploadBusy { retry_after } => {
                refuse(Status::SERVICE_UNAVAILABLE, Code::Unknown).with(RetryAfter(retry_after))
            }
            E::TooManyUploads { retry_after } => {
                refuse(Status::TOO_MANY_REQUESTS, Code::TooManyRequests)
                    .with(RetryAfter(retry_after))
            }
            E::BlobTooLarge { .. } => refuse(Status::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
            E::BodyInterrupted(_) => refuse(Status::BAD_REQUEST, Code::BlobUploadInvalid),
            E::RangeNotSatisfiable { size } => {
                refuse(Status::RANGE_NOT_SATISFIABLE, Code::SizeInvalid)
                    .with(Unsatisfied(size))
                    .with(AcceptRanges("bytes"))
            }
            E::TagImmutable { .. } => refuse(Status::FORBIDDEN, Code::Denied),
            E::Unsupported { .. } => {
                refuse(Status::METHOD_NOT_ALLOWED, Code::Unsupported).with(Allow(safe_verbs(route)))
            }
            // 507 tells an operator's dashboard and a client's log what 500 would hide. The
            // specification has no code for it.
            E::StorageFull(source) => {
                refuse(Status::INSUFFICIENT_STORAGE, Code::Unknown).caused_by(source)
            }
            E::Unavailable {
                retry_after,
                source,
            } => Self::new(
                Status::SERVICE_UNAVAILABLE,
                Code::Unknown,
                "the registry cannot reach its storage for now; try again later",
            )
            .with(RetryAfter(retry_after))
            .caused_by(source),
            E::Internal(source) => Self::internal(source),
        }
    }

    fn missing_references(missing: &[Digest]) -> Self {
        let mut failure = Self::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::ManifestBlobUnknown,
            "the manifest refers to what the repository does not have; push it first",
        );
        failure.0.errors = missing
            .iter()
            .take(MISSING_NAMED)
            .map(|digest| ErrorInfo {
                code: ErrorCode::ManifestBlobUnknown,
                message: format!("{digest} is not in the repository; push it before the manifest"),
                detail: Some(json!({ "digest": digest })),
            })
            .collect();
        failure
    }

    /// The same with `header` set.
    pub(crate) fn with(mut self, header: impl ResponseHeader) -> Self {
        let (name, value) = header.into_pair();
        self.0.headers.insert(name, value);
        self
    }

    fn with_some(self, header: Option<impl ResponseHeader>) -> Self {
        match header {
            Some(header) => self.with(header),
            None => self,
        }
    }

    fn with_detail(mut self, detail: serde_json::Value) -> Self {
        if let Some(error) = self.0.errors.first_mut() {
            error.detail = Some(detail);
        }
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The answer; what is the registry's own fault goes to the log.
    pub(crate) fn into_reply(self, request_id: &str) -> Reply {
        let Parts {
            status,
            mut errors,
            headers,
            source,
        } = *self.0;
        if status.is_server_error() {
            for error in &mut errors {
                let _ = write!(error.message, " (request id {request_id})");
                error.detail = Some(json!({ "requestId": request_id }));
            }
        }
        if let Some(source) = source {
            let status = status.as_u16();
            tracing::error!(
                request_id,
                status,
                error = chain(&*source),
                "request failed"
            );
        }
        // Texts and numbers alone: serialising them cannot fail.
        let body = serde_json::to_vec(&ErrorEnvelope { errors }).unwrap_or_default();
        let mut reply = Reply::new(status);
        reply.headers = headers;
        reply.with_document(MediaType::json(), body.into())
    }
}

/// The methods of the endpoint that a registry answers where it does not write.
fn safe_verbs(route: RouteName) -> Vec<Verb> {
    let verbs = route.verbs().iter().copied();
    verbs.filter(|verb| verb.is_safe()).collect()
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(line, ": {error}");
        source = error.source();
    }
    line
}
