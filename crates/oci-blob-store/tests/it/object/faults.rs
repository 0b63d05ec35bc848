//! Requests that fail: before they arrive, or after they were done.

use super::*;

/// What a session goes through: three requests, then the seal.
const STEPS: [usize; 3] = [400_000, 2 * MIB + 300_000, MIB + 500_000];

/// Goes through it as a session does, with the request failing that comes after `healthy`
/// others: a failed step leaves the session where it was, and is tried again.
async fn session(bucket: &Bucket, healthy: usize, fault: Fault) -> bool {
    let content = pattern(STEPS.iter().sum());
    let mut staged = store(bucket, MIB).begin().await.unwrap();
    bucket.fail_after(healthy, fault);
    for step in STEPS {
        let from = staged.len() as usize;
        let part = &content[from..from + step];
        for last in [false, true] {
            let store = store(bucket, MIB);
            match extend(&store, &recorded(&staged), part).await {
                Ok(longer) => {
                    staged = longer;
                    break;
                }
                Err(error) => {
                    assert!(!last, "{error:?} though nothing fails any more");
                    let expected = matches!(error, BlobStoreError::Unavailable { .. });
                    assert!(expected, "{error:?}");
                }
            }
        }
    }
    let digest = Digest::sha256(&content);
    let store = store(bucket, MIB);
    let locator = match store.seal(&recorded(&staged), &digest).await {
        Ok(locator) => locator,
        Err(BlobStoreError::Unavailable { .. }) => {
            store.seal(&recorded(&staged), &digest).await.unwrap()
        }
        Err(other) => panic!("{other:?}"),
    };
    let failed = bucket.heal();
    assert_holds(&store, &locator, &content).await;
    let again = store.seal(&recorded(&staged), &digest).await.unwrap();
    assert_eq!(again, locator);
    failed
}

async fn every_request_in_turn(fault: Fault) {
    let mut failed = 0;
    for healthy in 0.. {
        let bucket = Bucket::new();
        if !session(&bucket, healthy, fault).await {
            break;
        }
        failed += 1;
    }
    assert!(failed > 12, "{failed} requests failed in turn");
}

#[tokio::test]
async fn any_request_may_be_lost() {
    every_request_in_turn(Fault::Lost).await;
}

#[tokio::test]
async fn any_answer_may_be_lost() {
    every_request_in_turn(Fault::Unanswered).await;
}

/// The record says that a tail is the last part, but a writer that died sent another part of
/// that number since.
#[tokio::test]
async fn a_last_part_that_was_overwritten_is_sent_again() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let content = pattern(2 * MIB + 200_000);
    let staged = stage(&store, &content).await;
    let mut writer = store.append(&staged).await.unwrap();
    writer.write(pattern(2 * MIB)).await.unwrap();
    drop(writer);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    bucket.take_requests();
    let locator = seal(&store, &staged, &content).await;
    assert_eq!(
        bucket.take_requests(),
        [
            Request::Complete,
            Request::Get,
            Request::Part,
            Request::Complete,
            Request::Head,
            Request::Delete
        ]
    );
    assert_holds(&store, &locator, &content).await;
}

/// Two writers at one upload that send as many bytes, but others: whoever seals second is
/// refused, also by a server that answers success to whoever completes an upload again.
#[tokio::test]
async fn success_for_the_parts_of_another_is_seen_through() {
    for forgiving in [false, true] {
        for tail in [0, 1000, 200_000] {
            let mut bucket = Bucket::new();
            bucket.forgiving = forgiving;
            let store = store(&bucket, MIB);
            let base = pattern(MIB + 300_000);
            let staged = stage(&store, &base).await;
            let [one, two] = [3 * MIB, 4 * MIB].map(|seed| {
                let len = 2 * MIB - 300_000 + tail;
                [&base[..], &pattern(seed)[..len]].concat()
            });
            let first = extend(&store, &staged, &one[base.len()..]).await.unwrap();
            let locator = seal(&store, &first, &one).await;
            let Ok(second) = extend(&store, &staged, &two[base.len()..]).await else {
                continue;
            };
            let sealed = store.seal(&second, &Digest::sha256(&two)).await;
            assert!(sealed.is_err(), "{tail}: {sealed:?}");
            assert_holds(&store, &locator, &one).await;
            assert_eq!(seal(&store, &first, &one).await, locator);
        }
    }
}

/// A writer is of no use after a failure, also where the next request would succeed.
#[tokio::test]
async fn a_failed_writer_stays_failed() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let mut writer = store.append(&store.begin().await.unwrap()).await.unwrap();
    writer.write(pattern(100_000)).await.unwrap();
    bucket.fail_after(0, Fault::Lost);
    assert!(writer.checkpoint().await.is_err());
    assert!(writer.checkpoint().await.is_err());
    assert!(writer.write(pattern(1)).await.is_err());
}

/// An object that was cut short behind the store's back is reported, not sealed to.
#[tokio::test]
async fn sealing_again_compares_the_length() {
    use object_store::ObjectStoreExt;
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let content = pattern(2 * MIB + 200_000);
    let staged = stage(&store, &content).await;
    let locator = seal(&store, &staged, &content).await;
    let key = format!("registry/one/blobs/{locator}");
    bucket.put(&key.into(), "short".into()).await.unwrap();
    let again = store.seal(&staged, &Digest::sha256(&content)).await;
    match again {
        Err(BlobStoreError::Damaged {
            recorded, found, ..
        }) => assert_eq!((recorded, found), (content.len() as u64, 5)),
        other => panic!("{other:?}"),
    }
}
