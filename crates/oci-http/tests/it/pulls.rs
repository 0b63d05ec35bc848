//! Reading manifests and blobs: validators, conditions, ranges.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use oci_http::router;
use oci_http::testing::{Body, Case, check, request};
use oci_registry::{BlobContent, BlobRead};
use oci_types::{Digest, ErrorCode};

use crate::fixture::{IMMUTABLE, MANIFEST, REVALIDATE, World, image, world};
use crate::stub::Stub;

const HELLO: &[u8] = b"hello world";

/// The headers of content that is served: digest, type, caching.
fn served<'a>(
    digest: &'a str,
    etag: &'a str,
    content_type: &'a str,
    caching: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("docker-content-digest", digest),
        ("etag", etag),
        ("content-type", content_type),
        ("accept-ranges", "bytes"),
        ("cache-control", caching),
    ]
}

/// A row: name, method, request headers, status, answer headers beyond those of the content,
/// and body.
type Row<'a> = (
    &'a str,
    &'a str,
    Vec<(&'a str, &'a str)>,
    u16,
    Vec<(&'a str, &'a str)>,
    Body<'a>,
);

async fn table(world: &World, uri: &str, content: &[(&str, &str)], rows: Vec<Row<'_>>) {
    for (name, method, sent, status, more, body) in rows {
        let described = ["docker-content-digest", "etag", "cache-control"];
        let mut headers: Vec<_> = match status {
            200 | 206 => content.to_vec(),
            304 => content
                .iter()
                .copied()
                .filter(|(name, _)| described.contains(name))
                .collect(),
            _ => Vec::new(),
        };
        headers.extend(more);
        let case = Case {
            name,
            request: request(method, uri, &sent, ""),
            status,
            headers: &headers,
            body,
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn blobs() {
    let world = world();
    let digest = world.blob("a/b", HELLO).await.to_string();
    let (etag, weak) = (format!("\"{digest}\""), format!("W/\"{digest}\""));
    let list = format!("\"x\", {weak}");
    let content = served(&digest, &etag, "application/octet-stream", IMMUTABLE);
    let uri = format!("/v2/a/b/blobs/{digest}");
    let all = || Body::Bytes(HELLO);
    let whole = || vec![("content-length", "11")];
    let part = |of, len| vec![("content-range", of), ("content-length", len)];
    let beyond = || vec![("content-range", "bytes */11"), ("accept-ranges", "bytes")];
    let invalid = || Body::Error(ErrorCode::SizeInvalid);
    let rows: Vec<Row<'_>> = vec![
        ("all of it", "GET", vec![], 200, whole(), all()),
        ("HEAD", "HEAD", vec![], 200, whole(), Body::Empty),
        (
            "HEAD ignores a range",
            "HEAD",
            vec![("range", "bytes=0-1")],
            200,
            whole(),
            Body::Empty,
        ),
        (
            "first-last",
            "GET",
            vec![("range", "bytes=0-4")],
            206,
            part("bytes 0-4/11", "5"),
            Body::Text("hello"),
        ),
        (
            "one byte",
            "GET",
            vec![("range", "bytes=0-0")],
            206,
            part("bytes 0-0/11", "1"),
            Body::Text("h"),
        ),
        (
            "first-",
            "GET",
            vec![("range", "bytes=6-")],
            206,
            part("bytes 6-10/11", "5"),
            Body::Text("world"),
        ),
        (
            "-len",
            "GET",
            vec![("range", "bytes=-5")],
            206,
            part("bytes 6-10/11", "5"),
            Body::Text("world"),
        ),
        (
            "an end beyond the end",
            "GET",
            vec![("range", "bytes=6-99")],
            206,
            part("bytes 6-10/11", "5"),
            Body::Text("world"),
        ),
        (
            "a suffix longer than it",
            "GET",
            vec![("range", "bytes=-99")],
            206,
            part("bytes 0-10/11", "11"),
            all(),
        ),
        (
            "beyond the end",
            "GET",
            vec![("range", "bytes=11-")],
            416,
            beyond(),
            invalid(),
        ),
        (
            "reversed",
            "GET",
            vec![("range", "bytes=500-0")],
            416,
            beyond(),
            invalid(),
        ),
        (
            "malformed",
            "GET",
            vec![("range", "bytes=a-b")],
            416,
            beyond(),
            invalid(),
        ),
        (
            "no bytes from the end",
            "GET",
            vec![("range", "bytes=-0")],
            416,
            beyond(),
            invalid(),
        ),
        (
            "several ranges",
            "GET",
            vec![("range", "bytes=0-1,3-4")],
            200,
            whole(),
            all(),
        ),
        (
            "another unit",
            "GET",
            vec![("range", "lines=0-1")],
            200,
            whole(),
            all(),
        ),
        (
            "If-Range holds",
            "GET",
            vec![("range", "bytes=0-4"), ("if-range", &etag)],
            206,
            part("bytes 0-4/11", "5"),
            Body::Text("hello"),
        ),
        (
            "If-Range is another",
            "GET",
            vec![("range", "bytes=0-4"), ("if-range", "\"x\"")],
            200,
            whole(),
            all(),
        ),
        (
            "If-Range is weak",
            "GET",
            vec![("range", "bytes=0-4"), ("if-range", &weak)],
            200,
            whole(),
            all(),
        ),
        (
            "If-Range is a date",
            "GET",
            vec![
                ("range", "bytes=0-4"),
                ("if-range", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ],
            200,
            whole(),
            all(),
        ),
        (
            "it is known",
            "GET",
            vec![("if-none-match", &etag)],
            304,
            vec![],
            Body::Empty,
        ),
        (
            "it is known, weakly",
            "GET",
            vec![("if-none-match", &weak)],
            304,
            vec![],
            Body::Empty,
        ),
        (
            "it is one of those known",
            "HEAD",
            vec![("if-none-match", &list)],
            304,
            vec![],
            Body::Empty,
        ),
        (
            "whatever it is",
            "GET",
            vec![("if-none-match", "*")],
            304,
            vec![],
            Body::Empty,
        ),
        (
            "others are known",
            "GET",
            vec![("if-none-match", "\"x\"")],
            200,
            whole(),
            all(),
        ),
        (
            "known before a range",
            "GET",
            vec![("if-none-match", &etag), ("range", "bytes=0-1")],
            304,
            vec![],
            Body::Empty,
        ),
        (
            "If-Match holds",
            "GET",
            vec![("if-match", &etag), ("range", "bytes=0-4")],
            206,
            part("bytes 0-4/11", "5"),
            Body::Text("hello"),
        ),
        (
            "If-Match fails",
            "GET",
            vec![("if-match", "\"x\"")],
            412,
            vec![],
            Body::Error(ErrorCode::Unsupported),
        ),
        (
            "If-Match is weak",
            "HEAD",
            vec![("if-match", &weak)],
            412,
            vec![("content-type", "application/json")],
            Body::Empty,
        ),
        (
            "no compression",
            "GET",
            vec![("accept-encoding", "gzip, br, zstd")],
            200,
            whole(),
            all(),
        ),
    ];
    table(&world, &uri, &content, rows).await;
}

#[tokio::test]
async fn manifests() {
    let world = world();
    let document = image("é");
    let digest = world.manifest("a", Some("v1"), &document).await.to_string();
    let (etag, len) = (format!("\"{digest}\""), document.len().to_string());
    let last = document.len() - 1;
    let tail = format!("bytes {}-{last}/{len}", last - 1);
    let none = format!("bytes */{len}");
    for (reference, caching) in [("v1", REVALIDATE), (&*digest, IMMUTABLE)] {
        let uri = format!("/v2/a/manifests/{reference}");
        let content = served(&digest, &etag, MANIFEST, caching);
        let all = || Body::Text(&document);
        let whole = || vec![("content-length", &*len)];
        let rows: Vec<Row<'_>> = vec![
            ("to the byte", "GET", vec![], 200, whole(), all()),
            (
                "whatever is accepted",
                "GET",
                vec![("accept", "text/html")],
                200,
                whole(),
                all(),
            ),
            ("HEAD", "HEAD", vec![], 200, whole(), Body::Empty),
            (
                "a range",
                "GET",
                vec![("range", "bytes=-2")],
                206,
                vec![("content-range", &tail), ("content-length", "2")],
                Body::Text("}}"),
            ),
            (
                "no range of a HEAD",
                "HEAD",
                vec![("range", "bytes=-2")],
                200,
                whole(),
                Body::Empty,
            ),
            (
                "beyond the end",
                "GET",
                vec![("range", "bytes=99999-")],
                416,
                vec![("content-range", &none), ("accept-ranges", "bytes")],
                Body::Error(ErrorCode::SizeInvalid),
            ),
            (
                "reversed",
                "GET",
                vec![("range", "bytes=5-4")],
                416,
                vec![("content-range", &none), ("accept-ranges", "bytes")],
                Body::Error(ErrorCode::SizeInvalid),
            ),
            (
                "it is known",
                "GET",
                vec![("if-none-match", &etag)],
                304,
                vec![],
                Body::Empty,
            ),
            (
                "it is known, HEAD",
                "HEAD",
                vec![("if-none-match", &etag)],
                304,
                vec![],
                Body::Empty,
            ),
            (
                "another is known",
                "GET",
                vec![("if-none-match", "\"sha256:0\"")],
                200,
                whole(),
                all(),
            ),
            (
                "If-Range is another",
                "GET",
                vec![("range", "bytes=0-1"), ("if-range", "\"x\"")],
                200,
                whole(),
                all(),
            ),
        ];
        table(&world, &uri, &content, rows).await;
    }
}

#[tokio::test]
async fn a_manifest_of_a_type_that_browsers_may_run_is_boxed_in() {
    let world = world();
    let document = r#"{"schemaVersion":2,"x":"<script>alert(1)</script>"}"#;
    let put = request(
        "PUT",
        "/v2/a/manifests/x",
        &[("content-type", "text/html")],
        document,
    );
    let answer = oci_http::testing::send(&world.app, put).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let case = Case {
        name: "text/html",
        request: request("GET", "/v2/a/manifests/x", &[], ""),
        status: 200,
        headers: &[
            ("content-type", "text/html"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("docker-content-digest", "*"),
            ("etag", "*"),
            ("accept-ranges", "bytes"),
            ("cache-control", REVALIDATE),
        ],
        body: Body::Text(document),
    };
    check(&world.app, case).await;
}

#[tokio::test]
async fn what_is_not_there() {
    let world = world();
    let manifest = world.manifest("a", Some("v1"), &image("")).await;
    let blob = world.blob("a", HELLO).await;
    let other = Digest::sha256(b"other");
    let unknown_algorithm = "md5:d41d8cd98f00b204e9800998ecf8427e";
    for (name, uri, status, code) in [
        (
            "no tag",
            "/v2/a/manifests/v2".into(),
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            "no digest",
            format!("/v2/a/manifests/{other}"),
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            "no repository",
            "/v2/b/manifests/v1".into(),
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            "no tag at all",
            "/v2/a/manifests/.INVALID".into(),
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            "no known algorithm",
            format!("/v2/a/manifests/{unknown_algorithm}"),
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            "no digest at all",
            "/v2/a/manifests/sha256:baddigeststring".into(),
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "no blob",
            format!("/v2/a/blobs/{other}"),
            404,
            ErrorCode::BlobUnknown,
        ),
        (
            "no repository of the blob",
            format!("/v2/b/blobs/{blob}"),
            404,
            ErrorCode::BlobUnknown,
        ),
        (
            "a manifest is no blob",
            format!("/v2/a/blobs/{manifest}"),
            404,
            ErrorCode::BlobUnknown,
        ),
        (
            "no known algorithm of a blob",
            format!("/v2/a/blobs/{unknown_algorithm}"),
            404,
            ErrorCode::BlobUnknown,
        ),
        (
            "no digest of a blob",
            "/v2/a/blobs/sha256:x".into(),
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "no name",
            format!("/v2/A/blobs/{other}"),
            400,
            ErrorCode::NameInvalid,
        ),
    ] {
        let case = |method, headers| Case {
            name,
            request: request(
                method,
                &uri,
                &[("range", "bytes=9-0"), ("if-none-match", "*")],
                "",
            ),
            status,
            headers,
            body: Body::Error(code),
        };
        let full = check(&world.app, case("GET", &[])).await;
        let len = full.body.len();
        let head = check(&world.app, case("HEAD", &[])).await;
        // Names and reasons are the same, so is the length.
        assert_eq!(head.header("content-length"), len.to_string(), "{name}");
    }
}

#[tokio::test]
async fn an_empty_blob_has_a_length_and_no_range() {
    let world = world();
    let digest = world.blob("a", b"").await.to_string();
    let etag = format!("\"{digest}\"");
    let content = served(&digest, &etag, "application/octet-stream", IMMUTABLE);
    let uri = format!("/v2/a/blobs/{digest}");
    let rows: Vec<Row<'_>> = vec![
        (
            "GET",
            "GET",
            vec![],
            200,
            vec![("content-length", "0")],
            Body::Empty,
        ),
        (
            "HEAD",
            "HEAD",
            vec![],
            200,
            vec![("content-length", "0")],
            Body::Empty,
        ),
        (
            "range",
            "GET",
            vec![("range", "bytes=0-")],
            416,
            vec![("content-range", "bytes */0"), ("accept-ranges", "bytes")],
            Body::Error(ErrorCode::SizeInvalid),
        ),
    ];
    table(&world, &uri, &content, rows).await;
}

#[tokio::test]
async fn a_head_has_exactly_the_headers_of_a_get() {
    let world = world();
    let subject = Digest::sha256(b"");
    world.manifest("a", Some("v1"), &image("")).await;
    let blob = world.blob("a", HELLO).await;
    let session = world.session("a", b"abc").await;
    for uri in [
        "/v2/".to_owned(),
        "/v2/_catalog?n=1".into(),
        "/v2/a/tags/list".into(),
        "/v2/a/manifests/v1".into(),
        format!("/v2/a/blobs/{blob}"),
        format!("/v2/a/referrers/{subject}?artifactType=x/y"),
        format!("/v2/a/blobs/uploads/{session}"),
    ] {
        let send = |method| {
            let request = request(method, &uri, &[("x-request-id", "same")], "");
            oci_http::testing::send(&world.app, request)
        };
        let (get, head) = (send("GET").await, send("HEAD").await);
        assert_eq!(get.status, head.status, "{uri}");
        assert_eq!(get.headers, head.headers, "{uri}");
        assert!(head.body.is_empty(), "{uri}");
    }
}

#[tokio::test]
async fn a_blob_is_sent_whatever_form_its_store_gives_it() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"--hello world--").unwrap();
    let file = Arc::new(file);
    let forms: [Box<dyn Fn() -> BlobContent + Send + Sync>; 3] = [
        Box::new(|| BlobContent::Bytes(Bytes::from_static(HELLO))),
        Box::new(move || BlobContent::File {
            file: Arc::clone(&file),
            offset: 2,
        }),
        Box::new(|| {
            let chunks = [&b""[..], b"hello", b"", b" world", b""];
            let chunks = chunks.map(|chunk| Ok(Bytes::from_static(chunk)));
            BlobContent::Stream(Box::pin(stream::iter(chunks)))
        }),
    ];
    let digest = Digest::sha256(HELLO).to_string();
    let etag = format!("\"{digest}\"");
    for form in forms {
        let name = format!("{:?}", form());
        let app = router(Stub::reading(move || BlobRead {
            len: HELLO.len() as u64,
            content: form(),
        }));
        let case = Case {
            name: &name,
            request: request("GET", &format!("/v2/a/blobs/{digest}"), &[], ""),
            status: 200,
            headers: &served(&digest, &etag, "application/octet-stream", IMMUTABLE),
            body: Body::Bytes(HELLO),
        };
        check(&app, case).await;
    }
}
