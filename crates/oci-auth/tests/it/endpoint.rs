//! The token endpoint: what is asked, what is granted, what is answered.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use oci_auth::{
    Account, Accounts, Credentials, Identity, Login, LoginError, Policy, PolicyError, PullScope,
    RefreshTokenId, Rights, Secret, SharedSecrets, TokenBackends, TokenError, TokenOptions,
    TokenOptionsError, TokenRequest, TokenResponse, TokenService, UnixTime, UserName,
};
use oci_types::RepositoryName;
use serde_json::json;

use crate::support::*;

fn granted(response: &TokenResponse) -> String {
    let scopes: Vec<_> = response.scopes.iter().map(ToString::to_string).collect();
    scopes.join(" ")
}

fn outcome(result: &Result<TokenResponse, TokenError>) -> String {
    match result {
        Ok(response) => format!("{} {}", response.identity, granted(response)),
        Err(TokenError::Service) => "service".to_owned(),
        Err(TokenError::TooManyScopes) => "too many scopes".to_owned(),
        Err(TokenError::Credentials) => "credentials".to_owned(),
        Err(TokenError::RefreshToken) => "refresh token".to_owned(),
        Err(TokenError::TooMany { .. }) => "too many".to_owned(),
        Err(TokenError::Unavailable(_)) => "unavailable".to_owned(),
    }
}

#[tokio::test]
async fn what_is_granted_is_what_is_asked_and_allowed() {
    let world = world().await;
    let alice = basic("alice", "secret");
    let bob = basic("bob", "hunter2");
    for (who, query, expected) in [
        (None, "", "anonymous "),
        (
            None,
            "scope=repository:public/a:pull",
            "anonymous repository:public/a:pull",
        ),
        (
            None,
            "scope=repository:public/a:pull,push",
            "anonymous repository:public/a:pull",
        ),
        (
            None,
            "scope=repository:public/a:*",
            "anonymous repository:public/a:pull",
        ),
        (None, "scope=repository:team/a:pull,push", "anonymous "),
        (
            None,
            "scope=registry:catalog:*",
            "anonymous registry:catalog:*",
        ),
        (Some(&alice), "", "user:alice "),
        (
            Some(&alice),
            "service=registry.example&scope=repository:team/a:pull,push",
            "user:alice repository:team/a:pull,push",
        ),
        (
            Some(&alice),
            "scope=repository:team/a:push,pull,delete",
            "user:alice repository:team/a:pull,push",
        ),
        (
            Some(&alice),
            "scope=repository:own/a:*",
            "user:alice repository:own/a:pull,push,delete",
        ),
        (
            Some(&alice),
            "scope=repository:own/a:delete",
            "user:alice repository:own/a:delete",
        ),
        (
            Some(&alice),
            "scope=repository:own/a:pull+repository:team/b:pull&scope=repository:own/a:push&scope=repository:secret/a:pull",
            "user:alice repository:own/a:pull,push repository:team/b:pull",
        ),
        (
            Some(&alice),
            "scope=repository(image):own/a:pull",
            "user:alice repository(image):own/a:pull",
        ),
        (
            Some(&alice),
            "scope=repository:localhost:5000/own/a:pull",
            "user:alice ",
        ),
        (Some(&alice), "scope=repository:OWN/a:pull", "user:alice "),
        (
            Some(&alice),
            "scope=repository:own/a:overwrite,admin",
            "user:alice ",
        ),
        (
            Some(&alice),
            "scope=registry:everything:*+user:alice:*",
            "user:alice ",
        ),
        (Some(&bob), "scope=repository:team/a:pull", "user:bob "),
        (
            Some(&bob),
            "scope=repository:public/a:pull",
            "user:bob repository:public/a:pull",
        ),
        (Some(&alice), "service=other.example", "service"),
    ] {
        let result = world.get(query, who).await;
        assert_eq!(outcome(&result), expected, "{query}");
    }
}

