//! Who asks was believed to be somebody else, or could be found out, or was written down.

use oci_http::testing::{request, send};
use tracing::Level;

use crate::fixture::{MANIFEST, image};
use crate::guarded::{BEARER, Mode, PASSWORD, basic, guarded};
use crate::logging::Log;

/// Headers by which some server once believed a proxy.
const CLAIMS: [(&str, &str); 12] = [
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=evil.example;proto=http"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "gopher"),
    ("x-forwarded-user", "root"),
    ("x-webauth-user", "root"),
    ("x-remote-user", "root"),
    ("remote-user", "root"),
    ("x-original-url", "/v2/public/a/manifests/v1"),
    ("x-http-method-override", "GET"),
    ("host", "evil.example"),
];

/// Gitea CVE-2026-20896, angos 1.3.2: headers that a proxy sets were believed of anybody. Which
/// peer is one is for the server to say that runs the router.
#[tokio::test]
async fn headers_of_proxies_make_nobody_somebody() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        guarded
            .world
            .manifest("public/a", Some("v1"), &image("1"))
            .await;
        let mut headers = CLAIMS.to_vec();
        headers.push(("content-type", MANIFEST));
        for (method, uri) in [
            ("GET", "/v2/"),
            ("GET", "/v2/own/a/manifests/v1"),
            ("PUT", "/v2/own/a/manifests/v1"),
            ("DELETE", "/v2/public/a/manifests/v1"),
        ] {
            let answer = send(&guarded.app, request(method, uri, &headers, image("1"))).await;
            assert_eq!(answer.status, 401, "{mode:?} {method} {uri}");
            let challenge = answer.header("www-authenticate");
            assert!(!challenge.contains("evil"), "{challenge}");
            assert!(
                mode == Mode::Basic || challenge.starts_with(BEARER),
                "{challenge}"
            );
        }
        let noted = guarded.ledger.take();
        assert_eq!(noted.len(), 3, "{noted:?}");
        for entry in noted {
            assert_eq!((&*entry.actor, entry.address), ("anonymous", None));
        }
        let scopes = ["repository:own/a:pull,push"];
        let login = guarded.login("alice", &scopes).await.expect("credentials");
        headers.push(("authorization", &login));
        let uri = "/v2/own/a/blobs/uploads/";
        let answer = send(&guarded.app, request("POST", uri, &headers, "")).await;
        assert!(
            answer.header("location").starts_with("/v2/own/a/"),
            "no host is named"
        );
        assert_eq!(
            guarded.ledger.take().pop().expect("an entry").actor,
            "user:alice"
        );
    }
}

/// Harbor CVE-2023-20902, CVE-2019-19030, CVE-2020-13794: who is a user could be told. The time
/// of a failed login is looked at where passwords are checked.
#[tokio::test]
async fn known_and_unknown_users_are_told_the_same() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let mut answers = Vec::new();
        for user in ["alice", "nobody", "bob"] {
            let guarded = guarded(mode).await;
            let mut told = Vec::new();
            for guess in 0..4 {
                for uri in ["/v2/", "/v2/team/a/tags/list", "/v2/_catalog", "/token"] {
                    let login = basic(user, &format!("guess {guess}"));
                    let headers = [("authorization", &*login), ("x-request-id", "r-1")];
                    let answer = send(&guarded.app, request("GET", uri, &headers, "")).await;
                    // After some tries there is a time to come back, which a clock decides.
                    if answer.status != 429 {
                        told.push((guess, uri, answer.status, answer.headers, answer.body));
                    }
                }
            }
            told.truncate(5);
            answers.push(told);
        }
        assert_eq!(answers[0].len(), 5);
        assert_eq!(answers[0], answers[1], "{mode:?}");
        assert_eq!(answers[0], answers[2], "{mode:?}");
    }
}

/// zot CVE-2025-48374, Harbor GHSA-prh4-vhfh-24mj: logs had passwords and tokens.
#[tokio::test]
async fn no_log_at_any_level_has_a_secret() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let token = guarded
            .token("alice", &["repository:own/a:pull,push"])
            .await;
        let log = Log::default();
        let started = log.start(Level::TRACE);
        let mut secrets = vec![token.clone(), PASSWORD.to_owned(), "canary".to_owned()];
        for login in [
            basic("alice", PASSWORD),
            basic("alice", "canary"),
            basic("canary", "x"),
            format!("Bearer {token}"),
            "Bearer canary.canary.canary".into(),
            "Canary canary".into(),
        ] {
            let (_, value) = login.split_once(' ').expect("a scheme");
            secrets.push(value.to_owned());
            for (method, uri) in [
                ("GET", "/v2/"),
                ("PUT", "/v2/own/a/manifests/v1"),
                ("DELETE", "/v2/team/a/manifests/v1"),
                ("GET", "/v2/own/a/manifests/v1?access_token=canary"),
                ("GET", "/token?password=canary&refresh_token=canary"),
            ] {
                guarded
                    .ask_with(Some(&login), (method, uri), image("1"))
                    .await;
            }
        }
        for form in [
            "grant_type=password&username=canary&password=canary",
            "grant_type=refresh_token&refresh_token=canary",
            "grant_type=canary",
        ] {
            send(&guarded.app, request("POST", "/token", &[], form)).await;
        }
        drop(started);
        let lines = log.lines();
        assert!(lines.len() > 10, "{lines:?}");
        for line in lines {
            let line = line.to_string();
            for secret in &secrets {
                assert!(!line.contains(&**secret), "{secret}: {line}");
            }
        }
    }
}
