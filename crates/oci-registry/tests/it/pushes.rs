//! Pushing and pulling.

use oci_registry::{Event, MountFrom, RegistryError, RepoPattern, Scope};
use oci_types::{ByteRange, Digest, MediaType};

use crate::fixture::{Fixture, broken, chunk, ctx, image, key, manifest, noise, whole};

pub(crate) async fn a_blob_in_one_request(f: Fixture) {
    for size in [0, 1, 999, 1 << 20, (1 << 20) + 1, 3 << 20] {
        let data = noise(size, size as u64);
        let info = f.push_blob("a/b", &data).await;
        assert_eq!(info.size, size as u64);
        assert_eq!(f.read("a/b", info.digest).await.unwrap(), data);
        let found = f
            .registry
            .blob_info(&ctx(), &key("a/b"), &info.digest)
            .await;
        assert_eq!(found.unwrap(), info);
    }
}

pub(crate) async fn a_blob_with_a_wrong_digest_leaves_nothing(f: Fixture) {
    let wrong = Digest::sha256(b"other");
    let pushed = f
        .registry
        .push_blob(&ctx(), &key("a"), &wrong, whole(b"data"))
        .await;
    assert!(matches!(
        pushed,
        Err(RegistryError::DigestMismatch { expected, actual })
            if expected == wrong && actual == Digest::sha256(b"data")
    ));
    let torn = chunk(broken(b"da"));
    let pushed = f
        .registry
        .push_blob(&ctx(), &key("a"), &Digest::sha256(b"da"), torn)
        .await;
    assert!(matches!(pushed, Err(RegistryError::BodyInterrupted(_))));
    for data in [&b"data"[..], b"other", b"da"] {
        let read = f.read("a", Digest::sha256(data)).await;
        assert!(matches!(read, Err(RegistryError::BlobUnknown { .. })));
    }
    // The sessions behind them are gone: the limit of 20 is never reached.
    for _ in 0..30 {
        let pushed = f
            .registry
            .push_blob(&ctx(), &key("a"), &wrong, whole(b"data"))
            .await;
        assert!(matches!(pushed, Err(RegistryError::DigestMismatch { .. })));
    }
}

pub(crate) async fn ranges_of_a_blob(f: Fixture) {
    let data = noise(70_000, 1);
    let info = f.push_blob("a", &data).await;
    for (header, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=10-19", 10..20),
        ("bytes=69999-", 69_999..70_000),
        ("bytes=-5", 69_995..70_000),
        ("bytes=5-900000", 5..70_000),
        ("bytes=-900000", 0..70_000),
    ] {
        let range = ByteRange::parse_header(header).unwrap();
        let blob = f
            .registry
            .blob(&ctx(), &key("a"), &info.digest, range)
            .await
            .unwrap();
        let half_open = expected.start as u64..expected.end as u64;
        assert_eq!(blob.range, Some(half_open), "{header}");
        assert_eq!(blob.read.into_bytes().await.unwrap(), data[expected]);
    }
    let beyond = ByteRange::parse_header("bytes=70000-").unwrap();
    let refused = f
        .registry
        .blob(&ctx(), &key("a"), &info.digest, beyond)
        .await;
    assert!(matches!(
        refused,
        Err(RegistryError::RangeNotSatisfiable { size: 70_000 })
    ));
}

