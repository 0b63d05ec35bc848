//! Schemas: new, newer, and somebody else's.

use std::error::Error;

use oci_meta::{Expect, Health, Manifests, MetaError};

use super::cluster::{Cluster, Schema};
use super::support::{connect, ctx, image, repo, try_connect};

fn story(error: &MetaError) -> String {
    let source = error.source().map(ToString::to_string);
    format!("{error}: {}", source.unwrap_or_default())
}

async fn set_version(schema: &Schema<'_>, version: u32, oldest_reader: u32) {
    let sql = format!(
        "UPDATE {}.schema_version SET version = {version}, oldest_reader = {oldest_reader}",
        schema.name()
    );
    schema.run(&sql).await;
}

/// Replicas that start at once on an empty database all come up.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_migrates() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    for _ in 0..5 {
        let schema = cluster.schema().await;
        let replicas: Vec<_> = (0..6)
            .map(|i| tokio::spawn(start(schema.url(), i)))
            .collect();
        for replica in replicas {
            replica.await.unwrap();
        }
    }
}

/// Has a replica come up and serve.
async fn start(url: String, number: usize) {
    let store = connect(&url).await;
    let put = image(&repo("team/api"), &number.to_string(), &["v1"], Expect::Any);
    store.put_manifest(&ctx(), put).await.unwrap();
}

/// A newer schema is used as long as it allows it; a running replica notices when it does not.
#[tokio::test]
async fn a_newer_schema_says_who_may_use_it() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let store = connect(&schema.url()).await;
    set_version(&schema, 900, 1).await;
    connect(&schema.url()).await.probe().await.unwrap();
    store.probe().await.unwrap();
    set_version(&schema, 901, 900).await;
    let refused = try_connect(&schema.url()).await;
    assert!(
        matches!(refused, Err(MetaError::SchemaTooNew { found: 901, .. })),
        "{refused:?}"
    );
    let probed = store.probe().await;
    assert!(matches!(
        probed,
        Err(MetaError::SchemaTooNew { found: 901, .. })
    ));
}

/// Who may not create tables is told so, and leaves nothing behind.
#[tokio::test]
async fn missing_rights_are_named() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let name = schema.name();
    let role = format!("role_{name}");
    schema
        .run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {name} TO {role}"
        ))
        .await;
    let error = try_connect(&schema.url_of(&role)).await.unwrap_err();
    assert!(
        story(&error).contains("needs the right to create tables"),
        "{}",
        story(&error)
    );
    connect(&schema.url()).await;
    let error = try_connect(&schema.url_of(&role)).await.unwrap_err();
    assert!(
        story(&error).contains("permission denied"),
        "{}",
        story(&error)
    );
    schema
        .run(&format!("GRANT CREATE ON SCHEMA {name} TO {role}"))
        .await;
    let other = cluster.schema().await;
    other
        .run(&format!(
            "GRANT USAGE, CREATE ON SCHEMA {} TO {role}",
            other.name()
        ))
        .await;
    connect(&other.url_of(&role)).await.probe().await.unwrap();
}

/// A database that takes no writes, such as a standby, is not ready.
#[tokio::test]
async fn a_read_only_database_is_not_ready() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    connect(&schema.url()).await.probe().await.unwrap();
    let read_only = schema.url().replace(
        "options=",
        "options=-cdefault_transaction_read_only%3Don%20",
    );
    let store = connect(&read_only).await;
    let probed = store.probe().await;
    assert!(
        matches!(probed, Err(MetaError::Unavailable { .. })),
        "{probed:?}"
    );
}
