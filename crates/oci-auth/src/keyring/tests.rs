//! Keys and their turns, with time that is told.

use super::*;
use crate::MemorySecrets;

const START: UnixTime = UnixTime::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

fn options() -> KeyOptions {
    KeyOptions {
        algorithm: SigningAlgorithm::EdDsa,
        rotate_after: 7 * DAY,
        announced_for: 5 * MINUTE,
        known_for: 60 * MINUTE,
    }
}

async fn ring(store: &Arc<MemorySecrets>, now: UnixTime) -> KeyRing {
    let store: Arc<dyn SharedSecrets> = Arc::<MemorySecrets>::clone(store);
    KeyRing::open(store, options(), now).await.unwrap()
}

fn signer(ring: &KeyRing) -> KeyId {
    ring.signer().id().clone()
}

#[tokio::test]
async fn keys_take_turns_and_overlap() {
    let store = Arc::new(MemorySecrets::new());
    let ring = ring(&store, START).await;
    let first = signer(&ring);
    assert_eq!(ring.keys().len(), 1);

    ring.refresh(START.after(7 * DAY - MINUTE)).await.unwrap();
    assert_eq!(ring.keys().len(), 1, "not old yet");

    let made = START.after(7 * DAY);
    ring.refresh(made).await.unwrap();
    assert_eq!(ring.keys().len(), 2);
    assert_eq!(signer(&ring), first, "the next one is only known");

    ring.refresh(made.after(5 * MINUTE - Duration::from_secs(1)))
        .await
        .unwrap();
    assert_eq!(signer(&ring), first);
    let took_over = made.after(5 * MINUTE);
    ring.refresh(took_over).await.unwrap();
    let second = signer(&ring);
    assert_ne!(second, first);
    assert!(ring.keys().contains(&first), "its tokens live");

    ring.refresh(took_over.after(60 * MINUTE - Duration::from_secs(1)))
        .await
        .unwrap();
    assert!(ring.keys().contains(&first));
    ring.refresh(took_over.after(60 * MINUTE)).await.unwrap();
    assert!(!ring.keys().contains(&first));
    assert_eq!(store.signing_keys().await.unwrap().len(), 1);
    assert_eq!(signer(&ring), second);
}

#[tokio::test]
async fn a_process_that_slept_signs_on_with_what_it_has() {
    let store = Arc::new(MemorySecrets::new());
    let first = signer(&ring(&store, START).await);
    let later = START.after(365 * DAY);
    let ring = ring(&store, later).await;
    assert_eq!(signer(&ring), first);
    assert_eq!(ring.keys().len(), 2);
}

#[tokio::test]
async fn replicas_have_the_same_keys() {
    let store = Arc::new(MemorySecrets::new());
    let (one, two) = (ring(&store, START).await, ring(&store, START).await);
    assert_eq!(signer(&one), signer(&two));
    let later = START.after(7 * DAY);
    one.refresh(later).await.unwrap();
    two.refresh(later).await.unwrap();
    assert_eq!(
        store.signing_keys().await.unwrap().len(),
        2,
        "one of them made the next"
    );
    for ring in [&one, &two] {
        ring.refresh(later.after(5 * MINUTE)).await.unwrap();
    }
    assert_eq!(signer(&one), signer(&two));
    assert!(two.keys().contains(&signer(&one)));
}

#[tokio::test]
async fn a_clock_that_is_ahead_elsewhere_takes_nothing_over() {
    let store = Arc::new(MemorySecrets::new());
    let here = ring(&store, START).await;
    let first = signer(&here);
    ring(&store, START.after(8 * DAY)).await;
    here.refresh(START.after(MINUTE)).await.unwrap();
    assert_eq!(signer(&here), first);
    assert_eq!(here.keys().len(), 2, "what it signs there is known here");
}

#[tokio::test]
async fn all_keys_can_be_replaced_at_once() {
    let store = Arc::new(MemorySecrets::new());
    let ring = ring(&store, START).await;
    let first = signer(&ring);
    ring.refresh(START.after(7 * DAY)).await.unwrap();
    ring.replace_all(START.after(7 * DAY)).await.unwrap();
    assert_eq!(ring.keys().len(), 1);
    assert_ne!(signer(&ring), first);
    assert!(!ring.keys().contains(&first));
}

#[tokio::test]
async fn unknown_keys_make_it_look_again_now_and_then() {
    let store = Arc::new(MemorySecrets::new());
    let (here, there) = (ring(&store, START).await, ring(&store, START).await);
    there.replace_all(START).await.unwrap();
    assert!(
        !here
            .look_again(START.after(Duration::from_secs(9)))
            .await
            .unwrap()
    );
    assert!(!here.keys().contains(&signer(&there)));
    let later = START.after(Duration::from_secs(10));
    assert!(here.look_again(later).await.unwrap());
    assert!(here.keys().contains(&signer(&there)));
    assert!(!here.look_again(later).await.unwrap());
    assert!(
        here.look_again(START).await.unwrap(),
        "a clock that was set back"
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_used_leaves_the_former_ones() {
    let store = Arc::new(MemorySecrets::new());
    let ring = ring(&store, START).await;
    let first = signer(&ring);
    let broken = StoredKey {
        id: "broken".parse().unwrap(),
        algorithm: SigningAlgorithm::Es256,
        pkcs8: Secret::new(vec![1, 2, 3]),
        created: START,
    };
    assert!(store.add_signing_key(&broken, Some(&first)).await.unwrap());
    let error = ring.refresh(START.after(MINUTE)).await.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the private key is malformed, or not of its algorithm"
    );
    assert_eq!(signer(&ring), first);
    assert!(!format!("{ring:?} {broken:?}").contains("[1, 2, 3]"));
}

#[test]
fn random_texts_differ() {
    let (one, two) = (random_text().unwrap(), random_text().unwrap());
    assert_eq!(one.expose().len(), 43);
    assert_ne!(one.expose(), two.expose());
}
