//! A server that goes and comes back.

use std::error::Error;
use std::time::Duration;

use oci_meta::{Expect, Health, Manifests, MetaError, PostgresMeta};
use oci_types::Reference;

use super::cluster::Cluster;
use super::support::{connect, ctx, image, repo};

async fn push(store: &PostgresMeta, layer: &str) -> Result<(), MetaError> {
    let put = image(&repo("team/api"), layer, &[layer], Expect::Any);
    store.put_manifest(&ctx(), put).await.map(drop)
}

async fn is_there(store: &PostgresMeta, tag: &str) -> bool {
    let reference = Reference::Tag(tag.parse().unwrap());
    let found = store.manifest(&repo("team/api"), &reference).await;
    found.unwrap().is_some()
}

/// What was acknowledged is there afterwards; what was asked meanwhile is told to try again.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_outlives_its_server() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let schema = cluster.schema().await;
    let store = connect(&schema.url()).await;
    for (round, end) in [Cluster::stop, Cluster::crash].into_iter().enumerate() {
        let tag = format!("v{round}");
        push(&store, &tag).await.unwrap();
        end(&cluster);
        for _ in 0..3 {
            let refused = push(&store, "lost").await;
            assert!(
                matches!(refused, Err(MetaError::Unavailable { .. })),
                "{refused:?}"
            );
            let probed = store.probe().await;
            assert!(
                matches!(probed, Err(MetaError::Unavailable { .. })),
                "{probed:?}"
            );
        }
        cluster.run();
        store.probe().await.unwrap();
        assert!(is_there(&store, &tag).await);
        assert!(!is_there(&store, "lost").await);
    }
}

/// Calls that run while the server goes end, one way or the other, and those that were
/// acknowledged have happened.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_survive_restarts() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let schema = cluster.schema().await;
    let store = connect(&schema.url()).await;
    let (stop, stopped) = tokio::sync::watch::channel(());
    let pushers: Vec<_> = (0..4)
        .map(|pusher| {
            let (store, stopped) = (store.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for i in 0.. {
                    if stopped.has_changed().is_err() {
                        break;
                    }
                    let tag = format!("p{pusher}-{i}");
                    match push(&store, &tag).await {
                        Ok(()) => acknowledged.push(tag),
                        Err(MetaError::Unavailable { .. }) => {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        Err(error) => panic!("{error:?}: {:?}", error.source()),
                    }
                }
                acknowledged
            })
        })
        .collect();
    for end in [Cluster::stop, Cluster::crash, Cluster::stop] {
        tokio::time::sleep(Duration::from_millis(200)).await;
        tokio::task::block_in_place(|| {
            end(&cluster);
            cluster.run();
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(stop);
    let mut total = 0;
    for pusher in pushers {
        for tag in pusher.await.unwrap() {
            assert!(is_there(&store, &tag).await, "{tag}");
            total += 1;
        }
    }
    assert!(total > 20, "{total} pushes were acknowledged");
}
