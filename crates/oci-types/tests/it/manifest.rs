//! Manifests for producers and readers, and what the referrers API says of one.

use std::collections::BTreeMap;

use oci_types::{Descriptor, Digest, ImageIndex, ImageManifest, Manifest, ManifestKind, MediaType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::descriptor::any_descriptor;

fn any_image() -> impl Strategy<Value = ImageManifest> {
    let own = (
        prop::option::of("[a-z/]{0,6}"),
        prop::option::of(any_descriptor()),
    );
    let annotations = prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3);
    let layers = prop::collection::vec(any_descriptor(), 0..4);
    (any_descriptor(), layers, own, annotations).prop_map(
        |(config, layers, (artifact_type, subject), annotations)| ImageManifest {
            artifact_type,
            subject,
            annotations,
            ..ImageManifest::new(config, layers)
        },
    )
}

fn any_index() -> impl Strategy<Value = ImageIndex> {
    let own = (
        prop::option::of("[a-z/]{0,6}"),
        prop::option::of(any_descriptor()),
    );
    let annotations = prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3);
    let manifests = prop::collection::vec(any_descriptor(), 0..4);
    (manifests, own, annotations).prop_map(|(manifests, (artifact_type, subject), annotations)| {
        ImageIndex {
            artifact_type,
            subject,
            annotations,
            ..ImageIndex::new(manifests)
        }
    })
}

#[test]
fn the_empty_index_is_what_referrers_answers() {
    assert_eq!(
        serde_json::to_string(&ImageIndex::empty()).unwrap(),
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
    );
}

#[test]
fn a_plain_image_has_no_optional_members() {
    let image = ImageManifest::new(Descriptor::empty(), vec![]);
    assert_eq!(
        serde_json::to_value(&image).unwrap(),
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": Descriptor::empty(),
            "layers": [],
        })
    );
}

#[test]
fn null_lists_and_unknown_members_can_be_read() {
    let image = json!({
        "schemaVersion": 2, "config": Descriptor::empty(), "layers": null,
        "annotations": null, "subject": null, "x": [{}],
    });
    let image: ImageManifest = serde_json::from_value(image).unwrap();
    let plain = ImageManifest::new(Descriptor::empty(), vec![]);
    let media_type = None;
    assert_eq!(
        image,
        ImageManifest {
            media_type,
            ..plain
        }
    );
    let index = json!({"schemaVersion": 2, "manifests": null, "annotations": null});
    let index: ImageIndex = serde_json::from_value(index).unwrap();
    let media_type = None;
    assert_eq!(
        index,
        ImageIndex {
            media_type,
            ..ImageIndex::empty()
        }
    );
    assert!(serde_json::from_value::<ImageIndex>(json!({"schemaVersion": 2})).is_err());
}

/// Who lists a manifest shows the artifact type by which it is found.
#[test]
fn referrers_show_the_effective_artifact_type() {
    let config = Descriptor {
        media_type: "application/vnd.Example.config".parse().unwrap(),
        ..Descriptor::empty()
    };
    let image = json!({"config": config, "layers": []});
    let index = json!({"manifests": []});
    let artifact = json!({});
    let cases: [(&MediaType, &Value, Option<&str>, Option<&str>); 11] = [
        (
            &MediaType::oci_manifest(),
            &image,
            Some("a/own"),
            Some("a/own"),
        ),
        (
            &MediaType::oci_manifest(),
            &image,
            None,
            Some("application/vnd.Example.config"),
        ),
        (
            &MediaType::oci_manifest(),
            &image,
            Some(""),
            Some("application/vnd.Example.config"),
        ),
        (
            &MediaType::docker_manifest(),
            &image,
            None,
            Some("application/vnd.Example.config"),
        ),
        (
            &MediaType::oci_index(),
            &index,
            Some("a/own"),
            Some("a/own"),
        ),
        (&MediaType::oci_index(), &index, None, None),
        (&MediaType::oci_index(), &index, Some(""), None),
        (
            &MediaType::oci_artifact(),
            &artifact,
            Some("a/own"),
            Some("a/own"),
        ),
        (&MediaType::oci_artifact(), &artifact, None, None),
        (&"x/y".parse().unwrap(), &image, None, None),
        (
            &"x/y".parse().unwrap(),
            &image,
            Some("a/own"),
            Some("a/own"),
        ),
    ];
    for (media_type, document, declared, expected) in cases {
        let mut document = document.clone();
        document["artifactType"] = json!(declared);
        document["annotations"] = json!({"k": "v"});
        let bytes = serde_json::to_vec(&document).unwrap();
        let manifest = Manifest::parse(Some(media_type), &bytes).unwrap();
        assert_eq!(manifest.artifact_type.as_deref(), declared);
        assert_eq!(manifest.effective_artifact_type(), expected, "{document}");
        let digest = Digest::sha256(&bytes);
        let listed = manifest.referrer_descriptor(digest, bytes.len() as u64);
        let annotations = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
        let artifact_type = expected.map(str::to_owned);
        let plain = Descriptor::new(media_type.clone(), digest, bytes.len() as u64);
        assert_eq!(
            listed,
            Descriptor {
                annotations,
                artifact_type,
                ..plain
            }
        );
    }
}

#[test]
fn referrers_without_annotations_show_none() {
    let manifest = Manifest::parse(Some(&MediaType::oci_index()), br#"{"manifests":[]}"#).unwrap();
    let digest = Digest::sha256(b"x");
    let listed = manifest.referrer_descriptor(digest, 1);
    assert_eq!(listed, Descriptor::new(MediaType::oci_index(), digest, 1));
}

proptest! {
    /// What this crate writes, it reads, and the two readers agree.
    #[test]
    fn images_round_trip(image in any_image()) {
        let bytes = serde_json::to_vec(&image).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<ImageManifest>(&bytes).unwrap(), &image);
        let manifest = Manifest::parse(None, &bytes).unwrap();
        let blobs: Vec<&Descriptor> = std::iter::once(&image.config).chain(&image.layers).collect();
        prop_assert_eq!(manifest.blobs().collect::<Vec<_>>(), blobs);
        prop_assert_eq!(manifest, Manifest {
            kind: ManifestKind::Image,
            media_type: MediaType::oci_manifest(),
            config: Some(image.config),
            layers: image.layers,
            manifests: vec![],
            subject: image.subject,
            artifact_type: image.artifact_type,
            annotations: image.annotations,
        });
    }

    #[test]
    fn indexes_round_trip(index in any_index()) {
        let bytes = serde_json::to_vec(&index).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<ImageIndex>(&bytes).unwrap(), &index);
        let manifest = Manifest::parse(None, &bytes).unwrap();
        prop_assert_eq!(manifest.blobs().count(), 0);
        prop_assert_eq!(manifest, Manifest {
            kind: ManifestKind::Index,
            media_type: MediaType::oci_index(),
            config: None,
            layers: vec![],
            manifests: index.manifests,
            subject: index.subject,
            artifact_type: index.artifact_type,
            annotations: index.annotations,
        });
    }
}
