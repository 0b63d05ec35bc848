//! Blobs and their links.

use std::sync::Arc;

use oci_types::media_type::OCI_LAYER_TAR;
use oci_types::{Algorithm, Digest};

use super::Store;
use super::support::{
    Content, add_blob, add_blobs, at, claim, delete_manifest, descriptor, digest, has_blob,
    locators, object, push, repo, upstream_repo,
};
use crate::{BlobRecord, Locator, MetaError, MountFrom, NewBlob, RepoPattern, Scope};

/// A repository without a link does not find a blob, whatever others hold.
pub async fn a_blob_belongs_to_those_who_link_it(store: Store) {
    let (here, there) = (repo("a"), repo("a/b"));
    let record = object("bytes", "place");
    let added = add_blob(&store, &at(0), &here, record.clone()).await;
    assert_eq!((added.record, added.kept), (record.clone(), true));
    let found = store.blob(&here, &record.digest).await.unwrap();
    assert_eq!(found, Some(record.clone()));
    assert_eq!(store.blob(&there, &record.digest).await.unwrap(), None);
    assert!(store.tags(&there, None, 1).await.unwrap().is_none());
}

/// A link is made to what a push has recorded, and to nothing else; it creates the repository.
pub async fn links_are_made_to_recorded_blobs_only(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    let absent = store.link_blob(&at(0), &there, &digest("bytes")).await;
    assert_eq!(absent.unwrap(), None);
    assert!(store.tags(&there, None, 1).await.unwrap().is_none());
    add_blobs(&store, &here, &["bytes"]).await;
    for _ in 0..2 {
        let linked = store.link_blob(&at(0), &there, &digest("bytes")).await;
        assert_eq!(linked.unwrap(), Some(object("bytes", "bytes")));
    }
    assert!(has_blob(&store, &there, "bytes").await);
    assert!(store.tags(&there, None, 1).await.unwrap().is_some());
}

/// A blob is found by the digest that it was recorded with.
pub async fn blobs_of_both_algorithms_are_found(store: Store) {
    let repo = repo("team/api");
    let record = BlobRecord {
        digest: Digest::of(Algorithm::Sha512, b"bytes"),
        ..object("bytes", "place")
    };
    add_blob(&store, &at(0), &repo, record.clone()).await;
    assert!(!has_blob(&store, &repo, "bytes").await);
    let found = store.blob(&repo, &record.digest).await.unwrap();
    assert_eq!(found, Some(record));
}

/// A name of another registry is another repository.
pub async fn upstreams_have_links_of_their_own(store: Store) {
    let local = repo("library/app");
    let remote = upstream_repo("registry.example.com", "library/app");
    add_blobs(&store, &remote, &["bytes"]).await;
    assert!(!has_blob(&store, &local, "bytes").await);
    add_blobs(&store, &local, &["bytes"]).await;
    let deleted = store.delete_blob(&at(0), &local, &digest("bytes")).await;
    assert!(deleted.unwrap().is_some());
    assert!(has_blob(&store, &remote, "bytes").await);
}

/// One object stands for a digest: a second one is handed out for removal at once.
pub async fn a_duplicate_is_queued_and_the_first_stays(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blob(&store, &at(0), &here, object("bytes", "first")).await;
    let added = add_blob(&store, &at(0), &there, object("bytes", "second")).await;
    assert_eq!(added.record, object("bytes", "first"));
    assert!(!added.kept);
    let found = store.blob(&there, &digest("bytes")).await.unwrap();
    assert_eq!(found, Some(object("bytes", "first")));
    let garbage = claim(&store, &at(0)).await;
    assert_eq!(locators(&garbage), ["second"]);
    assert_eq!(garbage[0].digest, digest("bytes"));
    assert_eq!(garbage[0].size, 5);
}

