//! Input that means harm, and names that only look like it.

use oci_http::testing::{Body, Case, check, request, send};
use oci_types::{Digest, ErrorCode};

use crate::fixture::{MANIFEST, image, world};

#[tokio::test]
async fn malformed_names_are_refused_by_every_method_and_make_nothing() {
    let world = world();
    world.manifest("a/b", Some("v1"), &image("1")).await;
    let long = "a/".repeat(128) + "a";
    for name in [
        "A",
        "a/../b",
        "..",
        "a/..",
        ".",
        "a//b",
        "",
        "-a",
        "a-",
        "a___b",
        "a..b",
        "a/.b",
        "%2e%2e",
        "a/%2E%2E/b",
        "a%2Fb",
        "a%2f..%2fb",
        "a%00",
        "%00",
        "a%0d%0aset-cookie:x",
        "a%5cb",
        "a%252fb",
        "%c3%a9",
        "%ff",
        "a%",
        "a%2",
        "a%zz",
        "a+b",
        "a%20b",
        "a:b",
        "a@b",
        &long,
    ] {
        for (method, below) in [
            ("GET", "manifests/v1"),
            ("HEAD", "manifests/v1"),
            ("PUT", "manifests/v1"),
            ("DELETE", "manifests/v1"),
            ("GET", "tags/list"),
            ("POST", "blobs/uploads/"),
        ] {
            let uri = format!("/v2/{name}/{below}");
            let case = Case {
                name: &format!("{method} {uri}"),
                request: request(method, &uri, &[("content-type", MANIFEST)], image("1")),
                status: 400,
                headers: &[],
                body: Body::Error(ErrorCode::NameInvalid),
            };
            check(&world.app, case).await;
        }
    }
    let catalog = send(&world.app, request("GET", "/v2/_catalog", &[], "")).await;
    assert_eq!(&catalog.body[..], br#"{"repositories":["a/b"]}"#);
}

#[tokio::test]
async fn upload_sessions_have_one_spelling() {
    let world = world();
    let id = world.session("a", b"abc").await.to_string();
    for other in [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}").replace('{', "%7B").replace('}', "%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}%00"),
        format!("{id}%2F"),
        format!("..%2f{id}"),
        "%2e%2e".into(),
        "..".into(),
    ] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let case = Case {
                name: &format!("{method} {other}"),
                request: request(method, &format!("/v2/a/blobs/uploads/{other}"), &[], "x"),
                status: 404,
                headers: &[],
                body: Body::Error(ErrorCode::BlobUploadUnknown),
            };
            check(&world.app, case).await;
        }
    }
    let status = send(
        &world.app,
        request("GET", &format!("/v2/a/blobs/uploads/{id}"), &[], ""),
    )
    .await;
    assert_eq!(status.header("range"), "0-2");
}

#[tokio::test]
async fn names_of_the_apis_own_words_work() {
    let world = world();
    for name in [
        "blobs",
        "manifests",
        "uploads",
        "tags/list",
        "referrers",
        "blobs/uploads",
        "v2",
        "a/manifests/b",
        "a/blobs/uploads",
        "a/tags/list/b",
        "manifests/manifests",
        "blobs/uploads/manifests/tags/list/referrers",
    ] {
        let (document, content) = (image(name), name.as_bytes());
        let blob = Digest::sha256(content);
        let digest = Digest::sha256(document.as_bytes());
        for (method, uri, body, status) in [
            (
                "POST",
                format!("/v2/{name}/blobs/uploads/?digest={blob}"),
                name,
                201,
            ),
            ("GET", format!("/v2/{name}/blobs/{blob}"), "", 200),
            ("PUT", format!("/v2/{name}/manifests/list"), &document, 201),
            (
                "PUT",
                format!("/v2/{name}/manifests/uploads"),
                &document,
                201,
            ),
            ("GET", format!("/v2/{name}/manifests/list/"), "", 200),
            ("GET", format!("/v2/{name}/manifests/{digest}"), "", 200),
            ("GET", format!("/v2/{name}/referrers/{digest}"), "", 200),
            ("POST", format!("/v2/{name}/blobs/uploads"), "", 202),
        ] {
            let request = request(method, &uri, &[("content-type", MANIFEST)], body.to_owned());
            let answer = send(&world.app, request).await;
            assert_eq!(answer.status, status, "{method} {uri}: {:?}", answer.body);
        }
        let tags = send(
            &world.app,
            request("GET", &format!("/v2/{name}/tags/list/"), &[], ""),
        )
        .await;
        let expected = format!(r#"{{"name":"{name}","tags":["list","uploads"]}}"#);
        assert_eq!(&tags.body[..], expected.as_bytes());
    }
}

#[tokio::test]
async fn tags_that_look_like_digests_are_tags() {
    let world = world();
    let hex = "a".repeat(64);
    for tag in [
        format!("sha256-{hex}"),
        format!("sha256-{hex}.sig"),
        "sha256-x".into(),
        hex,
    ] {
        let uri = format!("/v2/a/manifests/{tag}");
        let put = request("PUT", &uri, &[("content-type", MANIFEST)], image(&tag));
        assert_eq!(send(&world.app, put).await.status, 201, "{tag}");
        let get = send(&world.app, request("GET", &uri, &[], "")).await;
        assert_eq!(&get.body[..], image(&tag).as_bytes(), "{tag}");
    }
}

#[tokio::test]
async fn what_errors_repeat_of_the_input_is_bounded_and_stays_json() {
    let world = world();
    for (uri, headers) in [
        (
            format!("/v2/{}/tags/list", "%22%3Cscript%3E".repeat(20)),
            vec![],
        ),
        (format!("/v2/a/tags/list?n={}", "x".repeat(10_000)), vec![]),
        (format!("/v2/a/blobs/{}:ab", "z".repeat(10_000)), vec![]),
        (format!("/v2/a/manifests/{}", "z".repeat(10_000)), vec![]),
    ] {
        let answer = send(&world.app, request("GET", &uri, &headers, "")).await;
        assert!(answer.status.is_client_error());
        let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert!(document["errors"][0]["message"].is_string());
        assert!(answer.body.len() < 600, "{}", answer.body.len());
    }
}
