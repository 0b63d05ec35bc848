//! The examples, run and pushed to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{MANIFEST, image};
use crate::guarded::basic;

#[path = "../../examples/authenticator.rs"]
#[allow(dead_code, unreachable_pub, reason = "its main is not run here")]
mod authenticator;
#[path = "../../examples/embed.rs"]
#[allow(dead_code, unreachable_pub, reason = "its main is not run here")]
mod example;

/// A connection for one request.
struct Asking {
    address: SocketAddr,
    /// Lines of the header.
    headers: String,
}

impl Asking {
    fn at(address: SocketAddr) -> Self {
        let headers = format!("host: x\r\nconnection: close\r\ncontent-type: {MANIFEST}\r\n");
        Self { address, headers }
    }

    fn logged_in(mut self, user: &str, password: &str) -> Self {
        let login = basic(user, password);
        self.headers += &format!("authorization: {login}\r\n");
        self
    }

    /// Sends a request and holds the answer against its status and its end.
    async fn check(&self, method: &str, path: &str, body: &str, status: u16, end: &str) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (headers, len) = (&self.headers, body.len());
        let request =
            format!("{method} {path} HTTP/1.1\r\n{headers}content-length: {len}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&line), "{method} {path}: {answer}");
        assert!(answer.ends_with(end), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn the_example_serves_a_registry_and_a_page() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let anybody = Asking::at(listener.local_addr().unwrap());
    tokio::spawn(example::serve(listener));
    let document = image("1");
    for (method, path, body, status, end) in [
        ("GET", "/", "", 200, "see /v2/"),
        ("GET", "/v2/", "", 200, "{}"),
        ("PUT", "/v2/a/manifests/v1", &document, 201, ""),
        ("GET", "/v2/a/manifests/v1", "", 200, &document),
        ("GET", "/elsewhere", "", 404, ""),
    ] {
        anybody.check(method, path, body, status, end).await;
    }
}

#[tokio::test]
async fn the_example_with_users_gives_each_their_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Its end may be an error that no other thread gets to see.
    let serving = async move {
        authenticator::serve(listener)
            .await
            .map_err(|e| e.to_string())
    };
    tokio::spawn(serving);
    let nobody = Asking::at(address);
    let wrong = Asking::at(address).logged_in("alice", "sesame");
    let alice = Asking::at(address).logged_in("alice", "open sesame");
    let bob = Asking::at(address).logged_in("bob", "open sesame");
    let document = image("1");
    let (own, catalog) = ("/v2/alice/api/manifests/v1", "/v2/_catalog");
    for (who, method, path, body, status, end) in [
        (&nobody, "GET", "/v2/", "", 401, "}"),
        (&wrong, "GET", "/v2/", "", 401, "}"),
        (&alice, "GET", "/v2/", "", 200, "{}"),
        (&alice, "PUT", own, &*document, 201, ""),
        (&alice, "GET", own, "", 200, &document),
        (&bob, "GET", own, "", 404, "}"),
        (&bob, "PUT", own, &document, 404, "}"),
        (&nobody, "GET", own, "", 401, "}"),
        (&alice, "GET", catalog, "", 200, r#"["alice/api"]}"#),
        (&bob, "GET", catalog, "", 200, r#"{"repositories":[]}"#),
    ] {
        who.check(method, path, body, status, end).await;
    }
}
