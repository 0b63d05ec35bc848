//! Documents that `Manifest::parse` must survive: ambiguous, broken, deep, huge
//! and arbitrary ones.

use std::time::{Duration, Instant};

use oci_types::media_type as known;
use oci_types::{Digest, Manifest, ManifestKind, MediaKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::manifest_reading::{THING, accepted, descriptor, image, parse, refused, with};

#[test]
fn members_that_readers_confuse_are_refused() {
    let config = descriptor();
    let cases = [
        (
            r#""layers":[],"layers":[]"#.to_owned(),
            "\"layers\" occurs twice",
        ),
        (
            r#""layers":[],"l\u0061yers":[]"#.to_owned(),
            "\"layers\" occurs twice",
        ),
        (
            r#""layers":[],"x":1,"y":2,"x":3"#.to_owned(),
            "\"x\" occurs twice",
        ),
        (
            r#""layers":[],"Layers":[]"#.to_owned(),
            "\"Layers\" must be spelled \"layers\"",
        ),
        (
            r#""layers":[],"mediatype":"a/b""#.to_owned(),
            "\"mediatype\" must be spelled \"mediaType\"",
        ),
        (
            r#""layers":[],"MANIFESTS":[]"#.to_owned(),
            "must be spelled \"manifests\"",
        ),
        (
            r#""layers":[],"manife\u017Fts":[]"#.to_owned(),
            "must be spelled \"manifests\"",
        ),
        (
            r#""layers":[],"FSLayers":[]"#.to_owned(),
            "must be spelled \"fsLayers\"",
        ),
        (
            r#""layers":[],"Subject":{}"#.to_owned(),
            "must be spelled \"subject\"",
        ),
        (
            format!(r#""layers":[],"config":{config}"#),
            "\"config\" occurs twice",
        ),
        (
            r#""layers":[{"digest":"","digest":""}]"#.to_owned(),
            "\"layers[0].digest\" occurs twice",
        ),
        (
            r#""layers":[{"Digest":""}]"#.to_owned(),
            "\"layers[0].Digest\" must be spelled \"digest\"",
        ),
        (
            r#""layers":[{"\u017Fize":1}]"#.to_owned(),
            "must be spelled \"size\"",
        ),
    ];
    for (members, problem) in cases {
        let document = format!(r#"{{"config":{config},{members}}}"#);
        refused(known::OCI_MANIFEST, document, problem);
    }
    refused(THING, r#"{"a":1,"a":1}"#, "\"a\" occurs twice");
    refused(
        THING,
        r#"{"Manifests":[]}"#,
        "must be spelled \"manifests\"",
    );
    let long = "k".repeat(100_000);
    refused(
        THING,
        format!(r#"{{"{long}":1,"{long}":1}}"#),
        "occurs twice",
    );
}

#[test]
fn unknown_members_are_left_alone() {
    let body = format!(
        r#"{{"config":{0},"layers":[{0}],"huge":1e999,"deep":{1}1{2},"text":"[[[{{\"","s":"\ud800"}}"#,
        descriptor(),
        "[".repeat(100),
        "]".repeat(100),
    );
    assert!(parse(known::OCI_MANIFEST, body.as_bytes()).is_ok());
}

#[test]
fn what_is_no_json_object_is_refused() {
    let cases: [(&[u8], &str); 14] = [
        (b"", "not valid JSON"),
        (b"   ", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{}}", "not valid JSON"),
        (b"{} x", "not valid JSON"),
        (b"{}{}", "not valid JSON"),
        (b"{\"a\":1,}", "not valid JSON"),
        (b"{'a':1}", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"\"{}\"", "must be a JSON object"),
        (b"12", "must be a JSON object"),
        (b"{\"a\":\"\xff\"}", "invalid byte at offset 6"),
    ];
    for content_type in [known::OCI_MANIFEST, known::OCI_INDEX, THING, ""] {
        for (body, problem) in cases {
            refused(content_type, body, problem);
        }
    }
}

#[test]
fn deep_documents_are_refused_and_others_counted_right() {
    let nested = |depth: usize| {
        let depth = depth - 1;
        format!(
            r#"{{"s":"[[[\"[[[\\","a":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(parse(THING, nested(128).as_bytes()).is_ok());
    refused(THING, nested(129), "nested deeper than 128 levels");
    refused(THING, nested(1_000_000), "nested deeper than 128 levels");
    refused(
        THING,
        "[".repeat(1_000_000),
        "nested deeper than 128 levels",
    );
    refused(
        THING,
        r#"{"a":"#.repeat(1_000_000),
        "nested deeper than 128 levels",
    );
    let wide = format!(r#"{{"a":[{}[]]}}"#, "[],".repeat(100_000));
    assert!(parse(THING, wide.as_bytes()).is_ok());
}

/// Generous bounds: quadratic work on these documents takes minutes.
#[test]
fn large_documents_take_linear_time() {
    let start = Instant::now();
    let children: Vec<Value> = (0..10_000_u32)
        .map(|i| {
            with(
                descriptor(),
                "digest",
                json!(Digest::sha256(&i.to_le_bytes())),
            )
        })
        .collect();
    let manifest = accepted(known::OCI_INDEX, &json!({"manifests": children}));
    assert_eq!(manifest.manifests.len(), 10_000);
    assert_eq!(
        manifest.manifests[9_999].digest,
        Digest::sha256(&9_999_u32.to_le_bytes())
    );

    let members: String = (0..400_000).map(|i| format!(r#""{i}":0,"#)).collect();
    assert!(parse(THING, format!(r#"{{{members}"end":0}}"#).as_bytes()).is_ok());
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

/// Text that looks like a manifest in places.
fn any_json_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "2",
        "-1",
        "1e9",
        "\\u0061",
        "\\ud800",
        "é",
        "\"manifests\"",
        "\"layers\"",
        "\"config\"",
        "\"digest\"",
        "\"size\"",
        "\"mediaType\"",
        "\"Layers\"",
        "\"schemaVersion\"",
        "\"application/vnd.oci.image.index.v1+json\"",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// Documents of the known members with values that do not fit.
fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(descriptor()),
        Just(json!([descriptor()])),
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".{0,4}".prop_map(Value::from),
        Just(json!({"digest": "x"})),
        Just(json!([{"digest": 1, "size": -1}])),
        Just(json!({"k": "v"})),
        Just(json!(known::OCI_INDEX)),
    ];
    let name = prop::sample::select(vec![
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "blobs",
        "manifests",
        "subject",
        "annotations",
        "fsLayers",
        "other",
    ]);
    prop::collection::hash_map(name, leaf, 0..6).prop_map(|members| {
        members
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect()
    })
}

fn any_type() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        THING,
        known::JSON,
        known::OCI_MANIFEST,
        known::OCI_INDEX,
        known::OCI_ARTIFACT,
        known::DOCKER_MANIFEST_V1,
    ])
}

/// Nothing that is taken can be read as something else.
fn check_unambiguous(manifest: &Manifest) -> Result<(), TestCaseError> {
    prop_assert!(manifest.manifests.is_empty() || manifest.blobs().count() == 0);
    prop_assert_eq!(
        manifest.kind == ManifestKind::Image,
        manifest.media_type.kind() == MediaKind::ImageManifest
    );
    prop_assert_eq!(
        manifest.kind == ManifestKind::Index,
        manifest.media_type.is_index()
    );
    prop_assert!(manifest.kind != ManifestKind::Image || manifest.config.is_some());
    Ok(())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(content_type in any_type(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(content_type, &body);
    }

    #[test]
    fn arbitrary_text_never_panics(content_type in any_type(), body in any_json_like()) {
        if let Ok(manifest) = parse(content_type, body.as_bytes()) {
            check_unambiguous(&manifest)?;
        }
    }

    #[test]
    fn arbitrary_documents_never_panic(content_type in any_type(), document in any_document()) {
        match parse(content_type, document.to_string().as_bytes()) {
            Ok(manifest) => check_unambiguous(&manifest)?,
            Err(error) => prop_assert!(error.to_string().len() < 600),
        }
    }

    #[test]
    fn a_cut_manifest_is_refused(cut in any::<prop::sample::Index>()) {
        let body = image().to_string();
        let cut = cut.index(body.len());
        prop_assert!(parse(known::OCI_MANIFEST, &body.as_bytes()[..cut]).is_err());
    }
}
