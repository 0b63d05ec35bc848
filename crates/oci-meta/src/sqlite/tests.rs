//! What SQLite's store promises beyond the contract.

mod commits;
mod durability;
mod opening;
#[cfg(unix)]
mod permissions;
mod plans;
#[cfg(feature = "auth")]
mod secrets;
mod space;

use std::path::Path;

use bytes::Bytes;
use oci_types::{Digest, Manifest, MediaType, Reference};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::SqliteMeta;
use crate::{
    Actor, Ctx, Existence, Expect, Lists, ManifestRecord, Manifests, MetaError, PutManifest,
    PutOutcome, RepoKey, TagWrite, Timestamp,
};

fn open(folder: &TempDir) -> SqliteMeta {
    SqliteMeta::open(folder.path().join("meta.db")).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn ctx() -> Ctx {
    Ctx {
        actor: Actor::Named("tester".into()),
        request_id: "request-1".into(),
        now: Timestamp::from_millis(1_700_000_000_000),
    }
}

fn repo() -> RepoKey {
    RepoKey::local("team/api".parse().unwrap())
}

/// A manifest that is different for each `number`, of about `filler` bytes.
fn manifest(number: usize, filler: usize) -> PutManifest {
    let config = Digest::sha256(&number.to_le_bytes());
    let body = json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/x-config", "digest": config, "size": 8 },
        "layers": [],
        "annotations": { "filler": "x".repeat(filler) },
    });
    let bytes = Bytes::from(body.to_string());
    PutManifest {
        repo: repo(),
        digest: Digest::sha256(&bytes),
        manifest: Manifest::parse(Some(&MediaType::oci_manifest()), &bytes).unwrap(),
        bytes,
        tags: vec![TagWrite {
            tag: format!("t{number}").parse().unwrap(),
            expect: Expect::Any,
        }],
        existence: Existence::Lax,
    }
}

async fn put(store: &SqliteMeta, number: usize) -> Result<PutOutcome, MetaError> {
    store.put_manifest(&ctx(), manifest(number, 0)).await
}

async fn read(store: &SqliteMeta, number: usize) -> Option<ManifestRecord> {
    let tag = format!("t{number}").parse().unwrap();
    let reference = Reference::Tag(tag);
    store.manifest(&repo(), &reference).await.unwrap()
}

async fn count_tags(store: &SqliteMeta) -> usize {
    let page = store.tags(&repo(), None, usize::MAX).await.unwrap();
    page.map_or(0, |page| page.items.len())
}

/// A connection of somebody who looks at the database while it is closed.
fn inspect(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}
