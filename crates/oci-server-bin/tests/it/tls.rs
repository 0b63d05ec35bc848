//! Pushing and pulling over TLS, and what is no TLS.

use std::time::{Duration, Instant};

use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::{ProtocolVersion, version};

use crate::authority::{Authority, VERSIONS, serve, serve_with};
use crate::client::{Client, INDEX, tcp, tls};
use crate::program::run;

/// The digest of so many zeros: more than an HTTP/2 connection takes without being asked for more.
const ZEROS: &str = "sha256:b69dae56a14d1a8314ed40664c4033ea0a550eea2673e04df42a66ac6b9faf2c";
const ZEROS_LEN: usize = 6 << 20;

#[tokio::test]
async fn push_and_pull() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let server = serve(dir.path(), &authority, "");
    assert!(server.url.starts_with("https://127.0.0.1:"));
    for (version, protocol) in [
        (&version::TLS12, ProtocolVersion::TLSv1_2),
        (&version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        for (offered, chosen) in [
            (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
            (&["h2"], Some(b"h2")),
            (&["http/1.1"], Some(b"http/1.1")),
            (&[], None),
        ] {
            let stream = tls(&server, authority.client(&[version], offered)).await;
            let stream = stream.unwrap();
            assert_eq!(stream.get_ref().1.protocol_version(), Some(protocol));
            assert_eq!(stream.get_ref().1.alpn_protocol(), chosen);
            let mut client = Client::negotiated(stream).await;

            let repo = format!("{protocol:?}/{}", offered.len()).to_lowercase();
            let repo = repo.replace(['(', ')'], "");
            client.push_blob(&repo, ZEROS, vec![0; ZEROS_LEN]).await;
            let blob = format!("/v2/{repo}/blobs/{ZEROS}");
            let (status, body) = client.send("GET", &blob, "").await;
            assert_eq!((status, body.len()), (200, ZEROS_LEN));
            let manifest = format!("/v2/{repo}/manifests/v1");
            assert_eq!(client.send("PUT", &manifest, INDEX).await.0, 201);
            let (status, body) = client.send("GET", &manifest, "").await;
            assert_eq!((status, &body[..]), (200, INDEX.as_bytes()));
        }
    }
    server.stop();
}

#[tokio::test]
async fn a_protocol_that_is_not_spoken_is_refused() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let server = serve(dir.path(), &authority, "");
    let error = tls(&server, authority.client(VERSIONS, &["spdy/3"])).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    let stranger = Authority::new().client(VERSIONS, &["h2"]);
    let error = tls(&server, stranger).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
}

/// Everything that is sent until the end, of whichever kind it is.
async fn answer_to(server: &crate::program::Server, sent: &[u8]) -> Vec<u8> {
    let mut stream = tcp(server).await;
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .expect("it hangs");
    answer
}

#[tokio::test]
async fn plaintext_is_told_to_use_tls() {
    let dir = tempdir().unwrap();
    let server = serve(dir.path(), &Authority::new(), "");
    for sent in [
        "GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n",
        "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = answer_to(&server, sent.as_bytes()).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("HTTPS"), "{answer}");
    }
    for sent in [&b"\0\0\0\0\0\0\0\0"[..], b"\x16\x03\x01\x00\x05hello"] {
        let answer = answer_to(&server, sent).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
}

#[tokio::test]
async fn slow_handshakes_are_cut_and_hold_nobody_up() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let settings = "tls.handshake_timeout = '1s'\nhttp.header_timeout = '1s'";
    let server = serve(dir.path(), &authority, settings);
    let begun = Instant::now();
    let mut slow = Vec::new();
    for first in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut stream = tcp(&server).await;
        stream.write_all(first).await.unwrap();
        slow.push(stream);
    }
    let stream = tls(&server, authority.client(VERSIONS, &["h2"])).await;
    let mut client = Client::http2(stream.unwrap()).await;
    assert_eq!(client.send("GET", "/v2/", "").await.0, 200);
    assert!(begun.elapsed() < Duration::from_secs(1), "it was held up");
    for mut stream in slow {
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .expect("it is not cut");
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }
    assert_eq!(client.send("GET", "/v2/", "").await.0, 200);
}

