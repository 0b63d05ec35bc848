//! What `Manifest::parse` reads of a document of each kind, and refuses.

use oci_types::media_type as known;
use oci_types::{Descriptor, Digest, Manifest, ManifestError, ManifestKind, MediaType};
use serde_json::{Value, json};

pub(crate) const THING: &str = "application/vnd.example.thing.v1+json";

pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Manifest, ManifestError> {
    let content_type = Some(content_type).filter(|text| !text.is_empty());
    let content_type = content_type.map(|text| MediaType::parse(text).expect("a media type"));
    Manifest::parse(content_type.as_ref(), body)
}

#[track_caller]
pub(crate) fn accepted(content_type: &str, document: &Value) -> Manifest {
    match parse(content_type, document.to_string().as_bytes()) {
        Ok(manifest) => manifest,
        Err(error) => panic!("{content_type} {document}: {error}"),
    }
}

/// Checks that a document is refused with a bounded sentence that contains
/// `problem`.
#[track_caller]
pub(crate) fn refused(content_type: &str, body: impl AsRef<[u8]>, problem: &str) -> ManifestError {
    let error = parse(content_type, body.as_ref()).expect_err(problem);
    let sentence = error.to_string();
    assert!(sentence.contains(problem), "{sentence}");
    assert!(sentence.len() < 600, "{sentence}");
    error
}

pub(crate) fn descriptor() -> Value {
    json!(Descriptor::new(
        MediaType::oci_layer_tar(),
        Digest::sha256(b"x"),
        1
    ))
}

pub(crate) fn image() -> Value {
    json!({"schemaVersion": 2, "config": descriptor(), "layers": [descriptor(), descriptor()]})
}

pub(crate) fn index() -> Value {
    json!({"schemaVersion": 2, "manifests": [descriptor()]})
}

pub(crate) fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

pub(crate) fn without(mut document: Value, member: &str) -> Value {
    document.as_object_mut().unwrap().remove(member);
    document
}

#[test]
fn a_document_that_is_image_and_index_is_refused() {
    let types = [
        known::OCI_MANIFEST,
        known::OCI_INDEX,
        known::DOCKER_MANIFEST,
        known::OCI_ARTIFACT,
        THING,
    ];
    for content_type in types {
        for beside in ["config", "layers"] {
            for value in [descriptor(), json!([]), json!("x"), json!(0)] {
                let document = json!({"manifests": [], beside: value});
                let error = refused(
                    content_type,
                    document.to_string(),
                    "could be read as an index",
                );
                assert!(matches!(error, ManifestError::Ambiguous { .. }));
            }
        }
    }
    let null = with(image(), "manifests", Value::Null);
    assert_eq!(accepted(known::OCI_MANIFEST, &null).layers.len(), 2);
}

#[test]
fn each_kind_has_its_members() {
    let cases = [
        (
            known::OCI_MANIFEST,
            without(image(), "config"),
            "config: is required",
        ),
        (
            known::OCI_MANIFEST,
            without(image(), "layers"),
            "layers: is required",
        ),
        (
            known::DOCKER_MANIFEST,
            with(image(), "config", Value::Null),
            "config: is required",
        ),
        (known::OCI_MANIFEST, index(), "must not have \"manifests\""),
        (known::OCI_MANIFEST, json!({}), "layers: is required"),
        (known::OCI_INDEX, json!({}), "manifests: is required"),
        (known::OCI_INDEX, image(), "must not have \"config\""),
        (
            known::OCI_INDEX,
            without(image(), "config"),
            "must not have \"layers\"",
        ),
        (
            known::DOCKER_MANIFEST_LIST,
            image(),
            "must not have \"config\"",
        ),
        (known::OCI_ARTIFACT, image(), "must not have \"config\""),
        (known::OCI_ARTIFACT, index(), "must not have \"manifests\""),
        (
            known::OCI_MANIFEST,
            with(image(), "layers", json!({})),
            "layers: must be a list",
        ),
        (
            known::OCI_INDEX,
            with(index(), "manifests", json!("x")),
            "manifests: must be a list",
        ),
        (
            known::OCI_MANIFEST,
            with(image(), "config", json!([])),
            "config: must be a descriptor",
        ),
        (
            known::OCI_MANIFEST,
            with(image(), "subject", json!("x")),
            "subject: must be a descriptor",
        ),
        (
            known::OCI_MANIFEST,
            with(image(), "artifactType", json!(1)),
            "artifactType: must be a string",
        ),
        (
            known::OCI_MANIFEST,
            with(image(), "annotations", json!({"a": 1})),
            "annotations: must be an object of strings",
        ),
        (
            known::OCI_INDEX,
            with(index(), "annotations", json!([])),
            "annotations: must be an object of strings",
        ),
    ];
    for (content_type, document, problem) in cases {
        refused(content_type, document.to_string(), problem);
    }
}

#[test]
fn lists_may_be_empty_or_null() {
    for list in [json!([]), Value::Null] {
        let manifest = accepted(known::OCI_MANIFEST, &with(image(), "layers", list.clone()));
        assert!(manifest.layers.is_empty() && manifest.config.is_some());
        let manifest = accepted(known::OCI_INDEX, &with(index(), "manifests", list));
        assert!(manifest.manifests.is_empty());
    }
    let nulls = json!({
        "schemaVersion": null, "mediaType": null, "artifactType": null, "subject": null,
        "annotations": null, "config": descriptor(), "layers": [],
    });
    let manifest = accepted(known::OCI_MANIFEST, &nulls);
    assert_eq!((manifest.subject, manifest.artifact_type), (None, None));
}

