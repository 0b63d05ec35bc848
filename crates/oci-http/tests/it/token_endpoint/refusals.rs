//! Requests that get no token, and what is written down of those that do.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_auth::{
    Account, Accounts, Live, Login, LoginError, TokenBackends, TokenOptions, TokenService,
    UnixTime, UserName,
};
use oci_http::AuditOutcome::{Denied, Done, Failed, Refused};
use oci_http::TokenEndpoint;
use oci_http::testing::{request, send};

use super::{claims, document, get, refusal};
use crate::guarded::{ADDRESS, ISSUER, Ledger, Mode, SERVICE, authorized, basic, guarded, rules};

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
        _: Option<IpAddr>,
        _: UnixTime,
    ) -> Result<Account, LoginError> {
        match &*login.user {
            "busy" => Err(LoginError::TooMany {
                retry_after: Duration::from_secs(7),
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
