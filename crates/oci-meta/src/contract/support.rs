//! Makes what the clauses put into a store.

use std::time::Duration;

use bytes::Bytes;
use oci_types::{Algorithm, Descriptor, Digest, Manifest, MediaType, Reference, Tag};
use serde_json::{Value, json};

use super::Store;
use crate::{
    Actor, AddedBlob, BlobRecord, ClaimGarbage, Ctx, Existence, Expect, Garbage, Locator,
    ManifestRecord, NewBlob, PutManifest, PutOutcome, RepoKey, TagGuard, TagWrite, Timestamp,
};

/// Somebody's request, `seconds` after an arbitrary time.
pub(super) fn at(seconds: u64) -> Ctx {
    Ctx {
        actor: Actor::Named("tester".into()),
        request_id: "request-1".into(),
        now: Timestamp::from_millis(1_700_000_000_000).after(Duration::from_secs(seconds)),
    }
}

pub(super) fn repo(name: &str) -> RepoKey {
    RepoKey::local(name.parse().unwrap())
}

pub(super) fn upstream_repo(upstream: &str, name: &str) -> RepoKey {
    RepoKey {
        upstream: Some(upstream.parse().unwrap()),
        name: name.parse().unwrap(),
    }
}

pub(super) fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

pub(super) fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

pub(super) fn descriptor(media_type: &str, content: &str) -> Value {
    let media_type: MediaType = media_type.parse().unwrap();
    let descriptor = Descriptor::new(media_type, digest(content), content.len() as u64);
    serde_json::to_value(descriptor).unwrap()
}

/// A manifest as somebody would push it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) bytes: Bytes,
}

