//! What only the filesystem store promises: its layout, its locks, and what it makes of files
//! that changed behind its back.

mod faults;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use oci_blob_store::{
    BlobContent, BlobStore, BlobStoreError, BlobWriter, FsBlobStore, Locator, Staged,
};
use oci_types::Digest;
use tempfile::TempDir;

struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A store of its own on this root, as another process would have.
    fn store(&self) -> FsBlobStore {
        FsBlobStore::open(self.0.path()).unwrap()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn staging(&self, staged: &Staged) -> PathBuf {
        self.path("uploads").join(id(staged))
    }

    fn object(&self, locator: &Locator) -> PathBuf {
        self.path("blobs").join(locator.as_str())
    }
}

fn id(staged: &Staged) -> String {
    let recorded = serde_json::to_value(staged).unwrap();
    recorded["id"].as_str().unwrap().to_owned()
}

async fn extend(store: &FsBlobStore, staged: &Staged, content: &[u8]) -> Staged {
    let mut writer = store.append(staged).await.unwrap();
    writer.write(Bytes::copy_from_slice(content)).await.unwrap();
    writer.checkpoint().await.unwrap()
}

async fn stage(store: &FsBlobStore, content: &[u8]) -> Staged {
    extend(store, &store.begin().await.unwrap(), content).await
}

async fn put(store: &FsBlobStore, content: &[u8]) -> Locator {
    let staged = stage(store, content).await;
    store.seal(&staged, &Digest::sha256(content)).await.unwrap()
}

async fn read(store: &FsBlobStore, locator: &Locator, size: usize) -> Bytes {
    let opened = store.open(locator, size as u64, None).await.unwrap();
    opened.into_bytes().await.unwrap()
}

