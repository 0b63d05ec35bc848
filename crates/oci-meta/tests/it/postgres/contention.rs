//! Two replicas at one thing: what comes out is what one machine could have done in some order.

use std::collections::BTreeSet;
use std::time::Duration;

use oci_meta::{
    Blobs, ClaimGarbage, Collection, Ctx, Expect, Manifests, MetaError, PostgresMeta, RepoKey,
    SessionLimits, SessionRecord, TagGuard, Timestamp, UploadSessions,
};
use oci_types::{Digest, Reference};
use uuid::Uuid;

use super::cluster::Cluster;
use super::support::{add_blob, ctx, digest, image, replicas, repo, strict};

/// How often two that race are set off.
const ROUNDS: usize = 40;

fn after(seconds: u64) -> Ctx {
    Ctx {
        now: ctx().now.after(Duration::from_secs(seconds)),
        ..ctx()
    }
}

async fn tagged(store: &PostgresMeta, repo: &RepoKey, tag: &str) -> Option<Digest> {
    let reference = Reference::Tag(tag.parse().unwrap());
    let found = store.manifest(repo, &reference).await.unwrap();
    found.map(|found| found.digest)
}

/// Each push finds another one before it, and the last one stays.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_one_tag_follow_one_another() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let stores = replicas(&schema).await;
    let pushes: Vec<_> = (0..64)
        .map(|i| {
            let (store, repo) = (stores[i % 2].clone(), repo("team/api"));
            tokio::spawn(async move {
                let put = image(&repo, &i.to_string(), &["latest"], Expect::Any);
                let pushed = put.digest;
                let outcome = store.put_manifest(&ctx(), put).await.unwrap();
                (pushed, outcome.tags[0].previous)
            })
        })
        .collect();
    let (mut pushed, mut followed) = (BTreeSet::new(), BTreeSet::new());
    for push in pushes {
        let (digest, previous) = push.await.unwrap();
        pushed.insert(Some(digest));
        assert!(followed.insert(previous), "two followed {previous:?}");
    }
    pushed.remove(&tagged(&stores[0], &repo("team/api"), "latest").await);
    pushed.insert(None);
    assert_eq!(pushed, followed);
}

