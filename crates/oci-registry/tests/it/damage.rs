//! Bytes that went missing, and processes that died.

use std::path::PathBuf;
use std::sync::Arc;

use oci_blob_store::FsBlobStore;
use oci_meta::SqliteMeta;
use oci_registry::{Event, LocalRegistry, Push, RegistryError};
use oci_types::Digest;
use tempfile::TempDir;

use crate::fixture::{Fixture, chunk, ctx, key, noise, options, stalled, whole};

/// The files of sealed blobs.
fn files(dir: &TempDir) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.path().join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_damaged_blob_is_not_served_and_the_next_push_mends_it() {
    let f = Fixture::local();
    let dir = f.dir.as_ref().unwrap();
    let data = noise(100_000, 8);
    type Damage = fn(&PathBuf);
    let damages: [Damage; 2] = [
        |file| std::fs::write(file, b"short").unwrap(),
        |file| std::fs::remove_file(file).unwrap(),
    ];
    for damage in damages {
        let info = f.push_blob("a", &data).await;
        let [file] = &files(dir)[..] else {
            panic!("one blob, one file")
        };
        damage(file);
        f.events.take();
        let read = f.read("a", info.digest).await;
        assert!(matches!(read, Err(RegistryError::BlobUnknown { .. })));
        let head = f.registry.blob_info(&ctx(), &key("a"), &info.digest).await;
        assert!(matches!(head, Err(RegistryError::BlobUnknown { .. })));
        let reported = Event::BlobDamaged {
            digest: info.digest,
        };
        assert_eq!(f.events.take(), [reported.clone(), reported]);
        f.push_blob("b", &data).await;
        for repo in ["a", "b"] {
            assert_eq!(f.read(repo, info.digest).await.unwrap(), data);
        }
        let far = oci_registry::Timestamp::now().after(options().grace * 2);
        f.local.sweep(far).await.unwrap();
        assert_eq!(files(dir).len(), 1, "the damaged file is removed");
        assert_eq!(f.read("a", info.digest).await.unwrap(), data);
    }
}

#[tokio::test]
async fn what_a_dead_process_had_leased_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let meta = SqliteMeta::open(dir.path().join("registry.db")).unwrap();
        let blobs = FsBlobStore::open(dir.path()).unwrap();
        LocalRegistry::new(Arc::new(meta), Arc::new(blobs), options())
    };
    let data = noise((1 << 20) + 500, 1);
    let id = {
        // A runtime of its own that is dropped in the midst of a chunk, as good as killed.
        let (data, registry) = (data.clone(), open());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let id = runtime.block_on(async {
                let status = registry
                    .start_upload(&ctx(), &key("a"), None)
                    .await
                    .unwrap();
                let stuck = chunk(stalled(&data));
                let (ctx, repo) = (ctx(), key("a"));
                let append = registry.append_upload(&ctx, &repo, status.id, stuck);
                let cut = std::time::Duration::from_millis(150);
                assert!(tokio::time::timeout(cut, append).await.is_err());
                status.id
            });
            runtime.shutdown_background();
            id
        })
        .join()
        .unwrap()
    };
    // The dead runtime's last blocking writes may hold the file for a moment.
    let registry = loop {
        match std::panic::catch_unwind(open) {
            Ok(registry) => break registry,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    let status = registry.upload_status(&ctx(), &key("a"), id).await.unwrap();
    assert!(
        status.offset >= 1 << 20,
        "progress was recorded: {}",
        status.offset
    );
    let rest = usize::try_from(status.offset).unwrap();
    let digest = Digest::sha256(&data);
    let pushed = registry
        .finish_upload(&ctx(), &key("a"), id, Some(whole(&data[rest..])), &digest)
        .await;
    assert_eq!(pushed.unwrap().size, data.len() as u64);
}
