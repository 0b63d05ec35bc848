//! Connections to the admin socket: one request each, of a bounded size, within a bounded time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::api::{Failure, Peer};
use super::socket::AdminSocket;

/// More than any request needs, in bytes.
const MAX_BODY: usize = 64 << 10;
const MAX_HEAD: usize = 16 << 10;
/// How many are served at a time; others wait.
const MAX_CONNECTIONS: usize = 16;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take from its head to its answer. Token servers elsewhere are asked for
/// their keys meanwhile.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a whole connection may take.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(90);
/// How long to wait when the system refuses a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API for as long as it is polled.
pub(crate) async fn serve(socket: AdminSocket, api: Router) {
    let api = api.layer(DefaultBodyLimit::max(MAX_BODY));
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed, so that this cannot fail.
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let api = api.clone();
                connections.spawn(async move {
                    let served = tokio::time::timeout(CONNECTION_TIMEOUT, connection(stream, api));
                    if let Ok(Err(error)) = served.await {
                        let error = crate::chain(&error);
                        tracing::debug!(error, "a connection to the admin socket ended early");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection to the admin socket");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: UnixStream, api: Router) -> hyper::Result<()> {
    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer { uid });
        answer(api.clone(), request.map(Body::new))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(api: Router, request: Request<Body>) -> Result<Response, Infallible> {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.oneshot(request)).await;
    answer.unwrap_or_else(|_| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let text = "this takes too long; what was begun may have been done";
        Ok(Failure::new(status, text).into_response())
    })
}
