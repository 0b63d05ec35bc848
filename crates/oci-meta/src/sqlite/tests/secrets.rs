//! Signing keys and refresh tokens, beyond the contract.

use oci_auth::{
    CredentialVersion, KeyId, RefreshToken, RefreshTokenId, Secret, SharedSecrets,
    SigningAlgorithm, StoredKey, UnixTime,
};

use super::{folder, inspect, open, put, read};

fn key(number: u8) -> StoredKey {
    StoredKey {
        id: id(number),
        algorithm: SigningAlgorithm::Es256,
        pkcs8: Secret::new(vec![number, 0, 255]),
        created: UnixTime::from_secs(1_800_000_000),
    }
}

fn id(number: u8) -> KeyId {
    format!("key-{number}").parse().unwrap()
}

fn token(number: u8) -> RefreshToken {
    RefreshToken {
        id: RefreshTokenId::from_bytes([number; 32]),
        subject: "Ada Lovelace".parse().unwrap(),
        version: CredentialVersion::of(&[number]),
        service: "registry.example:5000".to_owned(),
        client: Some("docker".to_owned()),
        created: UnixTime::from_secs(1_800_000_000),
        expires: UnixTime::from_secs(i64::MAX),
    }
}

#[tokio::test]
async fn keys_and_refresh_tokens_are_there_after_reopening() {
    let folder = folder();
    let store = open(&folder);
    put(&store, 1).await.unwrap();
    store.add_signing_key(&key(1), None).await.unwrap();
    store.add_refresh_token(&token(1), 2).await.unwrap();
    drop(store);

    let store = open(&folder);
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].id, id(1));
    assert_eq!(keys[0].algorithm, SigningAlgorithm::Es256);
    assert_eq!(keys[0].pkcs8.expose(), key(1).pkcs8.expose());
    assert_eq!(keys[0].created, key(1).created);
    let found = store.refresh_token(&token(1).id).await.unwrap();
    assert_eq!(found, Some(token(1)));
    assert!(read(&store, 1).await.is_some());

    // The order of additions goes on where it was.
    assert!(!store.add_signing_key(&key(2), None).await.unwrap());
    assert!(store.add_signing_key(&key(2), Some(&id(1))).await.unwrap());
    for number in [2, 3] {
        store.add_refresh_token(&token(number), 2).await.unwrap();
    }
    for (number, kept) in [(1, false), (2, true), (3, true)] {
        let found = store.refresh_token(&token(number).id).await.unwrap();
        assert_eq!(found.is_some(), kept, "{number}");
    }
}

#[tokio::test]
async fn the_new_refresh_token_stays_whatever_is_kept() {
    let folder = folder();
    let store = open(&folder);
    for (number, keep) in [(1, 0), (2, 0), (3, usize::MAX)] {
        store.add_refresh_token(&token(number), keep).await.unwrap();
    }
    for (number, kept) in [(1, false), (2, true), (3, true)] {
        let found = store.refresh_token(&token(number).id).await.unwrap();
        assert_eq!(found.is_some(), kept, "{number}");
    }
}

#[tokio::test]
async fn a_refresh_token_that_is_added_again_is_the_latest() {
    let folder = folder();
    let store = open(&folder);
    for number in [1, 2, 1, 3] {
        store.add_refresh_token(&token(number), 2).await.unwrap();
    }
    for (number, kept) in [(1, true), (2, false), (3, true)] {
        let found = store.refresh_token(&token(number).id).await.unwrap();
        assert_eq!(found.is_some(), kept, "{number}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_an_error() {
    let folder = folder();
    let store = open(&folder);
    store.add_signing_key(&key(1), None).await.unwrap();
    store.add_refresh_token(&token(1), 1).await.unwrap();
    drop(store);
    let path = folder.path().join("meta.db");
    let damage = "UPDATE signing_keys SET algorithm = 9; UPDATE refresh_tokens SET version = ''";
    inspect(&path).execute_batch(damage).unwrap();
    let store = open(&folder);
    assert!(store.signing_keys().await.is_err());
    assert!(store.refresh_token(&token(1).id).await.is_err());
    assert_eq!(store.refresh_token(&token(2).id).await.unwrap(), None);
}
