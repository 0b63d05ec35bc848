//! Makes what the tests put into a store.

use oci_meta::{
    Actor, BlobRecord, Blobs, Ctx, Existence, Expect, Locator, MetaError, NewBlob, PostgresMeta,
    PutManifest, RepoKey, TagWrite, Timestamp,
};
use oci_types::{Digest, Manifest, MediaType};

use super::cluster::Schema;

pub(crate) async fn connect(url: &str) -> PostgresMeta {
    let connected = try_connect(url).await;
    connected.expect("a store")
}

pub(crate) async fn try_connect(url: &str) -> Result<PostgresMeta, MetaError> {
    PostgresMeta::connect(&url.parse().expect("a URL")).await
}

/// Two stores with connections of their own over one database.
pub(crate) async fn replicas(schema: &Schema<'_>) -> [PostgresMeta; 2] {
    [connect(&schema.url()).await, connect(&schema.url()).await]
}

pub(crate) fn ctx() -> Ctx {
    Ctx {
        actor: Actor::Named("tester".into()),
        request_id: "request-1".into(),
        now: Timestamp::from_millis(1_700_000_000_000),
    }
}

pub(crate) fn repo(name: &str) -> RepoKey {
    RepoKey::local(name.parse().unwrap())
}

pub(crate) fn digest(content: &str) -> Digest {
    Digest::sha256(content.as_bytes())
}

/// A push of an image with one layer, under some tags.
pub(crate) fn image(repo: &RepoKey, layer: &str, tags: &[&str], expect: Expect) -> PutManifest {
    let text = format!(
        r#"{{"schemaVersion":2,
        "config":{{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"{}"}},
        "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":{},"digest":"{}"}}]}}"#,
        digest("{}"),
        layer.len(),
        digest(layer),
    );
    let write = |tag: &&str| TagWrite {
        tag: tag.parse().unwrap(),
        expect,
    };
    PutManifest {
        repo: repo.clone(),
        digest: digest(&text),
        manifest: Manifest::parse(Some(&MediaType::oci_manifest()), text.as_bytes()).unwrap(),
        bytes: text.into(),
        tags: tags.iter().map(write).collect(),
        existence: Existence::Lax,
    }
}

/// The same for what is there alone.
pub(crate) fn strict(put: PutManifest) -> PutManifest {
    PutManifest {
        existence: Existence::Strict,
        ..put
    }
}

/// Records and links an object of this content.
pub(crate) async fn add_blob(
    store: &PostgresMeta,
    repo: &RepoKey,
    content: &str,
    locator: &str,
) -> Result<bool, MetaError> {
    let blob = NewBlob {
        record: BlobRecord {
            digest: digest(content),
            size: content.len() as u64,
            locator: Locator::new(locator),
        },
        replaces: None,
    };
    Ok(store.add_blob(&ctx(), repo, blob).await?.kept)
}
