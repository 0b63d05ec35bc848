//! Requests written byte by byte on a connection of their own.
//!
//! For what no well-behaved client sends: targets that are not URIs, contradictory header fields,
//! bodies that end before they are complete, connections dropped in the middle.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::message::{Exchange, Message, Response};
use super::transport::{AGENT, Stream, Transport, TransportError};
use super::url::Origin;

/// The longest head that is read, in bytes.
const HEAD_LIMIT: usize = 64 << 10;
/// How long a dropped connection is held open, so that what was written arrives.
const LINGER: Duration = Duration::from_millis(60);
/// How long to wait for bytes that should not come.
const QUIET: Duration = Duration::from_millis(300);

/// A request as raw bytes.
#[derive(Clone, Debug)]
pub struct Raw {
    method: String,
    target: Vec<u8>,
    version: &'static str,
    host: bool,
    lines: Vec<Vec<u8>>,
    body: Vec<u8>,
    awaits_continue: bool,
    to_the_end: bool,
}

/// What came back on a raw connection.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The final answer; none if the registry closed the connection without one.
    pub response: Option<Response>,
    /// The statuses of interim answers (1xx), in their order.
    pub interim: Vec<u16>,
    /// How many bytes followed the end of the answer, if they were waited for.
    pub trailing: usize,
}

impl Raw {
    /// A request line; `Host`, `User-Agent` and `Connection: close` come with it.
    pub fn new(method: &str, target: impl Into<Vec<u8>>) -> Raw {
        Raw {
            method: method.to_owned(),
            target: target.into(),
            version: "HTTP/1.1",
            host: true,
            lines: Vec::new(),
            body: Vec::new(),
            awaits_continue: false,
            to_the_end: false,
        }
    }

    /// Adds a header line, without its line ending.
    #[must_use]
    pub fn line(mut self, line: impl Into<Vec<u8>>) -> Raw {
        self.lines.push(line.into());
        self
    }

    /// Adds body bytes. No header field announces them by itself.
    #[must_use]
    pub fn body(mut self, bytes: &[u8]) -> Raw {
        self.body.extend_from_slice(bytes);
        self
    }

    /// Leaves the `Host` field out.
    #[must_use]
    pub fn without_host(mut self) -> Raw {
        self.host = false;
        self
    }

    /// Speaks HTTP/1.0.
    #[must_use]
    pub fn http10(mut self) -> Raw {
        self.version = "HTTP/1.0";
        self
    }

    /// Sends `Expect: 100-continue`, and the body only after the interim answer.
    #[must_use]
    pub fn expecting_continue(mut self) -> Raw {
        self.awaits_continue = true;
        self.line("Expect: 100-continue")
    }

    /// Keeps reading after the answer's end, to see whether more comes.
    #[must_use]
    pub fn to_the_end(mut self) -> Raw {
        self.to_the_end = true;
        self
    }

    fn head(&self, origin: &Origin, authorization: Option<&HeaderValue>) -> Vec<u8> {
        let mut head = format!("{} ", self.method).into_bytes();
        head.extend_from_slice(&self.target);
        head.extend_from_slice(format!(" {}\r\n", self.version).as_bytes());
        if self.host {
            head.extend_from_slice(format!("Host: {}\r\n", origin.authority()).as_bytes());
        }
        head.extend_from_slice(format!("User-Agent: {AGENT}\r\nConnection: close\r\n").as_bytes());
        if let Some(value) = authorization {
            head.extend_from_slice(b"Authorization: ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        for line in &self.lines {
            head.extend_from_slice(line);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The request as a record shows it.
    fn message(&self) -> Message {
        let target = self.target.escape_ascii();
        let fields = self.lines.iter().map(|line| {
            let line = line.escape_ascii().to_string();
            match line.split_once(": ") {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (line, String::new()),
            }
        });
        let line = format!("{} {target} {}", self.method, self.version);
        Message::request(line, fields.collect(), &self.body)
    }

    /// Sends the request and reads the answer.
    pub(super) async fn send(
        &self,
        transport: &Transport,
        origin: &Origin,
        authorization: Option<&HeaderValue>,
    ) -> (Exchange, Result<RawAnswer, TransportError>) {
        let started = Instant::now();
        let outcome = async {
            let stream = transport.connect(origin).await?;
            let (reader, writer) = tokio::io::split(stream);
            self.converse(reader, writer, self.head(origin, authorization))
                .await
        };
        let outcome = match tokio::time::timeout(transport.timeout(), outcome).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TransportError::TimedOut(transport.timeout())),
        };
        let message = self.message();
        let elapsed = started.elapsed();
        let exchange = match &outcome {
            Ok(RawAnswer {
                response: Some(response),
                ..
            }) => Exchange::answered(message, response, elapsed),
            Ok(_) => {
                let closed = "the connection was closed without an answer";
                Exchange::unanswered(message, closed.into(), elapsed)
            }
            Err(error) => Exchange::unanswered(message, error.to_string(), elapsed),
        };
        (exchange, outcome)
    }

    /// Sends the request and drops the connection without reading.
    pub(super) async fn send_and_drop(
        &self,
        transport: &Transport,
        origin: &Origin,
        authorization: Option<&HeaderValue>,
    ) -> (Exchange, Result<(), TransportError>) {
        let started = Instant::now();
        let outcome = async {
            let mut stream = transport.connect(origin).await?;
            stream.write_all(&self.head(origin, authorization)).await?;
            stream.write_all(&self.body).await?;
            stream.flush().await?;
            tokio::time::sleep(LINGER).await;
            Ok(())
        };
        let outcome: Result<(), TransportError> = outcome.await;
        let note = match &outcome {
            Ok(()) => "the runner dropped the connection here".to_owned(),
            Err(error) => error.to_string(),
        };
        (
            Exchange::unanswered(self.message(), note, started.elapsed()),
            outcome,
        )
    }

    async fn converse(
        &self,
        mut reader: ReadHalf<Box<dyn Stream>>,
        mut writer: WriteHalf<Box<dyn Stream>>,
        head: Vec<u8>,
    ) -> Result<RawAnswer, TransportError> {
        let mut received = Received::default();
        if self.awaits_continue {
            writer.write_all(&head).await?;
            if received.read_head(&mut reader).await?.is_some() {
                return received
                    .finish(&mut reader, &self.method, self.to_the_end)
                    .await;
            }
            writer.write_all(&self.body).await?;
            return received
                .finish(&mut reader, &self.method, self.to_the_end)
                .await;
        }
        // A registry may answer before it has read everything; writing then fails or stalls,
        // and the answer is what counts.
        let writing = async {
            let sent = async {
                writer.write_all(&head).await?;
                writer.write_all(&self.body).await?;
                writer.flush().await
            };
            if sent.await.is_ok() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(QUIET).await;
        };
        let reading = received.finish(&mut reader, &self.method, self.to_the_end);
        tokio::select! {
            biased;
            answer = reading => answer,
            () = writing => Ok(RawAnswer { response: None, interim: Vec::new(), trailing: 0 }),
        }
    }
}

/// An answer while it arrives.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    interim: Vec<u16>,
    head: Option<(StatusCode, HeaderMap)>,
}

