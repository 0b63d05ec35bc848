//! Forged and foreign tokens.

use proptest::prelude::*;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

use super::*;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signing_key(algorithm: SigningAlgorithm) -> SigningKey {
    let pkcs8 = SigningKey::generate(algorithm).unwrap();
    SigningKey::from_pkcs8(algorithm, &pkcs8).unwrap()
}

fn set(keys: &[&SigningKey]) -> KeySet {
    KeySet::new(keys.iter().map(|key| (key.id().clone(), key.verifying())))
}

/// A token with any header and payload, signed by whatever `sign` does.
fn token(header: &Value, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(payload));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encode(signature))
}

/// The signature of a real key over whatever is signed.
fn signature_of(key: &SigningKey) -> impl FnOnce(&[u8]) -> Vec<u8> {
    |message: &[u8]| key.sign_bytes(message).unwrap()
}

fn verify(keys: &KeySet, token: &str) -> Result<Vec<u8>, TokenRejection> {
    keys.verify(token, Typed::Required)
        .map(|payload| payload.json)
}

#[test]
fn what_is_signed_here_is_believed() {
    let (one, two) = (
        signing_key(SigningAlgorithm::EdDsa),
        signing_key(SigningAlgorithm::Es256),
    );
    let keys = set(&[&one, &two]);
    for key in [&one, &two] {
        let token = key.sign(b"payload").unwrap();
        let payload = keys.verify(token.expose(), Typed::Required).unwrap();
        assert_eq!(payload.json, b"payload");
        assert_eq!(&payload.key, key.id());
        let foreign = set(&[]).verify(token.expose(), Typed::Required);
        assert_eq!(foreign.err(), Some(TokenRejection::UnknownKey));
    }
    assert_eq!(format!("{one:?}"), format!("SigningKey({})", one.id()));
}

/// The public key is what an attacker has: it must be good for nothing but asking.
#[test]
fn forged_tokens_are_refused() {
    let key = signing_key(SigningAlgorithm::EdDsa);
    let other = signing_key(SigningAlgorithm::EdDsa);
    let ec = signing_key(SigningAlgorithm::Es256);
    let (keys, id) = (set(&[&key, &ec]), key.id().as_str());
    let public = key.public_bytes().to_vec();
    let hs256 = |message: &[u8]| {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &public);
        hmac::sign(&mac, message).as_ref().to_vec()
    };
    let none = |_: &[u8]| Vec::new();
    let header = |extra: Value| {
        let mut header = json!({"typ": "JWT", "alg": "EdDSA", "kid": id});
        for (name, value) in extra.as_object().unwrap() {
            header[name] = value.clone();
        }
        header
    };
    let own_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(other.public_bytes())});
    for (what, token, expected) in [
        (
            "alg none",
            token(&header(json!({"alg": "none"})), "{}", none),
            TokenRejection::Algorithm,
        ),
        (
            "alg None",
            token(&header(json!({"alg": "None"})), "{}", none),
            TokenRejection::Algorithm,
        ),
        (
            "no signature",
            token(&header(json!({})), "{}", none),
            TokenRejection::Signature,
        ),
        (
            "HS256 with the public key",
            token(&header(json!({"alg": "HS256"})), "{}", hs256),
            TokenRejection::Algorithm,
        ),
        (
            "a MAC called EdDSA",
            token(&header(json!({})), "{}", hs256),
            TokenRejection::Signature,
        ),
        (
            "another algorithm of the set",
            token(&header(json!({"alg": "ES256"})), "{}", signature_of(&key)),
            TokenRejection::Algorithm,
        ),
        (
            "another key under this name",
            token(&header(json!({})), "{}", signature_of(&other)),
            TokenRejection::Signature,
        ),
        (
            "another key of the set",
            token(&header(json!({"alg": "ES256"})), "{}", signature_of(&ec)),
            TokenRejection::Algorithm,
        ),
        (
            "an unknown name",
            token(
                &header(json!({"kid": other.id().as_str()})),
                "{}",
                signature_of(&other),
            ),
            TokenRejection::UnknownKey,
        ),
        (
            "no name",
            token(
                &json!({"typ": "JWT", "alg": "EdDSA"}),
                "{}",
                signature_of(&key),
            ),
            TokenRejection::UnknownKey,
        ),
        (
            "a path as a name",
            token(
                &header(json!({"kid": "../../dev/null"})),
                "{}",
                signature_of(&other),
            ),
            TokenRejection::UnknownKey,
        ),
        (
            "crit",
            token(&header(json!({"crit": ["exp"]})), "{}", signature_of(&key)),
            TokenRejection::Critical,
        ),
        (
            "crit null",
            token(&header(json!({"crit": null})), "{}", signature_of(&key)),
            TokenRejection::Critical,
        ),
        (
            "b64",
            token(&header(json!({"b64": false})), "{}", signature_of(&key)),
            TokenRejection::Critical,
        ),
        (
            "jwk",
            token(&header(json!({"jwk": own_jwk})), "{}", signature_of(&other)),
            TokenRejection::EmbeddedKey,
        ),
        (
            "jwk, well signed",
            token(&header(json!({"jwk": own_jwk})), "{}", signature_of(&key)),
            TokenRejection::EmbeddedKey,
        ),
        (
            "jku",
            token(
                &header(json!({"jku": "https://evil.example"})),
                "{}",
                signature_of(&other),
            ),
            TokenRejection::EmbeddedKey,
        ),
        (
            "x5c",
            token(
                &header(json!({"x5c": ["MIIB"]})),
                "{}",
                signature_of(&other),
            ),
            TokenRejection::EmbeddedKey,
        ),
        (
            "x5u",
            token(
                &header(json!({"x5u": "https://evil.example"})),
                "{}",
                signature_of(&other),
            ),
            TokenRejection::EmbeddedKey,
        ),
        (
            "no type",
            token(
                &json!({"alg": "EdDSA", "kid": id}),
                "{}",
                signature_of(&key),
            ),
            TokenRejection::Type,
        ),
        (
            "another type",
            token(&header(json!({"typ": "JOSE"})), "{}", signature_of(&key)),
            TokenRejection::Type,
        ),
        (
            "an array of names",
            token(&header(json!({"kid": [id]})), "{}", signature_of(&key)),
            TokenRejection::Malformed,
        ),
        (
            "a long header",
            token(
                &header(json!({"x": "a".repeat(2_000)})),
                "{}",
                signature_of(&key),
            ),
            TokenRejection::Malformed,
        ),
    ] {
        assert_eq!(verify(&keys, &token), Err(expected), "{what}");
    }
}

