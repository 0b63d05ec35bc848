//! What `Manifest::parse` takes and refuses, rule by rule.

use std::time::{Duration, Instant};

use oci_types::media_type as known;
use oci_types::{Descriptor, Digest, Manifest, ManifestError, ManifestKind, MediaType};
use proptest::prelude::*;
use serde_json::{Value, json};

const THING: &str = "application/vnd.example.thing.v1+json";

fn parse(content_type: &str, body: &[u8]) -> Result<Manifest, ManifestError> {
    let content_type = Some(content_type).filter(|text| !text.is_empty());
    let content_type = content_type.map(|text| MediaType::parse(text).expect("a media type"));
    Manifest::parse(content_type.as_ref(), body)
}

#[track_caller]
fn accepted(content_type: &str, document: &Value) -> Manifest {
    match parse(content_type, document.to_string().as_bytes()) {
        Ok(manifest) => manifest,
        Err(error) => panic!("{content_type} {document}: {error}"),
    }
}

/// Checks that a document is refused with a bounded sentence that contains
/// `problem`.
#[track_caller]
fn refused(content_type: &str, body: impl AsRef<[u8]>, problem: &str) -> ManifestError {
    let error = parse(content_type, body.as_ref()).expect_err(problem);
    let sentence = error.to_string();
    assert!(sentence.contains(problem), "{sentence}");
    assert!(sentence.len() < 600, "{sentence}");
    error
}

fn descriptor() -> Value {
    json!(Descriptor::new(
        MediaType::oci_layer_tar(),
        Digest::sha256(b"x"),
        1
    ))
}

fn image() -> Value {
    json!({"schemaVersion": 2, "config": descriptor(), "layers": [descriptor(), descriptor()]})
}

fn index() -> Value {
    json!({"schemaVersion": 2, "manifests": [descriptor()]})
}

fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

fn without(mut document: Value, member: &str) -> Value {
    document.as_object_mut().unwrap().remove(member);
    document
}

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
        manifest.media_type.kind() == oci_types::MediaKind::ImageManifest
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
