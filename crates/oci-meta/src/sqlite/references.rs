//! What manifests refer to: edges, and the entries that the referrers list shows.

use oci_types::{Digest, Manifest};
use rusqlite::Connection;

use super::codec::Key;
use super::failure::Fault;
use super::repositories::RepositoryId;
use super::statements::statements;
use crate::references::{self, MAX_MISSING, Needed};
use crate::{MetaError, PutManifest};

statements! {
    HAS_BLOB = "SELECT 1 FROM blobs b
        CROSS JOIN repository_blobs l ON l.repository = ?1 AND l.blob = b.id
        WHERE b.digest = ?2";
    HAS_MANIFEST = "SELECT 1 FROM manifests WHERE repository = ?1 AND digest = ?2";
    INSERT_EDGE = "INSERT INTO manifest_edges (repository, target, kind, manifest)
        VALUES (?1, ?2, ?3, ?4)";
    DELETE_EDGES = "DELETE FROM manifest_edges WHERE manifest = ?1";
    INSERT_REFERRER = "INSERT INTO referrers
        (manifest, repository, subject, digest, artifact_type, descriptor)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    DELETE_REFERRER = "DELETE FROM referrers WHERE manifest = ?1";
}

/// Refuses a manifest that refers to what is not in the repository.
pub(super) fn check(
    conn: &Connection,
    repository: RepositoryId,
    manifest: &Manifest,
) -> Result<(), Fault> {
    let mut blob = conn.prepare_cached(HAS_BLOB)?;
    let mut child = conn.prepare_cached(HAS_MANIFEST)?;
    let mut missing: Vec<Digest> = Vec::new();
    for (digest, needed) in references::needed(manifest) {
        let key = (repository, Key::of(&digest));
        let present = match needed {
            Needed::Blob => blob.exists(key)?,
            Needed::Manifest => child.exists(key)?,
            Needed::Either => child.exists(key)? || blob.exists(key)?,
        };
        if !present {
            missing.push(digest);
            if missing.len() == MAX_MISSING {
                break;
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(MetaError::MissingReferences { missing }.into())
    }
}

/// Records what the manifest refers to.
pub(super) fn insert(
    conn: &Connection,
    repository: RepositoryId,
    manifest: i64,
    put: &PutManifest,
) -> Result<(), Fault> {
    let mut edge = conn.prepare_cached(INSERT_EDGE)?;
    for (target, kind) in references::edges(&put.manifest) {
        edge.execute((repository, Key::of(&target), kind as i64, manifest))?;
    }
    let Some(subject) = &put.manifest.subject else {
        return Ok(());
    };
    let descriptor = put
        .manifest
        .referrer_descriptor(put.digest, put.bytes.len() as u64);
    let json = serde_json::to_string(&descriptor)
        .map_err(|e| MetaError::backend("describe a referrer", e))?;
    conn.prepare_cached(INSERT_REFERRER)?.execute((
        manifest,
        repository,
        Key::of(&subject.digest),
        Key::of(&put.digest),
        &descriptor.artifact_type,
        json,
    ))?;
    Ok(())
}

/// Forgets what the manifest refers to.
pub(super) fn delete(conn: &Connection, manifest: i64) -> rusqlite::Result<()> {
    conn.prepare_cached(DELETE_EDGES)?.execute([manifest])?;
    conn.prepare_cached(DELETE_REFERRER)?.execute([manifest])?;
    Ok(())
}