#[test]
fn a_changed_token_is_refused() {
    let key = signing_key(SigningAlgorithm::EdDsa);
    let keys = set(&[&key]);
    let (one, two) = (
        key.sign(b"{\"sub\":\"a\"}").unwrap(),
        key.sign(b"{\"sub\":\"b\"}").unwrap(),
    );
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (one, two) = (parts(one.expose()), parts(two.expose()));
    let swapped = format!("{}.{}.{}", one[0], two[1], one[2]);
    assert_eq!(verify(&keys, &swapped), Err(TokenRejection::Signature));
    let header = format!(r#"{{"typ":"JWT","kid":"{}","alg":"EdDSA"}}"#, key.id());
    let header = encode(header);
    assert_ne!(header, one[0], "the same members in another order");
    let reordered = format!("{header}.{}.{}", one[1], one[2]);
    assert_eq!(verify(&keys, &reordered), Err(TokenRejection::Signature));
    // Two texts of one signature would be two tokens: the last character has spare bits.
    let last = one[2].chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|c| *c != last) {
        let respelt = format!(
            "{}.{}.{}{other}",
            one[0],
            one[1],
            &one[2][..one[2].len() - 1]
        );
        assert!(verify(&keys, &respelt).is_err(), "{other}");
    }
    let padded = format!("{}.{}.{}==", one[0], one[1], one[2]);
    assert_eq!(verify(&keys, &padded), Err(TokenRejection::Malformed));
}

#[test]
fn a_repeated_member_of_the_header_is_refused() {
    let key = signing_key(SigningAlgorithm::EdDsa);
    let header = format!(
        r#"{{"typ":"JWT","alg":"none","alg":"EdDSA","kid":"{}"}}"#,
        key.id()
    );
    let signed = format!("{}.{}", encode(header), encode("{}"));
    let signature = key.sign_bytes(signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", encode(signature));
    assert_eq!(
        verify(&set(&[&key]), &token),
        Err(TokenRejection::Malformed)
    );
}

#[test]
fn dots_and_length_cost_nothing() {
    let keys = set(&[&signing_key(SigningAlgorithm::EdDsa)]);
    let megabyte = ".".repeat(1024 * 1024);
    assert_eq!(verify(&keys, &megabyte), Err(TokenRejection::TooLong));
    let longest = ".".repeat(Credentials::MAX_LEN);
    assert_eq!(verify(&keys, &longest), Err(TokenRejection::Malformed));
    for text in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c.d",
        "e30.e30",
        "e30..",
        "\u{e9}.a.b",
    ] {
        assert_eq!(
            verify(&keys, text),
            Err(TokenRejection::Malformed),
            "{text}"
        );
    }
    let nested = encode("[".repeat(1_000));
    assert_eq!(
        verify(&keys, &format!("{nested}.e30.e30")),
        Err(TokenRejection::Malformed)
    );
}

