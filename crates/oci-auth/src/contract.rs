//! What everything that keeps shared secrets must do, as tests: one function a clause.
//!
//! [`shared_secrets_contract!`](crate::shared_secrets_contract) runs them all over one store. It
//! does not test what survives a restart.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a clause fails by a panic, as tests do"
)]

use std::sync::Arc;

use crate::{
    CredentialVersion, KeyId, RefreshToken, RefreshTokenId, Secret, SharedSecrets,
    SigningAlgorithm, StoredKey, UnixTime,
};

/// An empty store under test.
pub type Store = Arc<dyn SharedSecrets>;

/// Emits one test for each clause of the contract.
///
/// `$make` is the name of an async function that makes an empty store; it answers the store and
/// something that lives as long as the test, such as the guard of a temporary folder. The crate
/// that uses it depends on `tokio` with `macros` and `rt`.
///
/// ```
/// use oci_auth::MemorySecrets;
///
/// async fn memory() -> (MemorySecrets, ()) {
///     (MemorySecrets::new(), ())
/// }
///
/// oci_auth::shared_secrets_contract!(memory);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! shared_secrets_contract {
    ($make:ident) => {
        $crate::shared_secrets_contract! {
            @clauses $make:
                keys_come_back_as_they_were_and_in_order,
                a_key_is_added_behind_the_latest_alone,
                of_racing_keys_one_is_added,
                removed_keys_are_gone,
                refresh_tokens_come_back_as_they_were,
                a_refresh_token_is_found_by_its_id_alone,
                the_latest_refresh_tokens_of_a_subject_are_kept,
                removing_a_subjects_tokens_leaves_the_others,
                expired_tokens_are_removed_when_asked
        }
    };
    (@clauses $make:ident: $($clause:ident),+) => {
        $(
            #[tokio::test]
            async fn $clause() {
                let (store, _guard) = $make().await;
                $crate::contract::$clause(std::sync::Arc::new(store)).await;
            }
        )+
    };
}

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn key(number: u8) -> StoredKey {
    StoredKey {
        id: id(number),
        algorithm: match number % 2 {
            0 => SigningAlgorithm::EdDsa,
            _ => SigningAlgorithm::Es256,
        },
        pkcs8: Secret::new(vec![number, 0, 255]),
        created: UnixTime::from_secs(i64::from(number)),
    }
}

fn id(number: u8) -> KeyId {
    format!("key-{number}").parse().unwrap()
}

fn token(number: u8, subject: &str) -> RefreshToken {
    RefreshToken {
        id: RefreshTokenId::from_bytes([number; 32]),
        subject: subject.parse().unwrap(),
        version: CredentialVersion::of(&[number]),
        service: "registry.example:5000".to_owned(),
        client: (number > 1).then(|| "docker".to_owned()),
        created: NOW,
        expires: UnixTime::from_secs(NOW.as_secs() + i64::from(number)),
    }
}

async fn ids(store: &Store) -> Vec<KeyId> {
    let keys = store.signing_keys().await.unwrap();
    keys.into_iter().map(|key| key.id).collect()
}

/// Keys are kept whole, in the order of their addition, whatever their names and times.
pub async fn keys_come_back_as_they_were_and_in_order(store: Store) {
    assert!(ids(&store).await.is_empty());
    let mut latest = None;
    for number in [7, 3, 200] {
        let added = store.add_signing_key(&key(number), latest.as_ref()).await;
        assert!(added.unwrap());
        latest = Some(id(number));
    }
    let keys = store.signing_keys().await.unwrap();
    assert_eq!(keys.len(), 3);
    for (found, number) in keys.iter().zip([7, 3, 200]) {
        let expected = key(number);
        assert_eq!(found.id, expected.id);
        assert_eq!(found.algorithm, expected.algorithm);
        assert_eq!(found.pkcs8.expose(), expected.pkcs8.expose());
        assert_eq!(found.created, expected.created);
    }
}

/// A key whose maker has not seen the latest one is refused.
pub async fn a_key_is_added_behind_the_latest_alone(store: Store) {
    assert!(!store.add_signing_key(&key(1), Some(&id(9))).await.unwrap());
    assert!(store.add_signing_key(&key(1), None).await.unwrap());
    assert!(!store.add_signing_key(&key(2), None).await.unwrap());
    assert!(store.add_signing_key(&key(2), Some(&id(1))).await.unwrap());
    assert!(!store.add_signing_key(&key(3), Some(&id(1))).await.unwrap());
    assert_eq!(ids(&store).await, [id(1), id(2)]);
}

