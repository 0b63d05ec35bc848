//! Descriptors: JSON in and out.

use oci_types::{Descriptor, Digest, MediaType, Platform};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::digest::any_digest;

pub(crate) fn any_descriptor() -> impl Strategy<Value = Descriptor> {
    let text = || prop::option::of("[a-z/é\"\\\\]{0,6}");
    let texts = || prop::collection::vec("[a-z:/]{0,6}", 0..3);
    let media_type = "[a-z]{1,5}/[a-z.+]{1,5}z"
        .prop_filter_map("no media type", |text| MediaType::parse(&text).ok());
    let annotations = prop::collection::btree_map("[a-z.]{1,5}", ".{0,5}", 0..3);
    let platform = (".{0,3}", ".{0,3}", text(), texts(), text(), texts()).prop_map(
        |(architecture, os, os_version, os_features, variant, features)| Platform {
            architecture,
            os,
            os_version,
            os_features,
            variant,
            features,
        },
    );
    let required = (media_type, any_digest(), 0..=Descriptor::MAX_SIZE);
    let optional = (text(), prop::option::of(annotations), texts(), text());
    (required, optional, prop::option::of(platform)).prop_map(
        |((media_type, digest, size), (artifact_type, annotations, urls, data), platform)| {
            Descriptor {
                artifact_type,
                annotations,
                urls,
                data,
                platform,
                ..Descriptor::new(media_type, digest, size)
            }
        },
    )
}

fn digest() -> Digest {
    Digest::sha256(b"{}")
}

#[test]
fn optional_members_are_absent() {
    let descriptor = Descriptor::new(MediaType::oci_config(), digest(), 2);
    assert_eq!(
        serde_json::to_value(&descriptor).unwrap(),
        json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest().to_string(),
            "size": 2,
        })
    );
}

#[test]
fn the_empty_descriptor_is_the_specifications() {
    assert_eq!(
        serde_json::to_value(Descriptor::empty()).unwrap(),
        json!({
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
            "data": "e30=",
        })
    );
}

#[test]
fn members_have_the_names_of_the_specification() {
    let value = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest().to_string(),
        "size": 7143,
        "artifactType": "application/vnd.example.sbom",
        "annotations": {"b": "2", "a": "1"},
        "urls": ["https://example.com/x"],
        "data": "e30=",
        "platform": {
            "architecture": "arm64",
            "os": "windows",
            "os.version": "10.0.14393.1066",
            "os.features": ["win32k"],
            "variant": "v8",
            "features": ["sse4"],
        },
    });
    let descriptor: Descriptor = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&descriptor).unwrap(), value);
    assert_eq!(descriptor.size, 7143);
    assert_eq!(descriptor.annotations.as_ref().unwrap()["a"], "1");
    let platform = descriptor.platform.unwrap();
    assert_eq!(platform.os_version.as_deref(), Some("10.0.14393.1066"));
    assert_eq!(platform.os_features, ["win32k"]);
}

#[test]
fn unknown_members_and_nulls_are_ignored() {
    let value = json!({
        "mediaType": "a/b", "digest": digest(), "size": 0, "future": {"x": [1]},
        "artifactType": null, "annotations": null, "urls": null, "data": null,
        "platform": {"os.features": null, "features": null},
    });
    let descriptor: Descriptor = serde_json::from_value(value).unwrap();
    let plain = Descriptor::new("a/b".parse().unwrap(), digest(), 0);
    let platform = Some(Platform::default());
    assert_eq!(descriptor, Descriptor { platform, ..plain });
}

#[test]
fn malformed_members_are_refused() {
    let cases = [
        ("size", json!(-1)),
        ("size", json!(0.5)),
        ("size", json!("2")),
        ("size", json!(Descriptor::MAX_SIZE + 1)),
        ("size", json!(u64::MAX)),
        ("size", Value::Null),
        ("digest", json!("sha256:0")),
        ("digest", json!("sha384:00")),
        ("mediaType", json!("")),
        ("mediaType", json!(1)),
        ("annotations", json!({"a": 1})),
        ("urls", json!("https://example.com")),
        ("platform", json!("linux/amd64")),
    ];
    for (member, value) in cases {
        let mut descriptor = json!({"mediaType": "a/b", "digest": digest(), "size": 1});
        descriptor[member] = value;
        let result = serde_json::from_value::<Descriptor>(descriptor.clone());
        assert!(result.is_err(), "{descriptor}");
    }
    for member in ["size", "digest", "mediaType"] {
        let mut descriptor = json!({"mediaType": "a/b", "digest": digest(), "size": 1});
        descriptor.as_object_mut().unwrap().remove(member);
        assert!(serde_json::from_value::<Descriptor>(descriptor).is_err());
    }
    let negative = format!(
        r#"{{"mediaType":"a/b","digest":"{}","size":1e400}}"#,
        digest()
    );
    assert!(serde_json::from_str::<Descriptor>(&negative).is_err());
}

proptest! {
    #[test]
    fn descriptors_round_trip(descriptor in any_descriptor()) {
        let json = serde_json::to_string(&descriptor).unwrap();
        prop_assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), descriptor);
    }
}
