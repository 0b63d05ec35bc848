//! Media types: parsing, classification, comparison without case.

use std::collections::HashSet;

use oci_types::media_type as known;
use oci_types::{MediaKind, MediaType};
use proptest::prelude::*;

use crate::{check_refused, check_round_trip};

const MEDIA_TYPE: &str =
    "[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,20}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,60}";

#[test]
fn every_known_type_has_its_kind() {
    use MediaKind as Kind;
    let cases = [
        (known::OCI_MANIFEST, Kind::ImageManifest),
        (known::DOCKER_MANIFEST, Kind::ImageManifest),
        (known::OCI_INDEX, Kind::ImageIndex),
        (known::DOCKER_MANIFEST_LIST, Kind::ImageIndex),
        (known::OCI_ARTIFACT, Kind::ArtifactManifest),
        (known::DOCKER_MANIFEST_V1, Kind::DockerSchema1),
        (known::DOCKER_MANIFEST_V1_SIGNED, Kind::DockerSchema1),
        (known::OCI_CONFIG, Kind::Config),
        (known::DOCKER_CONFIG, Kind::Config),
        (known::DOCKER_PLUGIN_CONFIG, Kind::Config),
        (known::OCI_LAYER_TAR, Kind::Layer),
        (known::OCI_LAYER_TAR_GZIP, Kind::Layer),
        (known::OCI_LAYER_TAR_ZSTD, Kind::Layer),
        (known::DOCKER_LAYER_TAR, Kind::Layer),
        (known::DOCKER_LAYER_TAR_GZIP, Kind::Layer),
        (known::DOCKER_LAYER_TAR_ZSTD, Kind::Layer),
        (
            known::OCI_LAYER_NONDISTRIBUTABLE_TAR,
            Kind::NonDistributableLayer,
        ),
        (
            known::OCI_LAYER_NONDISTRIBUTABLE_TAR_GZIP,
            Kind::NonDistributableLayer,
        ),
        (
            known::OCI_LAYER_NONDISTRIBUTABLE_TAR_ZSTD,
            Kind::NonDistributableLayer,
        ),
        (known::DOCKER_LAYER_FOREIGN_TAR, Kind::NonDistributableLayer),
        (
            known::DOCKER_LAYER_FOREIGN_TAR_GZIP,
            Kind::NonDistributableLayer,
        ),
        (known::OCI_EMPTY, Kind::Empty),
        (known::OCTET_STREAM, Kind::Generic),
        (known::JSON, Kind::Generic),
        ("application/vnd.example.thing.v1+json", Kind::Other),
        ("text/html", Kind::Other),
    ];
    for (text, kind) in cases {
        let media_type: MediaType = text.parse().unwrap();
        assert_eq!((media_type.as_str(), media_type.kind()), (text, kind));
        let shouted: MediaType = text.to_uppercase().parse().unwrap();
        assert_eq!(shouted.kind(), kind, "{shouted}");
        let manifests = [
            Kind::ImageManifest,
            Kind::ImageIndex,
            Kind::ArtifactManifest,
        ];
        assert_eq!(media_type.is_manifest(), manifests.contains(&kind));
        assert_eq!(media_type.is_index(), kind == Kind::ImageIndex);
        let foreign = kind == Kind::NonDistributableLayer;
        assert_eq!(media_type.is_non_distributable(), foreign);
        check_round_trip(&media_type);
    }
}

#[test]
fn constructors_are_their_constants() {
    let cases = [
        (MediaType::oci_manifest(), known::OCI_MANIFEST),
        (MediaType::oci_index(), known::OCI_INDEX),
        (MediaType::oci_config(), known::OCI_CONFIG),
        (MediaType::oci_empty(), known::OCI_EMPTY),
        (MediaType::oci_artifact(), known::OCI_ARTIFACT),
        (MediaType::oci_layer_tar(), known::OCI_LAYER_TAR),
        (MediaType::oci_layer_tar_gzip(), known::OCI_LAYER_TAR_GZIP),
        (MediaType::oci_layer_tar_zstd(), known::OCI_LAYER_TAR_ZSTD),
        (MediaType::docker_manifest(), known::DOCKER_MANIFEST),
        (
            MediaType::docker_manifest_list(),
            known::DOCKER_MANIFEST_LIST,
        ),
        (MediaType::octet_stream(), known::OCTET_STREAM),
        (MediaType::json(), known::JSON),
    ];
    for (media_type, text) in cases {
        assert_eq!(media_type.as_str(), text);
        assert_eq!(media_type, MediaType::parse(text).unwrap());
    }
}

#[test]
fn parameters_and_white_space_are_dropped() {
    for text in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=utf-8",
        "application/json ;",
        " \tapplication/json\t ;;; anything é",
    ] {
        assert_eq!(MediaType::parse(text).unwrap().as_str(), "application/json");
    }
}

#[test]
fn case_is_kept_and_not_compared() {
    let upper: MediaType = "Application/Vnd.Example.THING".parse().unwrap();
    let lower: MediaType = "application/vnd.example.thing".parse().unwrap();
    assert_eq!(upper.to_string(), "Application/Vnd.Example.THING");
    assert_eq!(upper, lower);
    assert!(upper.cmp(&lower).is_eq());
    assert!(upper == *"application/vnd.example.thing");
    assert!(HashSet::from([upper]).contains(&lower));
}

#[test]
fn refusals() {
    let too_long = format!("a/{}", "b".repeat(MediaType::MAX_LEN - 1));
    let cases = [
        ("", "must not be empty"),
        ("   ", "must not be empty"),
        ("; charset=utf-8", "must not be empty"),
        ("json", "has the form type/subtype"),
        ("/", "empty name at byte 0"),
        ("/json", "empty name at byte 0"),
        ("application/", "empty name at byte 12"),
        ("*/*", "character '*' at byte 0"),
        ("application/*", "character '*' at byte 12"),
        ("application/.json", "character '.' at byte 12"),
        ("a/b/c", "character '/' at byte 3"),
        ("a/b, c/d", "character ',' at byte 3"),
        ("a /b", "character ' ' at byte 1"),
        (" a/b\n", "character '\\n' at byte 4"),
        ("a/b\0", "character '\\0' at byte 3"),
        ("a/é", "character 'é' at byte 2"),
        (&too_long, "at most 255 bytes, this one has 256"),
    ];
    for (text, problem) in cases {
        check_refused::<MediaType>(text, problem);
    }
    assert!(MediaType::parse(&too_long[..MediaType::MAX_LEN]).is_ok());
}

proptest! {
    #[test]
    fn media_types_round_trip(text in MEDIA_TYPE) {
        let media_type: MediaType = text.parse().unwrap();
        prop_assert_eq!(media_type.as_str(), &text);
        check_round_trip(&media_type);
        let with_parameters = MediaType::parse(&format!("{text}; q=1")).unwrap();
        prop_assert_eq!(with_parameters.as_str(), &text);
        let order = media_type.cmp(&MediaType::oci_index());
        prop_assert_eq!(order.is_eq(), media_type == MediaType::oci_index());
    }

    #[test]
    fn what_parses_is_printable(text in "[a-z/;. ]{0,12}|.*") {
        if let Ok(media_type) = MediaType::parse(&text) {
            prop_assert!(media_type.as_str().bytes().all(|b| b.is_ascii_graphic()));
            prop_assert!(media_type.as_str().len() <= MediaType::MAX_LEN);
            check_round_trip(&media_type);
        }
    }
}
