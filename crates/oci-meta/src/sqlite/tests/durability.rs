//! What is there after a crash: everything that was acknowledged, and nothing by halves.

use std::fs::{self, File};
use std::path::Path;

use oci_types::{Digest, Tag};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{ctx, folder, inspect, manifest, open, put, read, repo};
use crate::{
    BlobRecord, Blobs, Lists, Locator, Manifests, NewBlob, SessionLimits, SessionRecord, TagGuard,
    UploadSessions,
};

const LIMITS: SessionLimits = SessionLimits {
    sessions: 100,
    bytes: 100,
};

/// The files as they are at this moment, as a killed process would leave them.
fn copy(from: &Path) -> TempDir {
    let to = folder();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn session(id: u128, revision: u64) -> SessionRecord {
    SessionRecord {
        id: uuid::Uuid::from_u128(id),
        repo: repo(),
        revision,
        expires_at: ctx().now,
        bytes: 1,
        state: "state".into(),
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..20 {
        put(&store, number).await.unwrap();
        let record = session(number as u128, 0);
        store.create_session(record.clone(), &LIMITS).await.unwrap();
        let killed = copy(folder.path());
        let copied = open(&killed);
        assert!(read(&copied, number).await.is_some());
        assert_eq!(copied.session(record.id).await.unwrap(), Some(record));
    }
}

/// The numbers of the tags that are there; each must name a manifest that can be read.
async fn prefix(folder: &TempDir) -> usize {
    let store = open(folder);
    let page = store.tags(&repo(), None, 1_000).await.unwrap();
    let count = page.map_or(0, |page| page.items.len());
    for number in 0..count {
        let found = read(&store, number).await.expect("a prefix of history");
        assert_eq!(found.bytes, manifest(number, 0).bytes);
    }
    count
}

#[tokio::test]
async fn a_torn_log_is_a_prefix_of_history() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..12 {
        put(&store, number).await.unwrap();
    }
    let log = "meta.db-wal";
    let bytes = fs::metadata(folder.path().join(log)).unwrap().len();
    let mut last = 0;
    for cut in (0..=bytes).step_by(1_531).chain([bytes]) {
        let torn = copy(folder.path());
        // Power loss takes the memory-mapped index with it.
        fs::remove_file(torn.path().join("meta.db-shm")).unwrap();
        let file = File::options()
            .write(true)
            .open(torn.path().join(log))
            .unwrap();
        file.set_len(cut).unwrap();
        let count = prefix(&torn).await;
        assert!(count >= last, "{cut} bytes hold less than fewer do");
        last = count;
    }
    assert_eq!(last, 12);
}

#[tokio::test]
async fn a_log_with_a_damaged_tail_is_a_prefix_of_history() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..12 {
        put(&store, number).await.unwrap();
    }
    let torn = copy(folder.path());
    fs::remove_file(torn.path().join("meta.db-shm")).unwrap();
    let log = torn.path().join("meta.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&log, bytes).unwrap();
    let count = prefix(&torn).await;
    assert!((1..12).contains(&count), "{count}");
}

#[tokio::test]
async fn every_change_of_a_tag_is_in_its_history_once() {
    let folder = folder();
    let store = open(&folder);
    let tag: Tag = "t1".parse().unwrap();
    let mut second = manifest(2, 0);
    second.tags = manifest(1, 0).tags;
    for put in [
        manifest(1, 0),
        manifest(1, 0),
        second.clone(),
        second.clone(),
    ] {
        store.put_manifest(&ctx(), put).await.unwrap();
    }
    let none = TagGuard::none();
    store
        .delete_tag(&ctx(), &repo(), &tag, &none)
        .await
        .unwrap();
    store
        .delete_tag(&ctx(), &repo(), &tag, &none)
        .await
        .unwrap();
    store.put_manifest(&ctx(), second.clone()).await.unwrap();
    let deleted = store
        .delete_manifest(&ctx(), &repo(), &second.digest, &none)
        .await;
    deleted.unwrap().unwrap();
    drop(store);
    let first = manifest(1, 0).digest;
    let wanted = [
        Some(first),
        Some(second.digest),
        None,
        Some(second.digest),
        None,
    ];
    assert_eq!(history(&folder), wanted);
}

fn history(folder: &TempDir) -> Vec<Option<Digest>> {
    let conn: Connection = inspect(&folder.path().join("meta.db"));
    let sql = "SELECT h.tag, h.digest, h.at, h.actor, h.request_id, r.name
        FROM tag_history h JOIN repositories r ON r.id = h.repository ORDER BY h.id";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        assert_eq!(row.get::<_, String>(0)?, "t1");
        assert_eq!(row.get::<_, i64>(2)?, ctx().now.as_millis());
        assert_eq!(row.get::<_, String>(3)?, "user:tester");
        assert_eq!(row.get::<_, String>(4)?, "request-1");
        assert_eq!(row.get::<_, String>(5)?, "team/api");
        let digest: Option<super::super::codec::Stored<Digest>> = row.get(1)?;
        Ok(digest.map(|digest| digest.0))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Deleting what was pushed leaves rows for the repository and the history, and nothing else.
#[tokio::test]
async fn deletions_leave_nothing_behind() {
    let folder = folder();
    let store = open(&folder);
    let put = manifest(1, 0);
    let config = put.manifest.config.as_ref().unwrap().digest;
    store.put_manifest(&ctx(), put.clone()).await.unwrap();
    let blob = NewBlob {
        record: BlobRecord {
            digest: config,
            size: 8,
            locator: Locator::new("place"),
        },
        replaces: None,
    };
    store.add_blob(&ctx(), &repo(), blob).await.unwrap();
    let deleted = store
        .delete_manifest(&ctx(), &repo(), &put.digest, &TagGuard::none())
        .await;
    deleted.unwrap().unwrap();
    store.delete_blob(&ctx(), &repo(), &config).await.unwrap();
    drop(store);
    let conn = inspect(&folder.path().join("meta.db"));
    let rows = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        conn.query_row(&sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    for table in [
        "manifests",
        "manifest_edges",
        "referrers",
        "tags",
        "repository_blobs",
    ] {
        assert_eq!(rows(table), 0, "{table}");
    }
    assert_eq!(
        (rows("repositories"), rows("blobs"), rows("tag_history")),
        (1, 1, 2)
    );
}
