//! Tokens of a token server elsewhere.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_auth::{
    Access, Attempt, AuthError, Authenticator, BearerAuthenticator, BuiltinTokens, Caller,
    ExternalIssuer, ExternalTokens, Jwks, JwksFile, JwksSource, JwksSourceError, Secret,
    TokenRejection, UnixTime,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::support::*;

const RULES: &str = r#"
[[access]]
repos = ["team/**"]
who = ["issuer:corp"]
allow = ["pull", "push"]

[[access]]
repos = ["alice/**"]
who = ["user:alice"]
allow = ["pull"]

[[access]]
repos = ["all/**"]
who = ["authenticated"]
allow = ["pull"]
"#;

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn jwks(seeds: &[u8]) -> Vec<u8> {
    let keys: Vec<_> = seeds
        .iter()
        .map(|seed| {
            let x = URL_SAFE_NO_PAD.encode(pair(*seed).public_key());
            json!({"kty": "OKP", "crv": "Ed25519", "kid": format!("key-{seed}"), "x": x})
        })
        .collect();
    json!({ "keys": keys }).to_string().into_bytes()
}

fn corp() -> ExternalIssuer {
    ExternalIssuer {
        name: "corp".parse().unwrap(),
        issuer: "https://auth.example".to_owned(),
        audience: SERVICE.to_owned(),
    }
}

fn good(subject: &str, scopes: &[(&str, &[&str])]) -> Value {
    let access = scopes
        .iter()
        .map(|(name, actions)| json!({"type": "repository", "name": name, "actions": actions}));
    json!({
        "iss": "https://auth.example",
        "sub": subject,
        "aud": SERVICE,
        "exp": NOW.as_secs() + 300,
        "access": access.collect::<Vec<_>>(),
    })
}

fn token(seed: u8, claims: &Value) -> Secret<String> {
    let header = json!({"alg": "EdDSA", "kid": format!("key-{seed}")});
    sign(&header, claims, &pair(seed))
}

/// A key set that can be changed, and counts who asks.
#[derive(Debug)]
struct Server {
    keys: std::sync::Mutex<Vec<u8>>,
    asked: AtomicUsize,
}

#[async_trait]
impl JwksSource for Server {
    async fn fetch(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let keys = self.keys.lock().unwrap().clone();
        if keys.is_empty() {
            return Err("out of reach".into());
        }
        Ok(keys)
    }
}

fn server(seeds: &[u8]) -> Arc<Server> {
    Arc::new(Server {
        keys: jwks(seeds).into(),
        asked: AtomicUsize::new(0),
    })
}

async fn keys(server: &Arc<Server>) -> Arc<Jwks> {
    let source: Arc<dyn JwksSource> = Arc::<Server>::clone(server);
    Arc::new(Jwks::open(source, NOW).await.unwrap())
}

async fn ask(
    authenticator: &BearerAuthenticator,
    token: &Secret<String>,
    now: UnixTime,
) -> Result<Caller, AuthError> {
    let credentials = bearer(token);
    let attempt = Attempt {
        credentials: Some(&credentials),
        address: None,
        now,
    };
    authenticator.authenticate(attempt).await
}

fn rejection(result: &Result<Caller, AuthError>) -> Option<TokenRejection> {
    match result {
        Err(AuthError::Token(rejection)) => Some(*rejection),
        _ => None,
    }
}

async fn authenticator(server: &Arc<Server>) -> BearerAuthenticator {
    let tokens = ExternalTokens::new(corp(), keys(server).await).unwrap();
    BearerAuthenticator::new(vec![Arc::new(tokens)])
}

#[tokio::test]
async fn a_token_and_the_rules_together_open_a_repository() {
    let world = world().await;
    world.policy.replace(rules(RULES));
    let authenticator = authenticator(&server(&[1])).await;
    let scopes: &[(&str, &[&str])] = &[
        ("team/a", &["pull"]),
        ("alice/a", &["pull"]),
        ("all/a", &["pull"]),
        ("other/a", &["*"]),
    ];
    let caller = ask(&authenticator, &token(1, &good("alice", scopes)), NOW)
        .await
        .unwrap();
    assert_eq!(caller.identity.to_string(), "issuer:corp:alice");
    for (access, repository, expected) in [
        (Access::Read, "team/a", "allowed"),
        (Access::Write, "team/a", "401"),
        (Access::Read, "team/b", "401"),
        (Access::Read, "all/a", "allowed"),
        (Access::Read, "other/a", "404"),
        // The alice of elsewhere is not the alice of here.
        (Access::Read, "alice/a", "404"),
    ] {
        assert_eq!(
            world.verdict(&caller, access, repository).await,
            expected,
            "{repository}"
        );
    }
    let nobody = ask(&authenticator, &token(1, &good("", scopes)), NOW)
        .await
        .unwrap();
    assert_eq!(
        world.verdict(&nobody, Access::Read, "team/a").await,
        "allowed"
    );
    assert_eq!(world.verdict(&nobody, Access::Read, "all/a").await, "404");
}

#[tokio::test]
async fn claims_are_held_against_the_configuration() {
    let authenticator = authenticator(&server(&[1])).await;
    for (claim, value, expected) in [
        (
            "iss",
            json!("https://evil.example"),
            Some(TokenRejection::Issuer),
        ),
        (
            "aud",
            json!("other.example"),
            Some(TokenRejection::Audience),
        ),
        ("aud", json!(["a", SERVICE]), None),
        (
            "exp",
            json!(NOW.as_secs() - 60),
            Some(TokenRejection::Expired),
        ),
        ("exp", Value::Null, Some(TokenRejection::Malformed)),
        (
            "nbf",
            json!(NOW.as_secs() + 61),
            Some(TokenRejection::NotYetValid),
        ),
        ("nbf", json!(NOW.as_secs() + 60), None),
        ("access", Value::Null, None),
    ] {
        let mut claims = good("bob", &[]);
        claims[claim] = value.clone();
        let found = rejection(&ask(&authenticator, &token(1, &claims), NOW).await);
        assert_eq!(found, expected, "{claim} {value}");
    }
}

