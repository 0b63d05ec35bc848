//! Challenges, word for word.

use http::Request;
use oci_http::testing::{Body, Case, check};
use oci_types::{Digest, ErrorCode};

use crate::fixture::image;
use crate::guarded::{BASIC, BEARER, Guarded, Mode, authorized, basic, guarded};

const SESSION: &str = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";

/// Every endpoint and method, and what a token for it has to be for.
pub(super) fn every_request(name: &str) -> Vec<(&'static str, String, String)> {
    let digest = Digest::sha256(b"{}");
    let session = format!("/v2/{name}/blobs/uploads/{SESSION}");
    let (manifest, blob) = (
        format!("/v2/{name}/manifests/v1"),
        format!("/v2/{name}/blobs/{digest}"),
    );
    let (tags, referrers) = (
        format!("/v2/{name}/tags/list?n=1"),
        format!("/v2/{name}/referrers/{digest}"),
    );
    let uploads = format!("/v2/{name}/blobs/uploads/");
    let mut all = vec![
        ("GET", "/v2/".into(), String::new()),
        ("HEAD", "/v2/".into(), String::new()),
    ];
    for method in ["GET", "HEAD"] {
        let catalog = r#",scope="registry:catalog:*""#.to_owned();
        all.push((method, "/v2/_catalog?n=1".into(), catalog));
        for uri in [&manifest, &blob, &tags, &referrers] {
            all.push((method, uri.clone(), "pull".into()));
        }
        all.push((method, session.clone(), "pull,push".into()));
    }
    let put = format!("{session}?digest={digest}");
    for (method, uri, actions) in [
        ("GET", format!("/v2/{name}/manifests/{digest}"), "pull"),
        ("PUT", manifest.clone(), "pull,push"),
        ("DELETE", manifest, "delete"),
        ("DELETE", format!("/v2/{name}/manifests/{digest}"), "delete"),
        ("DELETE", blob, "delete"),
        ("POST", uploads.clone(), "pull,push"),
        ("POST", format!("{uploads}?digest={digest}"), "pull,push"),
        (
            "POST",
            format!("{uploads}?mount={digest}&from=public/a"),
            "pull,push",
        ),
        ("PATCH", session.clone(), "pull,push"),
        ("PUT", put, "pull,push"),
        ("DELETE", session, "pull,push"),
    ] {
        all.push((method, uri, actions.into()));
    }
    for (_, _, scope) in &mut all {
        if !scope.is_empty() && !scope.starts_with(',') {
            *scope = format!(r#",scope="repository:{name}:{scope}""#);
        }
    }
    all
}

async fn challenged(guarded: &Guarded, name: &str, request: Request<axum::body::Body>, by: &str) {
    let case = Case {
        name,
        request,
        status: 401,
        headers: &[("www-authenticate", by)],
        body: Body::Error(ErrorCode::Unauthorized),
    };
    check(&guarded.app, case).await;
}

#[tokio::test]
async fn who_shows_nothing_is_asked_the_same_whether_or_not_it_is_there() {
    for (mode, scheme) in [(Mode::Basic, BASIC), (Mode::Bearer, BEARER)] {
        let guarded = guarded(mode).await;
        guarded
            .world
            .manifest("team/a", Some("v1"), &image("1"))
            .await;
        guarded.world.blob("team/a", b"{}").await;
        for name in ["team/a", "team/none", "own/a"] {
            for (method, uri, scope) in every_request(name) {
                if mode == Mode::Basic && uri.contains("_catalog") {
                    continue; // Something is public.
                }
                let challenge = match mode {
                    Mode::Basic => scheme.to_owned(),
                    Mode::Bearer => format!("{scheme}{scope}"),
                };
                let request = authorized(None, (method, &uri), image("1"));
                let name = format!("{method} {uri}");
                challenged(&guarded, &name, request, &challenge).await;
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_this_says_so() {
    let guarded = guarded(Mode::Bearer).await;
    let elsewhere = guarded
        .token("alice", &["repository:own/b:pull,push"])
        .await;
    let nobodys = guarded.token("", &[]).await;
    for token in [elsewhere, nobodys] {
        for (method, uri, scope) in every_request("team/a") {
            if scope.is_empty() {
                continue;
            }
            let bearer = format!("bearer  {token}");
            let request = authorized(Some(&bearer), (method, &uri), image("1"));
            let challenge = format!(r#"{BEARER}{scope},error="insufficient_scope""#);
            challenged(&guarded, &format!("{method} {uri}"), request, &challenge).await;
        }
    }
    // Each action by itself: pulling does not push, pushing does not delete.
    for (actions, method, below, asked) in [
        ("pull", "PUT", "manifests/v1", "pull,push"),
        ("pull", "POST", "blobs/uploads/", "pull,push"),
        ("pull", "DELETE", "manifests/v1", "delete"),
        ("pull,push", "DELETE", "manifests/v1", "delete"),
        ("push", "GET", "manifests/v1", "pull"),
        ("push", "GET", "tags/list", "pull"),
        ("delete", "GET", "manifests/v1", "pull"),
        ("delete", "HEAD", "manifests/v1", "pull"),
        ("delete", "PUT", "manifests/v1", "pull,push"),
    ] {
        let scope = format!("repository:own/a:{actions}");
        let bearer = format!("Bearer {}", guarded.token("alice", &[&scope]).await);
        let uri = format!("/v2/own/a/{below}");
        let request = authorized(Some(&bearer), (method, &uri), image("1"));
        let scope = format!("repository:own/a:{asked}");
        let challenge = format!(r#"{BEARER},scope="{scope}",error="insufficient_scope""#);
        challenged(
            &guarded,
            &format!("{actions}: {method}"),
            request,
            &challenge,
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_credentials() {
    let long = format!("Bearer {}", "a".repeat(16 * 1024));
    let huge_name = basic(&"a".repeat(300), "secret");
    let password = basic("alice", "wrong");
    let unknown = basic("nobody", "secret");
    let empty = basic("alice", "");
    let control = basic("alice", "secret\0");
    for (mode, login, error) in [
        (Mode::Basic, &*password, ""),
        (Mode::Basic, &unknown, ""),
        (Mode::Basic, &empty, ""),
        (Mode::Basic, &huge_name, ""),
        (Mode::Basic, &control, ""),
        (Mode::Basic, "Basic", ""),
        (Mode::Basic, "Basic !", ""),
        (Mode::Basic, "Basic YWxpY2U=", ""),
        (Mode::Basic, "Digest username=alice", ""),
        (Mode::Basic, "Bearer a.b.c", ""),
        (Mode::Basic, "", ""),
        (Mode::Bearer, "Bearer a.b.c", r#",error="invalid_token""#),
        (Mode::Bearer, "Bearer x", r#",error="invalid_token""#),
        (Mode::Bearer, "Bearer a b", ""),
        (Mode::Bearer, "Bearer", ""),
        (Mode::Bearer, &long, ""),
        (Mode::Bearer, &password, ""),
        (Mode::Bearer, "Negotiate abc", ""),
    ] {
        let guarded = guarded(mode).await;
        for (uri, scope) in [
            ("/v2/", ""),
            (
                "/v2/public/a/manifests/v1",
                r#",scope="repository:public/a:pull""#,
            ),
        ] {
            let challenge = match mode {
                Mode::Basic => BASIC.to_owned(),
                Mode::Bearer => format!("{BEARER}{scope}{error}"),
            };
            for method in ["GET", "HEAD"] {
                let request = authorized(Some(login), (method, uri), "");
                let name = format!("{mode:?} {login:.20} {method} {uri}");
                challenged(&guarded, &name, request, &challenge).await;
            }
        }
    }
}

#[tokio::test]
async fn several_credentials_are_refused() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let login = guarded.login("alice", &[]).await.expect("credentials");
        for other in [&*login, "Bearer x", &basic("bob", "secret")] {
            let mut request = authorized(Some(&login), ("GET", "/v2/"), "");
            let other = other.parse().expect("a header");
            request.headers_mut().append("authorization", other);
            let case = Case {
                name: "two",
                request,
                status: 400,
                headers: &[],
                body: Body::Error(ErrorCode::Unsupported),
            };
            check(&guarded.app, case).await;
        }
    }
}
