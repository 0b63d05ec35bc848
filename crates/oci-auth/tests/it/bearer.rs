//! Tokens of the registry's own endpoint when they come back.

use oci_auth::{
    Access, Attempt, AuthError, Authenticator, Grant, Htpasswd, Identity, Secret, TokenRejection,
};
use serde_json::{Value, json};

use crate::support::*;

fn rejection(result: &Result<oci_auth::Caller, AuthError>) -> Option<TokenRejection> {
    match result {
        Ok(_) => None,
        Err(AuthError::Token(rejection)) => Some(*rejection),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_token_names_its_subject_and_bounds_its_rights() {
    let world = world().await;
    let token = world.alices("repository:own/a:pull").await;
    let caller = world.who_is(&token, NOW).await.unwrap();
    assert_eq!(caller.identity.to_string(), "user:alice");
    assert!(matches!(caller.grant, Grant::Builtin(_)));
    for (access, repository, expected) in [
        (Access::Read, "own/a", "allowed"),
        (Access::Write, "own/a", "401"),
        (Access::Read, "own/b", "401"),
        (Access::Read, "secret/a", "401"),
    ] {
        assert_eq!(world.verdict(&caller, access, repository).await, expected);
    }
    let anonymous = world
        .get("scope=repository:public/a:pull", None)
        .await
        .unwrap()
        .token;
    let caller = world.who_is(&anonymous, NOW).await.unwrap();
    assert_eq!(caller.identity, Identity::Anonymous);
    assert_eq!(
        world.verdict(&caller, Access::Read, "public/a").await,
        "allowed"
    );
}

#[tokio::test]
async fn tokens_are_good_in_their_time_with_a_minute_to_spare() {
    let world = world().await;
    let token = world.alices("repository:own/a:pull").await;
    for (offset, expected) in [
        (-61, Some(TokenRejection::NotYetValid)),
        (-60, None),
        (0, None),
        (300, None),
        (359, None),
        (360, Some(TokenRejection::Expired)),
        (1_000_000, Some(TokenRejection::Expired)),
        // Remembered or not, it is the same.
        (0, None),
        (-61, Some(TokenRejection::NotYetValid)),
        (360, Some(TokenRejection::Expired)),
    ] {
        let now = oci_auth::UnixTime::from_secs(NOW.as_secs() + offset);
        assert_eq!(
            rejection(&world.who_is(&token, now).await),
            expected,
            "{offset}"
        );
    }
}

#[tokio::test]
async fn every_claim_is_looked_at() {
    let world = world().await;
    let good = claims(&world.alices("repository:own/a:pull").await);
    assert!(world.who_is(&world.signed(&good).await, NOW).await.is_ok());
    let now = NOW.as_secs();
    let gone = Value::Null;
    for (claim, value, expected) in [
        ("iss", json!("https://evil.example"), TokenRejection::Issuer),
        ("iss", json!(format!("{ISSUER}/")), TokenRejection::Issuer),
        ("iss", json!(""), TokenRejection::Issuer),
        ("iss", gone.clone(), TokenRejection::Malformed),
        ("aud", json!("other.example"), TokenRejection::Audience),
        ("aud", json!(["other.example"]), TokenRejection::Audience),
        ("aud", json!([]), TokenRejection::Audience),
        ("aud", json!(""), TokenRejection::Audience),
        ("aud", gone.clone(), TokenRejection::Malformed),
        ("exp", json!(now - 60), TokenRejection::Expired),
        ("exp", json!(0), TokenRejection::Expired),
        ("exp", json!(-1), TokenRejection::Expired),
        ("exp", json!("9999999999"), TokenRejection::Malformed),
        ("exp", gone.clone(), TokenRejection::Malformed),
        ("nbf", json!(now + 61), TokenRejection::NotYetValid),
        ("nbf", json!(1e300), TokenRejection::NotYetValid),
        ("nbf", gone.clone(), TokenRejection::Malformed),
        ("iat", json!(now + 61), TokenRejection::NotYetValid),
        ("iat", gone.clone(), TokenRejection::Malformed),
        ("sub", json!("nobody"), TokenRejection::Subject),
        ("sub", json!("bob"), TokenRejection::Subject),
        ("sub", json!("a:b"), TokenRejection::Subject),
        ("sub", json!(["alice"]), TokenRejection::Malformed),
        ("sub", gone.clone(), TokenRejection::Malformed),
        ("cred", json!("other"), TokenRejection::Subject),
        ("cred", gone.clone(), TokenRejection::Subject),
        ("access", json!("all"), TokenRejection::Malformed),
        (
            "access",
            json!([{"type": "repository"}]),
            TokenRejection::Malformed,
        ),
    ] {
        let mut changed = good.clone();
        match &value {
            Value::Null => drop(changed.as_object_mut().unwrap().remove(claim)),
            value => changed[claim] = value.clone(),
        }
        let token = world.signed(&changed).await;
        let found = rejection(&world.who_is(&token, NOW).await);
        assert_eq!(found, Some(expected), "{claim} {value}");
    }
    for (claim, value) in [
        ("aud", json!(["other.example", SERVICE])),
        ("exp", json!(now as f64 + 0.5)),
        ("unknown", json!({"a": [1]})),
        ("jti", json!(1)),
    ] {
        let mut changed = good.clone();
        changed[claim] = value;
        assert!(
            world
                .who_is(&world.signed(&changed).await, NOW)
                .await
                .is_ok(),
            "{claim}"
        );
    }
}

#[tokio::test]
async fn a_token_without_access_opens_nothing() {
    let world = world().await;
    let mut claims = claims(&world.alices("repository:own/a:*").await);
    claims.as_object_mut().unwrap().remove("access");
    let token = world.signed(&claims).await;
    assert_eq!(world.told(&token, Access::Read, "own/a").await, "401");
}

/// No claim of a token puts its bearer into a group or past the rules.
#[tokio::test]
async fn a_token_never_opens_more_than_the_rules_do_now() {
    let world = world().await;
    let mut claims = claims(&world.alices("repository:own/a:*").await);
    claims["groups"] = json!(["admin"]);
    claims["access"] = json!([
        {"type": "repository", "name": "own/a", "actions": ["*", "overwrite", "admin"]},
        {"type": "repository", "name": "secret/a", "actions": ["*"]},
        {"type": "repository", "name": "public/a", "actions": ["*"]},
        {"type": "repository", "name": "**", "actions": ["*"]},
        {"type": "registry", "name": "*", "actions": ["*"]},
    ]);
    let token = world.signed(&claims).await;
    for (access, repository, expected) in [
        (Access::Delete, "own/a", "allowed"),
        (Access::Read, "secret/a", "404"),
        (Access::Write, "public/a", "403"),
        (Access::Read, "team/a", "401"),
    ] {
        assert_eq!(
            world.told(&token, access, repository).await,
            expected,
            "{repository}"
        );
    }
}

#[tokio::test]
async fn other_credentials_than_tokens_are_refused() {
    let world = world().await;
    let credentials = basic("alice", "secret");
    let attempt = |credentials| Attempt {
        credentials,
        address: None,
        now: NOW,
    };
    let result = world.bearer.authenticate(attempt(Some(&credentials))).await;
    assert!(matches!(result, Err(AuthError::Kind)));
    let nobody = world.bearer.authenticate(attempt(None)).await.unwrap();
    assert_eq!(nobody.grant, Grant::NoToken);
    let refresh = world
        .post("grant_type=password&username=alice&password=secret&access_type=offline")
        .await
        .unwrap()
        .refresh_token
        .unwrap();
    assert_eq!(world.told(&refresh, Access::Read, "own/a").await, "invalid");
}

#[tokio::test]
async fn tokens_outlive_the_turn_of_their_key_and_not_its_end() {
    let world = world().await;
    let week = seconds(7 * 24 * 60 * 60);
    let late = NOW.after(week).after(seconds(299));
    world.keys.refresh(NOW.after(week)).await.unwrap();
    let request = oci_auth::TokenRequest::from_query("").unwrap();
    let token = world
        .issue(&request, Some(&basic("alice", "secret")), late)
        .await
        .unwrap()
        .token;
    let taken_over = NOW.after(week).after(seconds(300));
    world.keys.refresh(taken_over).await.unwrap();
    assert!(world.who_is(&token, taken_over).await.is_ok());
    let next = world.issue(&request, None, taken_over).await.unwrap().token;
    assert_ne!(header(&next)["kid"], header(&token)["kid"]);
    world.keys.replace_all(taken_over).await.unwrap();
    for token in [&token, &next] {
        let found = rejection(&world.who_is(token, taken_over).await);
        assert_eq!(
            found,
            Some(TokenRejection::UnknownKey),
            "remembered, and gone all the same"
        );
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_printed() {
    let world = world().await;
    let token = world.alices("repository:own/canary:pull").await;
    let mut printed = format!("{token:?} {:?} {:?}", bearer(&token), world.bearer);
    let bad = Secret::new(format!("{}canary", token.expose()));
    let error = world.who_is(&bad, NOW).await.unwrap_err();
    printed += &format!("{error:?} {error}");
    let signature = token.expose().rsplit('.').next().unwrap();
    assert!(
        !printed.contains(signature) && !printed.contains("canary"),
        "{printed}"
    );
    let users = Htpasswd::parse(ALICE).unwrap();
    let printed = format!(
        "{users:?} {:?} {:?} {:?}",
        world.secrets, world.keys, world.service
    );
    for secret in ["TOMXGxwh", "48, 46"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
