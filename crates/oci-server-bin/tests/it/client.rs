//! A client of HTTP/1 and HTTP/2, with TLS and without, whose connections are seen.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;

use crate::program::Server;

pub(crate) const KIND: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

/// Opens a connection.
pub(crate) async fn tcp(server: &Server) -> TcpStream {
    TcpStream::connect(server.addr()).await.unwrap()
}

/// Opens a connection and a TLS session in it.
pub(crate) async fn tls(
    server: &Server,
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream<TcpStream>> {
    let name = "localhost".try_into().unwrap();
    let tcp = tcp(server).await;
    TlsConnector::from(config).connect(name, tcp).await
}

/// A connection over which requests are sent.
pub(crate) struct Client {
    sender: Sender,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<hyper::Result<()>>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn http1(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
        Self {
            sender: Sender::One(sender),
            connection: tokio::spawn(connection),
        }
    }

    pub(crate) async fn http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io))
            .await
            .unwrap();
        Self {
            sender: Sender::Two(sender),
            connection: tokio::spawn(connection),
        }
    }

    /// Speaks what ALPN came to.
    pub(crate) async fn negotiated(io: TlsStream<TcpStream>) -> Self {
        if io.get_ref().1.alpn_protocol() == Some(b"h2") {
            Self::http2(io).await
        } else {
            Self::http1(io).await
        }
    }

    pub(crate) async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> hyper::Result<Response<Incoming>> {
        let uri = match &self.sender {
            Sender::One(_) => path.to_owned(),
            Sender::Two(_) => format!("https://localhost{path}"),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", KIND);
        if let Sender::One(_) = &self.sender {
            request = request.header("host", "localhost");
        }
        let request = request.body(Full::new(body.into())).unwrap();
        match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// The status and the body of an answer.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> (u16, Bytes) {
        let answer = self.request(method, path, body).await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            answer.into_body().collect().await.unwrap().to_bytes(),
        )
    }

    /// Pushes a blob in one request.
    pub(crate) async fn push_blob(&mut self, repo: &str, digest: &str, bytes: impl Into<Bytes>) {
        let path = format!("/v2/{repo}/blobs/uploads/?digest={digest}");
        let (status, body) = self.send("POST", &path, bytes).await;
        assert_eq!(status, 201, "{body:?}");
    }
}