/// Every path below `folder`, itself included.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn assert_lost<T>(result: Result<T, BlobStoreError>, expected: (u64, u64)) {
    match result.err().expect("staged bytes are lost") {
        BlobStoreError::StagedLost { recorded, found } => assert_eq!((recorded, found), expected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn objects_are_where_their_locators_say() {
    let root = Root::new();
    let store = root.store();
    let staged = stage(&store, b"hello").await;
    assert_eq!(fs::read(root.staging(&staged)).unwrap(), b"hello");
    let digest = Digest::sha256(b"hello");
    let locator = store.seal(&staged, &digest).await.unwrap();
    let hex = digest.hex().to_string();
    let expected = format!(
        "sha256/{}/{hex}.{}",
        &hex[..2],
        id(&staged).replace('-', "")
    );
    assert_eq!(locator.as_str(), expected);
    assert_eq!(fs::read(root.object(&locator)).unwrap(), b"hello");
    assert!(!root.staging(&staged).exists());
}

#[tokio::test]
async fn only_the_owner_can_read() {
    let root = Root::new();
    let nested = root.path("made/for/this");
    let store = FsBlobStore::open(&nested).unwrap();
    stage(&store, b"staged").await;
    put(&store, b"sealed").await;
    store
        .seal(&store.begin().await.unwrap(), &Digest::sha256(b""))
        .await
        .unwrap();
    let paths = walk(&root.path("made"));
    assert!(paths.len() >= 12, "{paths:?}");
    for path in paths {
        let metadata = fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}: {mode:o}", path.display());
    }
}

#[tokio::test]
async fn permissions_of_a_root_that_is_there_are_kept() {
    let root = Root::new();
    fs::set_permissions(root.path(""), Permissions::from_mode(0o750)).unwrap();
    root.store();
    let mode = fs::metadata(root.path("")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
}

#[tokio::test]
async fn another_store_on_the_same_root_goes_on() {
    let root = Root::new();
    let content = vec![7; 3_000_000];
    let staged = stage(&root.store(), &content[..1_000_000]).await;
    let staged = extend(&root.store(), &staged, &content[1_000_000..]).await;
    let digest = Digest::sha256(&content);
    let locator = root.store().seal(&staged, &digest).await.unwrap();
    assert_eq!(read(&root.store(), &locator, content.len()).await, content);
}

#[tokio::test]
async fn the_lock_holds_across_stores() {
    let root = Root::new();
    let (one, two) = (root.store(), root.store());
    let staged = stage(&one, b"x").await;
    let writer = one.append(&staged).await.unwrap();
    let appended = two.append(&staged).await;
    assert!(
        matches!(appended, Err(BlobStoreError::Busy)),
        "{appended:?}"
    );
    let sealed = two.seal(&staged, &Digest::sha256(b"x")).await;
    assert!(matches!(sealed, Err(BlobStoreError::Busy)), "{sealed:?}");
    drop(writer);
    two.append(&staged).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_of_a_dropped_writer_lands_later() {
    let root = Root::new();
    let store = root.store();
    for round in 0..20_u8 {
        let nothing = store.begin().await.unwrap();
        let mut writer = store.append(&nothing).await.unwrap();
        for _ in 0..3 {
            writer.write(vec![0xff; 4 << 20].into()).await.unwrap();
        }
        drop(writer);
        let mut writer = append_when_free(&store, &nothing).await;
        writer.write(vec![round; 1 << 20].into()).await.unwrap();
        let staged = writer.checkpoint().await.unwrap();
        drop(writer);
        let bytes = fs::read(root.staging(&staged)).unwrap();
        assert_eq!(bytes.len(), 1 << 20);
        assert!(bytes.iter().all(|byte| *byte == round), "round {round}");
        store.discard(&staged).await.unwrap();
    }
}

async fn append_when_free(store: &FsBlobStore, staged: &Staged) -> Box<dyn BlobWriter> {
    loop {
        match store.append(staged).await {
            Err(BlobStoreError::Busy) => tokio::time::sleep(Duration::from_millis(1)).await,
            opened => return opened.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_crash_after_the_rename_is_made_good() {
    let root = Root::new();
    let staged = stage(&root.store(), b"content").await;
    let digest = Digest::sha256(b"content");
    let hex = digest.hex().to_string();
    let shard = root.path("blobs/sha256").join(&hex[..2]);
    let object = shard.join(format!("{hex}.{}", id(&staged).replace('-', "")));
    fs::create_dir(&shard).unwrap();
    fs::rename(root.staging(&staged), &object).unwrap();

    let store = root.store();
    let locator = store.seal(&staged, &digest).await.unwrap();
    assert_eq!(root.object(&locator), object);
    assert_eq!(read(&store, &locator, 7).await, "content");
}

#[tokio::test]
async fn bytes_behind_the_record_are_cut_off_after_a_restart() {
    let root = Root::new();
    let staged = stage(&root.store(), b"content").await;
    let longer = [&b"content"[..], &[7; 100_000]].concat();
    fs::write(root.staging(&staged), &longer).unwrap();
    let resumed = extend(&root.store(), &staged, b"").await;
    assert_eq!(resumed, staged);
    assert_eq!(fs::read(root.staging(&staged)).unwrap(), b"content");

    fs::write(root.staging(&staged), &longer).unwrap();
    let store = root.store();
    let locator = store
        .seal(&staged, &Digest::sha256(b"content"))
        .await
        .unwrap();
    assert_eq!(read(&store, &locator, 7).await, "content");
}

#[tokio::test]
async fn an_object_is_never_replaced() {
    let root = Root::new();
    let store = root.store();
    let nothing = store.begin().await.unwrap();
    let staged = extend(&store, &nothing, b"content").await;
    let digest = Digest::sha256(b"content");
    let locator = store.seal(&staged, &digest).await.unwrap();

    let same_length = extend(&store, &nothing, b"CONTENT").await;
    assert_eq!(store.seal(&same_length, &digest).await.unwrap(), locator);
    assert!(!root.staging(&nothing).exists());
    let longer = extend(&store, &nothing, b"CONTENT!").await;
    let sealed = store.seal(&longer, &digest).await;
    assert!(
        matches!(sealed, Err(BlobStoreError::Damaged { .. })),
        "{sealed:?}"
    );
    assert_eq!(read(&store, &locator, 7).await, "content");
}

#[tokio::test]
async fn a_truncated_object_is_damaged() {
    let root = Root::new();
    let store = root.store();
    for size in [1000, 1_000_000] {
        let locator = put(&store, &vec![7; size]).await;
        File::options()
            .write(true)
            .open(root.object(&locator))
            .and_then(|file| file.set_len(999))
            .unwrap();
        for range in [None, Some(0..1)] {
            match store.open(&locator, size as u64, range).await {
                Err(BlobStoreError::Damaged {
                    recorded, found, ..
                }) => {
                    assert_eq!((recorded, found), (size as u64, 999));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(store.size(&locator).await.unwrap(), 999);
    }
}

#[tokio::test]
async fn a_shortened_staging_file_is_lost() {
    let root = Root::new();
    let store = root.store();
    let staged = stage(&store, b"content").await;
    fs::write(root.staging(&staged), b"con").unwrap();
    assert_lost(store.append(&staged).await, (7, 3));
    assert_lost(store.read_staged(&staged).await, (7, 3));
    assert_lost(
        store.seal(&staged, &Digest::sha256(b"content")).await,
        (7, 3),
    );
    fs::remove_file(root.staging(&staged)).unwrap();
    assert_lost(store.append(&staged).await, (7, 0));
    assert!(!root.staging(&staged).exists(), "nothing was made");
}

#[tokio::test]
async fn small_reads_are_bytes_and_large_ones_files() {
    let root = Root::new();
    let store = root.store();
    let content = vec![7; 200_000];
    let locator = put(&store, &content).await;
    for (range, at_once) in [(0..65_536, true), (7..65_544, false), (0..200_000, false)] {
        let opened = store.open(&locator, 200_000, Some(range)).await.unwrap();
        let is_bytes = matches!(opened.content, BlobContent::Bytes(_));
        assert_eq!(is_bytes, at_once, "{opened:?}");
    }
}

#[tokio::test]
async fn a_reader_outlives_the_removal() {
    let root = Root::new();
    let store = root.store();
    let content = vec![7; 3_000_000];
    let locator = put(&store, &content).await;
    let opened = store.open(&locator, 3_000_000, None).await.unwrap();
    store.remove(&locator).await.unwrap();
    assert!(!root.object(&locator).exists());
    assert_eq!(opened.into_bytes().await.unwrap(), content);
}

#[tokio::test]
async fn what_does_not_belong_is_left_alone() {
    let root = Root::new();
    let store = root.store();
    let locator = put(&store, b"content").await;
    let shard = root.object(&locator);
    let shard = shard.parent().unwrap();
    for folder in ["blobs/md5/ab", "blobs/sha256/zz", "blobs/sha256/abc"] {
        fs::create_dir_all(root.path(folder)).unwrap();
    }
    fs::create_dir(shard.join(format!(
        "{}0",
        locator.as_str().split('.').next_back().unwrap()
    )))
    .unwrap();
    for file in ["lost+found", "x.y"] {
        fs::write(shard.join(file), b"").unwrap();
    }
    fs::write(root.path("blobs/sha256/README"), b"").unwrap();
    let listed = store.list(None, 100).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].locator, locator);

    let foreign: Locator = "sha256/README".parse().unwrap();
    store.remove(&foreign).await.unwrap();
    assert!(root.path("blobs/sha256/README").exists());
    let opened = store.open(&foreign, 0, None).await;
    assert!(
        matches!(opened, Err(BlobStoreError::NotFound { .. })),
        "{opened:?}"
    );
}

#[tokio::test]
async fn a_probe_leaves_nothing_and_needs_its_folders() {
    for folder in ["uploads", "blobs/sha256", "blobs/sha512"] {
        let root = Root::new();
        let store = root.store();
        let before = walk(&root.path(""));
        store.probe().await.unwrap();
        assert_eq!(walk(&root.path("")), before);
        fs::remove_dir(root.path(folder)).unwrap();
        let probed = store.probe().await;
        assert!(
            matches!(probed, Err(BlobStoreError::Io { .. })),
            "{probed:?}"
        );
    }
}
