//! Clauses on sealed objects: reading, removing, listing.

use std::io;
use std::sync::Arc;

use futures_util::TryStreamExt;
use oci_types::{Algorithm, Digest};

use super::{assert_holds, assert_not_found, assert_same, pattern, put, read, seal, stage};
use crate::{BlobStore, BlobStoreError, Locator, StoredObject};

/// Every range within the object, at and around the places where buffers end.
pub async fn ranges_at_all_edges<S: BlobStore>(store: Arc<S>) {
    for len in [0, 1, 3, 65_537, (2 << 20) + 3] {
        let content = pattern(len);
        let locator = put(&store, &content).await;
        let mut edges = vec![0, 1, 2, 65_535, 65_536, 65_537, (1 << 20) - 1, 1 << 20];
        edges.extend([(1 << 20) + 1, 2 << 20, len.saturating_sub(1), len]);
        edges.retain(|edge| *edge <= len);
        for &start in &edges {
            for &end in edges.iter().filter(|end| **end >= start) {
                let range = Some(start as u64..end as u64);
                let part = read(&store, &locator, len, range).await;
                assert_same(&part, &content[start..end]);
            }
        }
    }
}

/// A range that is not within the object is the caller's mistake, and answered as one.
pub async fn range_beyond_the_end_is_refused<S: BlobStore>(store: Arc<S>) {
    let content = pattern(10);
    let locator = put(&store, &content).await;
    #[expect(clippy::reversed_empty_ranges, reason = "one of them is the point")]
    for range in [0..11, 11..12, 10..u64::MAX, 5..4] {
        match store.open(&locator, 10, Some(range.clone())).await {
            Err(BlobStoreError::Io { source, .. }) => {
                assert_eq!(source.kind(), io::ErrorKind::InvalidInput);
            }
            other => panic!("{range:?}: {other:?}"),
        }
    }
}

/// The stream of a read yields what reading at once does, in chunks that are not empty.
pub async fn stream_and_bytes_agree<S: BlobStore>(store: Arc<S>) {
    for len in [0, 1, 100_000, 3 << 20, (3 << 20) + 1] {
        let content = pattern(len);
        let locator = put(&store, &content).await;
        for start in [0, len / 3] {
            let range = Some(start as u64..len as u64);
            let opened = store.open(&locator, len as u64, range).await.unwrap();
            let chunks: Vec<_> = opened.into_stream().try_collect().await.unwrap();
            assert!(chunks.iter().all(|chunk| !chunk.is_empty()));
            assert_same(&chunks.concat(), &content[start..]);
        }
    }
}

/// Places where nothing was sealed, of whatever form, hold nothing.
pub async fn unknown_object_is_not_found<S: BlobStore>(store: Arc<S>) {
    let locator = put(&store, &pattern(10)).await;
    let text = locator.as_str();
    let cut = text.rfind('/').unwrap_or(text.len());
    for other in ["x", "sha256", "a/b/c/d", &text[..cut], &format!("{text}0")] {
        let other: Locator = other.parse().unwrap();
        if other != locator {
            assert_not_found(store.size(&other).await, &other);
            assert_not_found(store.open(&other, 10, None).await, &other);
            store.remove(&other).await.unwrap();
        }
    }
    assert_eq!(store.size(&locator).await.unwrap(), 10);
}

/// An object of another length than its record is not read from.
pub async fn wrong_length_is_damaged<S: BlobStore>(store: Arc<S>) {
    let content = pattern(1000);
    let locator = put(&store, &content).await;
    for wrong in [0, 999, 1001, u64::MAX] {
        match store.open(&locator, wrong, None).await {
            Err(BlobStoreError::Damaged {
                locator: place,
                recorded,
                found,
            }) => assert_eq!((place, recorded, found), (locator.clone(), wrong, 1000)),
            other => panic!("{wrong}: {other:?}"),
        }
    }
    assert_holds(&store, &locator, &content).await;
}

/// Removing what is not there is no error.
pub async fn remove_is_idempotent<S: BlobStore>(store: Arc<S>) {
    let locator = put(&store, &pattern(10)).await;
    for _ in 0..3 {
        store.remove(&locator).await.unwrap();
    }
}

/// After removal nothing answers, and the same content can be put again.
pub async fn removed_object_is_gone<S: BlobStore>(store: Arc<S>) {
    let content = pattern(10);
    let locator = put(&store, &content).await;
    store.remove(&locator).await.unwrap();
    assert_not_found(store.size(&locator).await, &locator);
    assert_not_found(store.open(&locator, 10, None).await, &locator);
    assert_eq!(store.list(None, 10).await.unwrap(), []);
    let again = put(&store, &content).await;
    assert_ne!(again, locator);
    assert_holds(&store, &again, &content).await;
}

/// Pages of any size show every object once, in order, also behind a place that is empty.
pub async fn list_pages_in_order<S: BlobStore>(store: Arc<S>) {
    let mut expected = Vec::new();
    for n in 0..30 {
        let content = pattern(1 + n / 2);
        let algorithm = Algorithm::ALL[n % Algorithm::ALL.len()];
        let staged = stage(&store, &content).await;
        let locator = seal(&store, &staged, &Digest::of(algorithm, &content)).await;
        let size = content.len() as u64;
        expected.push(StoredObject { locator, size });
    }
    expected.sort_by(|a, b| a.locator.cmp(&b.locator));
    for limit in [1, 2, 7, 29, 30, 31, usize::MAX] {
        let mut found: Vec<StoredObject> = Vec::new();
        loop {
            let after = found.last().map(|object| object.locator.clone());
            let page = store.list(after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
    assert_eq!(store.list(None, 0).await.unwrap(), []);

    let removed = expected.remove(10).locator;
    store.remove(&removed).await.unwrap();
    let behind = store.list(Some(&removed), 100).await.unwrap();
    assert_eq!(behind, expected[10..]);
    let last: Locator = "zzz".parse().unwrap();
    assert_eq!(store.list(Some(&last), 100).await.unwrap(), []);
    let first: Locator = "0".parse().unwrap();
    assert_eq!(store.list(Some(&first), 100).await.unwrap(), expected);
}

/// What is staged is not listed.
pub async fn list_shows_sealed_objects_only<S: BlobStore>(store: Arc<S>) {
    let content = pattern(10);
    let staged = stage(&store, &content).await;
    assert_eq!(store.list(None, 10).await.unwrap(), []);
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    let listed = store.list(None, 10).await.unwrap();
    assert_eq!(listed, [StoredObject { locator, size: 10 }]);
}

/// A store that works says so, and a probe leaves nothing.
pub async fn probe_of_a_sound_store<S: BlobStore>(store: Arc<S>) {
    store.probe().await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.list(None, 10).await.unwrap(), []);
}