#[tokio::test]
async fn the_catalog_is_for_somebody_or_for_what_everyone_sees() {
    let world = world().await;
    world.policy.replace(rules(""));
    let query = "scope=registry:catalog:*";
    assert_eq!(outcome(&world.get(query, None).await), "anonymous ");
    let alice = basic("alice", "secret");
    assert_eq!(
        outcome(&world.get(query, Some(&alice)).await),
        "user:alice registry:catalog:*"
    );
}

#[tokio::test]
async fn who_asks_is_found_out_the_same_way_by_get_and_post() {
    let world = world().await;
    for (user, password, expected) in [
        ("alice", "secret", "user:alice repository:team/a:pull"),
        ("alice", "wrong", "credentials"),
        ("nobody", "secret", "credentials"),
        ("", "", "credentials"),
        ("alice", "", "credentials"),
    ] {
        let credentials = basic(user, password);
        let got = world
            .get("scope=repository:team/a:pull", Some(&credentials))
            .await;
        assert_eq!(outcome(&got), expected, "GET {user}:{password}");
        let form = format!(
            "grant_type=password&username={user}&password={password}&scope=repository:team/a:pull"
        );
        assert_eq!(
            outcome(&world.post(&form).await),
            expected,
            "POST {user}:{password}"
        );
    }
    let token = Credentials::Bearer(Secret::from("abc"));
    assert_eq!(outcome(&world.get("", Some(&token)).await), "credentials");
}

#[tokio::test]
async fn the_answer_has_the_form_that_clients_know() {
    let world = world().await;
    let alice = basic("alice", "secret");
    let response = world
        .get(
            "scope=repository:own/a:pull&offline_token=true",
            Some(&alice),
        )
        .await
        .unwrap();
    let body = serde_json::to_value(&response).unwrap();
    let refresh = response.refresh_token.as_ref().unwrap().expose();
    assert_eq!(
        body,
        json!({
            "token": response.token.expose(),
            "access_token": response.token.expose(),
            "token_type": "Bearer",
            "expires_in": 300,
            "issued_at": "2027-01-15T08:00:00Z",
            "scope": "repository:own/a:pull",
            "refresh_token": refresh,
        })
    );
    assert!(refresh.starts_with("ocirt_") && refresh.len() == 49);
    let printed = format!("{response:?}");
    assert!(!printed.contains(refresh) && !printed.contains(response.token.expose()));

    let without = world.get("", Some(&alice)).await.unwrap();
    let body = serde_json::to_value(&without).unwrap();
    assert!(body.get("refresh_token").is_none());
}

#[tokio::test]
async fn tokens_say_what_the_protocol_asks_for() {
    let world = world().await;
    let token = world.alices("repository:own/a:pull").await;
    let claims = claims(&token);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["aud"], SERVICE);
    assert_eq!(claims["iat"], NOW.as_secs());
    assert_eq!(claims["nbf"], NOW.as_secs());
    assert_eq!(claims["exp"], NOW.as_secs() + 300);
    assert_eq!(
        claims["access"],
        json!([{"type": "repository", "name": "own/a", "actions": ["pull"]}])
    );
    let header = header(&token);
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("JWT"), &json!("EdDSA"))
    );
    assert!(header["kid"].is_string());
    let hash = ALICE.split_once(':').unwrap().1;
    assert!(!claims.to_string().contains(hash));

    let other = world.alices("repository:own/a:pull").await;
    assert_ne!(crate::support::claims(&other)["jti"], claims["jti"]);

    let anonymous = world
        .get("scope=repository:public/a:pull", None)
        .await
        .unwrap();
    let claims = crate::support::claims(&anonymous.token);
    assert_eq!(claims["sub"], "");
    assert!(claims.get("cred").is_none());
}