/// RFC 8037, appendix A.4, and RFC 7515, appendix A.3: their headers lack what is asked for
/// here, so that their signatures alone are held against their keys.
#[test]
fn signatures_of_the_standards_are_known() {
    for (jwk, algorithm, signed, signature) in [
        (
            json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            TokenAlgorithm::EdDsa,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
        (
            json!({"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "alg": "ES256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}),
            TokenAlgorithm::Es256,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            json!({"kty": "RSA", "kid": "k", "e": "AQAB",
                "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}),
            TokenAlgorithm::Rs256,
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
    ] {
        let keys = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        let key = &keys.keys["k"];
        assert_eq!(key.algorithm(), algorithm);
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(key.verify(signed.as_bytes(), &signature), "{algorithm:?}");
        assert!(
            !key.verify(&signed.as_bytes()[1..], &signature),
            "{algorithm:?}"
        );
        signature[0] ^= 1;
        assert!(!key.verify(signed.as_bytes(), &signature), "{algorithm:?}");
    }
}

#[test]
fn key_sets_of_token_servers_are_read() {
    let x = encode([1; 32]);
    let signs = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x});
    let others = [
        json!({"kty": "oct", "kid": "b", "k": "c2VjcmV0"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "c", "x": x}),
        json!({"kty": "EC", "crv": "secp256k1", "kid": "d", "x": x, "y": x}),
        json!({"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "future"}),
    ];
    let mut all = others.to_vec();
    all.push(signs.clone());
    let parse =
        |keys: &[Value]| KeySet::parse(json!({"keys": keys, "x": 1}).to_string().as_bytes());
    let keys = parse(&all).unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys.contains(&"a".parse().unwrap()));
    assert_eq!(parse(&others).unwrap_err(), JwksError::Empty);

    let with = |changes: Value| {
        let mut key = signs.clone();
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        vec![key]
    };
    let named = |id: &str| -> KeyId { id.parse().unwrap() };
    for (keys, error) in [
        (
            vec![signs.clone(), signs.clone()],
            JwksError::Repeated { id: named("a") },
        ),
        (with(json!({"kid": null})), JwksError::Id { number: 1 }),
        (with(json!({"kid": ""})), JwksError::Id { number: 1 }),
        (
            with(json!({"d": "AQ"})),
            JwksError::Private { id: named("a") },
        ),
        (with(json!({"x": "AQ"})), JwksError::Key { id: named("a") }),
        (
            with(json!({"x": format!("{x}=")})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"alg": "HS256"})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"alg": "RS256"})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"alg": "none"})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"kty": "RSA", "n": encode([255; 255]), "e": "AQAB"})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"kty": "RSA", "n": encode([255; 256])})),
            JwksError::Key { id: named("a") },
        ),
        (
            with(json!({"kty": "EC", "crv": "P-256", "y": "AQ"})),
            JwksError::Key { id: named("a") },
        ),
        (vec![], JwksError::Empty),
    ] {
        assert_eq!(parse(&keys).unwrap_err(), error, "{keys:?}");
    }
    for text in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[1]}"] {
        let error = KeySet::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, JwksError::Syntax { .. }), "{text}");
    }
    let long = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(KeySet::parse(&long).unwrap_err(), JwksError::TooLong);
}

#[test]
fn tokens_of_token_servers_may_leave_out_the_type() {
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new());
    let pair = EcdsaKeyPair::from_pkcs8(
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        pkcs8.unwrap().as_ref(),
        &SystemRandom::new(),
    )
    .unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (encode(&point[1..49]), encode(&point[49..]));
    let p384 = json!({"kty": "EC", "crv": "P-384", "kid": "p384", "x": x, "y": y});
    let ed = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "alg": "Ed25519", "x": encode(ed.public_key())});
    let keys = json!({ "keys": [p384, ed25519] }).to_string();
    let keys = KeySet::parse(keys.as_bytes()).unwrap();

    let p384 = |message: &[u8]| {
        pair.sign(&SystemRandom::new(), message)
            .unwrap()
            .as_ref()
            .to_vec()
    };
    let ed25519 = |message: &[u8]| ed.sign(message).as_ref().to_vec();
    for token in [
        token(&json!({"alg": "ES384", "kid": "p384"}), "{}", p384),
        token(&json!({"alg": "Ed25519", "kid": "ed"}), "{}", ed25519),
        token(&json!({"alg": "EdDSA", "kid": "ed"}), "{}", ed25519),
    ] {
        assert!(keys.verify(&token, Typed::Optional).is_ok());
        assert_eq!(
            keys.verify(&token, Typed::Required).err(),
            Some(TokenRejection::Type)
        );
    }
}

proptest! {
    #[test]
    fn verifying_is_total(text in "[ -~]{0,200}", raw in prop::collection::vec(any::<u8>(), 0..100)) {
        let key = signing_key(SigningAlgorithm::EdDsa);
        let keys = set(&[&key]);
        prop_assert!(verify(&keys, &text).is_err());
        let token = format!("{}.{}.{}", encode(&raw), encode(&raw), encode(&raw));
        prop_assert!(verify(&keys, &token).is_err());
        let _ = KeySet::parse(&raw);
    }

    #[test]
    fn no_changed_byte_is_believed(at in 0usize..1_000, to in "[A-Za-z0-9_.-]") {
        let key = signing_key(SigningAlgorithm::EdDsa);
        let token = key.sign(b"{\"sub\":\"somebody\"}").unwrap();
        let mut changed = token.expose().clone();
        let at = at % changed.len();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != *token.expose());
        prop_assert!(verify(&set(&[&key]), &changed).is_err());
    }
}
