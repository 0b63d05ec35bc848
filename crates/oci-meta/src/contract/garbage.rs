//! The collection of what has lost its last link.

use super::Store;
use super::support::{
    add_blob, add_blobs, at, claim, claim_up_to, digest, has_blob, locators, object, repo,
};
use crate::{Ctx, MountFrom, NewBlob, RepoKey};

async fn delete_blob(store: &Store, ctx: &Ctx, repo: &RepoKey, content: &str) {
    let deleted = store.delete_blob(ctx, repo, &digest(content)).await;
    assert!(deleted.unwrap().is_some());
}

/// An empty store in order says so.
pub async fn the_store_answers_a_probe(store: Store) {
    store.probe().await.unwrap();
    add_blobs(&store, &repo("a"), &["bytes"]).await;
    store.probe().await.unwrap();
}

/// A blob is kept for the grace period after its last link went, and not longer.
pub async fn unlinked_blobs_are_handed_out_after_the_grace(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blobs(&store, &here, &["one", "two"]).await;
    add_blobs(&store, &there, &["two"]).await;
    assert_eq!(claim(&store, &at(1_000)).await, []);
    delete_blob(&store, &at(10), &here, "one").await;
    delete_blob(&store, &at(10), &here, "two").await;
    assert_eq!(claim(&store, &at(69)).await, []);
    let garbage = claim(&store, &at(70)).await;
    assert_eq!(locators(&garbage), ["one"]);
    assert_eq!((garbage[0].digest, garbage[0].size), (digest("one"), 3));
    delete_blob(&store, &at(1_000), &there, "two").await;
    assert_eq!(
        locators(&claim(&store, &at(1_060)).await).last(),
        Some(&"two")
    );
}

/// A blob that is linked again within the grace period is not handed out.
pub async fn a_link_within_the_grace_saves_a_blob(store: Store) {
    let repo = repo("a");
    add_blobs(&store, &repo, &["linked", "pushed"]).await;
    for content in ["linked", "pushed"] {
        delete_blob(&store, &at(0), &repo, content).await;
        assert!(!has_blob(&store, &repo, content).await);
        let mounted = store
            .mount_blob(
                &at(0),
                &repo,
                &digest(content),
                &MountFrom::AnyOf(crate::Scope::All),
            )
            .await;
        assert_eq!(mounted.unwrap(), None);
    }
    let linked = store.link_blob(&at(59), &repo, &digest("linked")).await;
    assert_eq!(linked.unwrap(), Some(object("linked", "linked")));
    let pushed = add_blob(&store, &at(59), &repo, object("pushed", "again")).await;
    assert_eq!(pushed.record.locator.as_str(), "pushed");
    assert_eq!(locators(&claim(&store, &at(1_000)).await), ["again"]);
    assert!(has_blob(&store, &repo, "linked").await);
    assert!(has_blob(&store, &repo, "pushed").await);
}

/// A blob that was linked and unlinked again has its whole grace period anew.
pub async fn the_grace_begins_with_the_last_end_of_a_link(store: Store) {
    let repo = repo("a");
    add_blobs(&store, &repo, &["bytes"]).await;
    delete_blob(&store, &at(0), &repo, "bytes").await;
    store
        .link_blob(&at(50), &repo, &digest("bytes"))
        .await
        .unwrap();
    delete_blob(&store, &at(50), &repo, "bytes").await;
    assert_eq!(claim(&store, &at(109)).await, []);
    assert_eq!(locators(&claim(&store, &at(110)).await), ["bytes"]);
}

/// From the claim on nobody finds or links the blob.
pub async fn a_claimed_blob_is_gone(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    add_blobs(&store, &here, &["bytes"]).await;
    delete_blob(&store, &at(0), &here, "bytes").await;
    assert_eq!(claim(&store, &at(60)).await.len(), 1);
    for repo in [&here, &there] {
        let linked = store.link_blob(&at(60), repo, &digest("bytes")).await;
        assert_eq!(linked.unwrap(), None);
        assert!(!has_blob(&store, repo, "bytes").await);
    }
}

