//! Asking a running server.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::messages::ErrorAnswer;
use super::socket::MAX_PATH;

/// How long a server may take to answer. It gives up before that itself.
const PATIENCE: Duration = Duration::from_secs(100);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// A server behind a socket.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no server is there: {} does not exist; --socket, --data-dir or --config say where it is",
        path.display()
    )]
    NoServer { path: PathBuf },
    #[error("no server answers at {}; the one that made it has ended", path.display())]
    DeadServer { path: PathBuf },
    #[error(
        "{} may be opened only by the account that the server runs as, and by root",
        path.display()
    )]
    Forbidden { path: PathBuf },
    #[error("{} has more than the {MAX_PATH} bytes that a socket's path can have", path.display())]
    TooLong { path: PathBuf },
    #[error("could not talk to the server at {}", path.display())]
    Talk {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the server does not answer within {} s", PATIENCE.as_secs())]
    Slow,
    #[error("{text}")]
    Refused { text: String },
}

impl ClientError {
    /// Whether nobody was there to be asked.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NoServer { .. } | Self::DeadServer { .. })
    }
}

impl Server {
    /// The server behind the socket at `path`.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        self.parse(&self.send("GET", path, Bytes::new()).await?)
    }

    pub(crate) async fn delete<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        self.parse(&self.send("DELETE", path, Bytes::new()).await?)
    }

    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<A, ClientError> {
        let body = serde_json::to_vec(question).map_err(|error| self.talk(error))?;
        self.parse(&self.send("POST", path, body.into()).await?)
    }

    /// Has something done that has no answer.
    pub(crate) async fn order(&self, path: &str) -> Result<(), ClientError> {
        self.send("POST", path, Bytes::new()).await.map(drop)
    }

    fn parse<A: DeserializeOwned>(&self, answer: &[u8]) -> Result<A, ClientError> {
        serde_json::from_slice(answer).map_err(|error| self.talk(error))
    }

    async fn send(&self, method: &str, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let sent = self.exchange(method, path, body);
        let sent = tokio::time::timeout(PATIENCE, sent).await;
        sent.unwrap_or(Err(ClientError::Slow))
    }

    async fn exchange(&self, method: &str, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let stream = UnixStream::connect(&self.path).await;
        let stream = stream.map_err(|error| self.unreachable(error))?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.talk(error))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| self.talk(error))?;
        let answered = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((head.status, body.to_bytes()))
        };
        let (answered, _) = tokio::join!(answered, connection);
        let (status, body) = answered.map_err(|error| self.talk(error))?;
        if status.is_success() {
            return Ok(body);
        }
        let text = match serde_json::from_slice::<ErrorAnswer>(&body) {
            Ok(answer) => answer.error,
            Err(_) => format!("the server answers with {status}"),
        };
        Err(ClientError::Refused { text })
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        let path = self.path.clone();
        match error.kind() {
            io::ErrorKind::NotFound => ClientError::NoServer { path },
            io::ErrorKind::ConnectionRefused => ClientError::DeadServer { path },
            io::ErrorKind::PermissionDenied => ClientError::Forbidden { path },
            io::ErrorKind::InvalidInput => ClientError::TooLong { path },
            _ => self.talk(error),
        }
    }

    fn talk(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
        ClientError::Talk {
            path: self.path.clone(),
            source: error.into(),
        }
    }
}
