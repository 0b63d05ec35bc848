//! Manifests.

use oci_types::media_type::{
    DOCKER_MANIFEST, OCI_INDEX, OCI_LAYER_NONDISTRIBUTABLE_TAR, OCI_LAYER_TAR, OCI_MANIFEST,
};
use oci_types::{Algorithm, Descriptor, Digest, MediaType};
use serde_json::json;

use super::Store;
use super::support::{
    Content, add_blobs, at, by_digest, by_tag, delete_manifest, descriptor, digest, has_blob, push,
    repo, tag, upstream_repo,
};
use crate::MetaError;

/// Bytes and media type come back as they were pushed, by digest and by tag.
pub async fn bytes_are_kept_verbatim(store: Store) {
    let odd = b"\n{ \"layers\" : [ ],\t\"config\":{\"mediaType\":\"application/x-odd\",\"size\":2,\
        \"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"},\
        \"x\":\"\\u00e4\", \"schemaVersion\":2}\r\n ";
    let content = Content::new(OCI_MANIFEST, &odd[..]);
    let repo = repo("team/api");
    let outcome = push(&store, &repo, &content, &["v1"]).await;
    assert!(outcome.created);
    let read = by_digest(&store, &repo, content.digest).await.unwrap();
    assert_eq!(read, content.record());
    assert_eq!(&read.bytes[..], odd);
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(content.record()));
}

/// The size of a manifest makes no difference, up to what a registry accepts.
pub async fn long_manifests_are_kept_verbatim(store: Store) {
    let repo = repo("team/api");
    for kib in [63, 64, 127, 128, 4096] {
        let fields = json!({ "annotations": { "filler": "x".repeat(kib << 10) } });
        let content = Content::image_with("c", &[], fields);
        push(&store, &repo, &content, &["long"]).await;
        let record = content.record();
        assert_eq!(by_tag(&store, &repo, "long").await, Some(record.clone()));
        assert_eq!(by_digest(&store, &repo, content.digest).await, Some(record));
    }
}

/// What one repository holds is not found in another one.
pub async fn manifests_belong_to_their_repository(store: Store) {
    let (here, there) = (repo("a"), repo("a/b"));
    let content = Content::image("c", &[]);
    assert_eq!(by_tag(&store, &here, "v1").await, None);
    push(&store, &here, &content, &["v1"]).await;
    assert_eq!(by_tag(&store, &here, "v2").await, None);
    assert_eq!(by_digest(&store, &here, digest("other")).await, None);
    assert_eq!(by_tag(&store, &there, "v1").await, None);
    assert_eq!(by_digest(&store, &there, content.digest).await, None);
    let outcome = push(&store, &there, &content, &["v1"]).await;
    assert!(outcome.created);
    assert_eq!(outcome.tags[0].previous, None);
}

/// A name of another registry is another repository.
pub async fn upstreams_have_repositories_of_their_own(store: Store) {
    let keys = [
        repo("library/app"),
        upstream_repo("registry.example.com", "library/app"),
        upstream_repo("registry.example.com:5000", "library/app"),
    ];
    for (i, key) in keys.iter().enumerate() {
        assert_eq!(by_tag(&store, key, "v1").await, None);
        let content = Content::image(&i.to_string(), &[]);
        push(&store, key, &content, &["v1"]).await;
    }
    for (i, key) in keys.iter().enumerate() {
        let content = Content::image(&i.to_string(), &[]);
        assert_eq!(by_tag(&store, key, "v1").await, Some(content.record()));
    }
}

/// A manifest is found by the digest that it was pushed with, and its tags remember that one.
pub async fn manifests_of_both_algorithms_are_found(store: Store) {
    let repo = repo("team/api");
    let sha256 = Content::image("c", &[]);
    let sha512 = sha256.clone().hashed_with(Algorithm::Sha512);
    push(&store, &repo, &sha512, &["v1"]).await;
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(sha512.record()));
    assert_eq!(by_digest(&store, &repo, sha256.digest).await, None);
    assert!(push(&store, &repo, &sha256, &["v2"]).await.created);
    for content in [&sha256, &sha512] {
        let read = by_digest(&store, &repo, content.digest).await;
        assert_eq!(read, Some(content.record()));
    }
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(sha512.record()));
}

/// The manifest is not new the second time; tags of the first time stay.
pub async fn pushing_a_manifest_again_changes_its_tags_alone(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("c", &["l"]);
    push(&store, &repo, &content, &["v1"]).await;
    let again = push(&store, &repo, &content, &["v2", "v1"]).await;
    assert!(!again.created);
    assert_eq!(again.tags[0].previous, None);
    assert_eq!(again.tags[1].previous, Some(content.digest));
    for name in ["v1", "v2"] {
        assert_eq!(by_tag(&store, &repo, name).await, Some(content.record()));
    }
    assert!(!push(&store, &repo, &content, &[]).await.created);
}

