//! Pushing manifests.

use axum::body::Body as RequestBody;
use bytes::Bytes;
use futures_util::stream;
use oci_http::testing::{Body, Case, check, request, send};
use oci_types::{Algorithm, Digest, ErrorCode};

use crate::fixture::{INDEX, MANIFEST, World, image, referrer, world, world_with};

fn typed(content_type: &str) -> [(&str, &str); 1] {
    [("content-type", content_type)]
}

async fn put(
    world: &World,
    uri: &str,
    content_type: &str,
    document: &str,
) -> oci_http::testing::Answer {
    let request = request("PUT", uri, &typed(content_type), document.to_owned());
    send(&world.app, request).await
}

/// What `tag` names; empty where it names nothing.
async fn tagged(world: &World, tag: &str) -> String {
    let uri = format!("/v2/a/manifests/{tag}");
    let head = send(&world.app, request("HEAD", &uri, &[], "")).await;
    head.header("docker-content-digest").to_owned()
}

#[tokio::test]
async fn by_tag_and_by_digest() {
    let world = world();
    let document = image("1");
    let digest = Digest::sha256(document.as_bytes()).to_string();
    let location = format!("/v2/a/manifests/{digest}");
    let encoded = digest.replace(':', "%3A");
    for reference in ["v1", &digest, &encoded] {
        for content_type in [
            MANIFEST,
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        ] {
            let case = Case {
                name: reference,
                request: request(
                    "PUT",
                    &format!("/v2/a/manifests/{reference}"),
                    &typed(content_type),
                    document.clone(),
                ),
                status: 201,
                headers: &[("location", &location), ("docker-content-digest", &digest)],
                body: Body::Empty,
            };
            check(&world.app, case).await;
        }
    }
    let read = send(&world.app, request("GET", "/v2/a/manifests/v1", &[], "")).await;
    assert_eq!(&read.body[..], document.as_bytes());
    assert_eq!(read.header("content-type"), MANIFEST);
}

#[tokio::test]
async fn by_a_digest_of_another_algorithm() {
    let world = world();
    let document = image("1");
    let digest = Digest::of(Algorithm::Sha512, document.as_bytes()).to_string();
    let uri = format!("/v2/a/manifests/{digest}?tag=v1");
    assert_eq!(put(&world, &uri, MANIFEST, &document).await.status, 201);
    assert_eq!(tagged(&world, "v1").await, digest, "a tag remembers it");
}

#[tokio::test]
async fn without_a_length() {
    let world = world();
    let document = image("1");
    let pieces: Vec<_> = document
        .as_bytes()
        .chunks(7)
        .map(Bytes::copy_from_slice)
        .collect();
    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let body = RequestBody::from_stream(pieces);
    let answer = send(
        &world.app,
        request("PUT", "/v2/a/manifests/v1", &typed(MANIFEST), body),
    )
    .await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.header("docker-content-digest"),
        Digest::sha256(document.as_bytes()).to_string()
    );
}

#[tokio::test]
async fn the_types_that_clients_send() {
    let world = world();
    let declared = image("1");
    let undeclared = declared.replacen(&format!("\"mediaType\":\"{MANIFEST}\","), "", 1);
    assert_ne!(declared, undeclared);
    for (name, sent, document, status, kept) in [
        ("declared", Some(MANIFEST), &declared, 201, MANIFEST),
        (
            "undeclared in the body",
            Some(MANIFEST),
            &undeclared,
            201,
            MANIFEST,
        ),
        (
            "octet-stream",
            Some("application/octet-stream"),
            &declared,
            201,
            MANIFEST,
        ),
        ("none", None, &declared, 201, MANIFEST),
        ("another", Some(INDEX), &declared, 400, ""),
        ("none at all", None, &undeclared, 400, ""),
        ("malformed", Some("json"), &declared, 400, ""),
    ] {
        let headers: Vec<_> = sent
            .map(|sent| ("content-type", sent))
            .into_iter()
            .collect();
        let uri = format!("/v2/a/manifests/{}", name.replace(' ', "-"));
        let answer = send(&world.app, request("PUT", &uri, &headers, document.clone())).await;
        assert_eq!(answer.status, status, "{name}: {:?}", answer.body);
        let read = send(&world.app, request("HEAD", &uri, &[], "")).await;
        let found = if read.status == 200 {
            read.header("content-type")
        } else {
            ""
        };
        assert_eq!(found, kept, "{name}");
    }
}

