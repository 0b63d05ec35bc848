//! Removing what nothing refers to.

use std::time::Duration;

use oci_registry::{MountFrom, RegistryError, Sweep, Timestamp};
use oci_types::Digest;

use crate::fixture::{Fixture, at, ctx, key, options, whole};

const SECOND: Duration = Duration::from_secs(1);

async fn delete(f: &Fixture, repo: &str, digest: &Digest) -> Timestamp {
    let now = Timestamp::now();
    f.registry
        .delete_blob(&at(now), &key(repo), digest)
        .await
        .unwrap();
    now
}

pub(crate) async fn an_unlinked_blob_goes_after_its_grace(f: Fixture) {
    let info = f.push_blob("a", b"data").await;
    let kept = f.push_blob("a", b"kept").await;
    let deleted = delete(&f, "a", &info.digest).await;
    let due = deleted.after(options().grace);
    let early = f.local.sweep(due.before(SECOND)).await.unwrap();
    assert_eq!(early, Sweep::default());
    let swept = f.local.sweep(due).await.unwrap();
    assert_eq!((swept.blobs, swept.bytes), (1, 4));
    assert_eq!(f.local.sweep(due).await.unwrap(), Sweep::default());
    assert!(f.read("a", kept.digest).await.is_ok());
}

pub(crate) async fn a_new_link_within_the_grace_keeps_it(f: Fixture) {
    let info = f.push_blob("a", b"data").await;
    let deleted = delete(&f, "a", &info.digest).await;
    f.push_blob("b", b"data").await;
    let due = deleted.after(options().grace).after(SECOND);
    assert_eq!(f.local.sweep(due).await.unwrap().blobs, 0);
    assert_eq!(&f.read("b", info.digest).await.unwrap()[..], b"data");
    let mounted = f
        .registry
        .mount_blob(
            &ctx(),
            &key("c"),
            &info.digest,
            &MountFrom::Repository(key("b")),
        )
        .await;
    assert!(mounted.unwrap().is_some());
}

pub(crate) async fn a_push_after_the_sweep_brings_it_back(f: Fixture) {
    let info = f.push_blob("a", b"data").await;
    let deleted = delete(&f, "a", &info.digest).await;
    let due = deleted.after(options().grace);
    assert_eq!(f.local.sweep(due).await.unwrap().blobs, 1);
    f.push_blob("a", b"data").await;
    assert_eq!(f.local.sweep(due).await.unwrap().blobs, 0);
    assert_eq!(&f.read("a", info.digest).await.unwrap()[..], b"data");
}

pub(crate) async fn expired_sessions_go_with_their_bytes(f: Fixture) {
    let id = f.start("a").await;
    f.append("a", id, whole(b"data")).await.unwrap();
    let late = Timestamp::now().after(options().terms.expiry).after(SECOND);
    let unknown = f.registry.upload_status(&at(late), &key("a"), id).await;
    assert!(matches!(unknown, Err(RegistryError::UploadUnknown { .. })));
    assert_eq!(f.local.sweep(late).await.unwrap().uploads, 1);
    let unknown = f.registry.upload_status(&ctx(), &key("a"), id).await;
    assert!(matches!(unknown, Err(RegistryError::UploadUnknown { .. })));
    if let Some(dir) = &f.dir {
        let left = std::fs::read_dir(dir.path().join("uploads")).unwrap();
        assert_eq!(left.count(), 0);
    }
}
