//! The token endpoint over HTTP (the registry token protocol, and RFC 6749 §4.3 and §6).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use oci_auth::{
    Challenge, GrantRequest, Quotable, QuotableError, TokenError, TokenPeer, TokenRequest,
    TokenRequestError, TokenResponse, TokenService, UnixTime,
};
use oci_registry::Actor;
use oci_types::{ErrorCode, ErrorEnvelope, ErrorInfo};
use serde::Serialize;

use crate::access::{Unauthenticated, credentials};
use crate::body::{Collect, collect, linger};
use crate::failure::{Failure, chain};
use crate::headers::{self, Authenticate, Caching, ContentTypeOptions, RequestId, RetryAfter};
use crate::reply::{Reply, ReplyBody};
use crate::request_id::RequestIds;
use crate::{Audit, AuditAction, AuditEntry, AuditOutcome, ClientAddr, LoginKind};

/// The largest form that is read, in bytes.
const MAX_FORM: usize = 64 << 10;

/// Hands out tokens by GET and POST.
///
/// ```
/// # fn app(service: std::sync::Arc<oci_auth::TokenService>) -> axum::Router {
/// oci_http::TokenEndpoint::new(service).into_router("/token")
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it hands out nothing before it is made a router"]
pub struct TokenEndpoint {
    service: Arc<TokenService>,
    audit: Option<Arc<dyn Audit>>,
    ids: Arc<RequestIds>,
}

impl TokenEndpoint {
    /// Hands out what `service` does.
    pub fn new(service: Arc<TokenService>) -> Self {
        Self {
            service,
            audit: None,
            ids: Arc::new(RequestIds::new()),
        }
    }

