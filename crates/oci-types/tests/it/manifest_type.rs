//! How `Manifest::parse` decides what a document is: media types and versions.

use oci_types::media_type as known;
use oci_types::{ManifestError, ManifestKind};
use serde_json::json;

use crate::manifest_reading::{THING, accepted, image, index, refused, with, without};

#[test]
fn the_media_type_to_store() {
    let plain = "";
    let cases = [
        // Content-Type, the document's mediaType, the stored one
        (known::OCI_MANIFEST, plain, known::OCI_MANIFEST),
        (
            known::OCI_MANIFEST,
            known::OCI_MANIFEST,
            known::OCI_MANIFEST,
        ),
        (known::DOCKER_MANIFEST, plain, known::DOCKER_MANIFEST),
        (plain, known::OCI_MANIFEST, known::OCI_MANIFEST),
        (plain, known::DOCKER_MANIFEST, known::DOCKER_MANIFEST),
        (
            known::OCTET_STREAM,
            known::OCI_MANIFEST,
            known::OCI_MANIFEST,
        ),
        (known::JSON, known::DOCKER_MANIFEST, known::DOCKER_MANIFEST),
        (THING, plain, THING),
        (THING, THING, THING),
        (
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
            plain,
            known::OCI_MANIFEST,
        ),
        (
            "Application/Vnd.Example.THING",
            plain,
            "Application/Vnd.Example.THING",
        ),
    ];
    for (content_type, declared, stored) in cases {
        let document = match declared {
            "" => image(),
            declared => with(image(), "mediaType", json!(declared)),
        };
        let manifest = accepted(content_type, &document);
        assert_eq!(manifest.media_type.as_str(), stored);
    }
    let manifest = accepted(
        known::OCTET_STREAM,
        &with(index(), "mediaType", json!(known::OCI_INDEX)),
    );
    assert_eq!(manifest.kind, ManifestKind::Index);
    let empty = with(image(), "mediaType", json!(""));
    assert_eq!(
        accepted(known::OCI_MANIFEST, &empty).kind,
        ManifestKind::Image
    );
}

#[test]
fn a_manifest_of_no_stated_type_is_told_what_to_send() {
    for content_type in ["", known::OCTET_STREAM, known::JSON] {
        let send_image = format!("send it with Content-Type: {}", known::OCI_MANIFEST);
        let send_index = format!("send it with Content-Type: {}", known::OCI_INDEX);
        refused(content_type, image().to_string(), &send_image);
        refused(content_type, "{}", &send_image);
        refused(content_type, index().to_string(), &send_index);
        let thing = with(image(), "mediaType", json!(THING)).to_string();
        let error = refused(
            content_type,
            thing,
            &format!("send it with Content-Type: {THING}"),
        );
        assert!(matches!(error, ManifestError::UnconfirmedType { .. }));
        let generic = with(image(), "mediaType", json!(known::JSON)).to_string();
        let error = refused(content_type, generic, "knows no manifest of");
        assert!(matches!(error, ManifestError::UnconfirmedType { .. }));
    }
}

#[test]
fn contradicting_media_types_are_refused() {
    let cases = [
        (known::OCI_MANIFEST, known::OCI_INDEX),
        (known::OCI_INDEX, known::OCI_MANIFEST),
        (known::OCI_MANIFEST, known::DOCKER_MANIFEST),
        (known::OCI_MANIFEST, THING),
        (THING, known::OCI_MANIFEST),
        ("text/html", known::OCI_MANIFEST),
        (known::OCI_MANIFEST, known::OCTET_STREAM),
    ];
    for (content_type, declared) in cases {
        let document = with(image(), "mediaType", json!(declared)).to_string();
        let error = refused(content_type, document, "both must be the same");
        assert!(matches!(error, ManifestError::TypeMismatch { .. }));
    }
    for value in [json!(1), json!([]), json!({}), json!(true)] {
        let document = with(image(), "mediaType", value).to_string();
        refused(known::OCI_MANIFEST, document, "mediaType: must be a string");
    }
    let document = with(image(), "mediaType", json!("nonsense")).to_string();
    refused(
        known::OCI_MANIFEST,
        document,
        "mediaType: a media type has the form",
    );
}

#[test]
fn schema_versions() {
    accepted(known::OCI_MANIFEST, &without(image(), "schemaVersion"));
    for (value, found) in [
        (json!(1), "must be 2, not 1"),
        (json!(3), "must be 2, not 3"),
        (json!("2"), "must be 2, not \\\"2\\\""),
        (json!(2.0), "must be 2, not 2.0"),
        (json!([2]), "must be 2, not [2]"),
        (json!("x".repeat(5000)), "must be 2, not"),
    ] {
        for document in [image(), index()] {
            let content_type = if document["manifests"].is_null() {
                known::OCI_MANIFEST
            } else {
                known::OCI_INDEX
            };
            refused(
                content_type,
                with(document, "schemaVersion", value.clone()).to_string(),
                found,
            );
        }
    }
    accepted(THING, &json!({"schemaVersion": "1.0"}));
}

#[test]
fn docker_schema_1_is_refused_with_advice() {
    let schema1 =
        json!({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []});
    for content_type in [
        "",
        known::JSON,
        known::DOCKER_MANIFEST_V1,
        known::DOCKER_MANIFEST_V1_SIGNED,
        known::OCI_MANIFEST,
        known::OCI_INDEX,
    ] {
        let error = refused(content_type, schema1.to_string(), "push the image again");
        assert!(matches!(error, ManifestError::DockerSchema1));
    }
    let declared = json!({"mediaType": known::DOCKER_MANIFEST_V1}).to_string();
    refused("", declared, "push the image again");
    let hybrid = with(image(), "fsLayers", json!([]));
    refused(
        known::OCI_MANIFEST,
        hybrid.to_string(),
        "push the image again",
    );
}
