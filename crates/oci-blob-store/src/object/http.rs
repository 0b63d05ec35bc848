//! The HTTP client under `object_store`: HTTP/1.1 over pooled connections, TLS by rustls with
//! ring. It knows neither proxies nor redirects.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header, uri};
use http_body::{Body, Frame, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// How much of an answer is read ahead of whoever takes it, in bytes.
const READ_AHEAD: usize = 512 << 10;

/// Makes clients whose requests end in time.
#[derive(Debug)]
pub(super) struct Connector {
    /// How long a request may take until its answer begins, and how long that may then pause.
    pub(super) timeout: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http1_max_buf_size(READ_AHEAD)
            .build(tls(tcp)?);
        Ok(HttpClient::new(Service {
            client,
            timeout: self.timeout,
            plain: plain.as_deref() == Some("true"),
        }))
    }
}

/// Trusts what the system trusts; where it has no certificates, those that Mozilla trusts.
fn tls(tcp: TcpConnector) -> object_store::Result<HttpsConnector<TcpConnector>> {
    let failed = |source: rustls::Error| object_store::Error::Generic {
        store: "TLS",
        source: Box::new(source),
    };
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let builder = HttpsConnectorBuilder::new();
    let builder = match builder.with_provider_and_native_roots(provider()) {
        Ok(builder) => builder,
        Err(error) => {
            tracing::debug!(%error, "the system has no certificates, built-in ones are used");
            HttpsConnectorBuilder::new()
                .with_provider_and_webpki_roots(provider())
                .map_err(failed)?
        }
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

#[derive(Debug)]
struct Service {
    client: legacy::Client<HttpsConnector<TcpConnector>, HttpRequestBody>,
    timeout: Duration,
    /// Whether requests without TLS are allowed.
    plain: bool,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.plain && request.uri().scheme() == Some(&uri::Scheme::HTTP) {
            let refused = io::Error::other("plain HTTP is not allowed; AWS_ALLOW_HTTP=true does");
            return Err(HttpError::new(HttpErrorKind::Unknown, refused));
        }
        let agent = HeaderValue::from_static(concat!("oci-server/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let answer = timeout(self.timeout, self.client.request(request)).await;
        let answer = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let answer = answer.map_err(|error| {
            let kind = if error.is_connect() {
                HttpErrorKind::Connect
            } else {
                kind(&error)
            };
            HttpError::new(kind, error)
        })?;
        Ok(answer.map(|body| {
            HttpResponseBody::new(Watched {
                body,
                pause: self.timeout,
                alarm: Box::pin(sleep(self.timeout)),
                waiting: false,
            })
        }))
    }
}

/// What kind of failure an error is that is not one of connecting.
fn kind(error: &(dyn Error + 'static)) -> HttpErrorKind {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
                _ => HttpErrorKind::Interrupted,
            };
        }
        cause = error.source();
    }
    // A connection that ended in mid-answer, or was closed before the request got through.
    HttpErrorKind::Interrupted
}

/// A body that fails when nothing comes of it for too long while somebody waits.
struct Watched<B> {
    body: B,
    pause: Duration,
    alarm: Pin<Box<Sleep>>,
    /// Whether the alarm is set. Time in which nobody asks does not count.
    waiting: bool,
}

impl<B> Body for Watched<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = false;
            return Poll::Ready(
                frame.map(|frame| frame.map_err(|error| HttpError::new(kind(&error), error))),
            );
        }
        if !self.waiting {
            self.waiting = true;
            let at = Instant::now() + self.pause;
            self.alarm.as_mut().reset(at);
        }
        match self.alarm.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let late = io::Error::from(io::ErrorKind::TimedOut);
                Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, late))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
