//! Deleting, and what policies make of pushes and deletes.

use std::sync::Arc;

use oci_http::router;
use oci_http::testing::{Body, Case, check, request, send};
use oci_registry::{ImmutableTags, ReadOnly, TagGuard};
use oci_types::ErrorCode;

use crate::fixture::{MANIFEST, image, world};

#[tokio::test]
async fn a_tag_goes_alone() {
    let world = world();
    let digest = world.manifest("a", Some("v1"), &image("1")).await;
    world.manifest("a", Some("v2"), &image("1")).await;
    for (name, status, body) in [
        ("v1", 202, Body::Empty),
        ("v1", 404, Body::Error(ErrorCode::ManifestUnknown)),
        (".v1", 404, Body::Error(ErrorCode::ManifestUnknown)),
    ] {
        let case = Case {
            name,
            request: request("DELETE", &format!("/v2/a/manifests/{name}"), &[], ""),
            status,
            headers: &[],
            body,
        };
        check(&world.app, case).await;
    }
    for (reference, status) in [("v1", 404), ("v2", 200), (&digest.to_string(), 200)] {
        let uri = format!("/v2/a/manifests/{reference}");
        let answer = send(&world.app, request("GET", &uri, &[], "")).await;
        assert_eq!(answer.status, status, "{reference}");
    }
}

#[tokio::test]
async fn a_manifest_goes_with_its_tags_from_its_repository_alone() {
    let world = world();
    let digest = world.manifest("a", Some("v1"), &image("1")).await;
    world.manifest("b", Some("v1"), &image("1")).await;
    let uri = format!("/v2/a/manifests/{digest}");
    for (status, body) in [
        (202, Body::Empty),
        (404, Body::Error(ErrorCode::ManifestUnknown)),
    ] {
        let case = Case {
            name: "by digest",
            request: request("DELETE", &uri, &[], ""),
            status,
            headers: &[],
            body,
        };
        check(&world.app, case).await;
    }
    for (uri, status) in [
        ("/v2/a/manifests/v1", 404),
        (&*uri, 404),
        ("/v2/b/manifests/v1", 200),
    ] {
        let answer = send(&world.app, request("GET", uri, &[], "")).await;
        assert_eq!(answer.status, status, "{uri}");
    }
    let tags = send(&world.app, request("GET", "/v2/a/tags/list", &[], "")).await;
    assert_eq!(&tags.body[..], br#"{"name":"a","tags":[]}"#);
}

#[tokio::test]
async fn a_blob_goes_unless_a_manifest_needs_it() {
    let world = world();
    let (free, used) = (world.blob("a", b"x").await, world.blob("a", b"{}").await);
    let manifest = world.manifest("a", Some("v1"), &image("1")).await;
    world.blob("b", b"x").await;
    for (name, digest, status, headers, body) in [
        ("free", free, 202, &[][..], Body::Empty),
        ("gone", free, 404, &[], Body::Error(ErrorCode::BlobUnknown)),
        (
            "used",
            used,
            405,
            &[("allow", "GET, HEAD")],
            Body::Error(ErrorCode::Unsupported),
        ),
    ] {
        let case = Case {
            name,
            request: request("DELETE", &format!("/v2/a/blobs/{digest}"), &[], ""),
            status,
            headers,
            body,
        };
        let answer = check(&world.app, case).await;
        if status == 405 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(text.contains(&manifest.to_string()), "{text}");
        }
    }
    for (uri, status) in [
        (format!("/v2/a/blobs/{free}"), 404),
        (format!("/v2/b/blobs/{free}"), 200),
        (format!("/v2/a/blobs/{used}"), 200),
    ] {
        let answer = send(&world.app, request("GET", &uri, &[], "")).await;
        assert_eq!(answer.status, status, "{uri}");
    }
}

#[tokio::test]
async fn the_empty_object_is_a_blob_like_others() {
    let world = world();
    let digest = world.blob("a", b"{}").await;
    let uri = format!("/v2/a/blobs/{digest}");
    let deleted = send(&world.app, request("DELETE", &uri, &[], "")).await;
    assert_eq!(deleted.status, 202);
    let read = send(&world.app, request("GET", &uri, &[], "")).await;
    assert_eq!(read.status, 404);
}

#[tokio::test]
async fn an_immutable_tag_is_neither_moved_nor_deleted() {
    let world = world();
    let digest = world.manifest("a", Some("v1"), &image("1")).await;
    let app = router(Arc::new(ImmutableTags::new(world.registry.clone(), |_| {
        TagGuard::new(|tag| tag.as_str().starts_with('v'))
    })));
    let typed = [("content-type", MANIFEST)];
    for (name, method, uri, document, status) in [
        (
            "the same again",
            "PUT",
            "/v2/a/manifests/v1",
            image("1"),
            201,
        ),
        ("another", "PUT", "/v2/a/manifests/v1", image("2"), 403),
        (
            "another, beside a tag",
            "PUT",
            "/v2/a/manifests/x?tag=v1",
            image("2"),
            403,
        ),
        ("no tag", "DELETE", "/v2/a/manifests/v1", String::new(), 403),
        (
            "nor its manifest",
            "DELETE",
            &format!("/v2/a/manifests/{digest}"),
            String::new(),
            403,
        ),
        ("a new one", "PUT", "/v2/a/manifests/v2", image("2"), 201),
    ] {
        let answer = send(&app, request(method, uri, &typed, document)).await;
        assert_eq!(answer.status, status, "{name}: {:?}", answer.body);
        if status == 403 {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(
                text.contains("DENIED") && text.contains("v1"),
                "{name}: {text}"
            );
        }
    }
    let absent = send(&app, request("GET", "/v2/a/manifests/x", &[], "")).await;
    assert_eq!(absent.status, 404, "one refused tag refuses all");
}

#[tokio::test]
async fn a_registry_that_only_reads_says_so() {
    let world = world();
    let blob = world.blob("a", b"x").await;
    let manifest = world.manifest("a", Some("v1"), &image("1")).await;
    let app = router(Arc::new(ReadOnly::new(world.registry.clone())));
    for (method, uri, allow) in [
        ("PUT", "/v2/a/manifests/v2".to_owned(), "GET, HEAD"),
        ("DELETE", "/v2/a/manifests/v1".into(), "GET, HEAD"),
        ("DELETE", format!("/v2/a/manifests/{manifest}"), "GET, HEAD"),
        ("DELETE", format!("/v2/a/blobs/{blob}"), "GET, HEAD"),
        ("POST", "/v2/a/blobs/uploads/".into(), ""),
        ("POST", format!("/v2/a/blobs/uploads/?digest={blob}"), ""),
        (
            "POST",
            format!("/v2/b/blobs/uploads/?mount={blob}&from=a"),
            "",
        ),
    ] {
        let case = Case {
            name: &format!("{method} {uri}"),
            request: request(method, &uri, &[("content-type", MANIFEST)], image("1")),
            status: 405,
            headers: &[("allow", allow)],
            body: Body::Error(ErrorCode::Unsupported),
        };
        check(&app, case).await;
    }
    let read = send(&app, request("GET", "/v2/a/manifests/v1", &[], "")).await;
    assert_eq!(read.status, 200);
}