/// Recording an object twice, as after a crash between sealing and recording, queues nothing.
pub async fn the_same_object_again_is_no_duplicate(store: Store) {
    let repo = repo("team/api");
    for _ in 0..2 {
        let added = add_blob(&store, &at(0), &repo, object("bytes", "place")).await;
        assert_eq!(added.record, object("bytes", "place"));
        assert!(added.kept);
    }
    let blob = NewBlob {
        record: object("bytes", "place"),
        replaces: Some(Locator::new("place")),
    };
    assert!(store.add_blob(&at(0), &repo, blob).await.unwrap().kept);
    assert_eq!(claim(&store, &at(1_000)).await, []);
    for _ in 0..2 {
        add_blob(&store, &at(0), &repo, object("bytes", "other")).await;
    }
    assert_eq!(locators(&claim(&store, &at(0)).await), ["other"]);
}

/// A damaged object's successor takes its place for everybody.
pub async fn a_replaced_object_is_queued(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blob(&store, &at(0), &here, object("bytes", "damaged")).await;
    let blob = NewBlob {
        record: object("bytes", "sound"),
        replaces: Some(Locator::new("damaged")),
    };
    let added = store.add_blob(&at(0), &there, blob).await.unwrap();
    assert_eq!(added.record, object("bytes", "sound"));
    assert!(added.kept);
    for repo in [&here, &there] {
        let found = store.blob(repo, &digest("bytes")).await.unwrap();
        assert_eq!(found, Some(object("bytes", "sound")));
    }
    assert_eq!(locators(&claim(&store, &at(0)).await), ["damaged"]);
}

/// Where the damaged object has been replaced already, the replacement stays.
pub async fn only_the_recorded_object_is_replaced(store: Store) {
    let repo = repo("team/api");
    add_blob(&store, &at(0), &repo, object("bytes", "current")).await;
    let blob = NewBlob {
        record: object("bytes", "late"),
        replaces: Some(Locator::new("damaged")),
    };
    let added = store.add_blob(&at(0), &repo, blob).await.unwrap();
    assert_eq!(added.record, object("bytes", "current"));
    assert!(!added.kept);
    assert_eq!(locators(&claim(&store, &at(0)).await), ["late"]);
}

/// Many record an object of one digest at once: one is kept, and everybody is told which.
pub async fn of_racing_objects_one_is_kept(store: Store) {
    let racers = (0..16).map(|i| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (repo, locator) = (repo(&format!("r{i}")), format!("place-{i}"));
            let added = add_blob(&store, &at(0), &repo, object("bytes", &locator)).await;
            (repo, locator, added)
        })
    });
    let mut kept = Vec::new();
    let mut all = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        let (repo, locator, added) = racer.await.unwrap();
        assert_eq!(added.kept, added.record.locator.as_str() == locator);
        if added.kept {
            kept.push(locator);
        }
        all.push((repo, added.record));
    }
    assert_eq!(kept.len(), 1);
    for (repo, record) in all {
        assert_eq!(record.locator.as_str(), kept[0]);
        assert_eq!(
            store.blob(&repo, &record.digest).await.unwrap(),
            Some(record)
        );
    }
    assert_eq!(claim(&store, &at(0)).await.len(), 15);
}

/// A mount takes what the named repository links.
pub async fn mounting_takes_a_link_of_the_source(store: Store) {
    let (source, here) = (upstream_repo("registry.example.com", "a"), repo("b"));
    add_blobs(&store, &source, &["bytes"]).await;
    let mount = async |from: &MountFrom| {
        let mounted = store
            .mount_blob(&at(0), &here, &digest("bytes"), from)
            .await;
        mounted.unwrap()
    };
    let elsewhere = MountFrom::Repository(repo("a"));
    assert_eq!(mount(&elsewhere).await, None);
    assert!(store.tags(&here, None, 1).await.unwrap().is_none());
    let from = MountFrom::Repository(source.clone());
    assert_eq!(mount(&from).await, Some(object("bytes", "bytes")));
    assert!(has_blob(&store, &here, "bytes").await);
    let absent = store.mount_blob(&at(0), &here, &digest("x"), &from).await;
    assert_eq!(absent.unwrap(), None);
}

