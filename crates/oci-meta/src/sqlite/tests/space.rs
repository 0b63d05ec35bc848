//! Full disks and long logs.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::{SqliteMeta, count_tags, ctx, folder, manifest, open, put, read};
use crate::{Health, Manifests, MetaError};

/// Lets the database have `pages` more pages than it has.
async fn allow(store: &SqliteMeta, pages: u32) {
    let work = move |conn: &Connection| {
        let has: u32 = conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
        conn.pragma_update_and_check(None, "max_page_count", has + pages, |_| Ok(()))?;
        Ok(())
    };
    store.write("set a limit", work).await.unwrap();
}

#[tokio::test]
async fn a_full_store_says_so_and_goes_on_when_there_is_space() {
    let folder = folder();
    let store = open(&folder);
    put(&store, 1).await.unwrap();
    allow(&store, 4).await;
    let large = manifest(2, 100_000);
    for _ in 0..2 {
        let refused = store.put_manifest(&ctx(), large.clone()).await;
        assert!(
            matches!(refused, Err(MetaError::Full { .. })),
            "{refused:?}"
        );
        assert!(read(&store, 2).await.is_none());
        assert!(read(&store, 1).await.is_some());
    }
    allow(&store, 1_000_000).await;
    store.put_manifest(&ctx(), large).await.unwrap();
    assert!(read(&store, 2).await.is_some());
    store.probe().await.unwrap();
    assert_eq!(count_tags(&store).await, 2);
}

/// Overlapping readers alone would keep SQLite from ever beginning its log anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_without_a_gap_do_not_make_the_log_grow() {
    let folder = folder();
    let store = open(&folder);
    put(&store, 0).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done) = (store.clone(), Arc::clone(&done));
            tokio::task::spawn_blocking(move || {
                while !done.load(Ordering::Relaxed) {
                    let slow = store.readers().read("read slowly", |conn| {
                        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                            WHERE i < 2000) SELECT count(*) FROM n, (SELECT 1 FROM tags LIMIT 1)";
                        Ok(conn.query_row(rows, [], |row| row.get::<_, i64>(0))?)
                    });
                    slow.unwrap();
                }
            })
        })
        .collect();
    for number in 1..=1_200 {
        let large = manifest(number, 100_000);
        store.put_manifest(&ctx(), large).await.unwrap();
    }
    let log = fs::metadata(folder.path().join("meta.db-wal"))
        .unwrap()
        .len();
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(log < 128 << 20, "the log has {log} bytes");
}
