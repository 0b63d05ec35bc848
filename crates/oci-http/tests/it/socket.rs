//! What only a connection shows: bodies without a length, clients that go away, answers to
//! requests that are still being sent.

use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use oci_http::{linger, router};
use oci_registry::{BlobContent, BlobRead};
use oci_types::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::fixture::{MANIFEST, World, image, world};
use crate::stub::Stub;

const MIB: usize = 1 << 20;

/// Serves `app` on a port of the loopback until the test's runtime ends.
pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// A connection on which everything is written and read by hand.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes until the other side has had enough, and answers whether it took everything.
    async fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads one answer; to a HEAD it has no body.
    pub(crate) async fn answer(&mut self, bodiless: bool) -> Raw {
        let reading = self.read_answer(bodiless);
        timeout(Duration::from_secs(10), reading)
            .await
            .expect("an answer in time")
    }

    async fn read_answer(&mut self, bodiless: bool) -> Raw {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.fill().await > 0, "closed before an answer");
        };
        let head = String::from_utf8(self.buffer.drain(..end).collect()).unwrap();
        let mut raw = Raw {
            status: head[9..12].parse().unwrap(),
            head,
            body: Vec::new(),
        };
        let len = raw.header("content-length").map(|len| len.parse().unwrap());
        if !bodiless && let Some(len) = len {
            while self.buffer.len() < len && self.fill().await > 0 {}
            let len = len.min(self.buffer.len());
            raw.body = self.buffer.drain(..len).collect();
        }
        raw
    }

    async fn fill(&mut self) -> usize {
        self.stream.read_buf(&mut self.buffer).await.unwrap_or(0)
    }

    /// Asks for something on the same connection, to see that it can be used again.
    pub(crate) async fn ping(&mut self) {
        self.write("GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(self.answer(false).await.status, 200);
    }

    /// Waits for the other side to close.
    async fn is_closed(&mut self) -> bool {
        let closing = async { while self.fill().await > 0 {} };
        timeout(Duration::from_secs(10), closing).await.is_ok()
    }
}

pub(crate) fn head(method: &str, uri: &str, headers: &str) -> String {
    format!("{method} {uri} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")
}

async fn session(world: &World, bytes: &[u8]) -> (oci_registry::UploadId, String) {
    let id = world.session("a", bytes).await;
    (id, format!("/v2/a/blobs/uploads/{id}"))
}

