//! Pushing without the right to overwrite: what is new is taken, what is there stays.

use oci_http::testing::{Body, Case, check, request, send};
use oci_types::{Digest, ErrorCode};

use crate::fixture::{MANIFEST, image};
use crate::guarded::{Guarded, Mode, guarded};

async fn login(guarded: &Guarded, name: &str) -> String {
    let scope = format!("repository:{name}:pull,push");
    guarded
        .login("alice", &[&scope])
        .await
        .expect("credentials")
}

async fn push(guarded: &Guarded, uri: &str, login: &str, document: &str) -> (u16, String) {
    let headers = [("authorization", login), ("content-type", MANIFEST)];
    let answer = send(
        &guarded.app,
        request("PUT", uri, &headers, document.to_owned()),
    )
    .await;
    (answer.status.as_u16(), crate::guarded::code(&answer))
}

/// What a tag names now.
async fn names(guarded: &Guarded, name: &str, tag: &str) -> String {
    let uri = format!("/v2/{name}/manifests/{tag}");
    let answer = guarded.ask("root", &[name], ("HEAD", &uri), "").await;
    answer.header("docker-content-digest").to_owned()
}

#[tokio::test]
async fn a_tag_is_not_moved_by_who_may_only_create() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let (old, new) = (image("old"), image("new"));
        let (first, second) = (
            Digest::sha256(old.as_bytes()),
            Digest::sha256(new.as_bytes()),
        );
        let login = login(&guarded, "team/a").await;
        for (reference, document, status) in [
            ("v1".to_owned(), &old, 201),
            ("v1".into(), &old, 201),
            ("v2".into(), &old, 201),
            ("v1".into(), &new, 403),
            ("v3?tag=v1".into(), &new, 403),
            ("v3?tag=v4&tag=v1".into(), &new, 403),
            ("v1?tag=v3".into(), &new, 403),
            (format!("{second}?tag=v1"), &new, 403),
            (format!("{second}?tag=v3&tag=v%31"), &new, 403),
            (second.to_string(), &new, 201),
            (format!("{second}?tag=v5"), &new, 201),
            ("v1".into(), &new, 403),
            (format!("{first}?tag=v1"), &old, 201),
        ] {
            let uri = format!("/v2/team/a/manifests/{reference}");
            let (found, code) = push(&guarded, &uri, &login, document).await;
            assert_eq!(found, status, "{mode:?} {uri}");
            assert_eq!(code, if status == 403 { "DENIED" } else { "" }, "{uri}");
        }
        for (tag, digest) in [
            ("v1", first.to_string()),
            ("v2", first.to_string()),
            ("v3", String::new()),
            ("v4", String::new()),
            ("v5", second.to_string()),
        ] {
            assert_eq!(
                names(&guarded, "team/a", tag).await,
                digest,
                "{mode:?} {tag}"
            );
        }
    }
}

#[tokio::test]
async fn a_tag_is_moved_by_who_may_overwrite() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let login = login(&guarded, "own/a").await;
        for mark in ["old", "new"] {
            let document = image(mark);
            let uri = "/v2/own/a/manifests/v1?tag=v2";
            assert_eq!(
                push(&guarded, uri, &login, &document).await.0,
                201,
                "{mark}"
            );
            let digest = Digest::sha256(document.as_bytes()).to_string();
            assert_eq!(names(&guarded, "own/a", "v1").await, digest);
            assert_eq!(names(&guarded, "own/a", "v2").await, digest);
        }
    }
}

#[tokio::test]
async fn a_condition_is_told_apart_from_a_missing_right() {
    let guarded = guarded(Mode::Basic).await;
    let login = login(&guarded, "team/a").await;
    push(&guarded, "/v2/team/a/manifests/v1", &login, &image("old")).await;
    let headers = [
        ("authorization", &*login),
        ("content-type", MANIFEST),
        ("if-none-match", "*"),
    ];
    let case = Case {
        name: "if-none-match",
        request: request("PUT", "/v2/team/a/manifests/v1", &headers, image("new")),
        status: 412,
        headers: &[],
        body: Body::Error(ErrorCode::Denied),
    };
    check(&guarded.app, case).await;
}

#[tokio::test]
async fn pushing_alone_delivers_an_image() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let login = guarded
            .login("carol", &["repository:drop/a:pull,push"])
            .await;
        let ask = async |method: &str, uri: &str, body: &str| {
            let line = (method, uri);
            guarded
                .ask_with(login.as_deref(), line, body.to_owned())
                .await
        };
        let config = Digest::sha256(b"{}");
        let blob = format!("/v2/drop/a/blobs/{config}");
        assert_eq!(ask("HEAD", &blob, "").await.status, 404);
        let opened = ask("POST", "/v2/drop/a/blobs/uploads/", "").await;
        assert_eq!(opened.status, 202);
        let session = opened.header("location").to_owned();
        assert_eq!(ask("PATCH", &session, "{").await.status, 202);
        assert_eq!(ask("GET", &session, "").await.status, 204);
        let end = format!("{session}?digest={config}");
        assert_eq!(ask("PUT", &end, "}").await.status, 201);
        assert_eq!(ask("HEAD", &blob, "").await.status, 200);
        let put = ask("PUT", "/v2/drop/a/manifests/v1", &image("1")).await;
        assert_eq!(put.status, 201, "{:?}", put.body);
        for uri in [&*blob, "/v2/drop/a/manifests/v1", "/v2/drop/a/tags/list"] {
            let status = ask("GET", uri, "").await.status;
            // The token was not handed out for pulling.
            let expected = if mode == Mode::Basic { 403 } else { 401 };
            assert_eq!(status, expected, "{mode:?} {uri}");
        }
    }
}
