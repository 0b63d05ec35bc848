//! Clauses on staging areas whose writers are kept apart by somebody else: what has to hold even
//! where that fails.

use std::sync::Arc;

use bytes::Bytes;
use oci_types::Digest;

use super::{append, assert_holds, assert_same, extend, pattern, seal, stage};
use crate::{BlobStore, BlobStoreError, Staged};

const MIB: usize = 1 << 20;

/// Seals, or is refused; what is sealed is whole.
async fn seals_whole_or_not<S: BlobStore>(store: &S, staged: &Staged, content: &[u8]) {
    if let Ok(locator) = store.seal(staged, &Digest::sha256(content)).await {
        assert_holds(store, &locator, content).await;
    }
}

/// Two writers that go on from one checkpoint at once, each in its own way: each of the two
/// areas that come out seals to its own bytes or is refused, and what is sealed stays.
pub async fn two_writers_never_mix<S: BlobStore>(store: Arc<S>) {
    for before in [0, 100_000, 9 * MIB] {
        let base = pattern(before);
        let staged = stage(&store, &base).await;
        let contents = [pattern(10 * MIB + 1), pattern(11 * MIB)];
        let mut one = append(&store, &staged).await;
        let mut two = append(&store, &staged).await;
        for n in 0..11 {
            let part = |content: &Bytes| content.slice(n * MIB..content.len().min((n + 1) * MIB));
            // Either may be refused; the other may not take harm from it.
            let _ = one.write(part(&contents[0])).await;
            let _ = two.write(part(&contents[1])).await;
        }
        let ends = [one.checkpoint().await, two.checkpoint().await];
        drop((one, two));
        for (end, content) in ends.into_iter().zip(&contents) {
            let whole = [&base[..], content].concat();
            if let Ok(end) = end {
                seals_whole_or_not(&*store, &end, &whole).await;
            }
        }
    }
}

/// A checkpoint that was gone on from still seals to its own bytes or is refused, and does not
/// change what the other sealed to.
pub async fn two_checkpoints_seal_to_their_own_bytes<S: BlobStore>(store: Arc<S>) {
    for (first, second) in [
        (1000, 2000),
        (100_000, 3 * MIB),
        (9 * MIB, MIB),
        (3 * MIB, 9 * MIB),
    ] {
        let content = pattern(first + second);
        let older = stage(&store, &content.slice(..first)).await;
        let newer = extend(&*store, &older, &content.slice(first..)).await;
        let locator = seal(&store, &newer, &Digest::sha256(&content)).await;
        seals_whole_or_not(&*store, &older, &content[..first]).await;
        assert_holds(&store, &locator, &content).await;
        assert_eq!(
            store.seal(&newer, &Digest::sha256(&content)).await.unwrap(),
            locator
        );
    }
}

/// What was sealed is not changed by going on from a checkpoint before it or from its own.
pub async fn sealed_object_stays_as_it_is<S: BlobStore>(store: Arc<S>) {
    for len in [1000, 100_000, 9 * MIB] {
        let content = pattern(len);
        let nothing = store.begin().await.unwrap();
        let half = extend(&*store, &nothing, &content.slice(..len / 2)).await;
        let staged = extend(&*store, &half, &content.slice(len / 2..)).await;
        let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
        for from in [&nothing, &half, &staged] {
            if let Ok(mut writer) = store.append(from).await {
                let other = pattern(17 * MIB);
                if writer.write(other.clone()).await.is_ok()
                    && let Ok(end) = writer.checkpoint().await
                {
                    let whole = [&content[..from.len() as usize], &other].concat();
                    seals_whole_or_not(&*store, &end, &whole).await;
                }
            }
            assert_holds(&store, &locator, &content).await;
        }
    }
}

/// What was discarded is lost, or as it was: never padded, never mixed.
pub async fn discarded_is_lost_or_whole<S: BlobStore>(store: Arc<S>) {
    for len in [1000, 100_000, 3 * MIB, 9 * MIB] {
        let content = pattern(len);
        let staged = stage(&store, &content).await;
        store.discard(&staged).await.unwrap();
        match store.seal(&staged, &Digest::sha256(&content)).await {
            Ok(locator) => assert_holds(&store, &locator, &content).await,
            Err(BlobStoreError::StagedLost { recorded, found }) => {
                assert_eq!(recorded, len as u64);
                assert!(found < recorded);
            }
            Err(other) => panic!("{len}: {other:?}"),
        }
        if let Ok(read) = store.read_staged(&staged).await
            && let Ok(bytes) = read.into_bytes().await
        {
            assert_same(&bytes, &content);
        }
    }
}

/// Discarding is repeatable, whatever was staged.
pub async fn discard_is_idempotent<S: BlobStore>(store: Arc<S>) {
    store.discard(&store.begin().await.unwrap()).await.unwrap();
    for len in [1, 100_000, 9 * MIB] {
        let staged = stage(&store, &pattern(len)).await;
        for _ in 0..3 {
            store.discard(&staged).await.unwrap();
        }
    }
    assert_eq!(store.list(None, 10).await.unwrap(), []);
}

/// Discarding what was sealed, also by an older checkpoint, leaves the object.
pub async fn seal_leaves_nothing_to_discard<S: BlobStore>(store: Arc<S>) {
    for len in [1000, 100_000, 3 * MIB, 9 * MIB] {
        let content = pattern(len);
        let older = stage(&store, &content.slice(..len / 3)).await;
        let staged = extend(&*store, &older, &content.slice(len / 3..)).await;
        let digest = Digest::sha256(&content);
        let locator = seal(&store, &staged, &digest).await;
        store.discard(&staged).await.unwrap();
        store.discard(&older).await.unwrap();
        assert_holds(&store, &locator, &content).await;
        assert_eq!(store.seal(&staged, &digest).await.unwrap(), locator);
    }
}
