//! The example, run and pushed to.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{MANIFEST, image};

#[path = "../../examples/embed.rs"]
#[allow(dead_code, unreachable_pub, reason = "its main is not run here")]
mod example;

#[tokio::test]
async fn the_example_serves_a_registry_and_a_page() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(example::serve(listener));
    let ask = async |method: &str, path: &str, body: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let len = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: {MANIFEST}\r\ncontent-length: {len}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let document = image("1");
    for (method, path, body, status, end) in [
        ("GET", "/", "", 200, "see /v2/"),
        ("GET", "/v2/", "", 200, "{}"),
        ("PUT", "/v2/a/manifests/v1", &document, 201, ""),
        ("GET", "/v2/a/manifests/v1", "", 200, &document),
        ("GET", "/elsewhere", "", 404, ""),
    ] {
        let answer = ask(method, path, body).await;
        let line = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&line), "{method} {path}: {answer}");
        assert!(answer.ends_with(end), "{method} {path}: {answer}");
    }
}