#[test]
fn an_artifact_manifest_lists_blobs() {
    let document = json!({
        "mediaType": known::OCI_ARTIFACT, "artifactType": "a/b",
        "blobs": [descriptor(), descriptor()], "subject": descriptor(),
    });
    let manifest = accepted("", &document);
    assert_eq!(manifest.kind, ManifestKind::Artifact);
    assert_eq!(
        (manifest.blobs().count(), manifest.subject.is_some()),
        (2, true)
    );
    let foreign = with(image(), "blobs", json!("not an image's business"));
    assert_eq!(accepted(known::OCI_MANIFEST, &foreign).layers.len(), 2);
}

#[test]
fn malformed_descriptors_are_named() {
    let cases = [
        (
            "digest",
            json!("sha256:00"),
            "digest: a sha256 digest has 64",
        ),
        (
            "digest",
            json!("blake3:00"),
            "digest: the digest algorithm blake3 is not supported",
        ),
        ("digest", json!(1), "digest: must be a string"),
        ("digest", Value::Null, "digest: is required"),
        (
            "size",
            json!(-1),
            "size: must be a whole number of bytes from 0",
        ),
        ("size", json!(1.5), "size: must be"),
        ("size", json!(2.0), "size: must be"),
        ("size", json!("1"), "size: must be"),
        ("size", json!(u64::MAX), "size: must be"),
        ("size", json!(Descriptor::MAX_SIZE + 1), "size: must be"),
        (
            "mediaType",
            json!(""),
            "mediaType: a media type must not be empty",
        ),
        ("mediaType", json!({}), "mediaType: must be a string"),
        (
            "annotations",
            json!({"a": {}}),
            "annotations: must be an object of strings",
        ),
        ("urls", json!("x"), "urls: must be a list of strings"),
        ("data", json!(1), "data: must be a string"),
        ("artifactType", json!(1), "artifactType: must be a string"),
        ("platform", json!("linux"), "platform: must be a platform"),
    ];
    for (member, value, problem) in cases {
        let bad = with(descriptor(), member, value);
        let listed = json!([descriptor(), descriptor(), descriptor(), bad]);
        for (content_type, document, path) in [
            (
                known::OCI_MANIFEST,
                with(image(), "layers", listed.clone()),
                "layers[3]",
            ),
            (
                known::OCI_MANIFEST,
                with(image(), "config", bad.clone()),
                "config",
            ),
            (
                known::OCI_MANIFEST,
                with(image(), "subject", bad.clone()),
                "subject",
            ),
            (
                known::OCI_INDEX,
                with(index(), "manifests", listed.clone()),
                "manifests[3]",
            ),
            (
                known::OCI_ARTIFACT,
                json!({"blobs": listed.clone()}),
                "blobs[3]",
            ),
            (THING, json!({"layers": listed.clone()}), "layers[3]"),
        ] {
            refused(
                content_type,
                document.to_string(),
                &format!("{path}.{problem}"),
            );
        }
    }
    let document = with(image(), "layers", json!([descriptor(), 7]));
    refused(
        known::OCI_MANIFEST,
        document.to_string(),
        "layers[1]: must be a descriptor",
    );
    let document = with(image(), "layers", json!([null]));
    refused(
        known::OCI_MANIFEST,
        document.to_string(),
        "layers[0]: must be a descriptor",
    );
    for member in ["digest", "size", "mediaType"] {
        let document = with(image(), "config", without(descriptor(), member));
        let problem = format!("config.{member}: is required");
        refused(known::OCI_MANIFEST, document.to_string(), &problem);
    }
}

#[test]
fn other_documents_are_read_by_structure() {
    let document = json!({
        "config": {"Env": ["not a descriptor"]},
        "layers": [descriptor(), 7, null, {"name": "x"}],
        "blobs": [descriptor()],
        "subject": descriptor(),
        "artifactType": "a/b",
        "annotations": {"k": "v"},
        "anything": {"else": [{"digest": 1}]},
    });
    let manifest = accepted(THING, &document);
    assert_eq!(manifest.kind, ManifestKind::Other);
    assert_eq!(
        (manifest.config.is_none(), manifest.layers.len()),
        (true, 2)
    );
    assert_eq!(manifest.subject, serde_json::from_value(descriptor()).ok());
    assert_eq!(manifest.artifact_type.as_deref(), Some("a/b"));
    assert_eq!(manifest.annotations["k"], "v");

    let manifest = accepted(THING, &json!({"manifests": [descriptor(), {}]}));
    assert_eq!(manifest.manifests.len(), 1);

    let foreign = json!({
        "layers": {"a": 1}, "subject": "x", "artifactType": 7, "annotations": [], "config": 1,
    });
    let manifest = accepted(THING, &foreign);
    assert_eq!(manifest.blobs().count(), 0);
    assert_eq!((manifest.subject, manifest.artifact_type), (None, None));
    assert!(manifest.annotations.is_empty());
    assert!(accepted(THING, &json!({})).manifests.is_empty());
}
