//! Tags, and the deletions that end them.

use std::collections::BTreeSet;
use std::sync::Arc;

use oci_types::Digest;

use super::Store;
use super::support::{Content, at, by_digest, by_tag, delete_manifest, digest, push, repo, tag};
use crate::{MetaError, TagGuard};

/// How many pushes race.
const RACERS: usize = 32;

/// A tag names what was pushed to it last; the push tells what it named before.
pub async fn a_tag_moves_and_tells_what_it_named(store: Store) {
    let repo = repo("team/api");
    let (one, two) = (Content::image("1", &[]), Content::image("2", &[]));
    let outcome = push(&store, &repo, &one, &["latest"]).await;
    assert_eq!(outcome.tags[0].tag, tag("latest"));
    assert_eq!(outcome.tags[0].previous, None);
    let outcome = push(&store, &repo, &two, &["latest"]).await;
    assert_eq!(outcome.tags[0].previous, Some(one.digest));
    assert_eq!(by_tag(&store, &repo, "latest").await, Some(two.record()));
    assert_eq!(
        by_digest(&store, &repo, one.digest).await,
        Some(one.record())
    );
    assert_eq!(
        delete_manifest(&store, &repo, &one.digest).await,
        Some(vec![])
    );
    assert_eq!(by_tag(&store, &repo, "latest").await, Some(two.record()));
}

