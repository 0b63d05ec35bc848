//! What clients do, in their order.

use std::collections::BTreeSet;

use oci_auth::{Groups, Htpasswd, Rules};
use serde_json::json;

use super::{claims, document, get, post, refusal, status};
use crate::fixture::image;
use crate::guarded::{BEARER, ISSUER, Mode, OTHER_HASH, SERVICE, basic, guarded, htpasswd, rules};

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
    guarded.policy.replace(Rules::clone(&before));

    let other_password = format!("alice:{OTHER_HASH}");
    let other_password = Htpasswd::parse(&other_password).expect("a file");
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
    guarded.groups.replace(Groups::new([].into()));
    assert_eq!(
        status(&guarded, &token, "GET", uri).await,
        404,
        "out of the group"
    );
    guarded.groups.replace(Groups::clone(&groups));
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
