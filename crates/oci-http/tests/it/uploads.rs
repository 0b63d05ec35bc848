//! Uploading blobs: in one request, in two, in chunks, mounted; and everything that goes wrong.

use axum::body::Body as RequestBody;
use bytes::Bytes;
use futures_util::stream;
use oci_http::testing::{Body, Case, check, request, send};
use oci_types::{Algorithm, Digest, ErrorCode};

use crate::fixture::{World, world};

pub(crate) const HELLO: &[u8] = b"hello world";

/// A body without a length, which arrives in pieces.
pub(crate) fn streamed(pieces: &[&'static [u8]]) -> RequestBody {
    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)))
        .collect();
    RequestBody::from_stream(stream::iter(pieces))
}

pub(crate) fn hello() -> Digest {
    Digest::sha256(HELLO)
}

/// Opens a session and answers its URL.
async fn open(world: &World, name: &str) -> String {
    let opened = check(
        &world.app,
        Case {
            name: "a session is opened",
            request: request(
                "POST",
                &format!("/v2/{name}/blobs/uploads/"),
                &[("content-length", "0")],
                "",
            ),
            status: 202,
            headers: &[
                ("location", "*"),
                ("range", "0-0"),
                ("docker-upload-uuid", "*"),
            ],
            body: Body::Empty,
        },
    )
    .await;
    let location = opened.header("location");
    let id = location.strip_prefix(&format!("/v2/{name}/blobs/uploads/"));
    assert_eq!(id, Some(opened.header("docker-upload-uuid")));
    location.to_owned()
}

fn in_session<'a>(location: &'a str, range: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("location", location),
        ("range", range),
        ("docker-upload-uuid", "*"),
    ]
}

/// What a stored blob is answered with.
pub(crate) fn stored(name: &str, digest: &Digest) -> (String, String) {
    (format!("/v2/{name}/blobs/{digest}"), digest.to_string())
}

pub(crate) async fn is_there(world: &World, name: &str, content: &[u8]) {
    let uri = format!("/v2/{name}/blobs/{}", Digest::sha256(content));
    let answer = send(&world.app, request("GET", &uri, &[], "")).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (200, content),
        "{uri}"
    );
}

#[tokio::test]
async fn chunks_in_order() {
    let world = world();
    let location = open(&world, "a/b").await;
    let (blob, digest) = stored("a/b", &hello());
    let end = format!("{location}?digest={digest}");
    let chunk = |range, body: &'static str| {
        let len = body.len().to_string();
        request(
            "PATCH",
            &location,
            &[("content-range", range), ("content-length", &len)],
            body,
        )
    };
    for (name, request, status, headers) in [
        (
            "nothing yet",
            request("GET", &location, &[], ""),
            204,
            in_session(&location, "0-0"),
        ),
        (
            "first",
            chunk("0-4", "hello"),
            202,
            in_session(&location, "0-4"),
        ),
        (
            "status",
            request("GET", &location, &[], ""),
            204,
            in_session(&location, "0-4"),
        ),
        (
            "status with a digest",
            request("GET", &end, &[], ""),
            204,
            in_session(&location, "0-4"),
        ),
        (
            "second, in another form",
            chunk("bytes 5-5/*", " "),
            202,
            in_session(&location, "0-5"),
        ),
        (
            "last, with the end",
            request(
                "PUT",
                &end,
                &[("content-range", "6-10"), ("content-length", "5")],
                "world",
            ),
            201,
            vec![("location", &*blob), ("docker-content-digest", &*digest)],
        ),
    ] {
        let (headers, body) = (&headers[..], Body::Empty);
        check(
            &world.app,
            Case {
                name,
                request,
                status,
                headers,
                body,
            },
        )
        .await;
    }
    is_there(&world, "a/b", HELLO).await;
    let gone = request("GET", &location, &[], "");
    assert_eq!(send(&world.app, gone).await.status, 404);
}