/// What must be absent or the same is refused where it is neither.
pub async fn a_guarded_tag_is_written_once(store: Store) {
    let repo = repo("team/api");
    let (one, two) = (Content::image("1", &[]), Content::image("2", &[]));
    for created in [true, false] {
        let put = one.put_guarded(&repo, &["v1"]);
        let outcome = store.put_manifest(&at(0), put).await.unwrap();
        assert_eq!(outcome.created, created);
    }
    let put = two.put_guarded(&repo, &["v1"]);
    let refused = store.put_manifest(&at(0), put).await;
    let Err(MetaError::TagConflict {
        tag: at_tag,
        current,
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((at_tag, current), (tag("v1"), one.digest));
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(one.record()));
    assert_eq!(by_digest(&store, &repo, two.digest).await, None);
}

/// Of several tags, all are written or none.
pub async fn one_refused_tag_refuses_all(store: Store) {
    let repo = repo("team/api");
    let (one, two) = (Content::image("1", &[]), Content::image("2", &[]));
    push(&store, &repo, &one, &["b"]).await;
    let put = two.put_guarded(&repo, &["a", "b", "c"]);
    let refused = store.put_manifest(&at(0), put).await;
    assert!(matches!(refused, Err(MetaError::TagConflict { tag, .. }) if tag.as_str() == "b"));
    assert_eq!(by_tag(&store, &repo, "a").await, None);
    assert_eq!(by_tag(&store, &repo, "c").await, None);
    assert_eq!(by_digest(&store, &repo, two.digest).await, None);
    let put = two.put_guarded(&repo, &["a", "c"]);
    let outcome = store.put_manifest(&at(0), put).await.unwrap();
    let names: Vec<&str> = outcome.tags.iter().map(|t| t.tag.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
}

/// The second mention of a tag in one push finds what the first has written.
pub async fn a_tag_named_twice_is_written_once(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("1", &[]);
    let put = content.put_guarded(&repo, &["v1", "v1"]);
    let outcome = store.put_manifest(&at(0), put).await.unwrap();
    let previous: Vec<_> = outcome.tags.iter().map(|t| t.previous).collect();
    assert_eq!(previous, [None, Some(content.digest)]);
    assert_eq!(
        delete_manifest(&store, &repo, &content.digest).await,
        Some(vec![tag("v1")])
    );
}

/// Many push different manifests to one guarded tag at once: one is answered that it did.
pub async fn of_racing_guarded_pushes_one_wins(store: Store) {
    let repo = repo("team/api");
    let pushes = (0..RACERS).map(|i| {
        let content = Content::image(&i.to_string(), &[]);
        let (store, put) = (Arc::clone(&store), content.put_guarded(&repo, &["v1"]));
        tokio::spawn(async move { (content, store.put_manifest(&at(0), put).await) })
    });
    let mut winners = Vec::new();
    for push in pushes.collect::<Vec<_>>() {
        match push.await.unwrap() {
            (content, Ok(_)) => winners.push(content),
            (content, Err(MetaError::TagConflict { .. })) => {
                assert_eq!(by_digest(&store, &repo, content.digest).await, None);
            }
            (_, Err(error)) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let named = by_tag(&store, &repo, "v1").await;
    assert_eq!(named, Some(winners[0].record()));
}

/// Without a guard everybody wins, one after the other: each finds another one before it.
pub async fn racing_pushes_follow_one_another(store: Store) {
    let repo = repo("team/api");
    let pushes = (0..RACERS).map(|i| {
        let content = Content::image(&i.to_string(), &[]);
        let (store, repo) = (Arc::clone(&store), repo.clone());
        tokio::spawn(async move {
            let outcome = push(&store, &repo, &content, &["latest"]).await;
            (content.digest, outcome.tags[0].previous)
        })
    });
    let mut pushed = BTreeSet::new();
    let mut found = BTreeSet::new();
    for push in pushes.collect::<Vec<_>>() {
        let (digest, previous) = push.await.unwrap();
        pushed.insert(Some(digest));
        assert!(found.insert(previous), "two pushes followed {previous:?}");
    }
    let last = by_tag(&store, &repo, "latest").await.unwrap().digest;
    pushed.remove(&Some(last));
    pushed.insert(None);
    assert_eq!(pushed, found);
}

/// The manifest stays, and so do its other tags.
pub async fn deleting_a_tag_leaves_its_manifest(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("1", &[]);
    let none = TagGuard::none();
    let deleted = store.delete_tag(&at(0), &repo, &tag("v1"), &none).await;
    assert_eq!(deleted.unwrap(), None);
    push(&store, &repo, &content, &["v1", "v2"]).await;
    let deleted = store.delete_tag(&at(1), &repo, &tag("v1"), &none).await;
    assert_eq!(deleted.unwrap().map(|d| d.digest), Some(content.digest));
    let again = store.delete_tag(&at(2), &repo, &tag("v1"), &none).await;
    assert_eq!(again.unwrap(), None);
    assert_eq!(by_tag(&store, &repo, "v1").await, None);
    assert_eq!(by_tag(&store, &repo, "v2").await, Some(content.record()));
    assert_eq!(
        delete_manifest(&store, &repo, &content.digest).await,
        Some(vec![tag("v2")])
    );
}

/// A protected tag is not deleted; an absent one is absent, protected or not.
pub async fn a_guard_keeps_a_tag(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("1", &[]);
    let guard = TagGuard::new(|tag| tag.as_str().starts_with('v'));
    push(&store, &repo, &content, &["v1", "nightly"]).await;
    let refused = store.delete_tag(&at(0), &repo, &tag("v1"), &guard).await;
    assert!(matches!(refused, Err(MetaError::TagProtected { tag }) if tag.as_str() == "v1"));
    assert_eq!(by_tag(&store, &repo, "v1").await, Some(content.record()));
    let absent = store.delete_tag(&at(0), &repo, &tag("v2"), &guard).await;
    assert_eq!(absent.unwrap(), None);
    let nightly = tag("nightly");
    let deleted = store.delete_tag(&at(0), &repo, &nightly, &guard).await;
    assert!(deleted.unwrap().is_some());
}

/// Every tag on a deleted manifest goes with it, and is told in order.
pub async fn deleting_a_manifest_drops_its_tags(store: Store) {
    let repo = repo("team/api");
    let (one, two) = (Content::image("1", &[]), Content::image("2", &[]));
    push(&store, &repo, &one, &["b", "a", "C"]).await;
    push(&store, &repo, &two, &["d"]).await;
    let deleted = delete_manifest(&store, &repo, &one.digest).await;
    assert_eq!(deleted, Some(["C", "a", "b"].map(tag).to_vec()));
    assert_eq!(by_digest(&store, &repo, one.digest).await, None);
    for name in ["a", "b", "C"] {
        assert_eq!(by_tag(&store, &repo, name).await, None);
    }
    assert_eq!(by_tag(&store, &repo, "d").await, Some(two.record()));
    assert_eq!(delete_manifest(&store, &repo, &one.digest).await, None);
    assert_eq!(delete_manifest(&store, &repo, &digest("x")).await, None);
}

/// A manifest with a protected tag is not deleted, nor any of its tags.
pub async fn a_guard_keeps_a_manifest(store: Store) {
    let repo = repo("team/api");
    let content = Content::image("1", &[]);
    let guard = TagGuard::new(|tag| tag.as_str() == "keep");
    push(&store, &repo, &content, &["a", "keep", "z"]).await;
    let refused = store
        .delete_manifest(&at(0), &repo, &content.digest, &guard)
        .await;
    assert!(matches!(refused, Err(MetaError::TagProtected { tag }) if tag.as_str() == "keep"));
    for name in ["a", "keep", "z"] {
        assert_eq!(by_tag(&store, &repo, name).await, Some(content.record()));
    }
    let keep = tag("keep");
    let deleted = store
        .delete_tag(&at(0), &repo, &keep, &TagGuard::none())
        .await;
    assert!(deleted.unwrap().is_some());
    let deleted = store
        .delete_manifest(&at(0), &repo, &content.digest, &guard)
        .await;
    assert_eq!(deleted.unwrap().map(|d| d.tags.len()), Some(2));
}

/// A deletion leaves nothing in the way of the next push.
pub async fn a_manifest_can_be_pushed_after_its_deletion(store: Store) {
    let repo = repo("team/api");
    let content = Content::referrer(&digest("subject"), "application/x", "one");
    for _ in 0..2 {
        let put = content.put_guarded(&repo, &["v1"]);
        let outcome = store.put_manifest(&at(0), put).await.unwrap();
        assert!(outcome.created);
        assert_eq!(outcome.tags[0].previous, None::<Digest>);
        assert_eq!(
            delete_manifest(&store, &repo, &content.digest).await,
            Some(vec![tag("v1")])
        );
    }
}

/// The same manifest and tag of another repository stay.
pub async fn deletions_stay_within_a_repository(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    let content = Content::image("1", &[]);
    push(&store, &here, &content, &["v1"]).await;
    push(&store, &there, &content, &["v1"]).await;
    assert!(
        delete_manifest(&store, &here, &content.digest)
            .await
            .is_some()
    );
    assert_eq!(by_tag(&store, &there, "v1").await, Some(content.record()));
    assert_eq!(
        by_digest(&store, &there, content.digest).await,
        Some(content.record())
    );
}
