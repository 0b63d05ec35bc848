//! What those are told who are known, and may not; and those who cannot be known now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_auth::{
    Attempt, AuthError, Authenticator, Caller, Identity, Policy, PolicyError, PullScope, Rights,
    Rules,
};
use oci_http::AuditOutcome::{Denied, Failed};
use oci_http::testing::{Body, Case, check, request, send};
use oci_http::{Access, RegistryRouter};
use oci_types::{Digest, ErrorCode, RepositoryName};

use super::challenges::every_request;
use crate::fixture::{MANIFEST, image, world};
use crate::guarded::{
    BASIC, BEARER, Guarded, Ledger, Mode, authorized, basic, bearer_scheme, code, guarded, rules,
};
use crate::socket::{Client, head, serve};

/// Credentials of `user`; a token is one of a time when the user had every right in these.
async fn former_login(guarded: &Guarded, user: &str, names: &[&str]) -> String {
    const ALL: &str = r#"[[access]]
repos = ["**"]
who = ["authenticated"]
allow = ["pull", "push", "overwrite", "delete"]"#;
    let now = guarded.policy.current();
    guarded.policy.replace(rules(ALL).0);
    let scopes: Vec<_> = names
        .iter()
        .map(|name| format!("repository:{name}:*"))
        .collect();
    let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
    let login = guarded.login(user, &scopes).await;
    guarded.policy.replace(Rules::clone(&now));
    login.expect("credentials")
}

#[tokio::test]
async fn what_is_forbidden_looks_like_what_is_missing() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        guarded
            .world
            .manifest("team/a", Some("v1"), &image("1"))
            .await;
        guarded.world.blob("team/a", b"{}").await;
        let login = former_login(&guarded, "bob", &["team/a", "team/b", "team/z"]).await;
        for name in ["team/a", "team/z"] {
            for (method, uri, scope) in every_request(name) {
                if !scope.contains("repository") {
                    continue;
                }
                let case = Case {
                    name: &format!("{method} {uri}"),
                    request: authorized(Some(&login), (method, &uri), image("1")),
                    status: 404,
                    headers: &[],
                    body: Body::Error(ErrorCode::NameUnknown),
                };
                let answer = check(&guarded.app, case).await;
                let missing = uri.replace("team/a", "team/b");
                let other = guarded
                    .ask_with(Some(&login), (method, &missing), image("1"))
                    .await;
                let text = String::from_utf8_lossy(&answer.body).replace("team/a", "team/b");
                assert_eq!(text, String::from_utf8_lossy(&other.body), "{method} {uri}");
            }
        }
    }
}

#[tokio::test]
async fn who_may_see_it_is_told_that_they_may_not() {
    let guarded = guarded(Mode::Basic).await;
    for name in ["team/a", "public/a", "drop/a"] {
        guarded.world.manifest(name, Some("v1"), &image("1")).await;
        guarded.world.blob(name, b"{}").await;
    }
    let blob = Digest::sha256(b"{}");
    for (user, name, method, below, status) in [
        ("alice", "team/a", "DELETE", "manifests/v1", 403),
        ("alice", "team/a", "DELETE", &format!("blobs/{blob}"), 403),
        ("alice", "team/a", "GET", "manifests/v1", 200),
        ("bob", "public/a", "PUT", "manifests/v1", 403),
        ("bob", "public/a", "POST", "blobs/uploads/", 403),
        ("bob", "public/a", "DELETE", "manifests/v1", 403),
        ("bob", "public/a", "HEAD", "manifests/v1", 200),
        ("carol", "drop/a", "GET", "manifests/v1", 403),
        ("carol", "drop/a", "GET", &format!("blobs/{blob}"), 403),
        ("carol", "drop/a", "GET", "tags/list", 403),
        ("carol", "drop/a", "HEAD", "tags/list", 403),
        ("carol", "drop/a", "GET", &format!("referrers/{blob}"), 403),
        ("carol", "drop/a", "DELETE", "manifests/v1", 403),
        ("carol", "drop/a", "HEAD", "manifests/v1", 200),
        ("carol", "drop/a", "HEAD", &format!("blobs/{blob}"), 200),
        ("carol", "drop/a", "PUT", "manifests/v1", 201),
        ("carol", "drop/a", "POST", "blobs/uploads/", 202),
    ] {
        let uri = format!("/v2/{name}/{below}");
        let login = basic(user, "secret");
        let request = authorized(Some(&login), (method, &uri), image("1"));
        if status == 403 {
            let case = Case {
                name: &format!("{user} {method} {uri}"),
                request,
                status,
                headers: &[],
                body: Body::Error(ErrorCode::Denied),
            };
            check(&guarded.app, case).await;
        } else {
            let answer = send(&guarded.app, request).await;
            assert_eq!(answer.status, status, "{user} {method} {uri}");
        }
    }
}

