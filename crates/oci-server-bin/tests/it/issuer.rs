//! Tokens of a token server elsewhere.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::site::{BY_ITSELF, Site, said, within};

const SETTINGS: &str = "data_dir = '{dir}/data'\n\
                        auth.scheme = 'bearer'\n\
                        auth.token_url = 'https://tokens.test/token'\n\
                        auth.service = 'registry.test'\n\
                        [[auth.issuers]]\nname = 'corp'\nissuer = 'https://tokens.test'\n\
                        keys = '{dir}/jwks.json'\n\
                        [[access]]\nrepos = ['team/**']\nwho = ['issuer:corp']\n\
                        allow = ['pull', 'push']\n";

/// A key of the token server.
struct Key {
    id: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        Self { id, pair }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": self.id, "x": x})
    }

    /// A token for `team/a`, with other claims than usual.
    fn token(&self, other: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = now.as_secs();
        let mut claims = json!({
            "iss": "https://tokens.test", "aud": "registry.test", "sub": "somebody",
            "iat": now, "nbf": now, "exp": now + 300,
            "access": [
                {"type": "repository", "name": "team/a", "actions": ["pull", "push"]},
                {"type": "repository", "name": "other/a", "actions": ["pull", "push"]},
            ],
        });
        let (Value::Object(claims), Value::Object(other)) = (&mut claims, other) else {
            panic!("claims are an object");
        };
        claims.extend(other);
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.id});
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let claims = serde_json::to_string(claims).unwrap();
        let signed = format!("{}.{}", part(header.to_string()), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("Bearer {signed}.{signature}")
    }
}

fn jwks(keys: &[&Key]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// A server that believes this key.
fn start(key: &Key) -> Site {
    Site::start_with(SETTINGS, &[("jwks.json", &jwks(&[key]))])
}

#[test]
fn tokens_are_held_against_issuer_audience_time_and_rules() {
    let (key, stranger) = (Key::new("one"), Key::new("one"));
    let site = start(&key);
    let challenge = site.send("GET", "/v2/", None, "").challenge.unwrap();
    for text in ["https://tokens.test/token", "registry.test"] {
        assert!(challenge.contains(text), "{challenge}");
    }
    let good = key.token(json!({}));
    assert_eq!(site.push("team/a", Some(&good)), 201);
    for (what, token, repo, status) in [
        ("good", good.clone(), "team/a", 200),
        (
            "several",
            key.token(json!({"aud": ["x", "registry.test"]})),
            "team/a",
            200,
        ),
        ("outside its scope", good.clone(), "team/b", 401),
        ("more than the rules", good, "other/a", 404),
        (
            "audience",
            key.token(json!({"aud": "other.test"})),
            "team/a",
            401,
        ),
        (
            "issuer",
            key.token(json!({"iss": "https://evil.test"})),
            "team/a",
            401,
        ),
        ("expired", key.token(json!({"exp": 1000})), "team/a", 401),
        (
            "not yet",
            key.token(json!({"nbf": 4_000_000_000_u64})),
            "team/a",
            401,
        ),
        ("another's key", stranger.token(json!({})), "team/a", 401),
    ] {
        assert_eq!(site.pull(repo, Some(&token)), status, "{what}");
    }
    assert_eq!(
        site.send("GET", "/token", None, "").status,
        404,
        "no endpoint here"
    );
}

#[test]
fn keys_take_turns_by_a_change_of_the_file() {
    let (first, second, third) = (Key::new("one"), Key::new("two"), Key::new("three"));
    let site = start(&first);
    let pull = |key: &Key| site.pull("team/a", Some(&key.token(json!({}))));
    assert_eq!(site.push("team/a", Some(&first.token(json!({})))), 201);
    assert_eq!((pull(&first), pull(&second)), (200, 401));
    let early = first.token(json!({}));
    site.write("jwks.json", &jwks(&[&first, &second]));
    within(BY_ITSELF, "the new key", || pull(&second) == 200);
    assert_eq!(pull(&first), 200);
    site.write("jwks.json", &jwks(&[&second]));
    within(BY_ITSELF, "the old key", || pull(&first) == 401);
    assert_eq!(site.pull("team/a", Some(&early)), 401, "it was good before");

    site.write("jwks.json", &jwks(&[&third]));
    let output = site.run(&["admin", "reload"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((pull(&second), pull(&third)), (401, 200));

    site.write("jwks.json", "{}");
    let output = site.run(&["admin", "reload"]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("refused    keys of corp"), "{said}");
    assert_eq!(pull(&third), 200, "the former ones stay");
}
