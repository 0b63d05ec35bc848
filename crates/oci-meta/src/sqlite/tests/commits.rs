//! How operations share commits, and what one of them may do to the others.

use std::future::Future;
use std::mem;
use std::sync::mpsc;
use std::task::{Context, Waker};

use rusqlite::Connection;
use tokio::task::JoinSet;

use super::super::failure::Fault;
use super::{ctx, folder, inspect, open, put, read, repo};
use crate::{Manifests, MetaError, TagGuard};

/// Occupies the writer until the answer is dropped.
fn occupy(store: &super::SqliteMeta) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel::<()>();
    let store = store.clone();
    tokio::spawn(async move {
        let work = move |_: &Connection| {
            begun.send(()).unwrap();
            // An error: the sender was dropped.
            let _ = released.recv();
            Ok(())
        };
        store.write("wait", work).await.unwrap();
    });
    begins.recv().unwrap();
    release
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_operations_share_commits() {
    let folder = folder();
    let store = open(&folder);
    let before = store.files.registry.writer.commits();
    let occupied = occupy(&store);
    let mut puts = JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        puts.spawn(async move { put(&store, number).await });
    }
    while store.files.registry.writer.waiting() < 200 {
        tokio::task::yield_now().await;
    }
    drop(occupied);
    while let Some(done) = puts.join_next().await {
        assert!(done.unwrap().unwrap().created);
    }
    let commits = store.files.registry.writer.commits() - before;
    assert!((1..=20).contains(&commits), "{commits} commits");
    for number in 0..200 {
        assert!(read(&store, number).await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_undoes_itself_alone() {
    let folder = folder();
    let store = open(&folder);
    let occupied = occupy(&store);
    let first = tokio::spawn({
        let store = store.clone();
        async move { put(&store, 1).await }
    });
    let refused = tokio::spawn({
        let store = store.clone();
        async move {
            let work = |conn: &Connection| -> Result<(), Fault> {
                conn.execute("DELETE FROM tags", [])?;
                Err(MetaError::SessionConflict.into())
            };
            store.write("fail", work).await
        }
    });
    let broken = tokio::spawn({
        let store = store.clone();
        async move {
            let work = |conn: &Connection| -> Result<(), Fault> {
                conn.execute("DELETE FROM tags", [])?;
                conn.execute("INSERT INTO tags (repository) VALUES (NULL)", [])?;
                Ok(())
            };
            store.write("fail", work).await
        }
    });
    while store.files.registry.writer.waiting() < 3 {
        tokio::task::yield_now().await;
    }
    drop(occupied);
    assert!(first.await.unwrap().is_ok());
    let refused = refused.await.unwrap();
    assert!(matches!(refused, Err(MetaError::SessionConflict)));
    let broken = broken.await.unwrap();
    assert!(matches!(broken, Err(MetaError::Backend { .. })));
    assert!(read(&store, 1).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_undoes_itself_alone() {
    let folder = folder();
    let store = open(&folder);
    put(&store, 1).await.unwrap();
    let digest = read(&store, 1).await.unwrap().digest;
    let guard = TagGuard::new(|_| panic!("a guard's own fault"));
    let failed = store
        .delete_manifest(&ctx(), &repo(), &digest, &guard)
        .await;
    let Err(MetaError::Backend { source, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert!(source.to_string().contains("a guard's own fault"));
    assert!(read(&store, 1).await.is_some());
    put(&store, 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transaction_fails_all_of_it_and_nothing_after_it() {
    let folder = folder();
    let store = open(&folder);
    let occupied = occupy(&store);
    let first = tokio::spawn({
        let store = store.clone();
        async move { put(&store, 1).await }
    });
    while store.files.registry.writer.waiting() < 1 {
        tokio::task::yield_now().await;
    }
    let loses = tokio::spawn({
        let store = store.clone();
        async move {
            let work = |conn: &Connection| -> Result<(), Fault> {
                conn.execute_batch("ROLLBACK")?;
                Err(rusqlite::Error::InvalidQuery.into())
            };
            store.write("fail", work).await
        }
    });
    while store.files.registry.writer.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    drop(occupied);
    assert!(matches!(
        first.await.unwrap(),
        Err(MetaError::Backend { .. })
    ));
    assert!(loses.await.unwrap().is_err());
    assert!(read(&store, 1).await.is_none());
    put(&store, 2).await.unwrap();
    assert!(read(&store, 2).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_before_it_began_does_not_happen() {
    let folder = folder();
    let store = open(&folder);
    let occupied = occupy(&store);
    let cancelled = tokio::spawn({
        let store = store.clone();
        async move { put(&store, 1).await }
    });
    while store.files.registry.writer.waiting() < 1 {
        tokio::task::yield_now().await;
    }
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    drop(occupied);
    put(&store, 2).await.unwrap();
    assert!(read(&store, 1).await.is_none());
}

#[test]
fn dropping_the_store_finishes_what_waits() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..50 {
        let work = move |conn: &Connection| {
            let sql = "INSERT INTO repositories (upstream, name) VALUES ('', ?1)";
            Ok(conn.execute(sql, [number.to_string()])?)
        };
        let mut waiting = Box::pin(store.write("finish", work));
        let polled = waiting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        // Its caller is not gone, only slow.
        mem::forget(waiting);
    }
    drop(store);
    let conn = inspect(&folder.path().join("meta.db"));
    let found = conn.query_row("SELECT count(*) FROM repositories", [], |row| row.get(0));
    assert_eq!(found, Ok(50));
}
