//! Deleting.

use oci_registry::{ManifestDelete, PageRequest, RegistryError, TagDelete, TagGuard};
use oci_types::Digest;

use crate::fixture::{Fixture, ctx, image, key, referrer};

async fn delete_tag(f: &Fixture, repo: &str, tag: &str) -> Result<(), RegistryError> {
    let delete = TagDelete {
        tag: tag.parse().unwrap(),
        protect: TagGuard::none(),
    };
    f.registry.delete_tag(&ctx(), &key(repo), delete).await
}

async fn delete_manifest(f: &Fixture, repo: &str, digest: Digest) -> Result<(), RegistryError> {
    let delete = ManifestDelete {
        digest,
        protect: TagGuard::none(),
    };
    f.registry.delete_manifest(&ctx(), &key(repo), delete).await
}

async fn tags(f: &Fixture, repo: &str) -> Vec<String> {
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let tags = f.registry.tags(&ctx(), &key(repo), page).await.unwrap();
    tags.items.iter().map(ToString::to_string).collect()
}

pub(crate) async fn a_tag_goes_alone(f: Fixture) {
    let json = image(b"{}", "x");
    for tag in ["one", "two"] {
        f.push_manifest("a", tag, &json).await.unwrap();
    }
    delete_tag(&f, "a", "one").await.unwrap();
    assert!(matches!(
        delete_tag(&f, "a", "one").await,
        Err(RegistryError::ManifestUnknown { .. })
    ));
    assert_eq!(tags(&f, "a").await, ["two"]);
    let digest = Digest::sha256(json.as_bytes());
    assert_eq!(f.resolve("a", &digest.to_string()).await.unwrap(), digest);
    delete_tag(&f, "a", "two").await.unwrap();
    assert!(tags(&f, "a").await.is_empty());
    assert!(f.resolve("a", &digest.to_string()).await.is_ok());
}

pub(crate) async fn a_manifest_takes_its_tags(f: Fixture) {
    let (json, other) = (image(b"{}", "x"), image(b"{}", "y"));
    for (tag, json) in [("a1", &json), ("a2", &json), ("b", &other)] {
        f.push_manifest("a", tag, json).await.unwrap();
    }
    f.push_manifest("elsewhere", "a1", &json).await.unwrap();
    let digest = Digest::sha256(json.as_bytes());
    delete_manifest(&f, "a", digest).await.unwrap();
    assert!(delete_manifest(&f, "a", digest).await.is_err());
    assert_eq!(tags(&f, "a").await, ["b"]);
    for reference in ["a1", "a2", &digest.to_string()] {
        assert!(f.resolve("a", reference).await.is_err());
    }
    assert_eq!(f.resolve("elsewhere", "a1").await.unwrap(), digest);
}

pub(crate) async fn a_blob_in_use_stays(f: Fixture) {
    let info = f.push_blob("a", b"config").await;
    f.push_blob("b", b"config").await;
    let json = image(b"config", "x");
    let manifest = f.push_manifest("a", "latest", &json).await.unwrap().digest;
    let (ctx, repo) = (ctx(), key("a"));
    let delete = || f.registry.delete_blob(&ctx, &repo, &info.digest);
    let refused = delete().await;
    assert!(matches!(
        refused,
        Err(RegistryError::BlobInUse { manifest: by, .. }) if by == manifest
    ));
    assert!(f.read("a", info.digest).await.is_ok());
    let elsewhere = f.registry.delete_blob(&ctx, &key("b"), &info.digest).await;
    assert!(
        elsewhere.is_ok(),
        "another repository's manifest keeps nothing here"
    );
    delete_manifest(&f, "a", manifest).await.unwrap();
    delete().await.unwrap();
}

pub(crate) async fn a_deleted_blob_is_gone_from_its_repository_alone(f: Fixture) {
    let info = f.push_blob("a", b"shared").await;
    f.push_blob("b", b"shared").await;
    f.registry
        .delete_blob(&ctx(), &key("a"), &info.digest)
        .await
        .unwrap();
    assert!(f.read("a", info.digest).await.is_err());
    let again = f
        .registry
        .delete_blob(&ctx(), &key("a"), &info.digest)
        .await;
    assert!(matches!(again, Err(RegistryError::BlobUnknown { .. })));
    assert_eq!(&f.read("b", info.digest).await.unwrap()[..], b"shared");
}

pub(crate) async fn referrers_come_and_go(f: Fixture) {
    let subject = image(b"{}", "subject");
    let digest = Digest::sha256(subject.as_bytes());
    let list = async |filter: Option<&'static str>| {
        let page = PageRequest {
            after: None,
            limit: 10,
        };
        let found = f
            .registry
            .referrers(&ctx(), &key("a"), &digest, filter, page)
            .await
            .unwrap();
        found
            .items
            .into_iter()
            .map(|d| d.digest)
            .collect::<Vec<_>>()
    };
    assert!(list(None).await.is_empty(), "of an unknown repository");
    let mut pushed = Vec::new();
    for salt in ["1", "2"] {
        let json = referrer(&subject, salt);
        let outcome = f.push_manifest("a", salt, &json).await.unwrap();
        assert_eq!(outcome.subject, Some(digest));
        pushed.push(outcome.digest);
    }
    pushed.sort();
    assert_eq!(list(None).await, pushed);
    let config = "application/vnd.oci.image.config.v1+json";
    assert_eq!(list(Some(config)).await, pushed);
    assert!(list(Some("application/x")).await.is_empty());
    delete_manifest(&f, "a", pushed[0]).await.unwrap();
    assert_eq!(list(None).await, pushed[1..]);
}
