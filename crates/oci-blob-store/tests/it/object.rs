//! What only the object store promises: which requests it makes, what it holds in memory, what
//! another process can go on with, and what becomes of requests that fail.

mod bucket;
mod faults;
mod gateway;
mod requests;
mod versitygw;

use bytes::Bytes;
use oci_blob_store::object::Options;
use oci_blob_store::{BlobStore, BlobStoreError, Locator, ObjectBlobStore, Staged};
use oci_types::Digest;

pub(crate) use bucket::Bucket;
use bucket::{Fault, Request};
pub(crate) use versitygw::Gateway;

const MIB: usize = 1 << 20;

/// A store with parts of `part_size` bytes, as another process would have.
fn store(bucket: &Bucket, part_size: usize) -> ObjectBlobStore {
    let mut options = Options::default();
    options.part_size = part_size;
    ObjectBlobStore::new(bucket.clone(), "registry/one", options)
}

/// Bytes of which no two parts are alike.
fn pattern(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let words = (0..len / 8 + 1).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let mut bytes = words.collect::<Vec<_>>().concat();
    bytes.truncate(len);
    bytes.into()
}

async fn extend<S: BlobStore>(
    store: &S,
    staged: &Staged,
    content: &[u8],
) -> Result<Staged, BlobStoreError> {
    let mut writer = store.append(staged).await?;
    for chunk in content.chunks(100_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    writer.checkpoint().await
}

async fn stage<S: BlobStore>(store: &S, content: &[u8]) -> Staged {
    let nothing = store.begin().await.unwrap();
    extend(store, &nothing, content).await.unwrap()
}

async fn seal<S: BlobStore>(store: &S, staged: &Staged, content: &[u8]) -> Locator {
    store.seal(staged, &Digest::sha256(content)).await.unwrap()
}

async fn assert_holds<S: BlobStore>(store: &S, locator: &Locator, content: &[u8]) {
    let opened = store.open(locator, content.len() as u64, None).await;
    let bytes = opened.unwrap().into_bytes().await.unwrap();
    assert!(
        bytes == content,
        "{} bytes, other than expected",
        bytes.len()
    );
}

/// As it would be recorded and loaded by another process.
fn recorded(staged: &Staged) -> Staged {
    let text = serde_json::to_string(staged).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn another_process_goes_on_whatever_its_part_size() {
    let bucket = Bucket::new();
    let content = pattern(23 * MIB + 17);
    for sizes in [[MIB, 5 * MIB], [5 * MIB, MIB], [64 * MIB, MIB]] {
        for step in [100_001, 3 * MIB, 7 * MIB + 3] {
            let mut staged = store(&bucket, sizes[0]).begin().await.unwrap();
            for (n, part) in content.chunks(step).enumerate() {
                let store = store(&bucket, sizes[n % 2]);
                staged = extend(&store, &recorded(&staged), part).await.unwrap();
            }
            let store = store(&bucket, sizes[0]);
            let locator = seal(&store, &recorded(&staged), &content).await;
            assert_holds(&store, &locator, &content).await;
        }
    }
}

#[tokio::test]
async fn a_writer_holds_two_parts_at_most() {
    let mut bucket = Bucket::new();
    bucket.gate = Some(std::sync::Arc::new(tokio::sync::Semaphore::new(0)));
    let store = store(&bucket, MIB);
    let nothing = store.begin().await.unwrap();
    let mut writer = store.append(&nothing).await.unwrap();
    let chunk = pattern(MIB / 8);
    let mut taken = 0;
    let stuck = async {
        loop {
            writer.write(chunk.clone()).await.unwrap();
            taken += chunk.len();
        }
    };
    let stuck = tokio::time::timeout(std::time::Duration::from_millis(300), stuck).await;
    assert!(stuck.is_err());
    // The chunk that fills the second part waits until the first part has arrived.
    assert_eq!(taken + chunk.len(), 2 * MIB);
}

#[tokio::test]
async fn a_multipart_upload_that_nobody_knows_of_is_aborted() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let nothing = store.begin().await.unwrap();
    let mut writer = store.append(&nothing).await.unwrap();
    writer.write(pattern(3 * MIB + 1)).await.unwrap();
    assert_eq!(bucket.open_uploads(), 1);
    drop(writer);
    for _ in 0..100 {
        if bucket.open_uploads() == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the upload is still there");
}

#[tokio::test]
async fn an_upload_that_is_known_survives_its_writer() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let staged = stage(&store, &pattern(3 * MIB)).await;
    let mut writer = store.append(&staged).await.unwrap();
    writer.write(pattern(3 * MIB + 1)).await.unwrap();
    drop(writer);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let content = pattern(3 * MIB);
    let locator = seal(&store, &staged, &content).await;
    assert_holds(&store, &locator, &content).await;
}

#[tokio::test]
async fn abandoned_tails_are_removed_by_age() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let content = pattern(100_000);
    let staged = stage(&store, &content).await;
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    assert_eq!(store.remove_abandoned(then).await.unwrap(), 0);
    let locator = seal(&store, &staged, &content).await;
    stage(&store, &content).await;
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    assert_eq!(store.remove_abandoned(later).await.unwrap(), 1);
    assert_eq!(bucket.keys().await.len(), 1);
    assert_holds(&store, &locator, &content).await;
}