impl Received {
    async fn more(
        &mut self,
        reader: &mut ReadHalf<Box<dyn Stream>>,
    ) -> Result<bool, TransportError> {
        match reader.read_buf(&mut self.bytes).await {
            Ok(read) => Ok(read > 0),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(false),
            // Servers that close without TLS's farewell.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads one head. `None` is an interim answer; at the end of the stream there is no head.
    async fn read_head(
        &mut self,
        reader: &mut ReadHalf<Box<dyn Stream>>,
    ) -> Result<Option<()>, TransportError> {
        loop {
            if let Some((length, status, headers)) = parse_head(&self.bytes)? {
                self.bytes.drain(..length);
                if status.is_informational() {
                    self.interim.push(status.as_u16());
                    return Ok(None);
                }
                self.head = Some((status, headers));
                return Ok(Some(()));
            }
            if self.bytes.len() > HEAD_LIMIT {
                return Err(TransportError::NotHttp("its head does not end".into()));
            }
            if !self.more(reader).await? {
                return Ok(Some(()));
            }
        }
    }

    async fn finish(
        mut self,
        reader: &mut ReadHalf<Box<dyn Stream>>,
        method: &str,
        to_the_end: bool,
    ) -> Result<RawAnswer, TransportError> {
        while self.head.is_none() && self.read_head(reader).await?.is_none() {}
        let Some((status, headers)) = self.head.take() else {
            return Ok(RawAnswer {
                response: None,
                interim: self.interim,
                trailing: 0,
            });
        };
        let end = loop {
            if let Some(end) = body_end(&self.bytes, method, status, &headers) {
                break end;
            }
            if !self.more(reader).await? {
                break self.bytes.len();
            }
        };
        if to_the_end {
            while let Ok(Ok(true)) = tokio::time::timeout(QUIET, self.more(reader)).await {}
        }
        let trailing = self.bytes.len() - end;
        self.bytes.truncate(end);
        let body = if is_chunked(&headers) {
            dechunk(&self.bytes)
        } else {
            self.bytes
        };
        let body = Bytes::from(body);
        Ok(RawAnswer {
            response: Some(Response {
                status,
                headers,
                body,
            }),
            interim: self.interim,
            trailing,
        })
    }
}

fn parse_head(bytes: &[u8]) -> Result<Option<(usize, StatusCode, HeaderMap)>, TransportError> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut fields);
    let broken = |error: &dyn std::fmt::Display| TransportError::NotHttp(error.to_string());
    let length = match head.parse(bytes).map_err(|error| broken(&error))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let status = StatusCode::from_u16(head.code.unwrap_or_default()).map_err(|e| broken(&e))?;
    let mut headers = HeaderMap::new();
    for field in head.headers.iter() {
        let name = HeaderName::try_from(field.name).map_err(|error| broken(&error))?;
        let value = HeaderValue::from_bytes(field.value).map_err(|error| broken(&error))?;
        headers.append(name, value);
    }
    Ok(Some((length, status, headers)))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let coding = headers.get(http::header::TRANSFER_ENCODING);
    coding.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Where the body ends in what has been read, or `None` while it has not.
fn body_end(bytes: &[u8], method: &str, status: StatusCode, headers: &HeaderMap) -> Option<usize> {
    if method == "HEAD" || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Some(0);
    }
    if is_chunked(headers) {
        let last = b"0\r\n\r\n";
        return bytes.ends_with(last).then_some(bytes.len());
    }
    let length = headers.get(http::header::CONTENT_LENGTH)?;
    let length: usize = length.to_str().ok()?.parse().ok()?;
    (bytes.len() >= length).then_some(length)
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..at]).unwrap_or_default();
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        let rest = &bytes[at + 2..];
        if size == 0 || size > rest.len() {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests;