#[tokio::test]
async fn a_stream_without_a_length() {
    let world = world();
    let location = open(&world, "a").await;
    let patch = request(
        "PATCH",
        &location,
        &[],
        streamed(&[b"hello", b"", b" world"]),
    );
    let headers = &in_session(&location, "0-10")[..];
    let body = Body::Empty;
    check(
        &world.app,
        Case {
            name: "PATCH",
            request: patch,
            status: 202,
            headers,
            body,
        },
    )
    .await;
    let (blob, digest) = stored("a", &hello());
    let put = request(
        "PUT",
        &format!("{location}?digest={digest}"),
        &[],
        streamed(&[]),
    );
    let headers = &[("location", &*blob), ("docker-content-digest", &*digest)];
    let body = Body::Empty;
    check(
        &world.app,
        Case {
            name: "PUT",
            request: put,
            status: 201,
            headers,
            body,
        },
    )
    .await;
    is_there(&world, "a", HELLO).await;
}

#[tokio::test]
async fn the_closing_put_takes_the_blob_however_the_digest_is_added() {
    let world = world();
    let (blob, digest) = stored("a", &hello());
    let encoded = digest.replace(':', "%3A");
    for query in [
        format!("?digest={digest}"),
        format!("?digest={encoded}"),
        format!("?_state=x%3D&digest={digest}"),
        format!("?digest={digest}&digest={encoded}"),
    ] {
        for streaming in [false, true] {
            let uri = format!("{}{query}", open(&world, "a").await);
            let body = if streaming {
                streamed(&[HELLO])
            } else {
                HELLO.into()
            };
            let case = Case {
                name: &format!("{query}, streaming: {streaming}"),
                request: request("PUT", &uri, &[], body),
                status: 201,
                headers: &[("location", &*blob), ("docker-content-digest", &*digest)],
                body: Body::Empty,
            };
            check(&world.app, case).await;
        }
    }
    is_there(&world, "a", HELLO).await;
}

#[tokio::test]
async fn blobs_of_another_algorithm() {
    let world = world();
    let digest = Digest::of(Algorithm::Sha512, HELLO);
    let (blob, digest) = stored("a", &digest);
    let announced = request(
        "POST",
        "/v2/a/blobs/uploads/?digest-algorithm=sha512",
        &[],
        "",
    );
    let announced = send(&world.app, announced)
        .await
        .header("location")
        .to_owned();
    for (name, location) in [
        ("announced", announced),
        ("not announced", open(&world, "a").await),
    ] {
        let patch = request("PATCH", &location, &[], HELLO);
        assert_eq!(send(&world.app, patch).await.status, 202);
        let case = Case {
            name,
            request: request("PUT", &format!("{location}?digest={digest}"), &[], ""),
            status: 201,
            headers: &[("location", &*blob), ("docker-content-digest", &*digest)],
            body: Body::Empty,
        };
        check(&world.app, case).await;
    }
    let read = send(&world.app, request("GET", &blob, &[], "")).await;
    assert_eq!(read.header("docker-content-digest"), digest);
}

