//! Requests, and the record that is kept of each request and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

/// How many bytes of a body a record keeps.
const PREVIEW: usize = 1200;

/// A request body, by how it is framed on the wire.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// No body; `Content-Length: 0` except on GET and HEAD.
    #[default]
    Empty,
    /// A body of a known length, with `Content-Length`.
    Sized(Bytes),
    /// A body whose length is not announced, with `Transfer-Encoding: chunked`.
    Chunked(Vec<Bytes>),
}

impl Body {
    /// Length in bytes, before any framing.
    pub fn len(&self) -> usize {
        match self {
            Body::Empty => 0,
            Body::Sized(bytes) => bytes.len(),
            Body::Chunked(parts) => parts.iter().map(Bytes::len).sum(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole body in one piece.
    pub fn contiguous(&self) -> Bytes {
        match self {
            Body::Empty => Bytes::new(),
            Body::Sized(bytes) => bytes.clone(),
            Body::Chunked(parts) => parts.concat().into(),
        }
    }
}

/// A request that a check makes.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// A path below the registry (`/v2/…`) or an absolute address.
    pub address: String,
    /// Header fields in the order they were added.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// Whether credentials may be sent and a 401 is answered with a login.
    pub login: bool,
    /// Whether redirects are followed.
    pub follow: bool,
}

impl Request {
    /// A request of any method.
    pub fn new(method: Method, address: impl Into<String>) -> Request {
        Request {
            method,
            address: address.into(),
            headers: Vec::new(),
            body: Body::Empty,
            login: true,
            follow: true,
        }
    }

    /// `GET`.
    pub fn get(address: impl Into<String>) -> Request {
        Request::new(Method::GET, address)
    }

    /// `HEAD`.
    pub fn head(address: impl Into<String>) -> Request {
        Request::new(Method::HEAD, address)
    }

    /// `POST`.
    pub fn post(address: impl Into<String>) -> Request {
        Request::new(Method::POST, address)
    }

    /// `PUT`.
    pub fn put(address: impl Into<String>) -> Request {
        Request::new(Method::PUT, address)
    }

    /// `PATCH`.
    pub fn patch(address: impl Into<String>) -> Request {
        Request::new(Method::PATCH, address)
    }

    /// `DELETE`.
    pub fn delete(address: impl Into<String>) -> Request {
        Request::new(Method::DELETE, address)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Request {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends a body with its `Content-Length`.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Request {
        self.body = Body::Sized(bytes.into());
        self
    }

    /// Sends a body as `Transfer-Encoding: chunked`, in pieces of about `piece` bytes.
    #[must_use]
    pub fn chunked(mut self, bytes: impl Into<Bytes>, piece: usize) -> Request {
        let bytes = bytes.into();
        let pieces = (0..bytes.len()).step_by(piece.max(1));
        let parts = pieces.map(|at| bytes.slice(at..bytes.len().min(at + piece.max(1))));
        self.body = Body::Chunked(parts.collect());
        self
    }

    /// Sends no credentials, and takes a 401 as the answer.
    #[must_use]
    pub fn anonymous(mut self) -> Request {
        self.login = false;
        self
    }
}

/// One side of a recorded exchange.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub line: String,
    /// Header fields; credentials are replaced.
    pub headers: Vec<(String, String)>,
    /// Length of the body in bytes.
    pub length: u64,
    /// The beginning of the body, as text.
    pub body: String,
}

/// A request and what came back, as the reports show it.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent.
    pub request: Message,
    /// What was answered, if anything was.
    pub response: Option<Message>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// From the request's first byte to the answer's last, in milliseconds.
    pub elapsed_ms: u64,
}

/// An answer's head and whole body.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, decoded from any transfer coding.
    pub body: Bytes,
}

impl Message {
    /// Records a request line with its header fields and body.
    pub fn request(line: String, headers: Vec<(String, String)>, body: &[u8]) -> Message {
        let hidden = |(name, value): (String, String)| match name.to_ascii_lowercase().as_str() {
            "authorization" | "cookie" => (name, "(not shown)".to_owned()),
            _ => (name, value),
        };
        Message {
            line,
            headers: headers.into_iter().map(hidden).collect(),
            length: body.len() as u64,
            body: preview(body),
        }
    }

    /// Records an answer.
    pub fn response(response: &Response) -> Message {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = response.headers.iter();
        Message {
            line: format!("HTTP/1.1 {}", response.status),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            length: response.body.len() as u64,
            body: preview(&response.body),
        }
    }
}

impl Exchange {
    /// Records an answered request.
    pub fn answered(request: Message, response: &Response, elapsed: Duration) -> Exchange {
        Exchange {
            request,
            response: Some(Message::response(response)),
            error: None,
            elapsed_ms: millis(elapsed),
        }
    }

    /// Records a request that got no answer.
    pub fn unanswered(request: Message, error: String, elapsed: Duration) -> Exchange {
        Exchange {
            request,
            response: None,
            error: Some(error),
            elapsed_ms: millis(elapsed),
        }
    }
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// The beginning of a body, as text: binary content is described rather than shown.
fn preview(body: &[u8]) -> String {
    let shown = &body[..body.len().min(PREVIEW)];
    let text = match std::str::from_utf8(shown) {
        Ok(text) => text,
        // A character that was cut in half is no sign of binary content.
        Err(error) if body.len() > PREVIEW && shown.len() - error.valid_up_to() < 4 => {
            std::str::from_utf8(&shown[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return format!("({} bytes of binary content)", body.len()),
    };
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return format!("({} bytes of binary content)", body.len());
    }
    if body.len() > text.len() {
        format!("{text}… ({} bytes in all)", body.len())
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_recorded() {
        let headers = vec![("Authorization".to_owned(), "Basic c2VjcmV0".to_owned())];
        let message = Message::request("GET / HTTP/1.1".into(), headers, b"");
        assert_eq!(message.headers[0].1, "(not shown)");
    }

    #[test]
    fn previews_are_bounded_and_never_binary() {
        assert_eq!(preview(b"{}"), "{}");
        assert_eq!(preview(b""), "");
        assert_eq!(preview(&[0, 159, 146, 150]), "(4 bytes of binary content)");
        assert_eq!(preview(b"\x1b[31mred"), "(8 bytes of binary content)");
        let long = "ä".repeat(PREVIEW);
        let shown = preview(long.as_bytes());
        assert!(
            shown.ends_with(&format!("… ({} bytes in all)", 2 * PREVIEW)),
            "{shown}"
        );
        assert!(shown.len() < PREVIEW + 40);
    }

    #[test]
    fn chunked_bodies_are_cut_into_pieces() {
        let request = Request::put("/x").chunked("abcde", 2);
        let Body::Chunked(parts) = &request.body else {
            panic!("not chunked")
        };
        assert_eq!(parts.len(), 3);
        assert_eq!(request.body.contiguous(), "abcde");
        assert_eq!(request.body.len(), 5);
    }
}