#[tokio::test]
async fn a_chunked_upload() {
    let world = world();
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let (id, location) = session(&world, b"").await;
    client
        .write(head("PATCH", &location, "transfer-encoding: chunked\r\n"))
        .await;
    client.write("5\r\nhello\r\n").await;
    sleep(Duration::from_millis(20)).await;
    client.write("6\r\n world\r\n0\r\n\r\n").await;
    let answer = client.answer(false).await;
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-10")));
    assert_eq!(answer.header("content-length"), Some("0"));
    assert_eq!(world.offset("a", id).await, Some(11));

    let digest = Digest::sha256(b"hello world");
    let end = head(
        "PUT",
        &format!("{location}?digest={digest}"),
        "content-length: 0\r\n",
    );
    client.write(end).await;
    assert_eq!(client.answer(false).await.status, 201);
    client.ping().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_a_shorter_session() {
    for framing in [
        "content-length: 1000000\r\n",
        "transfer-encoding: chunked\r\n",
    ] {
        let world = world();
        let address = serve(world.app.clone()).await;
        let (id, location) = session(&world, b"hello").await;
        let mut client = Client::connect(address).await;
        client.write(head("PATCH", &location, framing)).await;
        client.write("6\r\n world\r\n").await;
        sleep(Duration::from_millis(50)).await;
        drop(client);

        let chunked = framing.starts_with("transfer");
        let expected = if chunked {
            11
        } else {
            5 + "6\r\n world\r\n".len() as u64
        };
        let settled = async {
            while world.offset("a", id).await != Some(expected) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let settled = timeout(Duration::from_secs(5), settled).await;
        assert!(
            settled.is_ok(),
            "{framing}: {:?}",
            world.offset("a", id).await
        );

        // The session goes on from there.
        let mut client = Client::connect(address).await;
        client.write(head("GET", &location, "")).await;
        let status = client.answer(true).await;
        let range = format!("0-{}", expected - 1);
        assert_eq!(
            (status.status, status.header("range")),
            (204, Some(&*range))
        );
        let next = format!("content-range: {expected}-{expected}\r\ncontent-length: 1\r\n");
        client.write(head("PATCH", &location, &next)).await;
        client.write("!").await;
        assert_eq!(client.answer(false).await.status, 202);
    }
}

/// Sends all of a request before reading anything, as simple clients do.
#[tokio::test]
async fn an_early_refusal_is_seen_and_the_connection_used_again() {
    let world = world();
    let address = serve(world.app.clone()).await;
    let (_, location) = session(&world, b"hello").await;
    let body = vec![b'x'; 16 * MIB];
    let len = format!("content-length: {}\r\n", body.len());
    let out_of_order = format!("{len}content-range: 0-{}\r\n", body.len() - 1);
    for (name, request, status) in [
        (
            "a manifest beyond the limit",
            head("PUT", "/v2/a/manifests/v1", &len),
            413,
        ),
        (
            "a chunk out of order",
            head("PATCH", &location, &out_of_order),
            416,
        ),
        (
            "no such session",
            head("PATCH", "/v2/b/blobs/uploads/x", &len),
            404,
        ),
        (
            "no such method",
            head("PATCH", "/v2/a/tags/list", &len),
            405,
        ),
        ("no such name", head("PUT", "/v2/A/manifests/x", &len), 400),
        ("no digest", head("PUT", &location, &len), 400),
    ] {
        let mut client = Client::connect(address).await;
        client.write(request).await;
        client.write(&body).await;
        let answer = client.answer(false).await;
        assert_eq!(answer.status, status, "{name}");
        assert!(answer.body.starts_with(b"{\"errors\""), "{name}");
        assert_eq!(answer.header("connection"), None, "{name}");
        client.ping().await;
    }
}

#[tokio::test]
async fn a_manifest_without_a_length_is_refused_when_it_crosses_the_limit() {
    let world = world();
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let framing = "transfer-encoding: chunked\r\n";
    client
        .write(head("PUT", "/v2/a/manifests/v1", framing))
        .await;
    let chunk = [b"100000\r\n", &vec![b' '; MIB][..], b"\r\n"].concat();
    for _ in 0..16 {
        client.write(&chunk).await;
    }
    let answer = client.answer(false).await;
    assert_eq!(answer.status, 413);
    client.write("0\r\n\r\n").await;
    client.ping().await;
}

#[tokio::test]
async fn a_refused_body_that_never_ends_closes_the_connection() {
    let world = world();
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let len = format!("content-length: {}\r\n", 1u64 << 40);
    client.write(head("PUT", "/v2/a/manifests/v1", &len)).await;
    let answer = client.answer(false).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("connection"), Some("close"));

    let mebibyte = vec![b'x'; MIB];
    let mut taken = 0;
    while taken < 512 && client.try_write(&mebibyte).await {
        taken += 1;
    }
    assert!(taken < 512, "it reads on and on");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_refused_without_being_asked() {
    let world = world();
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let waiting = "content-length: 9000000\r\nexpect: 100-continue\r\n";
    client
        .write(head("PUT", "/v2/a/manifests/v1", waiting))
        .await;
    assert_eq!(client.answer(false).await.status, 413);
    assert!(
        client.is_closed().await,
        "the body would be taken for a request"
    );

    // One that is welcome is asked.
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let document = image("1");
    let waiting = format!(
        "content-type: {MANIFEST}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n",
        document.len()
    );
    client
        .write(head("PUT", "/v2/a/manifests/v1", &waiting))
        .await;
    assert_eq!(client.answer(true).await.status, 100);
    client.write(document).await;
    assert_eq!(client.answer(false).await.status, 201);
}

#[tokio::test]
async fn a_layer_before_the_router_can_linger_too() {
    let world = world();
    let app = world
        .app
        .clone()
        .layer(from_fn(|request, _: axum::middleware::Next| async {
            drop(linger(request));
            StatusCode::UNAUTHORIZED.into_response()
        }));
    let mut client = Client::connect(serve(app).await).await;
    let body = vec![b'x'; 16 * MIB];
    let len = format!("content-length: {}\r\n", body.len());
    for _ in 0..2 {
        client.write(head("PUT", "/v2/a/manifests/v1", &len)).await;
        client.write(&body).await;
        assert_eq!(client.answer(false).await.status, 401);
    }
}

#[tokio::test]
async fn a_blob_that_breaks_off_breaks_the_connection_off() {
    // It ends early, once what came before is on its way.
    let chunks = || {
        let end = stream::once(sleep(Duration::from_millis(50))).filter_map(|()| ready(None));
        stream::iter([Ok(Bytes::from_static(b"short"))]).chain(end)
    };
    let stub = Stub::reading(move || BlobRead {
        len: 100,
        content: BlobContent::Stream(Box::pin(chunks())),
    });
    let mut client = Client::connect(serve(router(stub)).await).await;
    let uri = format!("/v2/a/blobs/{}", Digest::sha256(b""));
    client.write(head("GET", &uri, "")).await;
    let answer = client.answer(false).await;
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (200, Some("100"))
    );
    assert_eq!(answer.body, b"short");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn lengths_on_the_wire() {
    let world = world();
    let (blob, empty) = (world.blob("a", b"hello").await, world.blob("a", b"").await);
    let (_, location) = session(&world, b"abc").await;
    let mut client = Client::connect(serve(world.app.clone()).await).await;
    let uri = format!("/v2/a/blobs/{blob}");
    let known = format!("if-none-match: \"{blob}\"\r\n");
    for (name, request, bodiless, status, len) in [
        ("GET", head("GET", &uri, ""), false, 200, Some("5")),
        ("HEAD", head("HEAD", &uri, ""), true, 200, Some("5")),
        ("304", head("GET", &uri, &known), true, 304, None),
        (
            "206",
            head("GET", &uri, "range: bytes=1-2\r\n"),
            false,
            206,
            Some("2"),
        ),
        (
            "empty",
            head("GET", &format!("/v2/a/blobs/{empty}"), ""),
            false,
            200,
            Some("0"),
        ),
        ("204", head("GET", &location, ""), true, 204, None),
        ("OPTIONS", head("OPTIONS", &uri, ""), true, 204, None),
        (
            "gzip",
            head("GET", &uri, "accept-encoding: gzip\r\n"),
            false,
            200,
            Some("5"),
        ),
    ] {
        client.write(request).await;
        let answer = client.answer(bodiless).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.header("content-length"), len, "{name}");
        assert_eq!(answer.header("transfer-encoding"), None, "{name}");
    }
    client.ping().await;
}

#[tokio::test]
async fn two_lengths_are_not_believed() {
    let world = world();
    let (id, location) = session(&world, b"").await;
    let address = serve(world.app.clone()).await;
    let mut client = Client::connect(address).await;
    let both = "content-length: 3\r\ntransfer-encoding: chunked\r\n";
    client.write(head("PATCH", &location, both)).await;
    client.write("5\r\nhello\r\n0\r\n\r\n").await;
    let answer = client.answer(false).await;
    // Chunks count (RFC 9112 §6.3), and the connection is not trusted with another request.
    assert_eq!((answer.status, answer.header("range")), (202, Some("0-4")));
    assert!(client.is_closed().await);

    let mut client = Client::connect(address).await;
    let twice = "content-length: 3\r\ncontent-length: 5\r\n";
    client.write(head("PATCH", &location, twice)).await;
    assert_eq!(client.answer(false).await.status, 400);
    assert_eq!(world.offset("a", id).await, Some(5));
}