pub(crate) async fn a_manifest_is_served_to_the_byte(f: Fixture) {
    let json = image(b"{}", "x").replace(',', ", \n\t");
    let pushed = f.push_manifest("a", "latest", &json).await.unwrap();
    assert_eq!(pushed.digest, Digest::sha256(json.as_bytes()));
    for reference in ["latest".to_owned(), pushed.digest.to_string()] {
        let found = f
            .registry
            .manifest(&ctx(), &key("a"), &reference.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(found.bytes, json.as_bytes());
        assert_eq!(found.media_type, MediaType::oci_manifest());
        assert_eq!(found.digest, pushed.digest);
    }
    let other = image(b"{}", "y");
    f.push_manifest("a", "latest", &other).await.unwrap();
    assert_eq!(
        f.resolve("a", "latest").await.unwrap(),
        Digest::sha256(other.as_bytes())
    );
    assert!(f.resolve("a", &pushed.digest.to_string()).await.is_ok());
}

pub(crate) async fn a_manifest_under_several_tags(f: Fixture) {
    let json = image(b"{}", "x");
    let digest = Digest::sha256(json.as_bytes());
    let mut push = manifest(&digest.to_string(), &json);
    push.tags = ["b", "a", "b"].map(|tag| tag.parse().unwrap()).to_vec();
    let pushed = f.registry.push_manifest(&ctx(), &key("a"), push).await;
    assert_eq!(pushed.unwrap().digest, digest);
    for tag in ["a", "b"] {
        assert_eq!(f.resolve("a", tag).await.unwrap(), digest);
    }
}

pub(crate) async fn a_manifest_has_to_have_its_digest(f: Fixture) {
    let json = image(b"{}", "x");
    let wrong = Digest::sha256(b"other");
    let pushed = f.push_manifest("a", &wrong.to_string(), &json).await;
    assert!(matches!(pushed, Err(RegistryError::DigestMismatch { .. })));
    let sha512 = Digest::of(oci_types::Algorithm::Sha512, json.as_bytes());
    let pushed = f.push_manifest("a", &sha512.to_string(), &json).await;
    assert_eq!(pushed.unwrap().digest, sha512);
    assert!(f.resolve("a", &wrong.to_string()).await.is_err());
}

pub(crate) async fn an_ambiguous_manifest_is_refused(f: Fixture) {
    let json = image(b"{}", "x").replacen("\"layers\"", "\"manifests\":[],\"layers\"", 1);
    let pushed = f.push_manifest("a", "latest", &json).await;
    assert!(matches!(pushed, Err(RegistryError::ManifestInvalid(_))));
    let large = format!("{json}{}", " ".repeat(1 << 20));
    let pushed = f.push_manifest("a", "latest", &large).await;
    assert!(matches!(pushed, Err(RegistryError::ManifestInvalid(_))));
    assert!(f.resolve("a", "latest").await.is_err());
}

pub(crate) async fn what_is_absent_is_unknown(f: Fixture) {
    let digest = Digest::sha256(b"absent");
    f.push_blob("known", b"x").await;
    for repo in ["known", "unknown"] {
        assert!(matches!(
            f.read(repo, digest).await,
            Err(RegistryError::BlobUnknown { .. })
        ));
        for reference in ["latest".to_owned(), digest.to_string()] {
            assert!(matches!(
                f.resolve(repo, &reference).await,
                Err(RegistryError::ManifestUnknown { .. })
            ));
        }
    }
}

pub(crate) async fn a_blob_belongs_to_repositories(f: Fixture) {
    let info = f.push_blob("a", b"secret").await;
    assert!(matches!(
        f.read("b", info.digest).await,
        Err(RegistryError::BlobUnknown { .. })
    ));
    f.push_blob("b", b"secret").await;
    assert_eq!(&f.read("b", info.digest).await.unwrap()[..], b"secret");
}

pub(crate) async fn mounts(f: Fixture) {
    let info = f.push_blob("team/from", b"layer").await;
    let mount = async |to: &str, from: MountFrom| {
        f.registry
            .mount_blob(&ctx(), &key(to), &info.digest, &from)
            .await
            .unwrap()
    };
    let elsewhere = Scope::AnyOf(vec![RepoPattern::Below("other".parse().unwrap())]);
    let team = Scope::AnyOf(vec![RepoPattern::Below("team".parse().unwrap())]);
    for nothing in [
        MountFrom::Repository(key("empty")),
        MountFrom::AnyOf(elsewhere),
    ] {
        assert_eq!(mount("to", nothing).await, None);
        assert!(f.read("to", info.digest).await.is_err());
    }
    for (to, from) in [
        ("one", MountFrom::Repository(key("team/from"))),
        ("two", MountFrom::AnyOf(Scope::All)),
        ("three", MountFrom::AnyOf(team)),
    ] {
        assert_eq!(mount(to, from).await, Some(info));
        assert_eq!(&f.read(to, info.digest).await.unwrap()[..], b"layer");
    }
}

pub(crate) async fn events_tell_what_happened(f: Fixture) {
    let info = f.push_blob("a", b"{}").await;
    let json = image(b"{}", "x");
    let digest = f.push_manifest("a", "v1", &json).await.unwrap().digest;
    f.resolve("a", "v1").await.unwrap();
    f.read("a", info.digest).await.unwrap();
    let size = json.len() as u64;
    assert_eq!(
        f.events.take(),
        [
            Event::BlobPushed {
                digest: info.digest,
                size: 2,
            },
            Event::ManifestPushed {
                digest,
                media_type: MediaType::oci_manifest(),
                tags: vec!["v1".parse().unwrap()],
                size,
            },
            Event::ManifestPulled {
                digest,
                tag: Some("v1".parse().unwrap()),
                size,
            },
            Event::BlobPulled {
                digest: info.digest,
                bytes: 2,
            },
        ]
    );
}
