//! The token endpoint over HTTP, as clients use it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_auth::{
    Account, Accounts, Live, Login, LoginError, TokenBackends, TokenOptions, TokenService,
    UnixTime, UserName,
};
use oci_http::AuditOutcome::{Denied, Done, Failed, Refused};
use oci_http::TokenEndpoint;
use oci_http::testing::{Answer, request, send};
use serde_json::{Value, json};

use crate::fixture::image;
use crate::guarded::{
    ADDRESS, BASIC, BEARER, Guarded, ISSUER, Ledger, Mode, OTHER_HASH, SERVICE, authorized, basic,
    guarded, htpasswd, rules,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// An answer of the endpoint: its status, headers that never change, and its document.
fn document(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{:?}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(!answer.header("x-request-id").is_empty());
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// A refusal in both forms that clients read, and one challenge where it is a 401.
fn refusal(answer: &Answer, status: u16, oauth: &str, code: &str) {
    let found = document(answer, status);
    let (description, message) = (&found["error_description"], &found["errors"][0]["message"]);
    assert!(description.is_string() && description == message, "{found}");
    assert_eq!(found["error"], oauth, "{found}");
    assert_eq!(found["errors"][0]["code"], code, "{found}");
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    let expected: &[&str] = if status == 401 { &[BASIC] } else { &[] };
    assert_eq!(challenges, expected, "{found}");
}

async fn get(guarded: &Guarded, query: &str, login: Option<&str>) -> Answer {
    let uri = format!("/token?{query}");
    guarded.ask_with(login, ("GET", &uri), "").await
}

async fn post(guarded: &Guarded, form: impl Into<String>) -> Answer {
    let asked = request("POST", "/token", &[("content-type", FORM)], form.into());
    send(&guarded.app, asked).await
}

/// The status of a request with a token.
async fn status(guarded: &Guarded, token: &Value, method: &str, uri: &str) -> u16 {
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let answer = guarded
        .ask_with(Some(&bearer), (method, uri), image("1"))
        .await;
    answer.status.as_u16()
}

/// What a token says.
fn claims(token: &Value) -> Value {
    let token = token.as_str().expect("a token");
    let payload = token.split('.').nth(1).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

/// Pings, logs in for a refresh token, and goes on with that.
#[tokio::test]
async fn docker_logs_in_pushes_and_pulls() {
    let guarded = guarded(Mode::Bearer).await;
    let ping = guarded.ask_with(None, ("GET", "/v2/"), "").await;
    assert_eq!(
        (ping.status.as_u16(), ping.header("www-authenticate")),
        (401, BEARER)
    );

    let query = format!("account=alice&client_id=docker&offline_token=true&service={SERVICE}");
    let wrong = get(&guarded, &query, Some(&basic("alice", "wrong"))).await;
    refusal(&wrong, 401, "invalid_grant", "UNAUTHORIZED");
    let answer = get(&guarded, &query, Some(&basic("alice", "secret"))).await;
    let login = document(&answer, 200);
    assert_eq!(login["token"], login["access_token"]);
    assert_eq!(login["token_type"], "Bearer");
    assert!(login["expires_in"].as_u64() >= Some(60));
    let issued = login["issued_at"].as_str().expect("a time");
    assert!(issued.len() == 20 && issued.ends_with('Z'), "{issued}");
    assert_eq!(status(&guarded, &login["token"], "GET", "/v2/").await, 200);
    let uri = "/v2/own/a/manifests/v1";
    assert_eq!(
        status(&guarded, &login["token"], "PUT", uri).await,
        401,
        "no scope"
    );

    let refresh = login["refresh_token"].as_str().expect("a refresh token");
    for (actions, method, expected) in [("pull,push", "PUT", 201), ("pull", "GET", 200)] {
        let form = format!(
            "grant_type=refresh_token&service={SERVICE}&client_id=docker\
             &scope=repository%3Aown%2Fa%3A{actions}&refresh_token={refresh}"
        );
        let found = document(&post(&guarded, form).await, 200);
        assert_eq!(found["scope"], format!("repository:own/a:{actions}"));
        assert_eq!(found["refresh_token"], refresh);
        assert_eq!(
            status(&guarded, &found["token"], method, uri).await,
            expected
        );
    }
}

/// Asks for what it needs without a ping: by POST, and by GET where that answers with one of the
/// statuses after which it does.
#[tokio::test]
async fn containerd_posts_first() {
    let guarded = guarded(Mode::Bearer).await;
    guarded
        .world
        .manifest("own/a", Some("v1"), &image("1"))
        .await;
    let uri = "/v2/own/a/manifests/v1";
    let asked = guarded.ask_with(None, ("HEAD", uri), "").await;
    let challenge = format!(r#"{BEARER},scope="repository:own/a:pull""#);
    assert_eq!(asked.header("www-authenticate"), challenge);
    let form = |user: &str, password: &str, more: &str| {
        format!(
            "client_id=containerd-client&grant_type=password&password={password}\
             &scope=repository%3Aown%2Fa%3Apull&service={SERVICE}&username={user}{more}"
        )
    };
    let found = document(&post(&guarded, form("alice", "secret", "")).await, 200);
    assert!(found.get("refresh_token").is_none());
    assert_eq!(
        status(&guarded, &found["access_token"], "HEAD", uri).await,
        200
    );
    let offline = post(&guarded, form("alice", "secret", "&access_type=offline")).await;
    assert!(document(&offline, 200)["refresh_token"].is_string());

    refusal(
        &post(&guarded, form("alice", "wrong", "")).await,
        401,
        "invalid_grant",
        "UNAUTHORIZED",
    );
    for (form, oauth) in [
        (
            "grant_type=authorization_code&code=x",
            "unsupported_grant_type",
        ),
        (
            "grant_type=&username=a&password=b",
            "unsupported_grant_type",
        ),
        ("username=alice&password=secret", "invalid_request"),
        ("grant_type=password&username=alice", "invalid_request"),
        ("grant_type=refresh_token", "invalid_request"),
        (
            "grant_type=password&username=a&username=b&password=c",
            "invalid_request",
        ),
        (r#"{"grant_type":"password"}"#, "invalid_request"),
        ("", "invalid_request"),
    ] {
        refusal(&post(&guarded, form).await, 400, oauth, "UNSUPPORTED");
    }
}

/// Asks by GET for whatever it may come to do, and for more than there is.
#[tokio::test]
async fn crane_gets_what_it_may_have_of_what_it_asks_for() {
    let guarded = guarded(Mode::Bearer).await;
    for (user, scopes, granted) in [
        (
            "alice",
            "scope=repository:own/a:push,pull",
            "repository:own/a:pull,push",
        ),
        (
            "alice",
            "scope=repository:own/a:push,pull,delete",
            "repository:own/a:pull,push,delete",
        ),
        (
            "alice",
            "scope=repository:own/a:*",
            "repository:own/a:pull,push,delete",
        ),
        (
            "alice",
            "scope=repository:team/a:*",
            "repository:team/a:pull,push",
        ),
        ("bob", "scope=repository:own/a:push,pull", ""),
        (
            "bob",
            "scope=repository:public/a:push,pull",
            "repository:public/a:pull",
        ),
        (
            "carol",
            "scope=repository:drop/a:push,pull",
            "repository:drop/a:push",
        ),
        (
            "",
            "scope=repository:public/a:push,pull",
            "repository:public/a:pull",
        ),
        ("", "scope=repository:own/a:pull", ""),
        ("", "", ""),
        ("alice", "scope=registry:catalog:*", "registry:catalog:*"),
        (
            "alice",
            "scope=registry:other:*&scope=plugin:a:pull&scope=nonsense",
            "",
        ),
        (
            "alice",
            "scope=repository:own/a:pull&scope=repository:own/b:pull,push&scope=repository:own/a:push",
            "repository:own/a:pull,push repository:own/b:pull,push",
        ),
        (
            "alice",
            "scope=repository:own/a:pull+repository:team/a:pull%20repository:secret/a:pull",
            "repository:own/a:pull repository:team/a:pull",
        ),
    ] {
        let login = basic(user, "secret");
        let login = (!user.is_empty()).then_some(&*login);
        for query in [scopes.to_owned(), format!("{scopes}&service={SERVICE}")] {
            let found = document(&get(&guarded, &query, login).await, 200);
            assert_eq!(found["scope"], granted, "{user} {query}");
            let claims = claims(&found["token"]);
            assert_eq!(claims["sub"], user);
            assert_eq!(claims["aud"], SERVICE);
            assert_eq!(claims["iss"], ISSUER);
            assert!(found.get("refresh_token").is_none());
            assert_eq!(status(&guarded, &found["token"], "GET", "/v2/").await, 200);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_ends_with_what_it_was_handed_out_for() {
    let guarded = guarded(Mode::Bearer).await;
    let login = basic("alice", "secret");
    let query = "offline_token=true&scope=repository:own/a:pull";
    let found = document(&get(&guarded, query, Some(&login)).await, 200);
    let refresh = found["refresh_token"].as_str().expect("a refresh token");
    let form = |token: &str| {
        format!("grant_type=refresh_token&refresh_token={token}&scope=repository:own/a:pull")
    };
    let scope = "repository:own/a:pull";
    assert_eq!(
        document(&post(&guarded, form(refresh)).await, 200)["scope"],
        scope
    );

    // A right that is gone is not in the next token.
    let before = guarded.policy.current();
    guarded.policy.replace(rules("").0);
    assert_eq!(
        document(&post(&guarded, form(refresh)).await, 200)["scope"],
        ""
    );
    guarded.policy.replace(oci_auth::Rules::clone(&before));

    let other_password = format!("alice:{OTHER_HASH}");
    let other_password = oci_auth::Htpasswd::parse(&other_password).expect("a file");
    for users in [htpasswd(&["bob"]), other_password] {
        guarded.users.replace(users);
        refusal(
            &post(&guarded, form(refresh)).await,
            401,
            "invalid_grant",
            "UNAUTHORIZED",
        );
    }
    for other in ["ocirt_x", "", found["token"].as_str().expect("a token")] {
        refusal(
            &post(&guarded, form(other)).await,
            401,
            "invalid_grant",
            "UNAUTHORIZED",
        );
    }
    // Nor is it good for anything but tokens.
    let bearer = format!("Bearer {refresh}");
    let answer = guarded.ask_with(Some(&bearer), ("GET", "/v2/"), "").await;
    assert_eq!(answer.status, 401);
    let challenge = format!(r#"{BEARER},error="invalid_token""#);
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn requests_that_are_none() {
    let guarded = guarded(Mode::Bearer).await;
    let long = "a".repeat(64 << 10);
    let scopes = "&scope=repository:a:pull".repeat(101);
    for (method, uri, body, status, oauth, code) in [
        (
            "POST",
            "/token",
            format!("grant_type=password&x={long}"),
            413,
            "invalid_request",
            "UNKNOWN",
        ),
        (
            "GET",
            &*format!("/token?x={}", &long[..50_000]),
            String::new(),
            200,
            "",
            "",
        ),
        (
            "GET",
            "/token?service=other.example",
            String::new(),
            400,
            "invalid_request",
            "UNSUPPORTED",
        ),
        (
            "GET",
            &format!("/token?{scopes}"),
            String::new(),
            400,
            "invalid_request",
            "UNSUPPORTED",
        ),
        (
            "GET",
            "/token?service=a&service=b",
            String::new(),
            400,
            "invalid_request",
            "UNSUPPORTED",
        ),
    ] {
        let answer = send(&guarded.app, request(method, uri, &[], body)).await;
        if status == 200 {
            document(&answer, 200);
        } else {
            refusal(&answer, status, oauth, code);
        }
    }
    for (login, status, oauth) in [
        ("Basic !", 401, "invalid_request"),
        ("Digest x", 401, "invalid_request"),
        ("Bearer abc", 401, "invalid_grant"),
    ] {
        let code = "UNAUTHORIZED";
        refusal(&get(&guarded, "", Some(login)).await, status, oauth, code);
    }
    let mut twice = authorized(Some(&basic("alice", "secret")), ("GET", "/token"), "");
    let other = "Bearer x".parse().expect("a header");
    twice.headers_mut().append("authorization", other);
    refusal(
        &send(&guarded.app, twice).await,
        400,
        "invalid_request",
        "UNSUPPORTED",
    );
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = guarded.ask_with(None, (method, "/token"), "").await;
        assert_eq!(answer.status, 405, "{method}");
    }
}

#[tokio::test]
async fn logins_are_written_down_by_what_they_show() {
    let guarded = guarded(Mode::Bearer).await;
    let query = format!("service={SERVICE}&offline_token=true");
    let right = basic("alice", "secret");
    let found = document(&get(&guarded, &query, Some(&right)).await, 200);
    guarded.ledger.take();
    let refresh = found["refresh_token"].as_str().expect("a refresh token");
    let refresh = format!("grant_type=refresh_token&refresh_token={refresh}");
    let password =
        |password: &str| format!("grant_type=password&username=alice&password={password}");
    let wrong = basic("alice", "canary");
    let (right, wrong) = (Some(&*right), Some(&*wrong));
    for (method, uri, login, form, entry) in [
        ("GET", "/token", None, String::new(), None),
        (
            "GET",
            "/token",
            right,
            String::new(),
            Some(("password", Done, 200)),
        ),
        (
            "GET",
            "/token",
            wrong,
            String::new(),
            Some(("password", Denied, 401)),
        ),
        (
            "GET",
            "/token?service=x",
            right,
            String::new(),
            Some(("password", Refused, 400)),
        ),
        (
            "POST",
            "/token",
            None,
            password("secret"),
            Some(("password", Done, 200)),
        ),
        (
            "POST",
            "/token",
            None,
            password("canary"),
            Some(("password", Denied, 401)),
        ),
        (
            "POST",
            "/token",
            None,
            refresh,
            Some(("refresh_token", Done, 200)),
        ),
        (
            "POST",
            "/token",
            None,
            "grant_type=refresh_token&refresh_token=canary".into(),
            Some(("refresh_token", Denied, 401)),
        ),
        (
            "POST",
            "/token",
            None,
            "grant_type=x&password=canary".into(),
            None,
        ),
    ] {
        let answer = send(&guarded.app, authorized(login, (method, uri), form)).await;
        let noted = guarded.ledger.take();
        let Some((by, outcome, status)) = entry else {
            assert_eq!(noted, [], "{method} {uri}");
            continue;
        };
        assert_eq!(noted.len(), 1, "{noted:?}");
        let noted = &noted[0];
        assert_eq!(noted.what, format!("login {by}"));
        assert_eq!((noted.outcome, noted.status), (outcome, Some(status)));
        assert_eq!(answer.status, status);
        let actor = if outcome == Done {
            "user:alice"
        } else {
            "anonymous"
        };
        assert_eq!(noted.actor, actor);
        assert_eq!(noted.address, Some(ADDRESS));
        assert_eq!(noted.request_id, answer.header("x-request-id"));
        for secret in ["secret", "canary", "ocirt_"] {
            let printed = noted.printed.replace("Secret", "");
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

/// Users out of reach.
#[derive(Debug)]
struct Away;

#[async_trait]
impl Accounts for Away {
    async fn login(
        &self,
        login: &Login,
        _: Option<std::net::IpAddr>,
        _: UnixTime,
    ) -> Result<Account, LoginError> {
        match &*login.user {
            "busy" => Err(LoginError::TooMany {
                retry_after: std::time::Duration::from_secs(7),
            }),
            _ => Err(LoginError::unavailable("the directory at 10.0.0.1")),
        }
    }

    async fn account(&self, _: &UserName) -> Result<Option<Account>, LoginError> {
        Err(LoginError::unavailable("the directory at 10.0.0.1"))
    }
}

#[tokio::test]
async fn who_cannot_be_asked_now_may_be_asked_later() {
    let guarded = guarded(Mode::Bearer).await;
    let backends = TokenBackends {
        accounts: Arc::new(Away),
        policy: Arc::new(Live::new(rules("").0)),
        ..guarded.service.backends().clone()
    };
    let service = TokenService::new(TokenOptions::new(ISSUER, SERVICE), backends);
    let ledger = Arc::new(Ledger::default());
    let app = TokenEndpoint::new(Arc::new(service.expect("a service")))
        .audit(ledger.clone())
        .into_router("/token");
    for (user, status, after, code, outcome) in [
        ("busy", 429, "7", "TOOMANYREQUESTS", Denied),
        ("alice", 503, "5", "UNKNOWN", Failed),
    ] {
        let login = basic(user, "secret");
        let answer = send(&app, authorized(Some(&login), ("GET", "/token"), "")).await;
        refusal(&answer, status, "temporarily_unavailable", code);
        assert_eq!(answer.header("retry-after"), after);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("10.0.0.1"), "{body}");
        assert_eq!(ledger.take()[0].outcome, outcome);
    }
    // Who shows nothing needs nobody to be asked.
    let nobody = send(&app, request("GET", "/token", &[], "")).await;
    assert_eq!(claims(&document(&nobody, 200)["token"])["sub"], "");
}

#[tokio::test]
async fn a_token_is_worth_what_its_subject_is_now() {
    let guarded = guarded(Mode::Bearer).await;
    guarded
        .world
        .manifest("team/a", Some("v1"), &image("1"))
        .await;
    let token = json!(
        guarded
            .token("alice", &["repository:team/a:pull,push"])
            .await
    );
    let uri = "/v2/team/a/manifests/v1";
    assert_eq!(status(&guarded, &token, "GET", uri).await, 200);
    let groups = guarded.groups.current();
    guarded.groups.replace(oci_auth::Groups::new([].into()));
    assert_eq!(
        status(&guarded, &token, "GET", uri).await,
        404,
        "out of the group"
    );
    guarded.groups.replace(oci_auth::Groups::clone(&groups));
    guarded.users.replace(htpasswd(&["bob"]));
    assert_eq!(status(&guarded, &token, "GET", uri).await, 401, "gone");
    assert_eq!(status(&guarded, &token, "GET", "/v2/").await, 401, "gone");
    guarded.users.replace(htpasswd(&["alice"]));
    assert_eq!(
        guarded.users.current().users(),
        BTreeSet::from(["alice".parse().unwrap()])
    );
    assert_eq!(status(&guarded, &token, "GET", uri).await, 200);
}
