//! HTTP/1 and HTTP/2 over whatever carries them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Activity, App, ConnectionError, Drain, Serving};
use crate::config::HttpConfig;

/// How often a client of HTTP/2 is asked whether it is there, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// How much of an upload may be on its way: bytes that nobody has read yet wait in memory.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How much of an answer waits in memory for its client.
const SEND_BUFFER: usize = 256 << 10;
/// How long a connection over which nothing was asked for may take to hear that it is at its end.
const GREETING: Duration = Duration::from_secs(1);
/// How many streams that the client opened and reset may wait to be noticed, and how many may be
/// reset for its faults, before it is sent away: CVE-2023-44487 and its kin.
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 256;

/// HTTP/1 within its limits. The number of headers is limited to 100 by default, and more cheaply
/// than by setting it.
pub(super) fn http1(config: &HttpConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_header_size(config.max_header_bytes as usize);
    http
}

/// HTTP/2 within its limits.
pub(super) fn http2(config: &HttpConfig) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(config.max_header_bytes)
        .max_concurrent_streams(config.max_streams)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS);
    http
}

impl Serving {
    /// Serves HTTP/1 until either side closes, or the request in flight when `drain` tells.
    pub(super) async fn http1<I>(
        &self,
        app: App,
        io: I,
        mut drain: Drain,
    ) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let service = TowerToHyperService::new(app);
        let connection = self.http1.serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(ConnectionError::Http),
            () = drain.told() => connection.as_mut().graceful_shutdown(),
        }
        connection.await.map_err(ConnectionError::Http)
    }

    /// Serves HTTP/2 until either side closes, nothing goes on any more, or the requests in
    /// flight when `drain` tells.
    pub(super) async fn http2<I>(
        &self,
        app: App,
        io: I,
        (activity, mut drain): (Arc<Activity>, Drain),
    ) -> Result<(), ConnectionError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let app = TowerToHyperService::new(app);
        let requests = Arc::clone(&activity);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let busy = requests.begin();
            let answer = app.call(request);
            async move {
                let answer = answer.await;
                drop(busy);
                answer
            }
        });
        let connection = self.http2.serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended.map_err(ConnectionError::Http),
            () = drain.told() => {}
            () = activity.ceased(self.idle_timeout) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that has not even sent the preface cannot be told.
        let patience = if activity.is_unused() {
            GREETING.min(self.idle_timeout)
        } else {
            self.idle_timeout
        };
        // Requests may still have come before the client heard of it.
        tokio::select! {
            ended = connection => ended.map_err(ConnectionError::Http),
            () = activity.ceased(patience) => Err(ConnectionError::Idle),
        }
    }
}