/// Of several tags in several orders, one push gets them all.
#[tokio::test(flavor = "multi_thread")]
async fn of_guarded_pushes_of_several_tags_one_wins() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let stores = replicas(&schema).await;
    let pushes: Vec<_> = (0..32)
        .map(|i| {
            let (store, repo) = (stores[i % 2].clone(), repo("team/api"));
            tokio::spawn(async move {
                let tags = [["a", "b", "c"], ["c", "b", "a"]][i / 2 % 2];
                let put = image(&repo, &i.to_string(), &tags, Expect::AbsentOrSame);
                (put.digest, store.put_manifest(&ctx(), put).await)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for push in pushes {
        match push.await.unwrap() {
            (digest, Ok(_)) => winners.push(Some(digest)),
            (_, Err(MetaError::TagConflict { .. })) => {}
            (_, Err(error)) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    for tag in ["a", "b", "c"] {
        assert_eq!(tagged(&stores[1], &repo("team/api"), tag).await, winners[0]);
    }
}

/// One object stands for the digest, everybody links it, and the others are handed out once.
#[tokio::test(flavor = "multi_thread")]
async fn of_objects_of_one_blob_one_is_kept() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let stores = replicas(&schema).await;
    for round in 0..4 {
        let content = format!("content {round}");
        let pushes: Vec<_> = (0..32)
            .map(|i| {
                let (store, content) = (stores[i % 2].clone(), content.clone());
                tokio::spawn(async move {
                    let repo = repo(&format!("r{}", i / 4));
                    let locator = format!("{content} at {i}");
                    add_blob(&store, &repo, &content, &locator).await.unwrap()
                })
            })
            .collect();
        let mut kept = 0;
        for push in pushes {
            kept += usize::from(push.await.unwrap());
        }
        assert_eq!(kept, 1);
        let claim = ClaimGarbage {
            grace: Duration::ZERO,
            lease: Duration::from_secs(60),
            limit: 20,
        };
        let now = ctx();
        let claims = tokio::join!(
            stores[0].claim_garbage(&now, claim),
            stores[1].claim_garbage(&now, claim),
        );
        let mut garbage = [claims.0.unwrap(), claims.1.unwrap()].concat();
        // What the other one was looking at is left for the next claim.
        garbage.extend(stores[0].claim_garbage(&now, claim).await.unwrap());
        let tickets: BTreeSet<u64> = garbage.iter().map(|g| g.ticket).collect();
        assert_eq!((garbage.len(), tickets.len()), (31, 31));
    }
}

/// Either the manifest is there and its layer is, or neither the push nor the layer survived.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_against_the_deletion_of_its_layer() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let [one, two] = replicas(&schema).await;
    let repo = repo("team/api");
    add_blob(&one, &repo, "{}", "config").await.unwrap();
    let (mut pushed, mut deleted) = (0, 0);
    for round in 0..ROUNDS {
        let layer = format!("layer {round}");
        add_blob(&one, &repo, &layer, &layer).await.unwrap();
        let put = strict(image(&repo, &layer, &[], Expect::Any));
        let (now, layer) = (ctx(), digest(&layer));
        let (push, delete) = tokio::join!(
            one.put_manifest(&now, put),
            two.delete_blob(&now, &repo, &layer),
        );
        let is_there = two.blob(&repo, &layer).await.unwrap().is_some();
        match (push, delete) {
            (Ok(_), Err(MetaError::BlobInUse { .. })) if is_there => pushed += 1,
            (Err(MetaError::MissingReferences { missing }), Ok(Some(_))) if !is_there => {
                assert_eq!(missing, [layer]);
                deleted += 1;
            }
            ended => panic!("{ended:?}, and the layer is there: {is_there}"),
        }
    }
    assert_eq!(pushed + deleted, ROUNDS);
}

/// A tag never names a manifest that was deleted, nor is a tag lost that was acknowledged after
/// the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_against_the_deletion_of_its_manifest() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let [one, two] = replicas(&schema).await;
    let repo = repo("team/api");
    let guard = TagGuard::new(|tag| tag.as_str() == "keep");
    for round in 0..ROUNDS {
        let put = image(&repo, &round.to_string(), &["keep"], Expect::Any);
        let digest = put.digest;
        one.put_manifest(&ctx(), image(&repo, &round.to_string(), &[], Expect::Any))
            .await
            .unwrap();
        let now = ctx();
        let (push, delete) = tokio::join!(
            one.put_manifest(&now, put),
            two.delete_manifest(&now, &repo, &digest, &guard),
        );
        let created = push.unwrap().created;
        assert_eq!(tagged(&two, &repo, "keep").await, Some(digest));
        match delete {
            Ok(Some(deleted)) => assert!(created && deleted.tags.is_empty()),
            Err(MetaError::TagProtected { .. }) => assert!(!created),
            other => panic!("{other:?}"),
        }
        let none = TagGuard::none();
        let tag = "keep".parse().unwrap();
        one.delete_tag(&ctx(), &repo, &tag, &none).await.unwrap();
    }
}

/// What changes a repository's manifests or tags, or takes a link away, waits for whoever else
/// does; reading and linking wait for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_repository_wait_for_each_other() {
    const A_WHILE: Duration = Duration::from_millis(100);
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let [store, _] = replicas(&schema).await;
    let (here, there, now) = (repo("team/api"), repo("team/web"), ctx());
    let (put, none) = (
        image(&here, "layer", &["v1"], Expect::Any),
        TagGuard::none(),
    );
    store.put_manifest(&now, put.clone()).await.unwrap();
    add_blob(&store, &here, "bytes", "bytes").await.unwrap();
    let held = schema.session().await;
    let lock = "BEGIN; SELECT FROM repositories WHERE name = 'team/api' FOR NO KEY UPDATE";
    held.batch_execute(lock).await.unwrap();

    let (v1, bytes, more) = ("v1".parse().unwrap(), digest("bytes"), digest("more"));
    let push = store.put_manifest(&now, image(&here, "other", &[], Expect::Any));
    let drop_tag = store.delete_tag(&now, &here, &v1, &none);
    let drop_manifest = store.delete_manifest(&now, &here, &put.digest, &none);
    let drop_blob = store.delete_blob(&now, &here, &bytes);
    tokio::pin!(push, drop_tag, drop_manifest, drop_blob);
    assert!(tokio::time::timeout(A_WHILE, &mut push).await.is_err());
    assert!(tokio::time::timeout(A_WHILE, &mut drop_tag).await.is_err());
    assert!(
        tokio::time::timeout(A_WHILE, &mut drop_manifest)
            .await
            .is_err()
    );
    assert!(tokio::time::timeout(A_WHILE, &mut drop_blob).await.is_err());

    assert_eq!(tagged(&store, &here, "v1").await, Some(put.digest));
    assert!(add_blob(&store, &here, "more", "more").await.unwrap());
    assert!(store.link_blob(&now, &here, &more).await.unwrap().is_some());
    let elsewhere = store.put_manifest(&now, image(&there, "layer", &[], Expect::Any));
    assert!(elsewhere.await.unwrap().created);

    held.batch_execute("COMMIT").await.unwrap();
    let (push, tag, manifest, blob) = tokio::join!(push, drop_tag, drop_manifest, drop_blob);
    assert!(push.unwrap().created && manifest.unwrap().is_some() && blob.unwrap().is_some());
    tag.unwrap();
}

/// A call that is undone to end a deadlock is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let [store, _] = replicas(&schema).await;
    add_blob(&store, &repo("team/api"), "bytes", "bytes")
        .await
        .unwrap();
    let other = schema.session().await;
    // It is the store's call that looks for deadlocks first, and gives way.
    let hold = "SET deadlock_timeout = '60s'; BEGIN; SELECT FROM blobs FOR UPDATE";
    other.batch_execute(hold).await.unwrap();
    let delete = tokio::spawn(async move {
        let (repo, blob) = (repo("team/api"), digest("bytes"));
        store.delete_blob(&ctx(), &repo, &blob).await.unwrap()
    });
    // Until it holds the repository and waits for the blob.
    let probe = "SELECT FROM pg_locks WHERE NOT granted AND transactionid IN
        (SELECT transactionid FROM pg_locks WHERE pid = pg_backend_pid()
            AND locktype = 'transactionid')";
    while other.query(probe, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other
        .batch_execute("SELECT FROM repositories FOR UPDATE")
        .await
        .unwrap();
    assert!(!delete.is_finished());
    other.batch_execute("COMMIT").await.unwrap();
    assert!(delete.await.unwrap().is_some());
}

/// Who links a blob that collection is after gets it, or finds it gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_against_the_claim_of_collection() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let [one, two] = replicas(&schema).await;
    let (here, there) = (repo("a"), repo("b"));
    let claim = ClaimGarbage {
        grace: Duration::from_secs(60),
        lease: Duration::from_secs(3600),
        limit: 10,
    };
    for round in 0..ROUNDS {
        let content = format!("content {round}");
        let blob = digest(&content);
        add_blob(&one, &here, &content, &content).await.unwrap();
        one.delete_blob(&ctx(), &here, &blob).await.unwrap();
        let (later, again) = (after(60), format!("{content} again"));
        let (link, push, claimed) = tokio::join!(
            one.link_blob(&later, &there, &blob),
            add_blob(&one, &here, &content, &again),
            two.claim_garbage(&later, claim),
        );
        let (linked, kept) = (link.unwrap(), push.unwrap());
        let mut claimed: Vec<String> = locators(&claimed.unwrap());
        // A second object of the digest may have been queued since.
        claimed.extend(locators(&two.claim_garbage(&later, claim).await.unwrap()));
        let found = one.blob(&here, &blob).await.unwrap().unwrap();
        assert!(!claimed.contains(&found.locator.to_string()), "{claimed:?}");
        assert_eq!(kept, claimed.contains(&content), "{claimed:?}");
        if let Some(linked) = linked {
            assert_eq!(linked, found);
            assert_eq!(one.blob(&there, &blob).await.unwrap(), Some(found));
        }
    }
}

