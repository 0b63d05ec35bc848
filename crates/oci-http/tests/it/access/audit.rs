//! What is written down: every write, every refusal of access, every login; no secret.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use oci_http::AuditOutcome::{Abandoned, Denied, Done, Refused};
use oci_http::testing::send;
use oci_types::Digest;
use tokio::time::timeout;

use crate::fixture::image;
use crate::guarded::{ADDRESS, Guarded, Mode, Noted, authorized, basic, guarded};

/// The entries about requests, without those about logins.
fn requests(guarded: &Guarded) -> Vec<Noted> {
    let mut noted = guarded.ledger.take();
    noted.retain(|entry| !entry.what.starts_with("login"));
    noted
}

#[tokio::test]
async fn writes_and_refusals_are_written_down_with_who_and_what() {
    let blob = Digest::sha256(b"{}");
    let manifest = Digest::sha256(image("1").as_bytes());
    let upload = format!("/v2/team/a/blobs/uploads/?digest={blob}");
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let own = guarded.world.blob("own/a", b"{}").await.to_string();
        let (named, none) = (Some(manifest.to_string()), None::<String>);
        for (user, method, uri, body, what, outcome, status, digest) in [
            (
                "alice",
                "POST",
                &*upload,
                "{}",
                "POST uploads team/a",
                Done,
                201,
                Some(own.clone()),
            ),
            (
                "alice",
                "PUT",
                "/v2/team/a/manifests/v1",
                &image("1"),
                "PUT manifest team/a",
                Done,
                201,
                named,
            ),
            (
                "alice",
                "PUT",
                "/v2/team/a/manifests/v1",
                &image("2"),
                "PUT manifest team/a",
                Denied,
                403,
                none.clone(),
            ),
            (
                "alice",
                "PUT",
                "/v2/team/a/manifests/v2",
                "{",
                "PUT manifest team/a",
                Refused,
                400,
                none.clone(),
            ),
            (
                "alice",
                "DELETE",
                &format!("/v2/own/a/blobs/{own}"),
                "",
                "DELETE blob own/a",
                Done,
                202,
                none.clone(),
            ),
            (
                "alice",
                "DELETE",
                "/v2/own/a/manifests/none",
                "",
                "DELETE manifest own/a",
                Refused,
                404,
                none.clone(),
            ),
            (
                "alice",
                "DELETE",
                "/v2/team/a/manifests/v1",
                "",
                "DELETE manifest team/a",
                Denied,
                if mode == Mode::Basic { 403 } else { 401 },
                none.clone(),
            ),
            (
                "bob",
                "GET",
                "/v2/team/a/manifests/v1",
                "",
                "GET manifest team/a",
                Denied,
                if mode == Mode::Basic { 404 } else { 401 },
                none.clone(),
            ),
            (
                "bob",
                "HEAD",
                "/v2/team/a/tags/list",
                "",
                "HEAD tags team/a",
                Denied,
                if mode == Mode::Basic { 404 } else { 401 },
                none.clone(),
            ),
            (
                "",
                "GET",
                "/v2/team/a/tags/list",
                "",
                "GET tags team/a",
                Denied,
                401,
                none.clone(),
            ),
            (
                "",
                "PUT",
                "/v2/public/a/manifests/v1",
                "",
                "PUT manifest public/a",
                Denied,
                401,
                none,
            ),
        ] {
            let names = ["team/a", "own/a", "public/a"];
            let answer = guarded
                .ask(user, &names, (method, uri), body.to_owned())
                .await;
            assert_eq!(answer.status, status, "{mode:?} {user} {method} {uri}");
            let noted = requests(&guarded);
            assert_eq!(noted.len(), 1, "{user} {method} {uri}: {noted:?}");
            let entry = &noted[0];
            assert_eq!(entry.what, what);
            let actor = match user {
                "" => "anonymous".to_owned(),
                user => format!("user:{user}"),
            };
            assert_eq!(entry.actor, actor, "{mode:?} {what}");
            assert_eq!(entry.address, Some(ADDRESS));
            assert_eq!(
                (entry.outcome, entry.status),
                (outcome, Some(status)),
                "{what}"
            );
            assert_eq!(entry.digest, digest, "{what}");
            assert_eq!(entry.request_id, answer.header("x-request-id"));
        }
    }
}