#[test]
fn wrong_files_are_named() {
    let dir = tempdir().unwrap();
    let authority = Authority::new();
    let mine = authority.issue(dir.path());
    let others = tempdir().unwrap();
    let other = authority.issue(others.path());
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let kind = "PRIVATE KEY";
    let encrypted = write(
        "encrypted.pem",
        &format!("-----BEGIN ENCRYPTED {kind}-----\nMAAA\n-----END ENCRYPTED {kind}-----\n"),
    );
    let legacy = write(
        "legacy.pem",
        &format!(
            "-----BEGIN RSA {kind}-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n\
             MAAA\n-----END RSA {kind}-----\n"
        ),
    );
    let unknown = write(
        "unknown.pem",
        &format!("-----BEGIN {kind}-----\nMAAA\n-----END {kind}-----\n"),
    );
    let cut = write("cut.pem", "-----BEGIN CERTIFICATE-----\nMAAA\n");
    let junk = write(
        "junk.pem",
        "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n",
    );
    let empty = write("empty.pem", "");
    let missing = dir.path().join("missing.pem");
    for (cert, key, expected) in [
        (
            &missing,
            &mine.key,
            ["tls.cert", "missing.pem", "No such file"],
        ),
        (
            &mine.cert,
            &missing,
            ["tls.key", "missing.pem", "No such file"],
        ),
        (
            &mine.key,
            &mine.cert,
            ["tls.cert", "key.pem", "holds no certificate"],
        ),
        (
            &empty,
            &mine.key,
            ["tls.cert", "empty.pem", "holds no certificate"],
        ),
        (
            &mine.cert,
            &mine.cert,
            ["tls.key", "cert.pem", "holds no private key"],
        ),
        (
            &mine.cert,
            &other.key,
            ["tls.key", "cert.pem", "does not belong"],
        ),
        (
            &mine.cert,
            &encrypted,
            ["tls.key", "encrypted.pem", "openssl pkey"],
        ),
        (&mine.cert, &legacy, ["tls.key", "legacy.pem", "encrypted"]),
        (&mine.cert, &unknown, ["tls.key", "unknown.pem", "P-256"]),
        (&cut, &mine.key, ["tls.cert", "cut.pem", "PEM"]),
        (&junk, &mine.key, ["tls.cert", "junk.pem", "cannot be used"]),
    ] {
        let text = format!(
            "listen = '127.0.0.1:0'\nmetadata = 'memory:'\nblobs = 'memory:'\n\
             tls.cert = '{}'\ntls.key = '{}'\n",
            cert.display(),
            key.display()
        );
        let file = write("config.toml", &text);
        let output = run(&["--config", file.to_str().unwrap()]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        for text in expected {
            assert!(said.contains(text), "{text} is not in {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn http2_without_tls_by_prior_knowledge() {
    let dir = tempdir().unwrap();
    let server = serve_with(dir.path(), "");
    let mut client = Client::http2(tcp(&server).await).await;
    client.push_blob("a", ZEROS, vec![0; ZEROS_LEN]).await;
    let (status, body) = client
        .send("GET", &format!("/v2/a/blobs/{ZEROS}"), "")
        .await;
    assert_eq!((status, body.len()), (200, ZEROS_LEN));
    // Its preface and a method of HTTP/1 begin with the same letter.
    for (first, rest, expected) in [
        (
            "P",
            "RI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
            &b"\0"[..],
        ),
        (
            "P",
            "UT / HTTP/1.1\r\nconnection: close\r\nhost: x\r\n\r\n",
            b"H",
        ),
    ] {
        let mut stream = tcp(&server).await;
        stream.set_nodelay(true).unwrap();
        stream.write_all(first.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(rest.as_bytes()).await.unwrap();
        let mut answer = [0; 1];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, expected);
    }
}
