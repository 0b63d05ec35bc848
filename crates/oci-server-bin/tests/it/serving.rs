//! Serving, restarting, probing and draining.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::tempdir;

use crate::program::{Server, command};
use rustix::process::Signal;

const KIND: &str = "application/vnd.oci.image.index.v1+json";
const INDEX: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

fn push(server: &Server, repo: &str, tag: &str) -> u16 {
    let path = format!("/v2/{repo}/manifests/{tag}");
    server.send("PUT", &path, KIND, INDEX.as_bytes()).0
}

#[test]
fn what_was_pushed_is_there_after_a_restart() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("not/yet/there");
    let server = Server::start(&data, &[]);
    assert_eq!(push(&server, "a/b", "v1"), 201);
    server.stop();
    let server = Server::start(&data, &[]);
    assert_eq!(server.get("/v2/a/b/manifests/v1"), (200, INDEX.to_owned()));
    server.stop();
}

#[test]
fn memory_keeps_nothing_and_writes_nothing() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    let memory = ["--metadata", "memory:", "--blobs", "memory:"];
    let server = Server::start(&data, &memory);
    assert_eq!(push(&server, "a", "v1"), 201);
    server.stop();
    assert!(!data.exists());
    let server = Server::start(&data, &memory);
    assert_eq!(server.get("/v2/a/manifests/v1").0, 404);
}

#[test]
fn the_environment_is_heard() {
    let dir = tempdir().unwrap();
    let mut with_env = command();
    with_env
        .env("OCI_SERVER_LISTEN", "127.0.0.1:0")
        .env("OCI_SERVER_DATA_DIR", dir.path().join("env"));
    let server = Server::spawn(with_env);
    assert_eq!(server.get("/v2/").0, 200);
    server.stop();
    assert!(dir.path().join("env/registry.db").exists());
}

#[test]
fn probes_and_metrics() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.get("/live").0, 200);
    assert_eq!(
        server.get("/healthz"),
        (200, r#"{"status":"ok"}"#.to_owned())
    );
    assert_eq!(server.get("/ready").0, 200);
    push(&server, "a", "v1");
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    for line in [
        r#"oci_server_http_requests_total{method="PUT",route="manifest",status="201"} 1"#,
        r#"oci_server_events_total{event="manifest_pushed"} 1"#,
        "oci_server_resident_memory_bytes ",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn metrics_can_have_a_listener_of_their_own() {
    let dir = tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let file = dir.path().join("config.toml");
    std::fs::write(&file, format!("metrics.listen = '{addr}'")).unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data, &["--config", file.to_str().unwrap()]);
    assert_eq!(server.get("/metrics").0, 404);
    let mut metrics = TcpStream::connect(addr).unwrap();
    metrics
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    metrics.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("oci_server_build"));
}

#[test]
fn not_ready_when_the_blobs_are_out_of_reach() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    std::fs::rename(dir.path().join("blobs"), dir.path().join("gone")).unwrap();
    assert_eq!(server.get("/ready").0, 503);
    assert_eq!(server.get("/live").0, 200);
    std::fs::rename(dir.path().join("gone"), dir.path().join("blobs")).unwrap();
    assert_eq!(server.get("/ready").0, 200);
}

#[test]
fn a_request_has_one_host() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    for (version, hosts, status) in [
        ("1.1", "host: x\r\n", 200),
        ("1.1", "", 400),
        ("1.1", "host: x\r\nhost: y\r\n", 400),
        ("1.0", "", 200),
    ] {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        let request = format!("GET /v2/ HTTP/{version}\r\nconnection: close\r\n{hosts}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer[9..12].parse(), Ok(status), "{answer}");
    }
}

/// Begins a manifest push and sends all but its last byte.
fn begin_push(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "PUT /v2/a/manifests/slow HTTP/1.1\r\nhost: x\r\ncontent-type: {KIND}\r\n\
         content-length: {}\r\n\r\n",
        INDEX.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (body, _) = INDEX.split_at(INDEX.len() - 1);
    stream.write_all(body.as_bytes()).unwrap();
    // The server has to have seen the request's head before the signal.
    std::thread::sleep(Duration::from_millis(100));
    stream
}

#[test]
fn a_request_in_flight_is_finished_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempdir().unwrap();
        let server = Server::start(dir.path(), &[]);
        let mut stream = begin_push(&server);
        server.signal(signal);
        std::thread::sleep(Duration::from_millis(100));
        let refused = TcpStream::connect(server.url.strip_prefix("http://").unwrap());
        assert!(refused.is_err(), "no new connections while draining");
        stream.write_all(b"}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let (status, log) = server.wait();
        assert!(status.success(), "{log}");
        let server = Server::start(dir.path(), &[]);
        assert_eq!(server.get("/v2/a/manifests/slow").0, 200);
    }
}

#[test]
fn draining_has_a_limit() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "http.drain_timeout = '200ms'").unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data, &["--config", file.to_str().unwrap()]);
    let stream = begin_push(&server);
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    assert!(log.contains("cut off"), "{log}");
    drop(stream);
}

#[test]
fn immutable_tags_from_the_file() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let rule = "[[immutable]]\nrepos = ['prod/**']\ntags = ['v*']";
    std::fs::write(&file, rule).unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data, &["--config", file.to_str().unwrap()]);
    for (repo, tag, second) in [
        ("prod/api", "v1", 403),
        ("prod/api", "latest", 201),
        ("dev", "v1", 201),
    ] {
        assert_eq!(push(&server, repo, tag), 201);
        assert_eq!(push(&server, repo, tag), 201, "the same digest is no move");
        let path = format!("/v2/{repo}/manifests/{tag}");
        let other = INDEX.replace('}', " }");
        let (status, body) = server.send("PUT", &path, KIND, other.as_bytes());
        assert_eq!(status, second, "{body}");
    }
}

#[test]
fn a_read_only_server_serves_and_refuses() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&data, &[]);
    push(&server, "a", "v1");
    server.stop();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "read_only = true").unwrap();
    let server = Server::start(&data, &["--config", file.to_str().unwrap()]);
    assert_eq!(server.get("/v2/a/manifests/v1").0, 200);
    assert_eq!(push(&server, "a", "v2"), 405);
}