impl Content {
    pub(super) fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let media_type: MediaType = media_type.parse().unwrap();
        Self {
            digest: Digest::sha256(&bytes),
            manifest: Manifest::parse(Some(&media_type), &bytes).unwrap(),
            bytes,
        }
    }

    /// An image whose config and layers have these contents.
    pub(super) fn image(config: &str, layers: &[&str]) -> Self {
        Self::image_with(config, layers, json!({}))
    }

    /// An image with further fields.
    pub(super) fn image_with(config: &str, layers: &[&str], fields: Value) -> Self {
        let layer = |content: &&str| descriptor(oci_types::media_type::OCI_LAYER_TAR, content);
        let mut body = json!({
            "schemaVersion": 2,
            "config": descriptor(oci_types::media_type::OCI_CONFIG, config),
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        add(&mut body, fields);
        Self::new(oci_types::media_type::OCI_MANIFEST, body.to_string())
    }

    /// An index of these children.
    pub(super) fn index(children: &[Value]) -> Self {
        let body = json!({ "schemaVersion": 2, "manifests": children });
        Self::new(oci_types::media_type::OCI_INDEX, body.to_string())
    }

    /// A small artifact that refers to `subject`.
    pub(super) fn referrer(subject: &Digest, artifact_type: &str, name: &str) -> Self {
        let subject = Descriptor::new(MediaType::oci_manifest(), *subject, 7);
        let fields = json!({
            "subject": subject,
            "artifactType": artifact_type,
            "annotations": { "name": name },
        });
        Self::image_with("{}", &[], fields)
    }

    /// The descriptor that an index would list it with.
    pub(super) fn descriptor(&self) -> Value {
        let media_type = self.manifest.media_type.clone();
        let descriptor = Descriptor::new(media_type, self.digest, self.bytes.len() as u64);
        serde_json::to_value(descriptor).unwrap()
    }

    /// The same under the digest of another algorithm.
    pub(super) fn hashed_with(mut self, algorithm: Algorithm) -> Self {
        self.digest = Digest::of(algorithm, &self.bytes);
        self
    }

    /// To be put into `repo` under `tags`, whatever they name and whatever is missing.
    pub(super) fn put(&self, repo: &RepoKey, tags: &[&str]) -> PutManifest {
        let write = |name: &&str| TagWrite {
            tag: tag(name),
            expect: Expect::Any,
        };
        PutManifest {
            repo: repo.clone(),
            digest: self.digest,
            manifest: self.manifest.clone(),
            bytes: self.bytes.clone(),
            tags: tags.iter().map(write).collect(),
            existence: Existence::Lax,
        }
    }

    pub(super) fn put_guarded(&self, repo: &RepoKey, tags: &[&str]) -> PutManifest {
        let mut put = self.put(repo, tags);
        for write in &mut put.tags {
            write.expect = Expect::AbsentOrSame;
        }
        put
    }

    pub(super) fn put_strict(&self, repo: &RepoKey) -> PutManifest {
        PutManifest {
            existence: Existence::Strict,
            ..self.put(repo, &[])
        }
    }

    pub(super) fn record(&self) -> ManifestRecord {
        ManifestRecord {
            digest: self.digest,
            media_type: self.manifest.media_type.clone(),
            bytes: self.bytes.clone(),
        }
    }
}

fn add(body: &mut Value, fields: Value) {
    let body = body.as_object_mut().unwrap();
    if let Value::Object(fields) = fields {
        body.extend(fields);
    }
}

pub(super) async fn push(
    store: &Store,
    repo: &RepoKey,
    content: &Content,
    tags: &[&str],
) -> PutOutcome {
    let put = content.put(repo, tags);
    store.put_manifest(&at(0), put).await.unwrap()
}

pub(super) async fn by_tag(store: &Store, repo: &RepoKey, name: &str) -> Option<ManifestRecord> {
    let reference = Reference::Tag(tag(name));
    store.manifest(repo, &reference).await.unwrap()
}

pub(super) async fn by_digest(
    store: &Store,
    repo: &RepoKey,
    digest: Digest,
) -> Option<ManifestRecord> {
    let reference = Reference::Digest(digest);
    store.manifest(repo, &reference).await.unwrap()
}

pub(super) async fn delete_manifest(
    store: &Store,
    repo: &RepoKey,
    digest: &Digest,
) -> Option<Vec<Tag>> {
    let deleted = store
        .delete_manifest(&at(0), repo, digest, &TagGuard::none())
        .await;
    deleted.unwrap().map(|deleted| deleted.tags)
}

/// A sealed object that holds `content`.
pub(super) fn object(content: &str, locator: &str) -> BlobRecord {
    BlobRecord {
        digest: digest(content),
        size: content.len() as u64,
        locator: Locator::new(locator),
    }
}

pub(super) async fn add_blob(
    store: &Store,
    ctx: &Ctx,
    repo: &RepoKey,
    record: BlobRecord,
) -> AddedBlob {
    let blob = NewBlob {
        record,
        replaces: None,
    };
    store.add_blob(ctx, repo, blob).await.unwrap()
}

/// Adds blobs of these contents, each at a locator that is its content.
pub(super) async fn add_blobs(store: &Store, repo: &RepoKey, contents: &[&str]) {
    for content in contents {
        let added = add_blob(store, &at(0), repo, object(content, content)).await;
        assert_eq!(added.record.digest, digest(content));
    }
}

pub(super) async fn has_blob(store: &Store, repo: &RepoKey, content: &str) -> bool {
    let found = store.blob(repo, &digest(content)).await.unwrap();
    found.is_some()
}

/// What is handed out at `ctx`, with a grace and a lease of 60 seconds.
pub(super) async fn claim(store: &Store, ctx: &Ctx) -> Vec<Garbage> {
    claim_up_to(store, ctx, 100).await
}

pub(super) async fn claim_up_to(store: &Store, ctx: &Ctx, limit: usize) -> Vec<Garbage> {
    let claim = ClaimGarbage {
        grace: Duration::from_secs(60),
        lease: Duration::from_secs(60),
        limit,
    };
    store.claim_garbage(ctx, claim).await.unwrap()
}

/// The locators of what was handed out, sorted.
pub(super) fn locators(garbage: &[Garbage]) -> Vec<&str> {
    let mut locators: Vec<&str> = garbage.iter().map(|g| g.locator.as_str()).collect();
    locators.sort_unstable();
    locators
}