/// Of several keys behind the same one, one gets in.
pub async fn of_racing_keys_one_is_added(store: Store) {
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.add_signing_key(&key(number), None).await.unwrap() })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!(added, 1);
    assert_eq!(ids(&store).await.len(), 1);
}

/// Removing keys leaves the others; absent ones are no error; the latest may be among them.
pub async fn removed_keys_are_gone(store: Store) {
    store.add_signing_key(&key(1), None).await.unwrap();
    store.add_signing_key(&key(2), Some(&id(1))).await.unwrap();
    store.add_signing_key(&key(3), Some(&id(2))).await.unwrap();
    store.remove_signing_keys(&[]).await.unwrap();
    store.remove_signing_keys(&[id(1), id(9)]).await.unwrap();
    assert_eq!(ids(&store).await, [id(2), id(3)]);
    store.remove_signing_keys(&[id(3)]).await.unwrap();
    assert!(store.add_signing_key(&key(4), Some(&id(2))).await.unwrap());
}

/// Refresh tokens are kept whole.
pub async fn refresh_tokens_come_back_as_they_were(store: Store) {
    for number in [1, 2] {
        let token = token(number, "Ada Lovelace");
        store.add_refresh_token(&token, 10).await.unwrap();
        let found = store.refresh_token(&token.id).await.unwrap();
        assert_eq!(found, Some(token));
    }
}

/// Another id finds nothing, also one that is nearly the same.
pub async fn a_refresh_token_is_found_by_its_id_alone(store: Store) {
    store.add_refresh_token(&token(1, "a"), 10).await.unwrap();
    let mut near = [1; 32];
    near[31] = 2;
    for id in [[0; 32], [255; 32], near] {
        let found = store.refresh_token(&RefreshTokenId::from_bytes(id)).await;
        assert_eq!(found.unwrap(), None);
    }
}

/// Beyond the bound, the oldest additions of the same subject go.
pub async fn the_latest_refresh_tokens_of_a_subject_are_kept(store: Store) {
    store.add_refresh_token(&token(100, "b"), 3).await.unwrap();
    // Neither ids nor times follow the order of addition.
    for number in [9, 1, 8, 2, 7] {
        store
            .add_refresh_token(&token(number, "a"), 3)
            .await
            .unwrap();
    }
    for (number, kept) in [
        (9, false),
        (1, false),
        (8, true),
        (2, true),
        (7, true),
        (100, true),
    ] {
        let id = RefreshTokenId::from_bytes([number; 32]);
        let found = store.refresh_token(&id).await.unwrap();
        assert_eq!(found.is_some(), kept, "{number}");
    }
}

/// A user's tokens go together, and nobody else's.
pub async fn removing_a_subjects_tokens_leaves_the_others(store: Store) {
    for (number, subject) in [(1, "a"), (2, "a"), (3, "A"), (4, "ab")] {
        store
            .add_refresh_token(&token(number, subject), 10)
            .await
            .unwrap();
    }
    let subject = "a".parse().unwrap();
    assert_eq!(store.remove_refresh_tokens(&subject).await.unwrap(), 2);
    assert_eq!(store.remove_refresh_tokens(&subject).await.unwrap(), 0);
    for (number, kept) in [(1, false), (2, false), (3, true), (4, true)] {
        let id = RefreshTokenId::from_bytes([number; 32]);
        assert_eq!(store.refresh_token(&id).await.unwrap().is_some(), kept);
    }
}

/// A token that ends now has ended.
pub async fn expired_tokens_are_removed_when_asked(store: Store) {
    for number in [1, 2, 3] {
        store
            .add_refresh_token(&token(number, "a"), 10)
            .await
            .unwrap();
    }
    let now = token(2, "a").expires;
    assert_eq!(store.remove_expired(now).await.unwrap(), 2);
    let id = RefreshTokenId::from_bytes([3; 32]);
    assert!(store.refresh_token(&id).await.unwrap().is_some());
}
