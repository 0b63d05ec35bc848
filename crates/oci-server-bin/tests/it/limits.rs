//! What one client may take, and for how long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

use crate::authority::{Authority, VERSIONS, serve, serve_with};
use crate::client::{Client, tcp, tls};
use rustix::process::Signal;

/// The digest of so many zeros: more than sockets hold on their way.
const ZEROS: &str = "sha256:83ee47245398adee79bd9c0a8bc57b821e92aba10f5f9ade8a5d1fae4d8c4302";
const ZEROS_LEN: usize = 32 << 20;
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_are_limited() {
    let dir = tempdir().unwrap();
    let settings = "http.max_connections_per_address = 2\nhttp.header_timeout = '1min'";
    let server = serve_with(dir.path(), settings);
    let mut one = Client::http1(tcp(&server).await).await;
    assert_eq!(one.send("GET", "/v2/", "").await.0, 200);
    let mut two = Client::http2(tcp(&server).await).await;
    assert_eq!(two.send("GET", "/v2/", "").await.0, 200);
    for _ in 0..3 {
        let mut three = tcp(&server).await;
        let read = timeout(SOON, three.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    drop(one);
    // The server has to notice.
    sleep(Duration::from_millis(200)).await;
    let mut three = Client::http1(tcp(&server).await).await;
    assert_eq!(three.send("GET", "/v2/", "").await.0, 200);
    drop((two, three));
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    let told = log.matches("max_connections_per_address").count();
    assert_eq!(told, 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_have_a_size_and_a_count() {
    let dir = tempdir().unwrap();
    let server = serve_with(dir.path(), "http.max_header_size = '8KiB'");
    for (size, count, status) in [
        (7 << 10, 1, "200"),
        (9 << 10, 1, "431"),
        (1 << 20, 1, "431"),
        (1, 90, "200"),
        (1, 110, "431"),
    ] {
        let mut stream = tcp(&server).await;
        let value = "x".repeat(size);
        let headers: String = (0..count).map(|n| format!("h{n}: {value}\r\n")).collect();
        let request = format!("GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        // It may stop reading before the end.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer[9..], status.as_bytes(), "{size} {count}");
    }
    let mut sender = {
        let io = TokioIo::new(tcp(&server).await);
        let (sender, connection) =
            hyper::client::conn::http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io)
                .await
                .unwrap();
        tokio::spawn(connection);
        sender
    };
    for (size, accepted) in [(7 << 10, true), (9 << 10, false), (7 << 10, true)] {
        let request = hyper::Request::get("http://x/v2/").header("h", "x".repeat(size));
        let answer = sender
            .send_request(request.body(Empty::new()).unwrap())
            .await;
        let status = answer.map(|answer| answer.status().as_u16());
        assert_eq!(matches!(status, Ok(200)), accepted, "{size}: {status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_without_requests_is_closed() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let server = serve(dir.path(), &authority, "http.idle_timeout = '1s'");
    let stream = tls(&server, authority.client(VERSIONS, &["h2"])).await;
    let mut client = Client::negotiated(stream.unwrap()).await;
    for _ in 0..4 {
        assert_eq!(client.send("GET", "/v2/", "").await.0, 200);
        sleep(Duration::from_millis(500)).await;
    }
    let idle = Instant::now();
    timeout(SOON, &mut client.connection)
        .await
        .expect("it stays open")
        .unwrap()
        .unwrap();
    assert!(idle.elapsed() < Duration::from_secs(4));
    // Not even a preface.
    let mut silent = tls(&server, authority.client(VERSIONS, &["h2"]))
        .await
        .unwrap();
    let mut rest = Vec::new();
    let read = silent.read_to_end(&mut rest);
    let _ = timeout(SOON, read).await.expect("it stays open");
}

/// Over HTTP/2 a client can take nothing and still answer pings.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_is_cut_off() {
    let dir = tempdir().unwrap();
    let server = serve_with(dir.path(), "http.idle_timeout = '1s'");
    let mut client = Client::http1(tcp(&server).await).await;
    client.push_blob("a", ZEROS, vec![0; ZEROS_LEN]).await;
    let blob = format!("/v2/a/blobs/{ZEROS}");

    let mut two = Client::http2(tcp(&server).await).await;
    let answer = two.request("GET", &blob, "").await.unwrap();
    timeout(SOON, &mut two.connection)
        .await
        .expect("it stays open")
        .unwrap()
        .ok();
    assert!(answer.into_body().collect().await.is_err());

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut one = socket
        .connect(server.addr().parse().unwrap())
        .await
        .unwrap();
    let request = format!("GET {blob} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    one.write_all(request.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let mut taken = Vec::new();
    let _ = timeout(SOON, one.read_to_end(&mut taken)).await.unwrap();
    assert!(taken.len() < ZEROS_LEN, "{}", taken.len());
}

/// Slowly is not nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_takes_slowly_is_served() {
    let dir = tempdir().unwrap();
    let server = serve_with(dir.path(), "http.idle_timeout = '1s'");
    let mut client = Client::http2(tcp(&server).await).await;
    client.push_blob("a", ZEROS, vec![0; ZEROS_LEN]).await;
    drop(client);
    for name in ["HTTP/1", "HTTP/2"] {
        let stream = tcp(&server).await;
        let mut client = match name {
            "HTTP/1" => Client::http1(stream).await,
            _ => Client::http2(stream).await,
        };
        let blob = format!("/v2/a/blobs/{ZEROS}");
        let answer = client.request("GET", &blob, "").await;
        let mut body = answer.unwrap().into_body();
        let (mut len, mut pause) = (0, 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.unwrap_or_else(|error| panic!("{name} at {len}: {error}"));
            len += frame.data_ref().map_or(0, Bytes::len);
            if len / (8 << 20) > pause {
                pause = len / (8 << 20);
                sleep(Duration::from_millis(600)).await;
            }
        }
        assert_eq!(len, ZEROS_LEN, "{name}");
    }
}
