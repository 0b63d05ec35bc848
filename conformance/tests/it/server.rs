//! Small servers for tests: one that answers by a function, one that plays back bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use oci_conformance::client::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request with its whole body.
pub(crate) type Seen = Request<Bytes>;
/// What a handler answers.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Serves HTTP/1.1 by a function, on a port of its own, until the test ends.
pub(crate) async fn serve(handler: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, handler.clone()));
        }
    });
    url(address)
}

async fn connection(
    stream: TcpStream,
    handler: Arc<impl Fn(Seen) -> Reply + Send + Sync + 'static>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await else {
                return Ok(reply(400, &[], ""));
            };
            Ok::<_, Infallible>(handler(Request::from_parts(head, body.to_bytes())))
        }
    });
    let io = TokioIo::new(stream);
    // A client that goes away in the middle is what some tests are about.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(io, service)
            .await,
    );
}

/// An answer.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

/// Accepts connections, answers each with fixed bytes, and keeps what it was sent.
pub(crate) async fn play_back(answer: &'static [u8]) -> (Url, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = received.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 * 1024];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            buffer.truncate(length);
            kept.lock().unwrap().push(buffer);
            stream.write_all(answer).await.unwrap();
        }
    });
    (url(address), received)
}

pub(crate) fn url(address: SocketAddr) -> Url {
    format!("http://{address}").parse().unwrap()
}