fn locators(garbage: &[oci_meta::Garbage]) -> Vec<String> {
    garbage.iter().map(|g| g.locator.to_string()).collect()
}

/// Writers that take turns at one session: each change is made to the one before it, and the
/// bytes of all sessions are counted.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_session_exclude_each_other() {
    const LIMITS: SessionLimits = SessionLimits {
        sessions: 2,
        bytes: 80,
    };
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let stores = replicas(&schema).await;
    let id = Uuid::from_u128(7);
    let record = SessionRecord {
        id,
        repo: repo("team/api"),
        revision: 0,
        expires_at: Timestamp::from_millis(0),
        bytes: 0,
        state: "".into(),
    };
    stores[0].create_session(record, &LIMITS).await.unwrap();
    let writers: Vec<_> = (0..8usize)
        .map(|writer| {
            let store = stores[writer % 2].clone();
            tokio::spawn(async move {
                let mut written = 0;
                while written < 10 {
                    let mut record = store.session(id).await.unwrap().unwrap();
                    let expected = record.revision;
                    record.revision += 1;
                    record.bytes += 1;
                    record.state = [&record.state[..], &[b'a' + writer as u8]].concat().into();
                    match store.update_session(record, expected, &LIMITS).await {
                        Ok(()) => written += 1,
                        Err(MetaError::SessionConflict) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut record = stores[1].session(id).await.unwrap().unwrap();
    assert_eq!((record.revision, record.bytes), (80, 80));
    for writer in 0..8 {
        let writes = record.state.iter().filter(|b| **b == b'a' + writer).count();
        assert_eq!(writes, 10);
    }
    record.revision += 1;
    record.bytes += 1;
    let refused = stores[0].update_session(record, 80, &LIMITS).await;
    assert!(matches!(
        refused,
        Err(MetaError::TooManySessionBytes { limit: 80 })
    ));
    let (a, b) = tokio::join!(
        stores[0].remove_session(id, 80),
        stores[1].remove_session(id, 80)
    );
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let totals = format!(
        "SELECT 1 / (sessions + bytes = 0)::int FROM {}.totals",
        schema.name()
    );
    schema.run(&totals).await;
}