#[tokio::test]
async fn keys_rotate_and_are_asked_for_once_a_minute() {
    let server = server(&[1]);
    let authenticator = authenticator(&server).await;
    let (one, two) = (token(1, &good("bob", &[])), token(2, &good("bob", &[])));
    assert!(ask(&authenticator, &one, NOW).await.is_ok());
    *server.keys.lock().unwrap() = jwks(&[2]);
    for offset in [0, 1, 59] {
        let result = ask(&authenticator, &two, NOW.after(seconds(offset))).await;
        assert_eq!(rejection(&result), Some(TokenRejection::UnknownKey));
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    let later = NOW.after(seconds(60));
    assert!(ask(&authenticator, &two, later).await.is_ok());
    assert_eq!(server.asked.load(Ordering::SeqCst), 2);
    assert_eq!(
        rejection(&ask(&authenticator, &one, later).await),
        Some(TokenRejection::UnknownKey)
    );
    assert_eq!(
        server.asked.load(Ordering::SeqCst),
        2,
        "a flood of names asks no more"
    );
}

#[tokio::test]
async fn a_server_out_of_reach_leaves_the_former_keys() {
    let server = server(&[1]);
    let keys = keys(&server).await;
    let tokens = ExternalTokens::new(corp(), Arc::clone(&keys)).unwrap();
    let authenticator = BearerAuthenticator::new(vec![Arc::new(tokens)]);
    for broken in [&b""[..], b"{}", b"{\"keys\":[]}"] {
        *server.keys.lock().unwrap() = broken.to_vec();
        assert!(keys.refresh().await.is_err());
        assert!(
            ask(&authenticator, &token(1, &good("bob", &[])), NOW)
                .await
                .is_ok()
        );
    }
    let unknown = ask(
        &authenticator,
        &token(2, &good("bob", &[])),
        NOW.after(seconds(60)),
    )
    .await;
    assert!(matches!(unknown, Err(AuthError::Unavailable(_))));
}

#[tokio::test]
async fn files_with_keys_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let open = || Jwks::open(Arc::new(JwksFile::new(&path)), NOW);
    assert!(matches!(open().await, Err(JwksSourceError::Fetch(_))));
    fs::write(&path, "{}").unwrap();
    assert!(matches!(open().await, Err(JwksSourceError::Content(_))));
    fs::write(&path, jwks(&[1])).unwrap();
    let keys = Arc::new(open().await.unwrap());
    let tokens = ExternalTokens::new(corp(), Arc::clone(&keys)).unwrap();
    let authenticator = BearerAuthenticator::new(vec![Arc::new(tokens)]);
    let (one, two) = (token(1, &good("bob", &[])), token(2, &good("bob", &[])));
    assert!(ask(&authenticator, &one, NOW).await.is_ok());
    fs::write(&path, jwks(&[2])).unwrap();
    keys.refresh().await.unwrap();
    assert!(ask(&authenticator, &one, NOW).await.is_err());
    assert!(ask(&authenticator, &two, NOW).await.is_ok());
}

/// Two issuers beside each other: each speaks for its own.
#[tokio::test]
async fn issuers_do_not_speak_for_each_other() {
    let world = world().await;
    let tokens = ExternalTokens::new(corp(), keys(&server(&[1])).await).unwrap();
    let builtin = BuiltinTokens::new(&world.service).unwrap();
    let both = BearerAuthenticator::new(vec![Arc::new(builtin), Arc::new(tokens)]);
    let own = world.alices("repository:own/a:pull").await;
    let caller = ask(&both, &own, NOW).await.unwrap();
    assert_eq!(caller.identity.to_string(), "user:alice");
    let caller = ask(&both, &token(1, &good("alice", &[])), NOW)
        .await
        .unwrap();
    assert_eq!(caller.identity.to_string(), "issuer:corp:alice");
    // What corp signs in the registry's name, and the other way round.
    let forged = token(1, &claims(&own));
    assert_eq!(
        rejection(&ask(&both, &forged, NOW).await),
        Some(TokenRejection::Issuer)
    );
    let forged = world.signed(&good("alice", &[])).await;
    assert_eq!(
        rejection(&ask(&both, &forged, NOW).await),
        Some(TokenRejection::Issuer)
    );
    let unknown = token(9, &good("alice", &[]));
    assert_eq!(
        rejection(&ask(&both, &unknown, NOW).await),
        Some(TokenRejection::UnknownKey)
    );
}

#[tokio::test]
async fn an_issuer_out_of_reach_does_not_keep_others_out() {
    let world = world().await;
    let server = server(&[1]);
    let tokens = ExternalTokens::new(corp(), keys(&server).await).unwrap();
    server.keys.lock().unwrap().clear();
    let builtin = BuiltinTokens::new(&world.service).unwrap();
    let both = BearerAuthenticator::new(vec![Arc::new(tokens), Arc::new(builtin)]);
    let own = world.alices("repository:own/a:pull").await;
    let later = NOW.after(seconds(100));
    assert!(ask(&both, &own, later).await.is_ok());
    let unknown = token(9, &good("alice", &[]));
    let later = NOW.after(seconds(200));
    let result = ask(&both, &unknown, later).await;
    assert!(
        matches!(result, Err(AuthError::Unavailable(_))),
        "it may be the one"
    );
}
