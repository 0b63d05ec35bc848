//! Tokens that are not what they say.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_auth::{TokenBackends, TokenOptions, TokenService};
use oci_http::TokenEndpoint;
use oci_http::testing::{request, send};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::fixture::image;
use crate::guarded::{BEARER, Guarded, ISSUER, Mode, PASSWORD, SERVICE, basic, guarded};

const URI: &str = "/v2/own/a/manifests/v1";
const SCOPE: &str = "repository:own/a:pull,push,delete";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The parts of a token: header, claims, and the text of both.
fn parts(token: &str) -> (Value, String, String) {
    let (signed, _) = token.rsplit_once('.').expect("a signature");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let header = serde_json::from_slice(&header).expect("JSON");
    (header, claims.to_owned(), signed.to_owned())
}

/// Everything that a token opens answers it with the one challenge.
async fn refused(guarded: &Guarded, token: &str, name: &str) {
    for (method, uri, scope) in [
        ("GET", "/v2/", ""),
        ("GET", URI, r#",scope="repository:own/a:pull""#),
        ("PUT", URI, r#",scope="repository:own/a:pull,push""#),
        ("DELETE", URI, r#",scope="repository:own/a:delete""#),
        ("GET", "/v2/_catalog", r#",scope="registry:catalog:*""#),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = guarded
            .ask_with(Some(&bearer), (method, uri), image("1"))
            .await;
        assert_eq!(answer.status, 401, "{name}: {method} {uri}");
        let challenge = format!(r#"{BEARER}{scope},error="invalid_token""#);
        assert_eq!(answer.header("www-authenticate"), challenge, "{name}");
    }
}

async fn world() -> (Guarded, String) {
    let guarded = guarded(Mode::Bearer).await;
    guarded
        .world
        .manifest("own/a", Some("v1"), &image("1"))
        .await;
    let real = guarded.token("alice", &[SCOPE]).await;
    let bearer = format!("Bearer {real}");
    let answer = guarded.ask_with(Some(&bearer), ("GET", URI), "").await;
    assert_eq!(answer.status, 200);
    (guarded, real)
}

/// CVE-2025-24976: the key was taken from the token.
#[tokio::test]
async fn a_token_that_brings_its_key_is_refused() {
    let (guarded, real) = world().await;
    let (header, claims, signed) = parts(&real);
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).expect("a key");
    let kid = header["kid"].clone();
    let x = encode(pair.public_key());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid});
    let sign = |header: &Value| {
        let signed = format!("{}.{claims}", encode(header.to_string()));
        format!("{signed}.{}", encode(pair.sign(signed.as_bytes())))
    };
    for (member, value) in [
        ("jwk", jwk),
        ("x5c", json!(["MIIB"])),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", json!("http://127.0.0.1:1/chain")),
        ("crit", json!(["exp"])),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("")),
    ] {
        let mut header = header.clone();
        header[member] = value;
        refused(&guarded, &sign(&header), member).await;
    }
    refused(&guarded, &sign(&header), "another key").await;

    for algorithm in ["none", "None", "NONE", ""] {
        let mut header = header.clone();
        header["alg"] = json!(algorithm);
        let unsigned = format!("{}.{claims}.", encode(header.to_string()));
        refused(&guarded, &unsigned, algorithm).await;
    }
    // The secret of a MAC cannot be what everybody knows.
    for secret in [kid.as_str().unwrap_or_default(), "", &x] {
        let mut header = header.clone();
        header["alg"] = json!("HS256");
        let signed = format!("{}.{claims}", encode(header.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let token = format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes())));
        refused(&guarded, &token, "HS256").await;
    }
    refused(&guarded, &format!("{signed}."), "no signature").await;
}

/// CVE-2025-30204: splitting a token at its dots took memory for each of them.
#[tokio::test]
async fn a_token_of_a_megabyte_of_dots_is_refused() {
    let (guarded, _) = world().await;
    for dots in [1, 2, 3, 16_000] {
        refused(&guarded, &format!("a{}a", ".".repeat(dots)), "dots").await;
    }
    let bearer = format!("Bearer {}", ".".repeat(1 << 20));
    let answer = guarded.ask_with(Some(&bearer), ("GET", URI), "").await;
    assert_eq!(answer.status, 401);
}

/// CVE-2026-44428: a token for another service was taken, here with the same keys and users.
#[tokio::test]
async fn a_token_for_another_service_is_refused() {
    let (guarded, _) = world().await;
    for (issuer, service) in [
        (ISSUER, "other.example"),
        (ISSUER, "registry.example.evil.example"),
        (ISSUER, "REGISTRY.example"),
        ("https://other.example", SERVICE),
    ] {
        let backends = TokenBackends::clone(guarded.service.backends());
        let other = TokenService::new(TokenOptions::new(issuer, service), backends);
        let other = TokenEndpoint::new(Arc::new(other.expect("a service"))).into_router("/token");
        let login = basic("alice", PASSWORD);
        let uri = format!("/token?scope={SCOPE}&offline_token=true");
        let asked = request("GET", &uri, &[("authorization", &login)], "");
        let answer = send(&other, asked).await;
        let document: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let token = document["token"].as_str().expect("a token");
        refused(&guarded, token, service).await;
        if service != SERVICE {
            let refresh = document["refresh_token"].as_str().expect("one");
            let form = format!("grant_type=refresh_token&refresh_token={refresh}");
            let answer = send(&guarded.app, request("POST", "/token", &[], form)).await;
            assert_eq!(answer.status, 401, "{service}");
        }
    }
}

/// The claims and the signature belong together.
#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let (guarded, real) = world().await;
    let bobs = guarded.token("bob", &[]).await;
    let (_, _, signed) = parts(&real);
    let (_, signature) = bobs.rsplit_once('.').expect("a signature");
    refused(
        &guarded,
        &format!("{signed}.{signature}"),
        "another's signature",
    )
    .await;
    let (header, claims, _) = parts(&bobs);
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let mut claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["sub"] = json!("alice");
    let signed = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    refused(
        &guarded,
        &format!("{signed}.{signature}"),
        "another subject",
    )
    .await;
}
