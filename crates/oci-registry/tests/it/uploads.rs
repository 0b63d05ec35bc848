//! Upload sessions.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use oci_registry::{BodyError, RegistryError, UploadId};
use oci_types::{Algorithm, Digest};

use crate::fixture::{Fixture, body, broken, chunk, ctx, key, noise, ranged, stalled, whole};

pub(crate) async fn chunks_make_a_blob(f: Fixture) {
    let id = f.start("a").await;
    assert_eq!(f.offset("a", id).await, 0);
    assert_eq!(f.append("a", id, ranged("0-4", b"01234")).await.unwrap(), 5);
    assert_eq!(f.append("a", id, chunk(body(b"56"))).await.unwrap(), 7);
    assert_eq!(f.offset("a", id).await, 7);
    let digest = Digest::sha256(b"0123456789");
    let last = Some(ranged("7-9", b"789"));
    assert_eq!(f.finish("a", id, last, digest).await.unwrap().size, 10);
    assert_eq!(&f.read("a", digest).await.unwrap()[..], b"0123456789");
    assert!(matches!(
        f.append("a", id, whole(b"more")).await,
        Err(RegistryError::UploadUnknown { .. })
    ));
}

pub(crate) async fn every_split_gives_the_same_blob(f: Fixture) {
    let data = noise((2 << 20) + 77, 5);
    for parts in [1, 2, 3, 7] {
        let id = f.start("a").await;
        for part in data.chunks(data.len().div_ceil(parts)) {
            f.append("a", id, whole(part)).await.unwrap();
        }
        let info = f.finish("a", id, None, Digest::sha256(&data)).await;
        assert_eq!(info.unwrap().size, data.len() as u64);
    }
    assert_eq!(f.read("a", Digest::sha256(&data)).await.unwrap(), data);
}

pub(crate) async fn a_chunk_out_of_order_changes_nothing(f: Fixture) {
    let id = f.start("a").await;
    f.append("a", id, whole(b"01234")).await.unwrap();
    for range in ["0-4", "4-5", "6-7"] {
        let refused = f.append("a", id, ranged(range, b"xx")).await;
        assert!(matches!(
            refused,
            Err(RegistryError::UploadOffset { offset: 5, .. })
        ));
        let last = Some(ranged(range, b"xx"));
        let refused = f.finish("a", id, last, Digest::sha256(b"01234")).await;
        assert!(matches!(
            refused,
            Err(RegistryError::UploadOffset { offset: 5, .. })
        ));
    }
    let info = f.finish("a", id, None, Digest::sha256(b"01234")).await;
    assert_eq!(info.unwrap().size, 5);
}

pub(crate) async fn a_chunk_of_the_wrong_length_changes_nothing(f: Fixture) {
    let id = f.start("a").await;
    f.append("a", id, whole(b"01234")).await.unwrap();
    let long = noise(3 << 20, 1);
    let mut declared = ranged("5-9", b"abcd");
    declared.length = Some(4);
    for wrong in [
        declared,
        ranged("5-9", b"abcd"),
        ranged("5-9", b"abcdef"),
        ranged("5-4000000", &long),
    ] {
        let refused = f.append("a", id, wrong).await;
        assert!(matches!(
            refused,
            Err(RegistryError::UploadLength { offset: 5, .. })
        ));
        assert_eq!(f.offset("a", id).await, 5);
    }
    f.append("a", id, ranged("5-9", b"56789")).await.unwrap();
    let digest = Digest::sha256(b"0123456789");
    f.finish("a", id, None, digest).await.unwrap();
    assert_eq!(&f.read("a", digest).await.unwrap()[..], b"0123456789");
}

pub(crate) async fn a_wrong_digest_changes_nothing(f: Fixture) {
    let id = f.start("a").await;
    f.append("a", id, whole(b"01234")).await.unwrap();
    for last in [None, Some(whole(b"56789"))] {
        let refused = f.finish("a", id, last, Digest::sha256(b"other")).await;
        assert!(matches!(refused, Err(RegistryError::DigestMismatch { .. })));
        assert_eq!(f.offset("a", id).await, 5);
    }
    assert!(f.read("a", Digest::sha256(b"other")).await.is_err());
    let digest = Digest::sha256(b"01234xyz");
    let last = Some(whole(b"xyz"));
    f.finish("a", id, last, digest).await.unwrap();
    assert_eq!(&f.read("a", digest).await.unwrap()[..], b"01234xyz");
}

