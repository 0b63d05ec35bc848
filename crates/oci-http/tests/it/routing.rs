//! Which request reaches which endpoint, and what the others are answered.

use oci_http::testing::{Body, Case, check, request, send};
use oci_http::{Route, RouteName, Verb};
use oci_types::{Digest, ErrorCode};

use crate::fixture::world;

const SESSION: &str = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";

#[tokio::test]
async fn the_base_says_that_the_api_is_here() {
    let world = world();
    for uri in ["/v2", "/v2/", "/v2/?x=y"] {
        for method in ["GET", "HEAD"] {
            check(
                &world.app,
                Case {
                    name: &format!("{method} {uri}"),
                    request: request(method, uri, &[], ""),
                    status: 200,
                    headers: &[
                        ("content-type", "application/json"),
                        ("content-length", "2"),
                    ],
                    body: Body::Text("{}"),
                },
            )
            .await;
        }
    }
}

/// One path for each endpoint.
fn paths() -> Vec<String> {
    let digest = Digest::sha256(b"");
    vec![
        "/v2/".into(),
        "/v2/_catalog".into(),
        format!("/v2/a/blobs/{digest}"),
        "/v2/a/manifests/latest".into(),
        "/v2/a/blobs/uploads/".into(),
        format!("/v2/a/blobs/uploads/{SESSION}"),
        "/v2/a/tags/list".into(),
        format!("/v2/a/referrers/{digest}"),
    ]
}

#[tokio::test]
async fn each_endpoint_answers_its_methods_and_refuses_the_others() {
    let world = world();
    let all = [
        Verb::Get,
        Verb::Head,
        Verb::Post,
        Verb::Put,
        Verb::Patch,
        Verb::Delete,
    ];
    let mut routes = 0;
    for path in paths() {
        let route = Route::parse(&path).unwrap().name();
        routes += 1;
        for verb in all {
            let name = format!("{verb} {path}");
            if route.verbs().contains(&verb) {
                let answer = send(&world.app, request(verb.as_str(), &path, &[], "")).await;
                assert_ne!(answer.status, 405, "{name}");
                continue;
            }
            let verbs: Vec<_> = route.verbs().iter().map(|verb| verb.as_str()).collect();
            let case = Case {
                name: &name,
                request: request(verb.as_str(), &path, &[], ""),
                status: 405,
                headers: &[("allow", &verbs.join(", "))],
                body: Body::Error(ErrorCode::Unsupported),
            };
            check(&world.app, case).await;
        }
    }
    assert_eq!(routes + 1, RouteName::ALL.len());
}

#[tokio::test]
async fn options_tells_the_methods() {
    let world = world();
    for path in paths() {
        let verbs = Route::parse(&path).unwrap().name().verbs();
        let mut verbs: Vec<_> = verbs.iter().map(|verb| verb.as_str()).collect();
        verbs.push("OPTIONS");
        let case = Case {
            name: &path,
            request: request("OPTIONS", &path, &[], ""),
            status: 204,
            headers: &[("allow", &verbs.join(", "))],
            body: Body::Empty,
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn other_methods_are_refused_too() {
    let world = world();
    for method in ["TRACE", "PURGE", "MKCOL"] {
        let case = Case {
            name: method,
            request: request(method, "/v2/a/tags/list", &[], ""),
            status: 405,
            headers: &[("allow", "GET, HEAD")],
            body: Body::Error(ErrorCode::Unsupported),
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn what_is_no_endpoint_is_not_found() {
    let world = world();
    for path in ["/v2/a", "/v2/a/tags", "/v2/_catalog/a", "/v2/a/unknown/b"] {
        for method in ["GET", "PUT", "OPTIONS"] {
            let case = Case {
                name: &format!("{method} {path}"),
                request: request(method, path, &[], ""),
                status: 404,
                headers: &[],
                body: Body::Error(ErrorCode::Unsupported),
            };
            check(&world.app, case).await;
        }
    }
}

#[tokio::test]
async fn what_is_not_below_v2_is_left_to_other_routes() {
    let answer = send(&world().app, request("GET", "/", &[], "")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_request_id_that_is_sent_along_comes_back() {
    let world = world();
    for (sent, taken) in [("abc-1", true), ("a b", false), ("\"", false)] {
        let request = request("GET", "/v2/", &[("x-request-id", sent)], "");
        let answer = send(&world.app, request).await;
        assert_eq!(answer.header("x-request-id") == sent, taken, "{sent}");
    }
    let other = || async {
        let answer = send(&world.app, request("GET", "/v2/", &[], "")).await;
        answer.header("x-request-id").to_owned()
    };
    assert_ne!(other().await, other().await);
}
