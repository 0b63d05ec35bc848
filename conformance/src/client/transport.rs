//! Connections: TCP and TLS, kept alive and handed out again.
//!
//! Speaks HTTP/1.1, which every registry serves. It does not know of credentials or redirects.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::message::{Body, Request, Response};
use super::tls::Tls;
use super::url::{Origin, Scheme, Url};

/// The longest answer that is read, in bytes.
const ANSWER_LIMIT: usize = 256 << 20;
/// How long an idle connection is trusted.
const IDLE: Duration = Duration::from_secs(2);
/// What the runner calls itself.
pub(super) const AGENT: &str = concat!("oci-conformance/", env!("CARGO_PKG_VERSION"));

type SendBody = BoxBody<Bytes, std::convert::Infallible>;

/// A byte stream to the registry.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("cannot connect to {origin}: {source}")]
    Connect {
        /// Where to.
        origin: String,
        /// What the system said.
        source: io::Error,
    },
    /// The address of an answer's `Location` or of the request itself is not usable.
    #[error(transparent)]
    Address(#[from] super::url::UrlError),
    /// The request cannot be expressed in HTTP.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] http::Error),
    /// The connection ended before the answer was complete, or what came was not HTTP.
    #[error("the connection gave no complete answer: {0}")]
    Exchange(#[from] hyper::Error),
    /// The answer's body could not be read to its end.
    #[error("the answer's body broke off: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// Bytes written by hand could not be sent or answered.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// What came back on a raw connection is not HTTP.
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
    /// The registry took too long.
    #[error("no complete answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    /// The token that the challenge asks for could not be had.
    #[error("cannot log in: {0}")]
    Login(String),
}

struct Idle {
    sender: SendRequest<SendBody>,
    since: Instant,
}

/// Connections to any number of origins, shared by every check of a run.
pub struct Transport {
    tls: Tls,
    timeout: Duration,
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
}

impl Transport {
    /// A transport without any connection yet; `timeout` bounds each exchange.
    pub fn new(tls: Tls, timeout: Duration) -> Transport {
        Transport {
            tls,
            timeout,
            idle: Mutex::default(),
        }
    }

    /// The bound on each exchange.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Opens a connection that nobody else uses.
    ///
    /// # Errors
    /// When the host cannot be found, reached or trusted.
    pub async fn connect(&self, origin: &Origin) -> Result<Box<dyn Stream>, TransportError> {
        let failed = |source| TransportError::Connect {
            origin: origin.to_string(),
            source,
        };
        let tcp = TcpStream::connect((origin.host.as_str(), origin.port));
        let tcp = tcp.await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        match origin.scheme {
            Scheme::Http => Ok(Box::new(tcp)),
            Scheme::Https => self.tls.connect(&origin.host, tcp).await.map_err(failed),
        }
    }

    /// Sends one request and reads the whole answer.
    ///
    /// A request that met a connection which the registry had closed meanwhile is sent again on
    /// a new one, if not a byte of it was taken or if it is safe to repeat.
    ///
    /// # Errors
    /// See [`TransportError`].
    pub async fn send(
        &self,
        url: &Url,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, TransportError> {
        let exchange = self.exchange(url, request, authorization);
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TransportError::TimedOut(self.timeout)),
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        request: &Request,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, TransportError> {
        if let Some(mut sender) = self.reuse(&url.origin).await {
            let message = outgoing(url, request, authorization)?;
            match sender.try_send_request(message).await {
                Ok(answer) => return self.finish(url, sender, answer).await,
                Err(error) => {
                    let safe = request.method.is_idempotent() || error.message().is_some();
                    if !safe {
                        return Err(error.into_error().into());
                    }
                }
            }
        }
        let io = TokioIo::new(self.connect(&url.origin).await?);
        let (mut sender, connection) = http1::handshake(io).await?;
        tokio::spawn(connection);
        let message = outgoing(url, request, authorization)?;
        let answer = sender.send_request(message).await?;
        self.finish(url, sender, answer).await
    }

    async fn reuse(&self, origin: &Origin) -> Option<SendRequest<SendBody>> {
        loop {
            let idle = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.get_mut(origin)?.pop()?
            };
            let mut sender = idle.sender;
            if idle.since.elapsed() < IDLE && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn finish(
        &self,
        url: &Url,
        sender: SendRequest<SendBody>,
        answer: http::Response<hyper::body::Incoming>,
    ) -> Result<Response, TransportError> {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await;
        let body = body.map_err(TransportError::Body)?.to_bytes();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(url.origin.clone()).or_default().push(Idle {
            sender,
            since: Instant::now(),
        });
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

fn outgoing(
    url: &Url,
    request: &Request,
    authorization: Option<&HeaderValue>,
) -> Result<http::Request<SendBody>, TransportError> {
    let mut builder = http::Request::builder()
        .method(request.method.clone())
        .uri(&url.target)
        .header(HOST, url.origin.authority())
        .header(USER_AGENT, AGENT);
    for (name, value) in &request.headers {
        builder = builder.header(
            HeaderName::try_from(name).map_err(http::Error::from)?,
            HeaderValue::try_from(value).map_err(http::Error::from)?,
        );
    }
    if let Some(authorization) = authorization {
        builder = builder.header(http::header::AUTHORIZATION, authorization);
    }
    let bodiless = [Method::GET, Method::HEAD].contains(&request.method);
    if matches!(request.body, Body::Empty) && !bodiless {
        builder = builder.header(CONTENT_LENGTH, "0");
    }
    let body: SendBody = match &request.body {
        Body::Empty => Full::new(Bytes::new()).boxed(),
        Body::Sized(bytes) => Full::new(bytes.clone()).boxed(),
        Body::Chunked(parts) => {
            let frames: Vec<_> = parts
                .iter()
                .map(|part| Ok(Frame::data(part.clone())))
                .collect();
            BodyExt::boxed(StreamBody::new(stream::iter(frames)))
        }
    };
    Ok(builder.body(body)?)
}