/// The same bytes under another Content-Type: the manifest is what the later push says.
pub async fn the_later_media_type_is_served(store: Store) {
    let repo = repo("team/api");
    let first = Content::image("c", &["l"]);
    let later = Content::new(DOCKER_MANIFEST, first.bytes.clone());
    assert_eq!(first.digest, later.digest);
    push(&store, &repo, &first, &["v1"]).await;
    assert!(!push(&store, &repo, &later, &[]).await.created);
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(later.record()));
    assert_eq!(
        delete_manifest(&store, &repo, &first.digest).await,
        Some(vec![tag("v1")])
    );
}

/// Neither the manifest nor the repository is there after a refusal.
pub async fn a_refused_push_creates_nothing(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("c", &[]);
    let refused = store.put_manifest(&at(0), content.put_strict(&repo)).await;
    assert!(matches!(refused, Err(MetaError::MissingReferences { .. })));
    assert_eq!(by_digest(&store, &repo, content.digest).await, None);
    assert!(store.tags(&repo, None, 10).await.unwrap().is_none());
}

/// Config, layers and children may come later, or never.
pub async fn lax_pushes_may_come_before_what_they_refer_to(store: Store) {
    let repo = repo("team/api");
    let image = Content::image("absent", &["absent too"]);
    let index = Content::index(&[image.descriptor()]);
    push(&store, &repo, &index, &["index"]).await;
    push(&store, &repo, &image, &["image"]).await;
    assert_eq!(by_tag(&store, &repo, "index").await, Some(index.record()));
}

/// The refusal names each missing digest once, in the manifest's order. What another repository
/// holds does not count.
pub async fn strict_pushes_name_what_is_missing(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blobs(&store, &there, &["config", "one", "two", "three"]).await;
    add_blobs(&store, &here, &["two"]).await;
    let image = Content::image("config", &["three", "two", "one", "three"]);
    let refused = store.put_manifest(&at(0), image.put_strict(&here)).await;
    let Err(MetaError::MissingReferences { missing }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(missing, ["config", "three", "one"].map(digest));

    push(&store, &there, &image, &[]).await;
    let index = Content::index(&[image.descriptor()]);
    let refused = store.put_manifest(&at(0), index.put_strict(&here)).await;
    let Err(MetaError::MissingReferences { missing }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(missing, [image.digest]);
}

/// Linked blobs and manifests of the repository satisfy a strict push; the children of a build
/// cache, which are no manifests, may be blobs.
pub async fn strict_pushes_find_what_is_there(store: Store) {
    let repo = repo("team/api");
    add_blobs(&store, &repo, &["config", "layer"]).await;
    let image = Content::image("config", &["layer"]);
    let index = Content::index(&[image.descriptor(), descriptor(OCI_LAYER_TAR, "layer")]);
    for content in [image, index] {
        let put = content.put_strict(&repo);
        assert!(store.put_manifest(&at(0), put).await.unwrap().created);
    }
}

/// A subject need not be there, nor a layer that is not to be distributed.
pub async fn strict_pushes_exempt_subjects_and_foreign_layers(store: Store) {
    let repo = repo("team/api");
    add_blobs(&store, &repo, &["config"]).await;
    let body = json!({
        "schemaVersion": 2,
        "config": descriptor(oci_types::media_type::OCI_CONFIG, "config"),
        "layers": [descriptor(OCI_LAYER_NONDISTRIBUTABLE_TAR, "foreign")],
        "subject": Descriptor::new(MediaType::oci_manifest(), digest("absent"), 7),
    });
    let content = Content::new(OCI_MANIFEST, body.to_string());
    let put = content.put_strict(&repo);
    assert!(store.put_manifest(&at(0), put).await.unwrap().created);
}

/// At most 100 of the missing digests are named, the first ones.
pub async fn missing_references_are_bounded(store: Store) {
    let (children, index) = index_of(150);
    let put = index.put_strict(&repo("team/api"));
    let refused = store.put_manifest(&at(0), put).await;
    let Err(MetaError::MissingReferences { missing }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(missing, children[..100]);
}

/// An index of 10,000 children is pushed, read and deleted like any other.
pub async fn ten_thousand_children_are_one_push(store: Store) {
    let repo = repo("team/api");
    let (_, index) = index_of(10_000);
    push(&store, &repo, &index, &["wide"]).await;
    assert_eq!(by_tag(&store, &repo, "wide").await, Some(index.record()));
    let deleted = delete_manifest(&store, &repo, &index.digest).await;
    assert_eq!(deleted, Some(vec![tag("wide")]));
    assert!(push(&store, &repo, &index, &[]).await.created);
    assert!(!has_blob(&store, &repo, "0").await);
}

fn index_of(count: usize) -> (Vec<Digest>, Content) {
    let contents: Vec<String> = (0..count).map(|i| i.to_string()).collect();
    let children: Vec<_> = contents
        .iter()
        .map(|content| descriptor(OCI_INDEX, content))
        .collect();
    let digests = contents.iter().map(|content| digest(content)).collect();
    (digests, Content::index(&children))
}