#[tokio::test]
async fn refresh_tokens_are_for_who_asks_for_them_and_is_somebody() {
    let world = world().await;
    let alice = basic("alice", "secret");
    for (who, query, expected) in [
        (Some(&alice), "offline_token=true", true),
        (Some(&alice), "offline_token=false", false),
        (Some(&alice), "", false),
        (None, "offline_token=true", false),
    ] {
        let response = world.get(query, who).await.unwrap();
        assert_eq!(response.refresh_token.is_some(), expected, "{query}");
    }
    let form = "grant_type=password&username=alice&password=secret&access_type=offline";
    assert!(world.post(form).await.unwrap().refresh_token.is_some());
    let form = "grant_type=password&username=alice&password=secret&access_type=online";
    assert!(world.post(form).await.unwrap().refresh_token.is_none());
}

async fn refresh_token(world: &World) -> Secret<String> {
    let form =
        "grant_type=password&username=alice&password=secret&access_type=offline&client_id=docker";
    world.post(form).await.unwrap().refresh_token.unwrap()
}

async fn refreshed(world: &World, token: &str) -> Result<TokenResponse, TokenError> {
    let form = format!(
        "grant_type=refresh_token&refresh_token={token}&scope=repository:own/a:pull&client_id=docker"
    );
    world.post(&form).await
}

#[tokio::test]
async fn a_refresh_token_is_good_for_tokens() {
    let world = world().await;
    let refresh = refresh_token(&world).await;
    let response = refreshed(&world, refresh.expose()).await.unwrap();
    assert_eq!(granted(&response), "repository:own/a:pull");
    let same = response.refresh_token.unwrap();
    assert_eq!(same.expose(), refresh.expose());
    let kept = world
        .secrets
        .refresh_token(&RefreshTokenId::of(&refresh))
        .await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(kept.client.as_deref(), Some("docker"));
    assert!(!format!("{kept:?}").contains(refresh.expose()));
    for other in [
        "",
        "ocirt_",
        &refresh.expose()[..48],
        &refresh.expose().to_uppercase(),
    ] {
        assert_eq!(outcome(&refreshed(&world, other).await), "refresh token");
    }
}

#[tokio::test]
async fn a_refresh_token_ends_with_its_user_password_or_time() {
    let world = world().await;
    let refresh = refresh_token(&world).await;
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        refresh.expose()
    );
    let request = TokenRequest::from_form(form.as_bytes()).unwrap();
    for (days, expected) in [
        (89, "user:alice "),
        (90, "refresh token"),
        (1_000, "refresh token"),
    ] {
        let now = NOW.after(seconds(days * 24 * 60 * 60));
        assert_eq!(
            outcome(&world.issue(&request, None, now).await),
            expected,
            "{days}"
        );
    }
    let users = |text: &str| oci_auth::Htpasswd::parse(text).unwrap();
    world.users.replace(users(BOB));
    assert_eq!(
        outcome(&refreshed(&world, refresh.expose()).await),
        "refresh token"
    );
    world.users.replace(users(&BOB.replace("bob", "alice")));
    assert_eq!(
        outcome(&refreshed(&world, refresh.expose()).await),
        "refresh token"
    );
    world.users.replace(users(ALICE));
    assert_eq!(
        outcome(&refreshed(&world, refresh.expose()).await),
        "user:alice repository:own/a:pull"
    );
    let alice = "alice".parse().unwrap();
    world.secrets.remove_refresh_tokens(&alice).await.unwrap();
    assert_eq!(
        outcome(&refreshed(&world, refresh.expose()).await),
        "refresh token"
    );
}

#[tokio::test]
async fn a_refresh_token_of_another_service_is_refused() {
    let world = world().await;
    let refresh = refresh_token(&world).await;
    let backends = world.service.backends().clone();
    let other = TokenService::new(TokenOptions::new(ISSUER, "other.example"), backends).unwrap();
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        refresh.expose()
    );
    let request = TokenRequest::from_form(form.as_bytes()).unwrap();
    let peer = oci_auth::TokenPeer {
        credentials: None,
        address: None,
        now: NOW,
    };
    assert_eq!(outcome(&other.issue(&request, peer).await), "refresh token");
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_refresh_tokens() {
    let world = world().await;
    let first = refresh_token(&world).await;
    for _ in 0..99 {
        refresh_token(&world).await;
    }
    assert!(refreshed(&world, first.expose()).await.is_ok());
    refresh_token(&world).await;
    assert_eq!(
        outcome(&refreshed(&world, first.expose()).await),
        "refresh token"
    );
}