pub(crate) async fn an_interrupted_chunk_is_resumed(f: Fixture) {
    let data = noise((3 << 20) + 5, 9);
    let id = f.start("a").await;
    let cut = (2 << 20) + 1_234;
    let mut torn = chunk(broken(&data[..cut]));
    torn.length = Some(data.len() as u64);
    let refused = f.append("a", id, torn).await;
    assert!(matches!(refused, Err(RegistryError::BodyInterrupted(_))));
    assert_eq!(f.offset("a", id).await, cut as u64);
    f.append("a", id, whole(&data[cut..])).await.unwrap();
    let digest = Digest::sha256(&data);
    f.finish("a", id, None, digest).await.unwrap();
    assert_eq!(f.read("a", digest).await.unwrap(), data);
}

pub(crate) async fn a_stalled_body_is_an_interrupted_one(f: Fixture) {
    let id = f.start("a").await;
    let refused = f.append("a", id, chunk(stalled(b"abc"))).await;
    assert!(matches!(refused, Err(RegistryError::BodyInterrupted(_))));
    assert_eq!(f.offset("a", id).await, 3);
}

pub(crate) async fn a_dropped_caller_leaves_a_shorter_session(f: Fixture) {
    let id = f.start("a").await;
    let append = f.append("a", id, chunk(stalled(b"abc")));
    let gone = tokio::time::timeout(Duration::from_millis(20), append).await;
    assert!(
        gone.is_err(),
        "the caller went away in the midst of the body"
    );
    // What was received is recorded once the body is seen to have ended.
    for _ in 0..100 {
        if f.offset("a", id).await == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing of the dropped request's body was recorded");
}

pub(crate) async fn a_status_waits_for_a_writer_to_settle(f: Fixture) {
    let id = f.start("a").await;
    let registry = f.registry.clone();
    let late = stream::once(async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        Err::<Bytes, BodyError>("the connection was reset".into())
    });
    let torn = chunk(body(b"abc").chain(late).boxed());
    let first =
        tokio::spawn(async move { registry.append_upload(&ctx(), &key("a"), id, torn).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        f.offset("a", id).await,
        3,
        "what the writer leaves, not what it found"
    );
    assert!(first.await.unwrap().is_err());
}

pub(crate) async fn sessions_belong_to_their_repository(f: Fixture) {
    let id = f.start("a").await;
    let digest = Digest::sha256(b"");
    let (ctx, other) = (ctx(), key("b"));
    let unknown = |error| matches!(error, RegistryError::UploadUnknown { .. });
    assert!(unknown(
        f.registry
            .upload_status(&ctx, &other, id)
            .await
            .unwrap_err()
    ));
    assert!(unknown(f.append("b", id, whole(b"x")).await.unwrap_err()));
    assert!(unknown(f.finish("b", id, None, digest).await.unwrap_err()));
    assert!(unknown(
        f.registry
            .cancel_upload(&ctx, &other, id)
            .await
            .unwrap_err()
    ));
    assert!(unknown(
        f.append("a", UploadId::random(), whole(b"x"))
            .await
            .unwrap_err()
    ));
    assert_eq!(f.offset("a", id).await, 0);
}

pub(crate) async fn a_second_writer_waits_and_is_told_to_come_back(f: Fixture) {
    let id = f.start("a").await;
    let registry = f.registry.clone();
    let first = tokio::spawn(async move {
        let chunk = chunk(stalled(b"first"));
        registry.append_upload(&ctx(), &key("a"), id, chunk).await
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let busy = f.append("a", id, whole(b"second")).await;
    assert!(
        matches!(busy, Err(RegistryError::UploadBusy { .. })),
        "{busy:?}"
    );
    assert!(first.await.unwrap().is_err());
    assert_eq!(f.append("a", id, whole(b"second")).await.unwrap(), 11);
    let digest = Digest::sha256(b"firstsecond");
    f.finish("a", id, None, digest).await.unwrap();
}

pub(crate) async fn a_cancelled_session_is_gone(f: Fixture) {
    let id = f.start("a").await;
    f.append("a", id, whole(b"data")).await.unwrap();
    f.registry
        .cancel_upload(&ctx(), &key("a"), id)
        .await
        .unwrap();
    let again = f.registry.cancel_upload(&ctx(), &key("a"), id).await;
    assert!(matches!(again, Err(RegistryError::UploadUnknown { .. })));
    assert!(f.append("a", id, whole(b"data")).await.is_err());
}

pub(crate) async fn sha512_announced_or_not(f: Fixture) {
    let data = noise((1 << 20) + 3, 4);
    let digest = Digest::of(Algorithm::Sha512, &data);
    for announced in [None, Some(Algorithm::Sha512)] {
        let started = f.registry.start_upload(&ctx(), &key("a"), announced).await;
        let id = started.unwrap().id;
        f.append("a", id, whole(&data)).await.unwrap();
        let wrong = Digest::of(Algorithm::Sha512, b"other");
        let refused = f.finish("a", id, None, wrong).await;
        assert!(matches!(refused, Err(RegistryError::DigestMismatch { .. })));
        f.finish("a", id, None, digest).await.unwrap();
    }
    let id = f.start("a").await;
    f.finish("a", id, Some(whole(&data)), digest).await.unwrap();
    assert_eq!(f.read("a", digest).await.unwrap(), data);
}

pub(crate) async fn an_empty_blob(f: Fixture) {
    let digest = Digest::sha256(b"");
    for last in [None, Some(whole(b"")), Some(chunk(body(b"")))] {
        let id = f.start("a").await;
        assert_eq!(f.finish("a", id, last, digest).await.unwrap().size, 0);
    }
    let id = f.start("b").await;
    f.append("b", id, chunk(body(b""))).await.unwrap();
    f.finish("b", id, None, digest).await.unwrap();
    for repo in ["a", "b"] {
        assert!(f.read(repo, digest).await.unwrap().is_empty());
    }
}

pub(crate) async fn two_sessions_of_one_blob(f: Fixture) {
    let data = noise(100_000, 3);
    let digest = Digest::sha256(&data);
    let (one, two) = (f.start("a").await, f.start("b").await);
    f.append("a", one, whole(&data)).await.unwrap();
    f.append("b", two, whole(&data)).await.unwrap();
    let (one, two) = tokio::join!(
        f.finish("a", one, None, digest),
        f.finish("b", two, None, digest)
    );
    assert_eq!(one.unwrap(), two.unwrap());
    let far = oci_registry::Timestamp::now().after(Duration::from_secs(1 << 20));
    f.local.sweep(far).await.unwrap();
    for repo in ["a", "b"] {
        assert_eq!(f.read(repo, digest).await.unwrap(), data);
    }
}

pub(crate) async fn limits_of_sessions_and_bytes(f: Fixture) {
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(f.start("a").await);
    }
    let refused = f.registry.start_upload(&ctx(), &key("a"), None).await;
    assert!(matches!(refused, Err(RegistryError::TooManyUploads { .. })));
    for id in open {
        f.registry
            .cancel_upload(&ctx(), &key("a"), id)
            .await
            .unwrap();
    }

    let (id, other) = (f.start("a").await, f.start("a").await);
    let data = noise(7 << 20, 1);
    f.append("a", id, whole(&data)).await.unwrap();
    let refused = f.append("a", other, whole(&data)).await;
    assert!(
        matches!(refused, Err(RegistryError::TooManyUploads { .. })),
        "{refused:?}"
    );
    assert!(f.offset("a", other).await <= 5 << 20);
    f.finish("a", id, None, Digest::sha256(&data))
        .await
        .unwrap();
    let left = usize::try_from(f.offset("a", other).await).unwrap();
    f.append("a", other, whole(&data[left..])).await.unwrap();
    f.finish("a", other, None, Digest::sha256(&data))
        .await
        .unwrap();
}

pub(crate) async fn a_blob_over_the_limit_is_refused(f: Fixture) {
    let data = noise((8 << 20) + 1, 2);
    let id = f.start("a").await;
    for too_large in [whole(&data), chunk(body(&data))] {
        let refused = f.append("a", id, too_large).await;
        assert!(matches!(refused, Err(RegistryError::BlobTooLarge { .. })));
        assert_eq!(f.offset("a", id).await, 0);
    }
    f.append("a", id, whole(&data[1..])).await.unwrap();
    f.finish("a", id, None, Digest::sha256(&data[1..]))
        .await
        .unwrap();
}