/// A push of a claimed digest records its own object, which the end of the claim leaves alone.
pub async fn a_push_after_the_claim_has_an_object_of_its_own(store: Store) {
    let repo = repo("a");
    add_blob(&store, &at(0), &repo, object("bytes", "old")).await;
    delete_blob(&store, &at(0), &repo, "bytes").await;
    let garbage = claim(&store, &at(60)).await;
    let added = add_blob(&store, &at(60), &repo, object("bytes", "new")).await;
    assert_eq!(added.record, object("bytes", "new"));
    assert!(added.kept);
    let tickets: Vec<u64> = garbage.iter().map(|g| g.ticket).collect();
    store.forget_garbage(&at(61), &tickets).await.unwrap();
    let found = store.blob(&repo, &digest("bytes")).await.unwrap();
    assert_eq!(found, Some(object("bytes", "new")));
    assert_eq!(claim(&store, &at(1_000)).await, []);
}

/// What is claimed is handed to nobody else before the lease ends, and then again.
pub async fn claims_are_exclusive_until_the_lease_ends(store: Store) {
    let repo = repo("a");
    add_blobs(&store, &repo, &["bytes"]).await;
    delete_blob(&store, &at(0), &repo, "bytes").await;
    let first = claim(&store, &at(100)).await;
    assert_eq!(locators(&first), ["bytes"]);
    assert_eq!(claim(&store, &at(100)).await, []);
    assert_eq!(claim(&store, &at(159)).await, []);
    assert_eq!(claim(&store, &at(160)).await, first);
    assert_eq!(claim(&store, &at(219)).await, []);
}

/// A ticket that is forgotten is gone; one that is unknown is no error, and is never used again.
pub async fn forgotten_claims_are_not_handed_out_again(store: Store) {
    let repo = repo("a");
    let mut tickets = Vec::new();
    for content in ["one", "two"] {
        add_blobs(&store, &repo, &[content]).await;
        delete_blob(&store, &at(0), &repo, content).await;
        let garbage = claim(&store, &at(60)).await;
        assert_eq!(locators(&garbage), [content]);
        tickets.push(garbage[0].ticket);
        store.forget_garbage(&at(61), &tickets).await.unwrap();
        assert_eq!(claim(&store, &at(1_000)).await, []);
    }
    assert_ne!(tickets[0], tickets[1]);
    store.forget_garbage(&at(61), &[]).await.unwrap();
}

/// No more is handed out than was asked for, and everything in the end.
pub async fn claims_are_bounded(store: Store) {
    let repo = repo("a");
    let contents = ["1", "2", "3", "4", "5"];
    add_blobs(&store, &repo, &contents).await;
    for content in contents {
        delete_blob(&store, &at(0), &repo, content).await;
    }
    assert_eq!(claim_up_to(&store, &at(60), 0).await, []);
    let mut all = Vec::new();
    for wanted in [2, 2, 1, 0] {
        let garbage = claim_up_to(&store, &at(60), 2).await;
        assert_eq!(garbage.len(), wanted);
        all.extend(garbage);
    }
    assert_eq!(locators(&all), contents);
}

/// An object that was queued and not handed out yet, and is recorded after all, is kept.
pub async fn an_object_recorded_again_is_not_removed(store: Store) {
    let repo = repo("a");
    add_blob(&store, &at(0), &repo, object("bytes", "first")).await;
    add_blob(&store, &at(0), &repo, object("bytes", "second")).await;
    let blob = NewBlob {
        record: object("bytes", "second"),
        replaces: Some(crate::Locator::new("first")),
    };
    assert!(store.add_blob(&at(0), &repo, blob).await.unwrap().kept);
    assert_eq!(locators(&claim(&store, &at(1_000)).await), ["first"]);
}

/// An object that somebody may be removing is not recorded.
pub async fn an_object_handed_out_is_not_recorded_again(store: Store) {
    let repo = repo("a");
    add_blobs(&store, &repo, &["bytes"]).await;
    delete_blob(&store, &at(0), &repo, "bytes").await;
    assert_eq!(claim(&store, &at(60)).await.len(), 1);
    let blob = NewBlob {
        record: object("bytes", "bytes"),
        replaces: None,
    };
    assert!(store.add_blob(&at(60), &repo, blob).await.is_err());
    assert!(!has_blob(&store, &repo, "bytes").await);
    assert_eq!(locators(&claim(&store, &at(120)).await), ["bytes"]);
}
