//! Opening, ownership and versions.

use std::error::Error;
use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::schema::{self, Migration};
use super::super::{SqliteMeta, connection};
use super::{count_tags, folder, inspect, open, put, read};
use crate::{Health, MetaError};

/// The whole chain of an error in one line.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_database_keeps_everything_when_it_is_opened_again() {
    let folder = folder();
    for round in 0..3 {
        let store = open(&folder);
        assert_eq!(count_tags(&store).await, round);
        put(&store, round).await.unwrap();
        for number in 0..=round {
            assert!(read(&store, number).await.is_some());
        }
    }
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = names.map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["meta-uploads.db", "meta.db", "meta.db.lock"]);
}

#[tokio::test]
async fn a_database_has_one_owner() {
    let folder = folder();
    let store = open(&folder);
    let second = SqliteMeta::open(folder.path().join("meta.db")).unwrap_err();
    let text = describe(&second);
    assert!(text.contains("in use by another process"), "{text}");
    let clone = store.clone();
    drop(store);
    assert!(SqliteMeta::open(folder.path().join("meta.db")).is_err());
    clone.probe().await.unwrap();
    drop(clone);
    open(&folder).probe().await.unwrap();
}

#[tokio::test]
async fn folders_are_created() {
    let folder = folder();
    let path = folder.path().join("deep/er/meta");
    let store = SqliteMeta::open(&path).unwrap();
    put(&store, 1).await.unwrap();
    assert!(path.exists());
    assert!(path.with_file_name("meta-uploads").exists());
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("meta.db");
    let foreign = inspect(&path);
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(foreign);
    let before = fs::read(&path).unwrap();
    let refused = SqliteMeta::open(&path).unwrap_err();
    let text = describe(&refused);
    assert!(text.contains("another program"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, "no database at all, but longer than nothing").unwrap();
    assert!(SqliteMeta::open(&path).is_err());
}

fn set_versions(path: &std::path::Path, version: u32, oldest_reader: u32) {
    let sql = "UPDATE schema_version SET version = ?1, oldest_reader = ?2";
    let changed = inspect(path).execute(sql, (version, oldest_reader));
    assert_eq!(changed.unwrap(), 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_unless_it_allows_this_version() {
    let folder = folder();
    put(&open(&folder), 1).await.unwrap();
    let newest = |schema: &[Migration]| u32::try_from(schema.len()).unwrap();
    for (file, known) in [
        ("meta.db", newest(schema::REGISTRY)),
        ("meta-uploads.db", newest(schema::UPLOADS)),
    ] {
        let path = folder.path().join(file);
        set_versions(&path, 9, known + 1);
        let refused = SqliteMeta::open(folder.path().join("meta.db")).unwrap_err();
        let MetaError::SchemaTooNew { found, supported } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((found, supported), (9, known));
        set_versions(&path, 9, known);
        assert!(read(&open(&folder), 1).await.is_some());
        assert_eq!(versions(&inspect(&path)), (9, known));
        set_versions(&path, known, 1);
    }
}

/// The store as a program of the first version has it.
fn open_version_1(folder: &TempDir) -> SqliteMeta {
    SqliteMeta::with_schema(&folder.path().join("meta.db"), &schema::REGISTRY[..1]).unwrap()
}

#[tokio::test]
async fn a_database_of_version_1_is_migrated_and_still_serves_version_1() {
    let folder = folder();
    let path = folder.path().join("meta.db");
    put(&open_version_1(&folder), 0).await.unwrap();
    assert_eq!(versions(&inspect(&path)), (1, 1));
    assert!(!inspect(&path).table_exists(None, "signing_keys").unwrap());

    let store = open(&folder);
    assert!(read(&store, 0).await.is_some());
    put(&store, 1).await.unwrap();
    drop(store);
    assert_eq!(versions(&inspect(&path)), (2, 1));
    for table in ["signing_keys", "refresh_tokens"] {
        assert!(inspect(&path).table_exists(None, table).unwrap(), "{table}");
    }

    let former = open_version_1(&folder);
    put(&former, 2).await.unwrap();
    drop(former);
    assert_eq!(versions(&inspect(&path)), (2, 1));
    let store = open(&folder);
    for number in 0..3 {
        assert!(read(&store, number).await.is_some(), "{number}");
    }
}

const STEPS: [Migration; 3] = [
    Migration {
        oldest_reader: 1,
        sql: "CREATE TABLE one (x)",
    },
    Migration {
        oldest_reader: 1,
        sql: "CREATE TABLE two (x); INSERT INTO one VALUES (2)",
    },
    Migration {
        oldest_reader: 3,
        sql: "CREATE TABLE three (x); INSERT INTO absent VALUES (3)",
    },
];

fn versions(conn: &Connection) -> (u32, u32) {
    let sql = "SELECT version, oldest_reader FROM schema_version";
    conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}

#[test]
fn migrations_are_applied_once_and_in_order() {
    let folder = folder();
    let path = folder.path().join("meta.db");
    let mut conn = connection::open_writer(&path, connection::Sync::EveryCommit).unwrap();
    schema::migrate(&mut conn, &STEPS[..1]).unwrap();
    assert_eq!(versions(&conn), (1, 1));
    for _ in 0..2 {
        schema::migrate(&mut conn, &STEPS[..2]).unwrap();
        assert_eq!(versions(&conn), (2, 1));
    }
    schema::migrate(&mut conn, &STEPS[..1]).unwrap();
    let rows = conn.query_row("SELECT count(*) FROM one", [], |row| row.get(0));
    assert_eq!(rows, Ok(1));
}

#[test]
fn a_failed_migration_leaves_the_version_before_it() {
    let folder = folder();
    let path = folder.path().join("meta.db");
    let mut conn = connection::open_writer(&path, connection::Sync::EveryCommit).unwrap();
    assert!(schema::migrate(&mut conn, &STEPS).is_err());
    assert_eq!(versions(&conn), (2, 1));
    assert!(!conn.table_exists(None, "three").unwrap());
    schema::migrate(&mut conn, &STEPS[..2]).unwrap();
}
