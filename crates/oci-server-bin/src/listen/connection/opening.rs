//! What a connection's first bytes tell.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

/// No method of HTTP/1 begins like the preface of HTTP/2 (RFC 9113 §3.4).
const HTTP2: &[u8; 3] = b"PRI";
/// How long to wait for the rest of the first three bytes, which come together but for malice.
const PAUSE: Duration = Duration::from_millis(5);

/// What the first bytes look like. They are still there to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The preface of HTTP/2.
    Http2,
    /// A method, as far as its first letter.
    Http1,
    /// A TLS handshake, or nothing that is known.
    Other,
    /// Nothing will come.
    Closed,
}

impl Opening {
    /// Waits for the first bytes.
    pub(super) async fn of(stream: &TcpStream) -> io::Result<Self> {
        let mut buffer = [0; HTTP2.len()];
        loop {
            let len = stream.peek(&mut buffer).await?;
            match Self::read(&buffer[..len]) {
                Some(opening) => return Ok(opening),
                None => sleep(PAUSE).await,
            }
        }
    }

    /// `None` while it could be either protocol.
    fn read(first: &[u8]) -> Option<Self> {
        match first {
            [] => Some(Self::Closed),
            _ if first == HTTP2 => Some(Self::Http2),
            _ if HTTP2.starts_with(first) => None,
            [letter, ..] if letter.is_ascii_uppercase() => Some(Self::Http1),
            _ => Some(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_bytes_tell() {
        for (first, expected) in [
            (&b""[..], Some(Opening::Closed)),
            (b"P", None),
            (b"PR", None),
            (b"PRI", Some(Opening::Http2)),
            (b"PU", Some(Opening::Http1)),
            (b"PRO", Some(Opening::Http1)),
            (b"GET", Some(Opening::Http1)),
            (b"\x16", Some(Opening::Other)),
            (b"\x16\x03\x01", Some(Opening::Other)),
            (b"get", Some(Opening::Other)),
        ] {
            assert_eq!(Opening::read(first), expected, "{first:?}");
        }
    }
}