    /// Who is told of logins; nobody by default.
    pub fn audit(mut self, audit: Arc<dyn Audit>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// A router with the endpoint at `path`, which challenges have to name with its host.
    pub fn into_router(self, path: &str) -> Router {
        let answer = |State(endpoint): State<Self>, request: Request<Body>| async move {
            endpoint.answer(request).await
        };
        Router::new()
            .route(path, get(answer).post(answer))
            .with_state(self)
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        let (parts, body) = linger(request).into_parts();
        let origin = Origin {
            address: ClientAddr::of(&parts),
            request_id: self.ids.of(&parts.headers),
        };
        let reply = match self.issue(&parts, body, &origin).await {
            Ok(response) => Reply::json(StatusCode::OK, &response),
            Err(refusal) => self.refuse(&refusal, &origin.request_id),
        };
        let mut reply = reply.unwrap_or_else(|failure| failure.into_reply(&origin.request_id));
        reply.set(RequestId(origin.request_id));
        reply.set(Caching::Never);
        reply.set(ContentTypeOptions("nosniff"));
        into_response(reply)
    }

    async fn issue(
        &self,
        parts: &Parts,
        body: Body,
        origin: &Origin,
    ) -> Result<TokenResponse, Refusal> {
        let request = read(parts, body).await?;
        let credentials = credentials(&parts.headers)?;
        let login = match (&request.grant, &credentials) {
            (GrantRequest::Header, None) => None,
            (GrantRequest::Refresh(_), _) => Some(LoginKind::RefreshToken),
            (GrantRequest::Header | GrantRequest::Password(_), _) => Some(LoginKind::Password),
        };
        let peer = TokenPeer {
            credentials: credentials.as_ref(),
            address: origin.address,
            now: UnixTime::now(),
        };
        let issued = self.service.issue(&request, peer).await;
        let issued = issued.map_err(Refusal::Token);
        if let (Some(by), Some(audit)) = (login, &self.audit) {
            note(&**audit, by, &issued, origin);
        }
        issued
    }

    fn refuse(&self, refusal: &Refusal, request_id: &str) -> Result<Reply, Failure> {
        let status = refusal.status();
        if status.is_server_error() {
            let error = chain(refusal);
            tracing::error!(request_id, error, "no token could be handed out");
        }
        let code = match status {
            StatusCode::UNAUTHORIZED => ErrorCode::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::TooManyRequests,
            StatusCode::BAD_REQUEST => ErrorCode::Unsupported,
            _ => ErrorCode::Unknown,
        };
        let message = if status.is_server_error() {
            format!("tokens cannot be handed out now (request id {request_id})")
        } else {
            refusal.to_string()
        };
        let document = Refused {
            error: refusal.oauth_code(),
            error_description: &message,
            errors: ErrorEnvelope::new(code, &*message).errors,
        };
        let challenge = (status == StatusCode::UNAUTHORIZED).then(|| self.challenge());
        Ok(Reply::json(status, &document)?
            .with_some(challenge)
            .with_some(refusal.retry_after().map(RetryAfter)))
    }

    /// How to ask for a token, where the wrong password came along.
    fn challenge(&self) -> Authenticate {
        let realm = self.service.options().service.parse();
        let realm = realm.unwrap_or_else(|_: QuotableError| Quotable::default());
        Authenticate(Challenge::Basic { realm }.to_string())
    }
}

/// Where a request comes from and what it is called.
struct Origin {
    address: Option<IpAddr>,
    request_id: Arc<str>,
}

async fn read(parts: &Parts, body: Body) -> Result<TokenRequest, Refusal> {
    if parts.method != Method::POST {
        let query = parts.uri.query().unwrap_or_default();
        return Ok(TokenRequest::from_query(query)?);
    }
    let announced = headers::content_length(&parts.headers);
    match collect(body, announced, MAX_FORM).await {
        Collect::Whole(form) => Ok(TokenRequest::from_form(&form)?),
        Collect::TooLarge => Err(TokenRequestError::TooLong.into()),
        Collect::Interrupted => Err(Refusal::Interrupted),
    }
}

fn note(
    audit: &dyn Audit,
    by: LoginKind,
    issued: &Result<TokenResponse, Refusal>,
    origin: &Origin,
) {
    let (actor, outcome, status) = match issued {
        Ok(response) => {
            let name = response.identity.name();
            let actor = name.map_or(Actor::Anonymous, Actor::Named);
            (actor, AuditOutcome::Done, StatusCode::OK)
        }
        Err(refusal) => {
            let outcome = match refusal.status() {
                StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => AuditOutcome::Denied,
                status => AuditOutcome::of(Some(status)),
            };
            (Actor::Anonymous, outcome, refusal.status())
        }
    };
    audit.record(&AuditEntry {
        action: AuditAction::Login { by },
        actor: &actor,
        address: origin.address,
        request_id: &origin.request_id,
        outcome,
        status: Some(status),
    });
}

/// Why no token is handed out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Unauthenticated(#[from] Unauthenticated),
    #[error(transparent)]
    Malformed(#[from] TokenRequestError),
    #[error("the request's body ended before it was complete")]
    Interrupted,
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(TokenRequestError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_)
            | Self::Interrupted
            | Self::Unauthenticated(Unauthenticated::Repeated)
            | Self::Token(TokenError::Service | TokenError::TooManyScopes) => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthenticated(_)
            | Self::Token(TokenError::Credentials | TokenError::RefreshToken) => {
                StatusCode::UNAUTHORIZED
            }
            Self::Token(TokenError::TooMany { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Token(TokenError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn oauth_code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) | Self::Interrupted => "invalid_request",
            Self::Malformed(error) => error.oauth_code(),
            Self::Token(error) => error.oauth_code(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Token(TokenError::TooMany { retry_after }) => Some(*retry_after),
            Self::Token(TokenError::Unavailable(_)) => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}

/// An error as OAuth has it (RFC 6749 §5.2) and as registries do: clients read either.
#[derive(Serialize)]
struct Refused<'a> {
    error: &'static str,
    error_description: &'a str,
    errors: Vec<ErrorInfo>,
}

fn into_response(reply: Reply) -> Response {
    let body = match reply.body {
        ReplyBody::Bytes(bytes) => Body::from(bytes),
        ReplyBody::Empty | ReplyBody::Blob(_) => Body::empty(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