#[tokio::test]
async fn a_token_that_nobody_could_send_is_not_made() {
    let world = world().await;
    let name = format!("own/{}", "a".repeat(240));
    let scopes: Vec<_> = (0..60)
        .map(|number| format!("repository:{name}{number}:pull,push,delete"))
        .collect();
    let query = format!("scope={}", scopes.join("+"));
    let result = world.get(&query, Some(&basic("alice", "secret"))).await;
    assert_eq!(outcome(&result), "too many scopes");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let world = world().await;
    let options = TokenOptions::new(ISSUER, SERVICE);
    let with = |lifetime, issuer: &str| TokenOptions {
        lifetime: seconds(lifetime),
        issuer: issuer.to_owned(),
        ..options.clone()
    };
    let longest = seconds(3_480);
    for (options, error) in [
        (with(59, ISSUER), TokenOptionsError::TooShort),
        (with(3_481, ISSUER), TokenOptionsError::TooLong { longest }),
        (with(300, ""), TokenOptionsError::Unnamed),
    ] {
        let service = TokenService::new(options, world.service.backends().clone());
        assert_eq!(service.unwrap_err(), error);
    }
    assert!(TokenService::new(with(60, ISSUER), world.service.backends().clone()).is_ok());
}

/// Accounts and a policy that are out of reach.
#[derive(Debug)]
struct Gone;

#[async_trait]
impl Accounts for Gone {
    async fn login(
        &self,
        _login: &Login,
        _address: Option<std::net::IpAddr>,
        _now: UnixTime,
    ) -> Result<Account, LoginError> {
        Err(LoginError::unavailable("out of reach"))
    }

    async fn account(&self, _name: &UserName) -> Result<Option<Account>, LoginError> {
        Err(LoginError::unavailable("out of reach"))
    }
}

#[async_trait]
impl Policy for Gone {
    async fn rights(&self, _: &Identity, _: &RepositoryName) -> Result<Rights, PolicyError> {
        Err(PolicyError::new("out of reach"))
    }

    async fn pull_scope(&self, _: &Identity) -> Result<PullScope, PolicyError> {
        Err(PolicyError::new("out of reach"))
    }
}

#[tokio::test]
async fn what_is_out_of_reach_grants_nothing() {
    let world = world().await;
    let refresh = refresh_token(&world).await;
    let backends = TokenBackends {
        accounts: Arc::new(Gone),
        policy: Arc::new(Gone),
        ..world.service.backends().clone()
    };
    let service = TokenService::new(TokenOptions::new(ISSUER, SERVICE), backends).unwrap();
    let peer = |credentials| oci_auth::TokenPeer {
        credentials,
        address: None,
        now: NOW,
    };
    let alice = basic("alice", "secret");
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        refresh.expose()
    );
    for (request, credentials) in [
        (TokenRequest::from_query("").unwrap(), Some(&alice)),
        (
            TokenRequest::from_query("scope=repository:public/a:pull").unwrap(),
            None,
        ),
        (
            TokenRequest::from_query("scope=registry:catalog:*").unwrap(),
            None,
        ),
        (TokenRequest::from_form(form.as_bytes()).unwrap(), None),
    ] {
        let error = service
            .issue(&request, peer(credentials))
            .await
            .unwrap_err();
        assert_eq!(error.oauth_code(), "temporarily_unavailable");
        assert!(
            !error.to_string().contains("out of reach"),
            "that is for the log"
        );
        assert!(error.source().is_some());
    }
}
