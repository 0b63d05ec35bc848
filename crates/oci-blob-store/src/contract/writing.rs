//! Clauses on writing, checkpoints and sealing.

use std::sync::Arc;

use bytes::Bytes;
use oci_types::{Algorithm, Digest};

use super::{append, assert_holds, pattern, put, seal, stage};
use crate::{BlobStore, Staged};

const MIB: usize = 1 << 20;

/// An area that nothing was ever appended to seals as the empty blob.
pub async fn empty_blob_without_a_writer<S: BlobStore>(store: Arc<S>) {
    let staged = store.begin().await.unwrap();
    assert!(staged.is_empty());
    let digest = Digest::sha256(b"");
    let locator = store.seal(&staged, &digest).await.unwrap();
    assert_holds(&store, &locator, b"").await;
    assert_eq!(store.seal(&staged, &digest).await.unwrap(), locator);
}

/// A checkpoint without bytes seals as the empty blob, also when empty chunks were written.
pub async fn empty_blob_with_a_writer<S: BlobStore>(store: Arc<S>) {
    let staged = stage(&store, &Bytes::new()).await;
    assert_eq!(staged.len(), 0);
    let locator = seal(&store, &staged, &Digest::sha256(b"")).await;
    assert_holds(&store, &locator, b"").await;
}

/// What was written in one piece is read back, whatever its size.
pub async fn round_trip_around_buffer_edges<S: BlobStore>(store: Arc<S>) {
    for len in [
        1,
        4096,
        (64 << 10) - 1,
        64 << 10,
        (64 << 10) + 1,
        MIB - 1,
        MIB,
        MIB + 1,
        2 * MIB,
        3 * MIB + 7,
        17 * MIB,
    ] {
        let content = pattern(len);
        let locator = put(&store, &content).await;
        assert_holds(&store, &locator, &content).await;
    }
}

/// The chunks that bytes arrive in leave no trace.
pub async fn round_trip_in_chunks_of_all_sizes<S: BlobStore>(store: Arc<S>) {
    for (len, sizes) in [
        (300_000, &[1, 0, 7][..]),
        (3 * MIB + 7, &[16 << 10]),
        (3 * MIB + 7, &[MIB - 1, 2]),
        (3 * MIB + 7, &[1, 20_000, 300_000]),
        (12 * MIB, &[5 * MIB]),
    ] {
        let content = pattern(len);
        let mut rest = content.clone();
        let mut writer = append(&store, &store.begin().await.unwrap()).await;
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let chunk = rest.split_to((*size).min(rest.len()));
            writer.write(chunk).await.unwrap();
        }
        let staged = writer.checkpoint().await.unwrap();
        drop(writer);
        let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
        assert_holds(&store, &locator, &content).await;
    }
}

/// Digests of every algorithm are stored, each at a place of its own.
pub async fn digest_algorithms_have_their_own_places<S: BlobStore>(store: Arc<S>) {
    let content = pattern(100);
    let mut places = Vec::new();
    for algorithm in Algorithm::ALL {
        let staged = stage(&store, &content).await;
        let digest = Digest::of(algorithm, &content);
        places.push(seal(&store, &staged, &digest).await);
    }
    for place in &places {
        assert_holds(&store, place, &content).await;
    }
    places.dedup();
    assert_eq!(places.len(), Algorithm::ALL.len());
}

/// A writer goes on behind the checkpoint of another.
pub async fn resume_behind_a_checkpoint<S: BlobStore>(store: Arc<S>) {
    let content = pattern(2 * MIB + 11);
    let mut staged = store.begin().await.unwrap();
    let mut from = 0;
    for to in [5, MIB - 3, MIB + 9, content.len()] {
        let mut writer = append(&store, &staged).await;
        writer.write(content.slice(from..to)).await.unwrap();
        staged = writer.checkpoint().await.unwrap();
        assert_eq!(staged.len(), to as u64);
        from = to;
    }
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// A checkpoint answers the same again as long as nothing was written, and counts on after it.
pub async fn checkpoint_of_nothing_new<S: BlobStore>(store: Arc<S>) {
    let content = pattern(50);
    let mut writer = append(&store, &store.begin().await.unwrap()).await;
    assert_eq!(writer.checkpoint().await.unwrap().len(), 0);
    writer.write(content.slice(..20)).await.unwrap();
    let first = writer.checkpoint().await.unwrap();
    assert_eq!(writer.checkpoint().await.unwrap(), first);
    writer.write(Bytes::new()).await.unwrap();
    assert_eq!(writer.checkpoint().await.unwrap(), first);
    writer.write(content.slice(20..)).await.unwrap();
    let last = writer.checkpoint().await.unwrap();
    assert_eq!(last.len(), 50);
    drop(writer);
    let locator = seal(&store, &last, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// Bytes that no checkpoint covers are not in what is sealed.
pub async fn bytes_behind_the_checkpoint_are_cut_off<S: BlobStore>(store: Arc<S>) {
    let content = pattern(MIB + 5);
    let mut writer = append(&store, &store.begin().await.unwrap()).await;
    writer.write(content.clone()).await.unwrap();
    let staged = writer.checkpoint().await.unwrap();
    writer.write(pattern(5 * MIB)).await.unwrap();
    drop(writer);
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// A writer that is dropped leaves the last checkpoint for the next one to go on from.
pub async fn dropped_writer_leaves_the_checkpoint<S: BlobStore>(store: Arc<S>) {
    let content = pattern(2 * MIB);
    let staged = stage(&store, &content.slice(..MIB)).await;
    for lost in [1, MIB, 3 * MIB + 1] {
        let mut writer = append(&store, &staged).await;
        writer.write(pattern(lost)).await.unwrap();
    }
    let staged = super::extend(&store, &staged, &content.slice(MIB..)).await;
    assert_eq!(staged.len(), 2 * MIB as u64);
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// Going on from an older checkpoint drops what newer ones added.
pub async fn older_checkpoint_wins<S: BlobStore>(store: Arc<S>) {
    let (first, second, third) = (pattern(1000), pattern(2000), pattern(500));
    let older = stage(&store, &first).await;
    super::extend(&store, &older, &second).await;
    let newest = super::extend(&store, &older, &third).await;
    assert_eq!(newest.len(), 1500);
    let content = [first, third].concat();
    let locator = seal(&store, &newest, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// Many uploads at once, some of the same content, do not disturb each other.
pub async fn concurrent_uploads<S: BlobStore>(store: Arc<S>) {
    let uploads: Vec<_> = (0..24)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let content = pattern(1 + n % 6 * 400_000);
                let mut staged = store.begin().await.unwrap();
                for half in [
                    content.slice(..content.len() / 2),
                    content.slice(content.len() / 2..),
                ] {
                    staged = super::extend(&store, &staged, &half).await;
                }
                let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
                assert_holds(&store, &locator, &content).await;
                locator
            })
        })
        .collect();
    let mut places = Vec::new();
    for upload in uploads {
        places.push(upload.await.unwrap());
    }
    places.sort();
    let listed = store.list(None, 100).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|object| object.locator).collect();
    assert_eq!(listed, places);
}

/// What a session records as JSON brings the staging area back.
pub async fn staged_survives_serialisation<S: BlobStore>(store: Arc<S>) {
    let content = pattern(3000);
    let staged = stage(&store, &content.slice(..1000)).await;
    let recorded = serde_json::to_string(&staged).unwrap();
    let staged: Staged = serde_json::from_str(&recorded).unwrap();
    let staged = super::extend(&store, &staged, &content.slice(1000..)).await;
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}
