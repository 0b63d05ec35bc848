//! Clauses on staging areas: who holds them, what is lost, what sealing and discarding leave.

use std::sync::Arc;

use oci_types::Digest;

use super::{append, assert_holds, assert_lost, assert_same, extend, pattern, put, seal, stage};
use crate::{BlobStore, BlobStoreError};

/// Staged bytes that are no longer there are reported as lost, never padded.
pub async fn fewer_bytes_than_recorded_are_lost<S: BlobStore>(store: Arc<S>) {
    let content = pattern(3000);
    let older = stage(&store, &content.slice(..1000)).await;
    let newer = extend(&store, &older, &content.slice(1000..)).await;
    drop(append(&store, &older).await);

    let digest = Digest::sha256(&content);
    assert_lost(store.append(&newer).await, (3000, 1000));
    assert_lost(store.read_staged(&newer).await, (3000, 1000));
    assert_lost(store.seal(&newer, &digest).await, (3000, 1000));

    let kept = content.slice(..1000);
    let locator = seal(&store, &older, &Digest::sha256(&kept)).await;
    assert_holds(&store, &locator, &kept).await;
}

/// One writer at a time, and the next one as soon as it is gone.
pub async fn second_writer_is_busy<S: BlobStore>(store: Arc<S>) {
    let content = pattern(100);
    let staged = store.begin().await.unwrap();
    let mut writer = append(&store, &staged).await;
    let second = store.append(&staged).await.err();
    assert!(matches!(second, Some(BlobStoreError::Busy)), "{second:?}");
    writer.write(content.clone()).await.unwrap();
    let staged = writer.checkpoint().await.unwrap();
    let second = store.append(&staged).await.err();
    assert!(matches!(second, Some(BlobStoreError::Busy)), "{second:?}");
    drop(writer);
    let staged = extend(&store, &staged, &content).await;
    assert_eq!(staged.len(), 200);
}

/// A staging area is not sealed under its writer's feet.
pub async fn seal_is_busy_while_somebody_writes<S: BlobStore>(store: Arc<S>) {
    let content = pattern(100);
    let mut writer = append(&store, &store.begin().await.unwrap()).await;
    writer.write(content.clone()).await.unwrap();
    let staged = writer.checkpoint().await.unwrap();
    let digest = Digest::sha256(&content);
    let sealed = store.seal(&staged, &digest).await;
    assert!(matches!(sealed, Err(BlobStoreError::Busy)), "{sealed:?}");
    drop(writer);
    let locator = seal(&store, &staged, &digest).await;
    assert_holds(&store, &locator, &content).await;
}

