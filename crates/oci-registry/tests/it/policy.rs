//! Wrappers that carry a policy.

use std::sync::Arc;

use oci_registry::{
    ImmutableTags, ManifestDelete, Pull, Push, ReadOnly, Registry, RegistryError, RepoKey,
    RepoPattern, TagDelete, TagGuard,
};
use oci_types::{Digest, Reference};

use crate::fixture::{Fixture, ctx, image, key, manifest, whole};

fn immutable(f: &Fixture) -> Arc<dyn Registry> {
    let below = RepoPattern::Below("prod".parse().unwrap());
    let rule = move |repo: &RepoKey| {
        if below.matches(&repo.name) {
            TagGuard::new(|tag| tag.as_str().starts_with('v'))
        } else {
            TagGuard::none()
        }
    };
    Arc::new(ImmutableTags::new(f.registry.clone(), rule))
}

async fn push(
    registry: &dyn Registry,
    repo: &str,
    tag: &str,
    salt: &str,
) -> Result<Digest, RegistryError> {
    let push = manifest(tag, &image(b"{}", salt));
    let pushed = registry.push_manifest(&ctx(), &key(repo), push).await;
    pushed.map(|pushed| pushed.digest)
}

#[tokio::test]
async fn an_immutable_tag_is_made_and_never_moved() {
    for f in [Fixture::memory(), Fixture::local()] {
        let registry = immutable(&f);
        let digest = push(&registry, "prod/api", "v1", "1").await.unwrap();
        let again = push(&registry, "prod/api", "v1", "1").await;
        assert_eq!(again.unwrap(), digest, "the same digest is no move");
        let moved = push(&registry, "prod/api", "v1", "2").await;
        assert!(matches!(moved, Err(RegistryError::TagImmutable { .. })));
        for (repo, tag) in [("prod/api", "latest"), ("prod", "v1"), ("dev/api", "v1")] {
            push(&registry, repo, tag, "1").await.unwrap();
            push(&registry, repo, tag, "2").await.unwrap();
        }
        assert_eq!(f.resolve("prod/api", "v1").await.unwrap(), digest);
    }
}

#[tokio::test]
async fn one_refused_tag_refuses_all() {
    for f in [Fixture::memory(), Fixture::local()] {
        let registry = immutable(&f);
        push(&registry, "prod/api", "v1", "1").await.unwrap();
        let json = image(b"{}", "2");
        let digest = Digest::sha256(json.as_bytes());
        let mut several = manifest(&digest.to_string(), &json);
        several.tags = ["new", "v1"].map(|tag| tag.parse().unwrap()).to_vec();
        let refused = registry
            .push_manifest(&ctx(), &key("prod/api"), several)
            .await;
        assert!(matches!(refused, Err(RegistryError::TagImmutable { .. })));
        for reference in ["new", &digest.to_string()] {
            assert!(f.resolve("prod/api", reference).await.is_err());
        }
    }
}

#[tokio::test]
async fn an_immutable_tag_is_not_deleted_not_even_with_its_manifest() {
    for f in [Fixture::memory(), Fixture::local()] {
        let registry = immutable(&f);
        let digest = push(&registry, "prod/api", "v1", "1").await.unwrap();
        push(&registry, "prod/api", "latest", "1").await.unwrap();
        let (protect, tag) = (TagGuard::none(), "v1".parse().unwrap());
        let delete = ManifestDelete {
            digest,
            protect: protect.clone(),
        };
        let refused = registry
            .delete_manifest(&ctx(), &key("prod/api"), delete)
            .await;
        assert!(matches!(refused, Err(RegistryError::TagImmutable { .. })));
        let delete = TagDelete { tag, protect };
        let refused = registry.delete_tag(&ctx(), &key("prod/api"), delete).await;
        assert!(matches!(refused, Err(RegistryError::TagImmutable { .. })));
        for tag in ["v1", "latest"] {
            assert_eq!(f.resolve("prod/api", tag).await.unwrap(), digest);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_pushes_of_an_immutable_tag_one_wins() {
    for f in [Fixture::memory(), Fixture::local()] {
        let registry = immutable(&f);
        for round in 0..20 {
            let tag = format!("v{round}");
            let racers = (0..8).map(|racer| {
                let (registry, tag) = (registry.clone(), tag.clone());
                tokio::spawn(
                    async move { push(&registry, "prod/api", &tag, &racer.to_string()).await },
                )
            });
            let mut winners = Vec::new();
            for racer in racers.collect::<Vec<_>>() {
                match racer.await.unwrap() {
                    Ok(digest) => winners.push(digest),
                    Err(error) => assert!(matches!(error, RegistryError::TagImmutable { .. })),
                }
            }
            assert_eq!(winners.len(), 1, "{tag}");
            assert_eq!(f.resolve("prod/api", &tag).await.unwrap(), winners[0]);
        }
    }
}

#[tokio::test]
async fn a_read_only_registry_serves_and_refuses() {
    let f = Fixture::memory();
    let info = f.push_blob("a", b"data").await;
    f.push_manifest("a", "latest", &image(b"data", "x"))
        .await
        .unwrap();
    let registry = ReadOnly::new(f.registry.clone());
    let (ctx, repo) = (ctx(), key("a"));
    let latest: Reference = "latest".parse().unwrap();
    assert!(registry.manifest(&ctx, &repo, &latest).await.is_ok());
    assert!(registry.blob_info(&ctx, &repo, &info.digest).await.is_ok());
    let unsupported = |error| matches!(error, RegistryError::Unsupported { .. });
    assert!(unsupported(
        registry.start_upload(&ctx, &repo, None).await.unwrap_err()
    ));
    let pushed = registry
        .push_blob(&ctx, &repo, &info.digest, whole(b"data"))
        .await;
    assert!(unsupported(pushed.unwrap_err()));
    assert!(unsupported(
        push(&registry, "a", "v1", "1").await.unwrap_err()
    ));
    let registry: &dyn Registry = &registry;
    assert!(unsupported(
        registry
            .delete_blob(&ctx, &repo, &info.digest)
            .await
            .unwrap_err()
    ));
    assert!(f.read("a", info.digest).await.is_ok());
}