/// What is public is pulled without credentials, with Basic as it is, with Bearer by a token
/// for nobody; nothing else is.
#[tokio::test]
async fn nobody_pulls_what_is_public_and_does_nothing_else() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        for name in ["public/a", "team/a"] {
            guarded.world.manifest(name, Some("v1"), &image("1")).await;
            guarded.world.blob(name, b"{}").await;
        }
        for name in ["public/a", "team/a"] {
            let scope = format!("repository:{name}:pull,push,delete");
            let login = guarded.login("", &[&scope, "registry:catalog:*"]).await;
            for (method, uri, scope) in every_request(name) {
                let answer = guarded
                    .ask_with(login.as_deref(), (method, &uri), image("1"))
                    .await;
                let public = scope.contains("public/a:pull\"")
                    || scope.contains("catalog")
                    || scope.is_empty() && mode == Mode::Bearer;
                // The manifest's digest in the table is that of a blob.
                let absent = uri.contains("manifests/sha256:");
                let expected = match (public, absent) {
                    (false, _) => 401,
                    (true, true) => 404,
                    (true, false) => 200,
                };
                assert_eq!(answer.status, expected, "{mode:?} {method} {uri}");
                if uri.contains("_catalog") && method == "GET" {
                    assert_eq!(&answer.body[..], br#"{"repositories":["public/a"]}"#);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_ping_lets_in_who_is_known() {
    for (mode, user, status) in [
        (Mode::Basic, "", 401),
        (Mode::Basic, "bob", 200),
        (Mode::Bearer, "", 200),
        (Mode::Bearer, "bob", 200),
    ] {
        let guarded = guarded(mode).await;
        let answer = guarded.ask(user, &[], ("GET", "/v2/"), "").await;
        assert_eq!(answer.status, status, "{mode:?} {user}");
    }
}

/// An authenticator or a policy that cannot answer as it should.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Busy,
    Authenticator,
    Policy,
}

#[async_trait]
impl Authenticator for Broken {
    async fn authenticate(&self, _: Attempt<'_>) -> Result<Caller, AuthError> {
        match self {
            Self::Busy => Err(AuthError::TooMany {
                retry_after: Duration::from_millis(1500),
            }),
            Self::Authenticator => Err(AuthError::unavailable("the directory at 10.0.0.1")),
            Self::Policy => {
                let alice = Identity::user("alice".parse().unwrap(), BTreeSet::new());
                Ok(Caller::unbounded(alice))
            }
        }
    }
}

#[async_trait]
impl Policy for Broken {
    async fn rights(&self, _: &Identity, _: &RepositoryName) -> Result<Rights, PolicyError> {
        Err(PolicyError::new("the policy at 10.0.0.1"))
    }

    async fn pull_scope(&self, _: &Identity) -> Result<PullScope, PolicyError> {
        Err(PolicyError::new("the policy at 10.0.0.1"))
    }
}

#[tokio::test]
async fn who_cannot_be_asked_now_may_be_asked_later() {
    for (broken, status, after, code) in [
        (Broken::Busy, 429, "2", ErrorCode::TooManyRequests),
        (Broken::Authenticator, 503, "5", ErrorCode::Unknown),
        (Broken::Policy, 503, "5", ErrorCode::Unknown),
    ] {
        let world = world();
        world.manifest("a", Some("v1"), &image("1")).await;
        let access = Access::new(Arc::new(broken), Arc::new(broken), bearer_scheme());
        let ledger = Arc::new(Ledger::default());
        let app = RegistryRouter::new(world.registry)
            .access(access)
            .audit(ledger.clone())
            .into_router();
        for (method, uri, _) in every_request("a") {
            if matches!(broken, Broken::Policy) && uri == "/v2/" {
                continue; // No rule is asked for it.
            }
            let case = Case {
                name: &format!("{broken:?} {method} {uri}"),
                request: request(method, &uri, &[("x-request-id", "r-7")], image("1")),
                status,
                headers: &[("retry-after", after), ("x-request-id", "r-7")],
                body: Body::Error(code),
            };
            let answer = check(&app, case).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!body.contains("10.0.0.1"), "{body}");
            let told = status == 503 && method != "HEAD";
            assert_eq!(body.contains("r-7"), told, "{body}");
            let outcomes: Vec<_> = ledger.take().iter().map(|noted| noted.outcome).collect();
            let expected = match broken {
                Broken::Busy => &[Denied, Denied][..], // The login, and the request.
                Broken::Authenticator | Broken::Policy => &[Failed],
            };
            assert_eq!(outcomes, expected, "{broken:?} {method} {uri}");
        }
    }
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let guarded = guarded(Mode::Basic).await;
    let mut last = None;
    for guess in 0..40 {
        let login = basic("alice", &format!("guess {guess}"));
        let answer = guarded.ask_with(Some(&login), ("GET", "/v2/"), "").await;
        last = Some(answer.clone());
        if answer.status == 429 {
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let last = last.expect("an answer");
    assert_eq!(last.status, 429);
    assert_eq!(code(&last), "TOOMANYREQUESTS");
    let seconds: u64 = last.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    // Not so for others at the same address.
    let answer = guarded.ask("bob", &[], ("GET", "/v2/"), "").await;
    assert_eq!(answer.status, 200);
}

/// A client that sends all of it before it reads sees the refusal, and goes on.
#[tokio::test]
async fn the_body_of_a_refused_upload_is_read_on() {
    let body = vec![b'x'; 16 << 20];
    let length = format!("content-length: {}\r\n", body.len());
    for (mode, challenge) in [(Mode::Basic, BASIC), (Mode::Bearer, BEARER)] {
        let guarded = guarded(mode).await;
        let mut client = Client::connect(serve(guarded.app.clone()).await).await;
        let digest = Digest::sha256(&body);
        let post = format!("/v2/team/a/blobs/uploads/?digest={digest}");
        for (method, uri) in [("PUT", "/v2/team/a/manifests/v1"), ("POST", &post)] {
            client.write(head(method, uri, &length)).await;
            client.write(&body).await;
            let answer = client.answer(false).await;
            assert_eq!(answer.status, 401, "{method} {uri}");
            let found = answer.header("www-authenticate").unwrap_or_default();
            assert!(found.starts_with(challenge), "{found}");
            assert_eq!(answer.header("connection"), None);
        }
        // One that waits to be asked is not asked.
        let waiting = format!("{length}expect: 100-continue\r\n");
        client
            .write(head("PUT", "/v2/team/a/manifests/v1", &waiting))
            .await;
        assert_eq!(client.answer(false).await.status, 401);
    }
}

#[tokio::test]
async fn refusals_carry_the_requests_id() {
    let guarded = guarded(Mode::Basic).await;
    let bob = basic("bob", "secret");
    for (login, status) in [(None, 401), (Some(&*bob), 404)] {
        let mut headers = vec![("x-request-id", "r-1"), ("content-type", MANIFEST)];
        headers.extend(login.map(|login| ("authorization", login)));
        let asked = request("PUT", "/v2/team/a/manifests/v1", &headers, image("1"));
        let answer = send(&guarded.app, asked).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("x-request-id"), "r-1");
    }
    let noted = guarded.ledger.take();
    let denied = noted.iter().filter(|entry| entry.what.starts_with("PUT"));
    assert_eq!(denied.clone().count(), 2);
    assert!(denied.into_iter().all(|entry| entry.request_id == "r-1"));
}
