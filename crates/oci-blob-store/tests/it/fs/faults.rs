//! Writes and syncs that fail.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;

/// An area whose staging file is a device.
async fn staged_on(root: &Root, store: &FsBlobStore, device: &str) -> Staged {
    let staged = store.begin().await.unwrap();
    symlink(device, root.staging(&staged)).unwrap();
    staged
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_write_that_finds_no_space_spoils_the_writer() {
    let root = Root::new();
    let store = root.store();
    let staged = staged_on(&root, &store, "/dev/full").await;
    let mut writer = store.append(&staged).await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    let failed = writer.checkpoint().await;
    assert!(
        matches!(failed, Err(BlobStoreError::Full { .. })),
        "{failed:?}"
    );
    assert!(writer.checkpoint().await.is_err());
    assert!(writer.write(Bytes::from_static(b"x")).await.is_err());
}

/// The null device takes every write and refuses to sync.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_failed_sync_drops_the_bytes_and_is_not_repeated() {
    let root = Root::new();
    let store = root.store();
    let staged = staged_on(&root, &store, "/dev/null").await;
    let mut writer = store.append(&staged).await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    let failed = writer.checkpoint().await;
    assert!(
        matches!(failed, Err(BlobStoreError::Io { .. })),
        "{failed:?}"
    );
    assert!(writer.checkpoint().await.is_err());
    assert!(writer.write(Bytes::from_static(b"x")).await.is_err());
    assert!(root.staging(&staged).symlink_metadata().is_err(), "dropped");
}

const LIMITED: &str = "OCI_BLOB_STORE_TEST_LIMITED";

/// Runs itself again in a process whose files may not grow beyond 1 or 2 MiB, depending on the
/// unit of the shell's `ulimit`.
#[tokio::test]
async fn a_full_disk_leaves_the_checkpoint() {
    if std::env::var_os(LIMITED).is_some() {
        return full_disk_leaves_the_checkpoint().await;
    }
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "fs::faults::a_full_disk_leaves_the_checkpoint"])
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert!(report.contains("1 passed"), "{report}");
}

async fn full_disk_leaves_the_checkpoint() {
    let root = Root::new();
    let store = root.store();
    let content = vec![7; 500_000];
    let staged = stage(&store, &content).await;

    let mut writer = store.append(&staged).await.unwrap();
    let mut failed = None;
    for _ in 0..8 {
        if let Err(e) = writer.write(vec![8; 1 << 20].into()).await {
            failed = Some(e);
            break;
        }
    }
    assert!(
        matches!(failed, Some(BlobStoreError::Full { .. })),
        "{failed:?}"
    );
    assert!(writer.checkpoint().await.is_err());
    drop(writer);

    let digest = Digest::sha256(&content);
    let locator = store.seal(&staged, &digest).await.unwrap();
    assert_eq!(read(&store, &locator, content.len()).await, content);
}
