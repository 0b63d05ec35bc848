//! Content that means two things, is executed, is fetched, or is named otherwise.

use std::time::Duration;

use oci_http::testing::{Body, Case, check, request, send};
use oci_types::{Digest, ErrorCode};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::fixture::{INDEX, MANIFEST, image, world};
use crate::guarded::{Mode, code, guarded};

/// CVE-2021-41190, GHSA-77vh-xpmg-72qh, GHSA-qq97-vm5h-rrhg: one document was an image to one
/// reader and an index to another.
#[tokio::test]
async fn a_manifest_is_one_thing() {
    let world = world();
    let image = image("1");
    let typeless = image.replace(
        &format!(r#""mediaType":"{MANIFEST}","config""#),
        r#""config""#,
    );
    assert_ne!(image, typeless);
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (name, content_type, document) in [
        ("an image as an index", INDEX, image.clone()),
        ("an index as an image", MANIFEST, index.clone()),
        ("an image as Docker's", docker, image.clone()),
        ("without a type, as an index", INDEX, typeless.clone()),
        (
            "and manifests",
            MANIFEST,
            image.replacen('{', r#"{"manifests":[],"#, 1),
        ),
        (
            "and manifests, without a type",
            MANIFEST,
            typeless.replacen('{', r#"{"manifests":[],"#, 1),
        ),
        (
            "and layers",
            INDEX,
            index.replacen('{', r#"{"layers":[],"#, 1),
        ),
        (
            "and a configuration",
            INDEX,
            index.replacen('{', r#"{"config":{},"#, 1),
        ),
        (
            "two types",
            MANIFEST,
            image.replacen('{', &format!(r#"{{"mediaType":"{INDEX}","#), 1),
        ),
    ] {
        let headers = [("content-type", content_type)];
        let case = Case {
            name,
            request: request("PUT", "/v2/a/manifests/v1", &headers, document),
            status: 400,
            headers: &[],
            body: Body::Error(ErrorCode::ManifestInvalid),
        };
        check(&world.app, case).await;
    }
}

/// CVE-2017-11468, CVE-2023-2253: a number in a query made the registry take memory. Manifests
/// beyond the limit are in the tests of manifests and sockets.
#[tokio::test]
async fn no_number_makes_a_page_long() {
    let world = world();
    let subject = world.manifest("a", Some("v1"), &image("1")).await;
    for path in [
        "/v2/_catalog",
        "/v2/a/tags/list",
        &format!("/v2/a/referrers/{subject}"),
    ] {
        for (n, status) in [
            ("9223372036854775808", 200),
            ("18446744073709551616", 200),
            ("340282366920938463463374607431768211456", 200),
            ("-1", 400),
            ("-9223372036854775808", 400),
            ("1e9", 400),
            ("0x10", 400),
            ("", 400),
        ] {
            let uri = format!("{path}?n={n}");
            let answer = send(&world.app, request("GET", &uri, &[], "")).await;
            assert_eq!(answer.status, status, "{uri}");
        }
    }
}

/// Harbor CVE-2020-13788, Nexus CVE-2026-0600 and others: what a client named was fetched; CVE-
/// 2020-15157: with credentials. Nothing here fetches anything, nor sends clients elsewhere.
#[tokio::test]
async fn urls_of_layers_are_neither_fetched_nor_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}/layer", listener.local_addr().unwrap());
    let guarded = guarded(Mode::Basic).await;
    let layer = Digest::sha256(b"elsewhere");
    let config = guarded.world.blob("own/a", b"{}").await;
    let document = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":"{layer}","size":9,"urls":["{here}"]}}],"annotations":{{"org.opencontainers.image.url":"{here}"}}}}"#
    );
    let uri = "/v2/own/a/manifests/v1";
    let put = guarded
        .ask("alice", &[], ("PUT", uri), document.clone())
        .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let got = guarded.ask("alice", &[], ("GET", uri), "").await;
    assert_eq!(&got.body[..], document.as_bytes());
    for method in ["GET", "HEAD"] {
        let uri = format!("/v2/own/a/blobs/{layer}");
        let answer = guarded.ask("alice", &[], (method, &uri), "").await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("location"), "");
    }
    let came = timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(came.is_err(), "something was fetched");
}

/// Harbor CVE-2025-32019, CVE-2019-19025, CVE-2024-22244, zot #3980: scripts in content ran,
/// other sites' pages asked, and redirects led away.
#[tokio::test]
async fn browsers_run_nothing_and_are_led_nowhere() {
    let world = world();
    let script = "<script>alert(1)</script>";
    let blob = world.blob("a", script.as_bytes()).await;
    world
        .manifest("a", Some("v1"), &image(&script.replace('"', "")))
        .await;
    let put = request(
        "PUT",
        "/v2/a/manifests/html",
        &[("content-type", "text/html")],
        format!("<html>{script}"),
    );
    let refused = send(&world.app, put).await.status;
    assert_eq!(refused, 400, "what is no manifest is not stored");
    for (method, uri) in [
        ("GET", "/v2/".to_owned()),
        ("GET", "/v2/_catalog".into()),
        ("GET", "/v2/a/tags/list".into()),
        ("GET", "/v2/a/manifests/v1".into()),
        ("GET", format!("/v2/a/blobs/{blob}")),
        (
            "GET",
            format!("/v2/a/blobs/{blob}?response-content-type=text/html"),
        ),
        ("GET", "/v2/a/manifests/%3Cscript%3E".into()),
        ("GET", "/v2/%3Cscript%3E/tags/list".into()),
        ("OPTIONS", "/v2/a/tags/list".into()),
        ("POST", "/v2/a/blobs/uploads/".into()),
    ] {
        let headers = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization"),
            ("accept", "text/html"),
        ];
        let answer = send(&world.app, request(method, &uri, &headers, "")).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{uri}");
        assert!(!answer.header("content-type").contains("html"), "{uri}");
        let cors = answer.headers.keys();
        let cors = cors.filter(|name| name.as_str().starts_with("access-control"));
        assert_eq!(cors.count(), 0, "{method} {uri}");
    }
    for uri in [
        r"/v2/%5cevil.example",
        "/v2//evil.example",
        "//evil.example/v2",
        "/v2/%2f%2fevil",
    ] {
        let answer = send(&world.app, request("GET", uri, &[], "")).await;
        assert!(answer.status.is_client_error(), "{uri}");
        assert_eq!(answer.header("location"), "", "{uri}");
    }
}

/// Kraken CVE-2022-47747: a name led out of its place. No spelling of a name is held against
/// other rules than the ones of the repository that it opens.
#[tokio::test]
async fn no_spelling_of_a_name_goes_round_the_rules() {
    let guarded = guarded(Mode::Basic).await;
    let world = &guarded.world;
    let secret = world
        .manifest("secret/a", Some("v1"), &image("secret"))
        .await;
    world
        .manifest("public/a", Some("v1"), &image("public"))
        .await;
    world.manifest("own/a", Some("v1"), &image("own")).await;
    let id = world.session("secret/a", b"x").await;
    for name in [
        "public/../secret/a",
        "public/a/../../secret/a",
        "public/%2e%2e/secret/a",
        "public/%2E%2E/secret/a",
        "public%2f..%2fsecret/a",
        "own/a%2f..%2f..%2fsecret%2fa",
        "secret%2fa",
        "secret//a",
        "./secret/a",
        "secret/./a",
        "SECRET/a",
        "secret/a%00",
        "secret/a%0d%0ax",
        "secret%5ca",
        "%252e%252e/secret/a",
        "secret/a%20",
        "public/a/manifests/../../../secret/a",
    ] {
        for (method, below) in [
            ("GET", "manifests/v1".to_owned()),
            ("PUT", "manifests/v1".into()),
            ("DELETE", format!("manifests/{secret}")),
            ("GET", "tags/list".into()),
            ("POST", "blobs/uploads/".into()),
        ] {
            let uri = format!("/v2/{name}/{below}");
            let answer = guarded.ask("alice", &[], (method, &uri), image("1")).await;
            let found = (answer.status.as_u16(), &*code(&answer));
            assert_eq!(found, (400, "NAME_INVALID"), "{method} {uri}");
        }
    }
    // What is only spelled with more effort is the same repository, under the same rules.
    for name in ["%73ecret/a", "secret/%61", "%73%65%63%72%65%74/%61"] {
        let uri = format!("/v2/{name}/manifests/v1");
        let answer = guarded.ask("alice", &[], ("GET", &uri), "").await;
        assert_eq!(code(&answer), "NAME_UNKNOWN", "{uri}");
        let answer = guarded.ask("root", &[], ("GET", &uri), "").await;
        assert_eq!(&answer.body[..], image("secret").as_bytes(), "{uri}");
    }
    for below in [
        "manifests/..%2f..%2fsecret%2fa%2fmanifests%2fv1".to_owned(),
        "manifests/%2e%2e".into(),
        "manifests/v1%00".into(),
        "manifests/v1%0d%0aset-cookie:x".into(),
        format!("manifests/..%2f{secret}"),
        format!("blobs/%2e%2e%2f{secret}"),
        format!("blobs/uploads/..%2f..%2f..%2fsecret%2fa%2fblobs%2fuploads%2f{id}"),
        format!("blobs/uploads/{id}%00"),
        "referrers/%2e%2e".into(),
    ] {
        for method in ["GET", "DELETE", "PUT"] {
            let uri = format!("/v2/own/a/{below}");
            let answer = guarded.ask("alice", &[], (method, &uri), image("1")).await;
            let status = answer.status.as_u16();
            assert!(
                matches!(status, 400 | 404 | 405),
                "{method} {uri}: {status}"
            );
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    assert_eq!(world.offset("secret/a", id).await, Some(1));
}
