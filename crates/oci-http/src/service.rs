//! The service: what every request goes through.
//!
//! One layer does it all, by hand: it names the request, reads its path, isolates panics, adds
//! the headers that every answer has, and reports. A stack of general layers for the same duties
//! costs several times as much as the requests themselves.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::HOST;
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use oci_registry::{Actor, Ctx, Registry, Scope, Timestamp};
use tower::Service;

#[cfg(feature = "auth")]
use crate::access::Asked;
use crate::body::{Progress, Sending, track};
use crate::bounds::Bounds;
use crate::call::Call;
use crate::failure::Failure;
use crate::headers::{
    self, ApiVersion, Caching, Connection, ContentLength, ContentTypeOptions, RequestId,
};
use crate::observe::{Identified, Recording};
use crate::options::Options;
use crate::query::RawQuery;
use crate::reply::{Reply, ReplyBody};
use crate::request_id::RequestIds;
#[cfg(feature = "auth")]
use crate::{AuditOutcome, ClientAddr};
use crate::{Route, RouteError, Verb, handlers};

/// The API over a registry, as a [`tower`] service of any server.
///
/// Cheap to clone; clones share everything. Dropping the future of a request, as a server does
/// when a client goes away, loses nothing that was acknowledged.
#[derive(Clone, Debug)]
pub struct RegistryService {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Arc<dyn Registry>,
    options: Options,
    ids: RequestIds,
}

impl RegistryService {
    pub(crate) fn new(registry: Arc<dyn Registry>, options: Options) -> Self {
        let ids = RequestIds::new();
        Self {
            shared: Arc::new(Shared {
                registry,
                options,
                ids,
            }),
        }
    }
}

impl<B> Service<Request<B>> for RegistryService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let (parts, body) = request.map(Body::new).into_parts();
        Box::pin(async move { Ok(shared.serve(parts, body).await) })
    }
}

impl Shared {
    async fn serve(&self, parts: Parts, body: Body) -> Response<Body> {
        let verb = Verb::from(&parts.method);
        let route = Route::parse(parts.uri.path());
        let name = route.as_ref().map_or_else(RouteError::name, Route::name);
        let id = self.ids.of(&parts.headers);
        let mut recording = Recording::start(&self.options, verb, name);
        let repository = route.as_ref().ok().and_then(Route::repository).cloned();
        let request = Identified {
            parts: &parts,
            request_id: &id,
            repository: repository.as_ref(),
        };
        recording.identify(request);
        let (body, progress) = if body.is_end_stream() {
            (Body::empty(), None)
        } else {
            let (body, progress) = track(&parts.headers, body);
            recording.receiving(Arc::clone(&progress));
            (body, Some(progress))
        };

        let answered = self.answer(request, route, body, &mut recording);
        let mut reply = match AssertUnwindSafe(answered).catch_unwind().await {
            Ok(Ok(reply)) => reply,
            Ok(Err(failure)) => failure.into_reply(&id),
            Err(panic) => Failure::internal(panic_text(&*panic)).into_reply(&id),
        };
        reply.set(RequestId(Arc::clone(&id)));
        if closes(&parts, progress.as_deref()) {
            reply.set(Connection("close"));
        }
        finish(reply, verb, id, recording)
    }

    async fn answer(
        &self,
        request: Identified<'_>,
        route: Result<Route, RouteError>,
        body: Body,
        recording: &mut Recording,
    ) -> Result<Reply, Failure> {
        let Identified {
            parts, request_id, ..
        } = request;
        let verb = Verb::from(&parts.method);
        if self.options.require_host && parts.version == Version::HTTP_11 {
            let hosts = parts.headers.get_all(HOST).iter().count();
            if hosts != 1 {
                return Err(Failure::hosts(hosts));
            }
        }
        let route = route.map_err(|error| Failure::path(&error, verb))?;
        let (actor, bounds) = self.admit(request, verb, &route, recording).await?;
        let call = Call {
            registry: &*self.registry,
            options: &self.options,
            ctx: Ctx {
                actor,
                request_id: Arc::clone(request_id),
                now: Timestamp::now(),
            },
            verb,
            route: route.name(),
            headers: &parts.headers,
            query: RawQuery(parts.uri.query().unwrap_or_default()),
            bounds,
        };
        handlers::dispatch(&call, route, body).await
    }

    /// Who asks, and what bounds the request.
    #[cfg_attr(
        not(feature = "auth"),
        expect(clippy::unused_async, unused_variables, reason = "nobody is asked")
    )]
    async fn admit<'a>(
        &'a self,
        request: Identified<'a>,
        verb: Verb,
        route: &Route,
        recording: &mut Recording,
    ) -> Result<(Actor, Bounds<'a>), Failure> {
        #[cfg(feature = "auth")]
        if let Some(access) = &self.options.access
            && route.name().verbs().contains(&verb)
        {
            let (headers, address) = (&request.parts.headers, ClientAddr::of(request.parts));
            let admitted = match access.admit(headers, address, Asked { verb, route }).await {
                Ok(admitted) => admitted,
                Err(refused) => {
                    if let Some(outcome) = refused.login {
                        recording.log_in(request, &refused.actor, outcome);
                    }
                    if !refused.is_question {
                        recording.deny(request, refused.actor);
                    }
                    return Err(refused.failure);
                }
            };
            let actor = admitted.actor();
            recording.admit(&actor);
            if admitted.logged_in() {
                recording.log_in(request, &actor, AuditOutcome::Done);
            }
            return Ok((actor, Bounds::Policy(admitted)));
        }
        let extensions = &request.parts.extensions;
        let actor = extensions.get::<Actor>().cloned();
        let scope = extensions.get::<Scope>();
        let scope = scope.map_or(Cow::Owned(Scope::All), Cow::Borrowed);
        Ok((actor.unwrap_or(Actor::Anonymous), Bounds::Scope(scope)))
    }
}

/// Adds what every answer has, and hands it over with its record.
fn finish(mut reply: Reply, verb: Verb, id: Arc<str>, mut recording: Recording) -> Response<Body> {
    reply.set(ApiVersion("registry/2.0"));
    reply.set(ContentTypeOptions("nosniff"));
    reply.set_default(Caching::Never);
    let has_length = !matches!(
        reply.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if has_length {
        reply.set_default(ContentLength(0));
    }
    recording.answered(reply.status, &reply.headers);
    let body = match reply.body {
        ReplyBody::Blob(blob) if verb != Verb::Head && blob.len() > 0 => {
            Body::new(Sending::new(blob, id, recording))
        }
        ReplyBody::Bytes(bytes) if verb != Verb::Head => {
            recording.sent(bytes.len() as u64);
            recording.complete();
            Body::from(bytes)
        }
        ReplyBody::Empty | ReplyBody::Bytes(_) | ReplyBody::Blob(_) => {
            recording.complete();
            Body::empty()
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// Whether the connection cannot be used again, which HTTP/1 says in a header: more of the
/// request's body is outstanding than will be read.
fn closes(parts: &Parts, progress: Option<&Progress>) -> bool {
    let length = headers::content_length(&parts.headers);
    parts.version < Version::HTTP_2 && progress.is_some_and(|progress| progress.is_hopeless(length))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}