#[tokio::test]
async fn with_a_subject() {
    let world = world();
    let subject = Digest::sha256(b"not there yet");
    let document = referrer(&subject, "application/x", "1");
    let subject = subject.to_string();
    let case = Case {
        name: "an image",
        request: request("PUT", "/v2/a/manifests/v1", &typed(MANIFEST), document),
        status: 201,
        headers: &[
            ("location", "*"),
            ("docker-content-digest", "*"),
            ("oci-subject", &subject),
        ],
        body: Body::Empty,
    };
    check(&world.app, case).await;
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":1}}}}"#
    );
    let case = Case {
        name: "an index",
        request: request("PUT", "/v2/a/manifests/v2", &typed(INDEX), index),
        status: 201,
        headers: &[
            ("location", "*"),
            ("docker-content-digest", "*"),
            ("oci-subject", &subject),
        ],
        body: Body::Empty,
    };
    check(&world.app, case).await;
}

#[tokio::test]
async fn with_further_tags() {
    let world = world();
    let document = image("1");
    let digest = Digest::sha256(document.as_bytes()).to_string();
    let location = format!("/v2/a/manifests/{digest}");
    let many: Vec<_> = (0..100).map(|n| format!("tag-{n}")).collect();
    for (name, reference, query, tags) in [
        (
            "some",
            &*digest,
            "tag=1.2.3&tag=1.2&tag=1&tag=latest".to_owned(),
            "1.2.3, 1.2, 1, latest".to_owned(),
        ),
        ("one twice", &digest, "tag=x&tag=x".into(), "x".into()),
        ("beside a tag", "v1", "tag=v2".into(), "v2".into()),
        (
            "as many as there may be",
            &digest,
            many.iter().map(|tag| format!("&tag={tag}")).collect(),
            many.join(", "),
        ),
    ] {
        let case = Case {
            name,
            request: request(
                "PUT",
                &format!("/v2/a/manifests/{reference}?{query}"),
                &typed(MANIFEST),
                document.clone(),
            ),
            status: 201,
            headers: &[
                ("location", &location),
                ("docker-content-digest", &digest),
                ("oci-tag", &tags),
            ],
            body: Body::Empty,
        };
        check(&world.app, case).await;
        for tag in tags.split(", ") {
            assert_eq!(tagged(&world, tag).await, digest, "{tag}");
        }
    }
    let other = image("2");
    let digest = Digest::sha256(other.as_bytes());
    let too_many: String = (0..101).map(|n| format!("&tag=other-{n}")).collect();
    for (name, query, status) in [
        ("too many", &*too_many, 414),
        ("malformed", "tag=other-0&tag=.x", 400),
    ] {
        let case = Case {
            name,
            request: request(
                "PUT",
                &format!("/v2/a/manifests/{digest}?{query}"),
                &typed(MANIFEST),
                other.clone(),
            ),
            status,
            headers: &[],
            body: Body::Error(ErrorCode::ManifestInvalid),
        };
        check(&world.app, case).await;
        assert_eq!(tagged(&world, "other-0").await, "", "{name}");
    }
}

#[tokio::test]
async fn what_is_refused_has_no_effect() {
    let world = world();
    let good = image("1");
    let other = Digest::sha256(b"other");
    for (name, reference, document, code) in [
        ("no JSON", "v1", "{", ErrorCode::ManifestInvalid),
        ("nothing", "v1", "", ErrorCode::ManifestInvalid),
        ("no object", "v1", "[]", ErrorCode::ManifestInvalid),
        (
            "no UTF-8 digest",
            "sha256:%ff",
            &good,
            ErrorCode::DigestInvalid,
        ),
        (
            "another digest",
            &other.to_string(),
            &good,
            ErrorCode::DigestInvalid,
        ),
        (
            "a malformed digest",
            "sha256:baddigeststring",
            &good,
            ErrorCode::DigestInvalid,
        ),
        (
            "an unknown algorithm",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            &good,
            ErrorCode::DigestInvalid,
        ),
        ("a malformed tag", ".v1", &good, ErrorCode::ManifestInvalid),
        (
            "a tag with a slash",
            "v%2f1",
            &good,
            ErrorCode::ManifestInvalid,
        ),
        (
            "image and index",
            "v1",
            &good.replacen('{', "{\"manifests\":[],", 1),
            ErrorCode::ManifestInvalid,
        ),
        (
            "too deep",
            "v1",
            &format!("{{\"x\":{}{}}}", "[".repeat(1000), "]".repeat(1000)),
            ErrorCode::ManifestInvalid,
        ),
    ] {
        let case = Case {
            name,
            request: request(
                "PUT",
                &format!("/v2/a/manifests/{reference}"),
                &typed(MANIFEST),
                document.to_owned(),
            ),
            status: 400,
            headers: &[],
            body: Body::Error(code),
        };
        check(&world.app, case).await;
    }
    let tags = send(&world.app, request("GET", "/v2/a/tags/list", &[], "")).await;
    assert_eq!(tags.status, 404, "nothing has made the repository");
}