#[tokio::test]
async fn one_request() {
    let world = world();
    for (name, content) in [("a", HELLO), ("b", &b""[..])] {
        let (blob, digest) = stored(name, &Digest::sha256(content));
        let uri = format!("/v2/{name}/blobs/uploads/?digest={digest}");
        for body in [
            content.into(),
            RequestBody::from_stream(stream::iter([Ok::<_, std::io::Error>(content)])),
        ] {
            let case = Case {
                name,
                request: request("POST", &uri, &[], body),
                status: 201,
                headers: &[("location", &*blob), ("docker-content-digest", &*digest)],
                body: Body::Empty,
            };
            check(&world.app, case).await;
        }
        is_there(&world, name, content).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_leaves_the_session_as_it_was() {
    let world = world();
    let digest = hello();
    for (name, method, query, sent, body, status, code) in [
        (
            "replayed",
            "PATCH",
            "",
            vec![("content-range", "0-4")],
            "hello",
            416,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "ahead",
            "PATCH",
            "",
            vec![("content-range", "6-9")],
            "orld",
            416,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "ahead, by name",
            "PATCH",
            "",
            vec![("content-range", "bytes 6-9/10")],
            "orld",
            416,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "longer than its range",
            "PATCH",
            "",
            vec![("content-range", "5-6")],
            "world",
            416,
            ErrorCode::SizeInvalid,
        ),
        (
            "shorter than its range",
            "PATCH",
            "",
            vec![("content-range", "5-99")],
            "world",
            416,
            ErrorCode::SizeInvalid,
        ),
        (
            "malformed",
            "PATCH",
            "",
            vec![("content-range", "5-")],
            "world",
            400,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "reversed",
            "PATCH",
            "",
            vec![("content-range", "9-5")],
            "world",
            400,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "the end, ahead",
            "PUT",
            &format!("?digest={digest}"),
            vec![("content-range", "6-10")],
            "world",
            416,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "the end, without a digest",
            "PUT",
            "",
            vec![],
            " world",
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "the end, with a bad digest",
            "PUT",
            "?digest=sha256:abc",
            vec![],
            " world",
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "the end, with an unknown algorithm",
            "PUT",
            "?digest=md5:d41d8cd98f00b204e9800998ecf8427e",
            vec![],
            " world",
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "the end, with another digest",
            "PUT",
            &format!("?digest={}", Digest::sha256(b"x")),
            vec![],
            " world",
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "the end, with a range and no chunk",
            "PUT",
            &format!("?digest={digest}"),
            vec![("content-range", "5-10")],
            "",
            416,
            ErrorCode::SizeInvalid,
        ),
    ] {
        let id = world.session("a", b"hello").await;
        let location = format!("/v2/a/blobs/uploads/{id}");
        for streaming in [false, true] {
            let resume = [("location", &*location), ("range", "0-4")];
            let body: RequestBody = if streaming {
                RequestBody::from_stream(stream::iter([Ok::<_, std::io::Error>(body.to_owned())]))
            } else {
                body.to_owned().into()
            };
            let case = Case {
                name: &format!("{name}, streaming: {streaming}"),
                request: request(method, &format!("{location}{query}"), &sent, body),
                status,
                headers: if status == 416 { &resume } else { &[] },
                body: Body::Error(code),
            };
            check(&world.app, case).await;
            assert_eq!(world.offset("a", id).await, Some(5), "{name}");
        }
        let end = format!("{location}?digest={digest}");
        let put = send(&world.app, request("PUT", &end, &[], " world")).await;
        assert_eq!(put.status, 201, "{name}: {:?}", put.body);
    }
}

#[tokio::test]
async fn a_single_request_that_does_not_fit_stores_nothing() {
    let world = world();
    let digest = hello();
    for (name, query, sent, status, code) in [
        (
            "another digest",
            format!("?digest={}", Digest::sha256(b"x")),
            vec![],
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "no digest",
            "?digest=sha256:x".into(),
            vec![],
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "two digests",
            format!("?digest={digest}&digest={}", Digest::sha256(b"x")),
            vec![],
            400,
            ErrorCode::BlobUploadInvalid,
        ),
        (
            "an unknown algorithm",
            "?digest-algorithm=md5".into(),
            vec![],
            400,
            ErrorCode::DigestInvalid,
        ),
        (
            "another length",
            format!("?digest={digest}"),
            vec![("content-length", "12")],
            400,
            ErrorCode::SizeInvalid,
        ),
    ] {
        let case = Case {
            name,
            request: request(
                "POST",
                &format!("/v2/a/blobs/uploads/{query}"),
                &sent,
                HELLO,
            ),
            status,
            headers: &[],
            body: Body::Error(code),
        };
        check(&world.app, case).await;
        let uri = format!("/v2/a/blobs/{digest}");
        let head = send(&world.app, request("HEAD", &uri, &[], "")).await;
        assert_eq!(head.status, 404, "{name}");
    }
}

#[tokio::test]
async fn a_session_belongs_to_its_repository() {
    let world = world();
    let id = world.session("a", b"hello").await;
    for name in ["b", "a/a"] {
        for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE"] {
            let uri = format!("/v2/{name}/blobs/uploads/{id}?digest={}", hello());
            let case = Case {
                name: &format!("{method} {name}"),
                request: request(method, &uri, &[], " world"),
                status: 404,
                headers: &[],
                body: Body::Error(ErrorCode::BlobUploadUnknown),
            };
            check(&world.app, case).await;
        }
    }
    assert_eq!(world.offset("a", id).await, Some(5));
}

#[tokio::test]
async fn a_session_can_be_cancelled() {
    let world = world();
    let location = open(&world, "a").await;
    let case = |status, body| Case {
        name: "DELETE",
        request: request("DELETE", &location, &[], ""),
        status,
        headers: &[],
        body,
    };
    check(&world.app, case(204, Body::Empty)).await;
    check(
        &world.app,
        case(404, Body::Error(ErrorCode::BlobUploadUnknown)),
    )
    .await;
}
