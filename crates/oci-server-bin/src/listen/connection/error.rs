//! Why a connection ended before its time.

use std::io;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(in crate::listen) enum ConnectionError {
    #[error("the connection broke")]
    Io(#[source] io::Error),
    #[error("the client sent nothing")]
    Silent,
    #[error("the client speaks HTTP where HTTPS is spoken")]
    Plaintext,
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    #[error("the TLS handshake took longer than tls.handshake_timeout")]
    SlowHandshake,
    #[error("HTTP came to an end")]
    Http(#[source] hyper::Error),
    #[error("nothing went on in the connection for longer than http.idle_timeout")]
    Idle,
}
