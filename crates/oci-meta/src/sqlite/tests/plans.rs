//! No statement may read a whole table or sort, whatever it holds.

use rusqlite::Connection;

use super::super::{
    STATEMENTS, blobs, collection, connection, lists, manifests, references, repositories, schema,
    sessions,
};
use super::folder;

fn check(conn: &Connection, statements: &[(&str, &str)]) {
    for (name, sql) in statements {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for i in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(i, 1).unwrap();
        }
        let mut rows = explain.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let walks = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!walks && !step.contains("TEMP B-TREE"), "{name}: {step}");
        }
    }
}

fn database(migrations: &[schema::Migration]) -> (Connection, tempfile::TempDir) {
    let folder = folder();
    let path = folder.path().join("meta.db");
    let mut conn = connection::open_writer(&path, connection::Sync::Checkpoints).unwrap();
    schema::migrate(&mut conn, migrations).unwrap();
    (conn, folder)
}

#[test]
fn every_statement_is_a_look_up_or_a_range() {
    let (registry, _folder) = database(schema::REGISTRY);
    for statements in [
        STATEMENTS,
        blobs::STATEMENTS,
        collection::STATEMENTS,
        lists::STATEMENTS,
        manifests::STATEMENTS,
        references::STATEMENTS,
        repositories::STATEMENTS,
    ] {
        check(&registry, statements);
    }
    #[cfg(feature = "auth")]
    check(&registry, super::super::secrets::STATEMENTS);
    let (uploads, _folder) = database(schema::UPLOADS);
    check(&uploads, STATEMENTS);
    check(&uploads, sessions::STATEMENTS);
}

#[test]
#[should_panic(expected = "SCAN")]
fn the_check_sees_a_scan() {
    let (registry, _folder) = database(schema::REGISTRY);
    check(
        &registry,
        &[("SCAN", "SELECT count(*) FROM tags WHERE updated_at > ?1")],
    );
}