/// A mount without a source takes the link of a repository within the scope, of this registry.
pub async fn mounting_from_a_scope_takes_a_link_within_it(store: Store) {
    add_blobs(&store, &repo("team/api"), &["local"]).await;
    let remote = upstream_repo("registry.example.com", "team/api");
    add_blobs(&store, &remote, &["remote"]).await;
    let exact = |name: &str| RepoPattern::Exact(name.parse().unwrap());
    let below = |name: &str| RepoPattern::Below(name.parse().unwrap());
    let cases = [
        (Scope::All, true),
        (Scope::AnyOf(vec![]), false),
        (Scope::AnyOf(vec![exact("team")]), false),
        (Scope::AnyOf(vec![exact("team"), exact("team/api")]), true),
        (Scope::AnyOf(vec![below("team/api")]), false),
        (Scope::AnyOf(vec![exact("x"), below("team")]), true),
    ];
    for (i, (scope, reachable)) in cases.into_iter().enumerate() {
        let (here, from) = (repo(&format!("here/{i}")), MountFrom::AnyOf(scope));
        for (content, wanted) in [("local", reachable), ("remote", false), ("absent", false)] {
            let mounted = store
                .mount_blob(&at(0), &here, &digest(content), &from)
                .await;
            let found = mounted.unwrap().is_some();
            assert_eq!(found, wanted, "{content} from {from:?}");
            assert_eq!(has_blob(&store, &here, content).await, wanted);
        }
    }
}

/// The repository's link goes, and nobody else's.
pub async fn deleting_a_blob_drops_one_link(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    let delete = async |repo: &_| {
        let deleted = store.delete_blob(&at(0), repo, &digest("bytes")).await;
        deleted.unwrap()
    };
    assert_eq!(delete(&here).await, None);
    add_blobs(&store, &there, &["bytes"]).await;
    assert_eq!(delete(&here).await, None);
    add_blobs(&store, &here, &["bytes"]).await;
    assert_eq!(delete(&here).await, Some(object("bytes", "bytes")));
    assert_eq!(delete(&here).await, None);
    assert!(!has_blob(&store, &here, "bytes").await);
    assert!(has_blob(&store, &there, "bytes").await);
}

/// What a manifest names as its config, a layer or a build cache's child stays until the
/// manifest goes; what it names as its subject does not.
pub async fn a_blob_in_use_is_not_deleted(store: Store) {
    let repo = repo("team/api");
    add_blobs(&store, &repo, &["config", "layer", "cached", "subject"]).await;
    let image = Content::image("config", &["layer"]);
    let cache = Content::index(&[descriptor(OCI_LAYER_TAR, "cached")]);
    let referrer = Content::referrer(&digest("subject"), "application/x", "one");
    for content in [&image, &cache, &referrer] {
        push(&store, &repo, content, &[]).await;
    }
    let delete = async |content: &str| {
        store
            .delete_blob(&at(0), &repo, &digest(content))
            .await
            .map(|deleted| deleted.is_some())
    };
    for (content, holder) in [("config", &image), ("layer", &image), ("cached", &cache)] {
        let refused = delete(content).await;
        let Err(MetaError::BlobInUse {
            digest: of,
            manifest,
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((of, manifest), (digest(content), holder.digest));
        assert!(has_blob(&store, &repo, content).await);
    }
    assert!(delete("subject").await.unwrap());
    delete_manifest(&store, &repo, &image.digest).await.unwrap();
    assert!(delete("config").await.unwrap());
    assert!(delete("layer").await.unwrap());
    assert!(delete("cached").await.is_err());
}

/// A manifest of another repository keeps nothing here; absent blobs are absent, used or not.
pub async fn a_blob_in_use_elsewhere_is_deleted(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blobs(&store, &here, &["config"]).await;
    let image = Content::image("config", &[]);
    push(&store, &there, &image, &[]).await;
    let deleted = store.delete_blob(&at(0), &here, &digest("config")).await;
    assert!(deleted.unwrap().is_some());
    let absent = store.delete_blob(&at(0), &there, &digest("config")).await;
    assert_eq!(absent.unwrap(), None);
}
