//! Draining over HTTP/2.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::tempdir;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::authority::{Authority, VERSIONS, serve};
use crate::client::{Client, INDEX, KIND, tcp, tls};
use rustix::process::Signal;

/// A body whose parts are sent when the test says so.
struct Parts(mpsc::Receiver<&'static str>);

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.0.poll_recv(cx);
        part.map(|part| part.map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_is_finished_before_the_end() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let server = serve(dir.path(), &authority, "");
    let trusting = authority.client(VERSIONS, &["h2"]);

    let idle = tls(&server, trusting.clone()).await.unwrap();
    let mut idle = Client::http2(idle).await;
    assert_eq!(idle.send("GET", "/v2/", "").await.0, 200);
    // Neither of these asks for anything.
    let _silent = tcp(&server).await;
    let _waiting = tls(&server, trusting.clone()).await.unwrap();

    let stream = TokioIo::new(tls(&server, trusting.clone()).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let (parts, body) = mpsc::channel(2);
    let (first, last) = INDEX.split_at(INDEX.len() - 1);
    parts.send(first).await.unwrap();
    let request =
        Request::put("https://localhost/v2/a/manifests/slow").header("content-type", KIND);
    let answer = tokio::spawn(sender.send_request(request.body(Parts(body)).unwrap()));
    sleep(Duration::from_millis(200)).await;

    server.signal(Signal::TERM);
    timeout(Duration::from_secs(5), idle.connection)
        .await
        .expect("idle connections are told to go")
        .unwrap()
        .unwrap();
    let refused = tokio::net::TcpStream::connect(server.addr()).await;
    assert!(refused.is_err(), "no new connections while draining");
    parts.send(last).await.unwrap();
    drop(parts);
    let answer = timeout(Duration::from_secs(10), answer).await.unwrap();
    assert_eq!(answer.unwrap().unwrap().status(), 201);
    let ended = tokio::task::spawn_blocking(move || server.wait());
    let (status, log) = timeout(Duration::from_secs(10), ended)
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{log}");
    assert!(!log.contains("cut off"), "{log}");
    connection.await.unwrap().unwrap();

    let server = serve(dir.path(), &authority, "");
    let stream = tls(&server, trusting).await;
    let mut client = Client::negotiated(stream.unwrap()).await;
    assert_eq!(client.send("GET", "/v2/a/manifests/slow", "").await.0, 200);
}