/// A manifest of exactly `len` bytes.
fn padded(len: usize) -> String {
    let document = image("1");
    let padding = " ".repeat(len - document.len());
    document + &padding
}

#[tokio::test]
async fn up_to_the_limit_and_not_beyond() {
    const LIMIT: usize = 4 << 20;
    let (world, small) = (
        world(),
        world_with(|router| router.max_manifest_bytes(1000)),
    );
    for (name, world, len, status) in [
        ("4 MiB", &world, LIMIT, 201),
        ("4 MiB and a byte", &world, LIMIT + 1, 413),
        ("1000", &small, 1000, 201),
        ("1001", &small, 1001, 413),
    ] {
        let document = Bytes::from(padded(len));
        let announced = len.to_string();
        let pieces = document
            .chunks(100_000)
            .map(|piece| Ok::<_, std::io::Error>(document.slice_ref(piece)));
        let streamed = RequestBody::from_stream(stream::iter(pieces.collect::<Vec<_>>()));
        for (headers, body) in [
            (
                vec![("content-type", MANIFEST), ("content-length", &announced)],
                document.clone().into(),
            ),
            (vec![("content-type", MANIFEST)], streamed),
        ] {
            let refused = status == 413;
            let case = Case {
                name,
                request: request("PUT", "/v2/a/manifests/v1", &headers, body),
                status,
                headers: if refused {
                    &[]
                } else {
                    &[("location", "*"), ("docker-content-digest", "*")]
                },
                body: if refused {
                    Body::Error(ErrorCode::SizeInvalid)
                } else {
                    Body::Empty
                },
            };
            check(&world.app, case).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_ends_early_stores_nothing() {
    let world = world();
    let pieces = [
        Ok(Bytes::from(image("1"))),
        Err(std::io::Error::other("gone")),
    ];
    let body = RequestBody::from_stream(stream::iter(pieces));
    let case = Case {
        name: "interrupted",
        request: request("PUT", "/v2/a/manifests/v1", &typed(MANIFEST), body),
        status: 400,
        headers: &[],
        body: Body::Error(ErrorCode::ManifestInvalid),
    };
    check(&world.app, case).await;
    assert_eq!(tagged(&world, "v1").await, "");
}

#[tokio::test]
async fn conditions() {
    let world = world();
    let (one, two) = (image("1"), image("2"));
    let first = Digest::sha256(one.as_bytes()).to_string();
    let absent = [("if-none-match", "*"), ("content-type", MANIFEST)];
    for (name, tag, document, headers, status, code) in [
        ("a new tag", "v1", &one, &absent[..], 201, None),
        ("the same again", "v1", &one, &absent, 201, None),
        ("another", "v1", &two, &absent, 412, Some(ErrorCode::Denied)),
        (
            "another, beside a new tag",
            "v9?tag=v1",
            &two,
            &absent,
            412,
            Some(ErrorCode::Denied),
        ),
        (
            "what cannot be promised",
            "v1",
            &two,
            &[("if-match", "\"x\"")],
            400,
            Some(ErrorCode::Unsupported),
        ),
        (
            "what cannot be promised either",
            "v1",
            &two,
            &[("if-none-match", "\"x\"")],
            400,
            Some(ErrorCode::Unsupported),
        ),
    ] {
        let uri = format!("/v2/a/manifests/{tag}");
        let answer = send(&world.app, request("PUT", &uri, headers, document.clone())).await;
        assert_eq!(answer.status, status, "{name}: {:?}", answer.body);
        if let Some(code) = code {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(body.contains(code.as_str()), "{name}: {body}");
        }
        assert_eq!(tagged(&world, "v1").await, first, "{name}");
    }
    assert_eq!(tagged(&world, "v9").await, "");
    for headers in [[("if-match", "*")], [("if-none-match", "*")]] {
        let delete = request("DELETE", "/v2/a/manifests/v1", &headers, "");
        assert_eq!(send(&world.app, delete).await.status, 400);
    }
}
