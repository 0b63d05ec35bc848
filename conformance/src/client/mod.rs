//! The HTTP client that checks speak through.
//!
//! It sends what it is told to, byte for byte where that matters, logs in when it is challenged,
//! follows redirects, waits when it is asked to (429), and keeps a record of every exchange.

mod auth;
mod message;
mod raw;
mod tls;
mod transport;
mod url;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};

use crate::watch::Watch;

pub use self::auth::{Challenge, Credentials, basic};
pub use self::message::{Body, Exchange, Message, Request, Response};
pub use self::raw::{Raw, RawAnswer};
pub use self::tls::{Tls, TlsOptions};
pub use self::transport::{Transport, TransportError};
pub use self::url::{Origin, Scheme, Url, UrlError, decode, encode};

/// How many redirects one request follows.
const REDIRECTS: usize = 5;
/// How often a request is repeated after a 429.
const PATIENCE: usize = 4;
/// The longest wait that a `Retry-After` is granted.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A client with its own login state and record, over connections shared with others.
pub struct Client {
    transport: Arc<Transport>,
    base: Url,
    credentials: Credentials,
    watch: Arc<Watch>,
    login: Mutex<Login>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Login {
    authorization: Option<HeaderValue>,
    scopes: Vec<String>,
}

/// The exchanges of one check: its first and its last ones, so that memory stays bounded.
#[derive(Default)]
struct Record {
    exchanges: Vec<Arc<Exchange>>,
    left_out: usize,
}

/// How many exchanges a record holds.
const RECORD: usize = 60;

impl Record {
    fn push(&mut self, exchange: Arc<Exchange>) {
        self.exchanges.push(exchange);
        if self.exchanges.len() > RECORD {
            self.exchanges.remove(RECORD / 2);
            self.left_out += 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// A client for the registry at `base`, of which only the origin is used.
    pub fn new(
        transport: Arc<Transport>,
        base: Url,
        credentials: Credentials,
        watch: Arc<Watch>,
    ) -> Client {
        Client {
            transport,
            base,
            credentials,
            watch,
            login: Mutex::default(),
            record: Mutex::default(),
        }
    }

    /// The registry's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The credentials in use.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The exchanges so far, and how many more were left out between the first and the last.
    pub fn exchanges(&self) -> (Vec<Arc<Exchange>>, usize) {
        let record = lock(&self.record);
        (record.exchanges.clone(), record.left_out)
    }

    /// Sends a request, logs in if challenged, follows redirects, and records what happened.
    ///
    /// # Errors
    /// When no complete answer comes, with the record of the attempt.
    ///
    /// Cancel-safe in that nothing of the client breaks; the request may or may not have arrived.
    pub async fn send(
        &self,
        request: &Request,
    ) -> Result<(Response, Arc<Exchange>), (TransportError, Arc<Exchange>)> {
        let started = Instant::now();
        let outcome = self.attempt(request).await;
        let elapsed = started.elapsed();
        let message = recorded(&self.base, request);
        match outcome {
            Ok(response) => {
                let exchange = Arc::new(Exchange::answered(message, &response, elapsed));
                lock(&self.record).push(exchange.clone());
                Ok((response, exchange))
            }
            Err(error) => {
                let exchange = Exchange::unanswered(message, error.to_string(), elapsed);
                let exchange = Arc::new(exchange);
                lock(&self.record).push(exchange.clone());
                Err((error, exchange))
            }
        }
    }

    /// Sends a request without leaving a trace in the record.
    ///
    /// # Errors
    /// When no complete answer comes.
    pub async fn send_unrecorded(&self, request: &Request) -> Result<Response, TransportError> {
        self.attempt(request).await
    }

    /// Writes a request byte by byte on its own connection and reads the answer. Uses the login
    /// of the requests before it; is not challenged itself.
    ///
    /// # Errors
    /// When the connection fails or what comes back is not HTTP.
    pub async fn raw(&self, raw: &Raw) -> (Arc<Exchange>, Result<RawAnswer, TransportError>) {
        let authorization = lock(&self.login).authorization.clone();
        let sent = raw.send(&self.transport, &self.base.origin, authorization.as_ref());
        let (exchange, outcome) = sent.await;
        if let Ok(RawAnswer {
            response: Some(response),
            ..
        }) = &outcome
        {
            self.watch.see_raw(&self.base, &exchange.request, response);
        }
        let exchange = Arc::new(exchange);
        lock(&self.record).push(exchange.clone());
        (exchange, outcome)
    }

    /// Writes a request and drops the connection.
    ///
    /// # Errors
    /// When the connection cannot be made or breaks before everything is written.
    pub async fn raw_dropped(&self, raw: &Raw) -> (Arc<Exchange>, Result<(), TransportError>) {
        let authorization = lock(&self.login).authorization.clone();
        let sent = raw.send_and_drop(&self.transport, &self.base.origin, authorization.as_ref());
        let (exchange, outcome) = sent.await;
        let exchange = Arc::new(exchange);
        lock(&self.record).push(exchange.clone());
        (exchange, outcome)
    }

    async fn attempt(&self, request: &Request) -> Result<Response, TransportError> {
        let mut url = self.base.join(&request.address)?;
        let mut request = request.clone();
        let (mut redirects, mut waits, mut logged_in) = (0, 0, false);
        loop {
            let same_origin = url.origin == self.base.origin;
            let authorization = (request.login && same_origin).then(|| self.authorization());
            let authorization = authorization.flatten();
            let response = self
                .transport
                .send(&url, &request, authorization.as_ref())
                .await?;
            self.watch.see(&url, &request, &response);
            match response.status {
                StatusCode::UNAUTHORIZED if request.login && same_origin && !logged_in => {
                    if !self.log_in(&response).await? {
                        return Ok(response);
                    }
                    logged_in = true;
                }
                StatusCode::TOO_MANY_REQUESTS if waits < PATIENCE => {
                    waits += 1;
                    tokio::time::sleep(pause(&response, waits)).await;
                }
                status if request.follow && is_redirect(status) && redirects < REDIRECTS => {
                    let Some(next) = redirected(&url, &response)? else {
                        return Ok(response);
                    };
                    redirects += 1;
                    if status == StatusCode::SEE_OTHER && request.method != Method::HEAD {
                        request.method = Method::GET;
                        request.body = Body::Empty;
                    }
                    url = next;
                }
                _ => return Ok(response),
            }
        }
    }

    fn authorization(&self) -> Option<HeaderValue> {
        lock(&self.login).authorization.clone()
    }

    /// Answers a 401's challenge; whether there was something to answer it with.
    async fn log_in(&self, response: &Response) -> Result<bool, TransportError> {
        let challenges = response.headers.get_all(WWW_AUTHENTICATE);
        let mut challenges = challenges.iter().filter_map(|value| value.to_str().ok());
        let Some(challenge) = challenges.find_map(Challenge::parse) else {
            return Ok(false);
        };
        let scopes = {
            let mut login = lock(&self.login);
            let asked = challenge.parameter("scope").unwrap_or_default();
            for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
                if !login.scopes.iter().any(|known| known == scope) {
                    login.scopes.push(scope.to_owned());
                }
            }
            login.scopes.clone()
        };
        let answer = auth::answer(
            &self.transport,
            &self.base,
            &self.credentials,
            &challenge,
            &scopes,
        );
        let Some(authorization) = answer.await? else {
            return Ok(false);
        };
        lock(&self.login).authorization = Some(authorization);
        Ok(true)
    }
}

/// A request as the record shows it: its target alone where it goes to the registry itself.
pub(crate) fn recorded(base: &Url, request: &Request) -> Message {
    let mut headers = request.headers.clone();
    match &request.body {
        Body::Chunked(_) => headers.push(("Transfer-Encoding".into(), "chunked".into())),
        Body::Sized(bytes) => headers.push(("Content-Length".into(), bytes.len().to_string())),
        Body::Empty if request.method == Method::GET || request.method == Method::HEAD => {}
        Body::Empty => headers.push(("Content-Length".into(), "0".into())),
    }
    let address = match base.join(&request.address) {
        Ok(url) if url.origin == base.origin => url.target,
        _ => request.address.clone(),
    };
    let line = format!("{} {address} HTTP/1.1", request.method);
    Message::request(line, headers, &request.body.contiguous())
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn redirected(url: &Url, response: &Response) -> Result<Option<Url>, TransportError> {
    let location = response
        .headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    Ok(location.map(|location| url.join(location)).transpose()?)
}

/// How long to wait after a 429: what it asks for, within reason.
fn pause(response: &Response, attempt: usize) -> Duration {
    let asked = response
        .headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let asked = asked
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let fallback = Duration::from_millis(250 << attempt.min(4));
    asked.unwrap_or(fallback).min(LONGEST_WAIT)
}