/// Sealing again answers the same place.
pub async fn seal_is_idempotent<S: BlobStore>(store: Arc<S>) {
    let content = pattern(70_000);
    let staged = stage(&store, &content).await;
    let digest = Digest::sha256(&content);
    let locator = seal(&store, &staged, &digest).await;
    for _ in 0..3 {
        assert_eq!(store.seal(&staged, &digest).await.unwrap(), locator);
    }
    assert_holds(&store, &locator, &content).await;
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

/// Sealing what was discarded, or was sealed under another digest, finds nothing.
pub async fn seal_of_nothing_staged_is_lost<S: BlobStore>(store: Arc<S>) {
    let content = pattern(10);
    let (digest, other) = (Digest::sha256(&content), Digest::sha256(b"other"));

    let discarded = stage(&store, &content).await;
    store.discard(&discarded).await.unwrap();
    assert_lost(store.seal(&discarded, &digest).await, (10, 0));

    let sealed = stage(&store, &content).await;
    seal(&store, &sealed, &digest).await;
    assert_lost(store.seal(&sealed, &other).await, (10, 0));
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

/// What was sealed can not be appended to, read as staged, or changed by going on from a
/// checkpoint before it.
pub async fn sealed_is_no_longer_staged<S: BlobStore>(store: Arc<S>) {
    let content = pattern(1000);
    let nothing = store.begin().await.unwrap();
    let half = extend(&store, &nothing, &content.slice(..500)).await;
    let staged = extend(&store, &half, &content.slice(500..)).await;
    let digest = Digest::sha256(&content);
    let locator = seal(&store, &staged, &digest).await;

    assert_lost(store.append(&staged).await, (1000, 0));
    assert_lost(store.append(&half).await, (500, 0));
    assert_lost(store.read_staged(&staged).await, (1000, 0));

    let other = extend(&store, &nothing, &pattern(7).repeat(200).into()).await;
    assert_eq!(other.len(), 1400);
    assert_holds(&store, &locator, &content).await;
}

/// Each seal makes an object of its own; removing one leaves the other.
pub async fn same_content_twice_is_two_objects<S: BlobStore>(store: Arc<S>) {
    let content = pattern(5000);
    let (one, two) = (put(&store, &content).await, put(&store, &content).await);
    assert_ne!(one, two);
    store.remove(&one).await.unwrap();
    super::assert_not_found(store.size(&one).await, &one);
    assert_holds(&store, &two, &content).await;
}

/// Discarding drops the bytes, and is repeatable.
pub async fn discard_drops_staged_bytes<S: BlobStore>(store: Arc<S>) {
    store.discard(&store.begin().await.unwrap()).await.unwrap();
    let staged = stage(&store, &pattern(1000)).await;
    for _ in 0..2 {
        store.discard(&staged).await.unwrap();
        assert_lost(store.append(&staged).await, (1000, 0));
        assert_lost(store.read_staged(&staged).await, (1000, 0));
    }
}

/// Discarding after sealing changes nothing.
pub async fn discard_leaves_the_sealed_object<S: BlobStore>(store: Arc<S>) {
    let content = pattern(1000);
    let staged = stage(&store, &content).await;
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    store.discard(&staged).await.unwrap();
    assert_holds(&store, &locator, &content).await;
}

/// A writer whose area was discarded is told so at the checkpoint.
pub async fn discard_under_a_writer<S: BlobStore>(store: Arc<S>) {
    let staged = store.begin().await.unwrap();
    let mut writer = append(&store, &staged).await;
    writer.write(pattern(1000)).await.unwrap();
    store.discard(&staged).await.unwrap();
    assert_lost(writer.checkpoint().await, (1000, 0));
    assert!(writer.checkpoint().await.is_err());
}

/// A writer whose area was discarded does not get at the area that took its place.
pub async fn discarded_writer_leaves_the_next_alone<S: BlobStore>(store: Arc<S>) {
    let staged = store.begin().await.unwrap();
    let mut old = append(&store, &staged).await;
    old.write(pattern(1000)).await.unwrap();
    store.discard(&staged).await.unwrap();

    let content = pattern(2000);
    let mut new = append(&store, &staged).await;
    new.write(content.clone()).await.unwrap();
    assert_lost(old.checkpoint().await, (1000, 0));
    drop(old);
    let second = store.append(&staged).await.err();
    assert!(matches!(second, Some(BlobStoreError::Busy)), "{second:?}");
    let staged = new.checkpoint().await.unwrap();
    drop(new);
    let locator = seal(&store, &staged, &Digest::sha256(&content)).await;
    assert_holds(&store, &locator, &content).await;
}

/// Reading back yields the recorded bytes, though more may have been written.
pub async fn read_staged_to_the_recorded_length<S: BlobStore>(store: Arc<S>) {
    let nothing = store.begin().await.unwrap();
    let read = store.read_staged(&nothing).await.unwrap();
    assert_eq!((read.len, read.into_bytes().await.unwrap().len()), (0, 0));

    let content = pattern(2_500_000);
    let older = extend(&store, &nothing, &content.slice(..1000)).await;
    let newer = extend(&store, &older, &content.slice(1000..)).await;
    for staged in [&nothing, &older, &newer] {
        let read = store.read_staged(staged).await.unwrap();
        assert_eq!(read.len, staged.len());
        let bytes = read.into_bytes().await.unwrap();
        assert_same(&bytes, &content[..staged.len() as usize]);
    }
}