#[tokio::test]
async fn reads_that_are_allowed_are_not_written_down() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        guarded
            .world
            .manifest("team/a", Some("v1"), &image("1"))
            .await;
        let blob = guarded.world.blob("team/a", b"{}").await;
        for uri in [
            "/v2/",
            "/v2/_catalog",
            "/v2/team/a/manifests/v1",
            "/v2/team/a/manifests/none",
            "/v2/team/a/tags/list",
            "/v2/team/a/tags/list?n=x",
            &format!("/v2/team/a/blobs/{blob}"),
            &format!("/v2/team/a/referrers/{blob}"),
        ] {
            for method in ["GET", "HEAD"] {
                guarded.ask("alice", &["team/a"], (method, uri), "").await;
                let noted = requests(&guarded);
                assert!(noted.is_empty(), "{method} {uri}: {noted:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_is_written_down_when_its_password_was_checked() {
    let guarded = guarded(Mode::Basic).await;
    let hidden = "/v2/own/a/manifests/v1";
    let ping = guarded.ask("", &[], ("GET", "/v2/"), "").await;
    assert_eq!(ping.status, 401);
    assert_eq!(guarded.ledger.take(), [], "a question how to log in");
    for (user, password, uri, status, entries) in [
        (
            "alice",
            "secret",
            "/v2/",
            200,
            &[("login password", Done)][..],
        ),
        ("alice", "secret", "/v2/", 200, &[]),
        (
            "bob",
            "wrong",
            "/v2/",
            401,
            &[("login password", Denied), ("GET base", Denied)],
        ),
        (
            "bob",
            "secret",
            hidden,
            404,
            &[("login password", Done), ("GET manifest own/a", Denied)],
        ),
        (
            "bob",
            "secret",
            hidden,
            404,
            &[("GET manifest own/a", Denied)],
        ),
        ("bob", "secret", "/v2/", 200, &[]),
    ] {
        let login = basic(user, password);
        let request = authorized(Some(&login), ("GET", uri), "");
        let answer = send(&guarded.app, request).await;
        assert_eq!(answer.status, status);
        let noted = guarded.ledger.take();
        let found: Vec<_> = noted
            .iter()
            .map(|entry| (&*entry.what, entry.outcome))
            .collect();
        assert_eq!(found, entries, "{user}");
        // A name that came with a wrong password may be a password.
        let known = password == "secret";
        let actor = if known {
            format!("user:{user}")
        } else {
            "anonymous".to_owned()
        };
        for entry in noted {
            assert_eq!(entry.actor, actor);
            assert_eq!(entry.address, Some(ADDRESS));
            assert_eq!(entry.request_id, answer.header("x-request-id"));
        }
    }
}

#[tokio::test]
async fn a_write_whose_client_went_away_is_written_down() {
    let guarded = guarded(Mode::Basic).await;
    let login = basic("alice", "secret");
    guarded.ask_with(Some(&login), ("GET", "/v2/"), "").await;
    guarded.ledger.take();
    let id = guarded.world.session("own/a", b"hello").await;
    let uri = format!("/v2/own/a/blobs/uploads/{id}");
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let asking = guarded.ask_with(Some(&login), ("PATCH", &uri), never);
    let gone = timeout(Duration::from_millis(50), asking).await;
    assert!(gone.is_err(), "it waits for the body");
    let noted = guarded.ledger.take();
    assert_eq!(noted.len(), 1, "{noted:?}");
    let entry = &noted[0];
    assert_eq!((entry.outcome, entry.status), (Abandoned, None));
    assert_eq!(
        (&*entry.what, &*entry.actor),
        ("PATCH upload own/a", "user:alice")
    );
}

/// Passwords, tokens, and what people type where it does not belong.
#[tokio::test]
async fn no_entry_prints_a_secret() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let mut secrets = vec!["secret".to_owned(), "hunter2".into(), "canary".into()];
        let mut logins = vec![
            basic("alice", "secret"),
            basic("alice", "hunter2"),
            basic("canary", "x"),
            "Bearer canary.canary.canary".into(),
            "Canary canary".into(),
        ];
        if mode == Mode::Bearer {
            let token = guarded
                .token("alice", &["repository:own/a:pull,push"])
                .await;
            logins.push(format!("Bearer {token}"));
            secrets.extend(token.split('.').map(str::to_owned));
        }
        secrets.extend(logins.iter().filter_map(|login| {
            let (_, value) = login.split_once(' ')?;
            Some(value.to_owned())
        }));
        for login in &logins {
            for (method, uri) in [
                ("GET", "/v2/"),
                ("PUT", "/v2/own/a/manifests/v1"),
                ("DELETE", "/v2/team/a/manifests/v1"),
                ("GET", "/token"),
            ] {
                guarded
                    .ask_with(Some(login), (method, uri), image("1"))
                    .await;
            }
        }
        let noted = guarded.ledger.take();
        assert!(noted.len() > logins.len(), "{noted:?}");
        for entry in noted {
            for secret in &secrets {
                let printed = &entry.printed;
                assert!(!printed.contains(&**secret), "{secret}: {printed}");
            }
        }
    }
}
