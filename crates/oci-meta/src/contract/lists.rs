//! Lists.

use std::collections::BTreeSet;

use oci_types::media_type::OCI_MANIFEST;
use oci_types::{Algorithm, Descriptor, Digest, MediaType};
use serde_json::json;

use super::Store;
use super::support::{
    Content, add_blobs, at, delete_manifest, digest, push, repo, tag, upstream_repo,
};
use crate::{Page, RepoKey, RepoPattern, Scope, TagGuard};

/// Pages of every size, one behind the other, are the whole list in ASCII order.
pub async fn tags_come_in_pages(store: Store) {
    let repo = repo("team/api");
    let mut names = [
        "v1", "v10", "v2", "V1", "_x", "0", "a-b", "a.b", "a_b", "latest",
    ];
    push(&store, &repo, &Content::image("c", &[]), &names).await;
    names.sort_unstable();
    for limit in 1..=names.len() + 1 {
        let mut listed = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = tags(&store, &repo, after.as_deref(), limit).await;
            assert_eq!(page.more, listed.len() + page.items.len() < names.len());
            assert!(!page.more || page.items.len() == limit);
            listed.extend(page.items);
            if !page.more {
                break;
            }
            after = listed.last().cloned();
        }
        assert_eq!(listed, names);
    }
    assert_eq!(
        tags(&store, &repo, Some("v11"), 1).await,
        list(&["v2"], false)
    );
    assert_eq!(
        tags(&store, &repo, Some("a"), 2).await,
        list(&["a-b", "a.b"], true)
    );
    for after in ["a-", "a-\0", "a\0b"] {
        let page = tags(&store, &repo, Some(after), 1).await;
        assert_eq!(page, list(&["a-b"], true), "{after:?}");
    }
    assert_eq!(tags(&store, &repo, Some("v2"), 9).await, list(&[], false));
    assert_eq!(
        tags(&store, &repo, Some("\u{e4}"), 9).await,
        list(&[], false)
    );
    assert_eq!(tags(&store, &repo, Some(""), 1).await, list(&["0"], true));
    assert_eq!(tags(&store, &repo, None, 0).await, list(&[], false));
    assert_eq!(tags(&store, &repo, None, usize::MAX).await.items.len(), 10);
}

async fn tags(store: &Store, repo: &RepoKey, after: Option<&str>, limit: usize) -> Page<String> {
    let page = store.tags(repo, after, limit).await.unwrap().unwrap();
    Page {
        items: page.items.iter().map(ToString::to_string).collect(),
        more: page.more,
    }
}

fn list(items: &[&str], more: bool) -> Page<String> {
    Page {
        items: items.iter().map(ToString::to_string).collect(),
        more,
    }
}

/// A repository is known from its first content on, and stays known.
pub async fn an_empty_repository_is_not_an_unknown_one(store: Store) {
    let (pushed, linked) = (repo("pushed"), repo("linked"));
    assert_eq!(store.tags(&pushed, None, 10).await.unwrap(), None);
    let content = Content::image("c", &[]);
    push(&store, &pushed, &content, &["v1"]).await;
    let v1 = tag("v1");
    let deleted = store
        .delete_tag(&at(0), &pushed, &v1, &TagGuard::none())
        .await;
    assert!(deleted.unwrap().is_some());
    assert_eq!(tags(&store, &pushed, None, 10).await, list(&[], false));
    delete_manifest(&store, &pushed, &content.digest).await;
    assert_eq!(tags(&store, &pushed, None, 10).await, list(&[], false));
    add_blobs(&store, &linked, &["bytes"]).await;
    assert_eq!(tags(&store, &linked, None, 10).await, list(&[], false));
    let elsewhere = upstream_repo("registry.example.com", "pushed");
    assert_eq!(store.tags(&elsewhere, None, 10).await.unwrap(), None);
}

async fn referrers(
    store: &Store,
    repo: &RepoKey,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Vec<Descriptor> {
    let page = store
        .referrers(repo, subject, artifact_type, None, 1_000)
        .await;
    let page = page.unwrap();
    assert!(!page.more);
    page.items
}

fn digests(descriptors: &[Descriptor]) -> Vec<Digest> {
    descriptors.iter().map(|d| d.digest).collect()
}

/// Puts referrers of `subject`, of types `t0` and `t1` in turn; answers their digests, sorted.
async fn push_referrers(store: &Store, repo: &RepoKey, subject: &Digest) -> Vec<Digest> {
    let mut pushed = Vec::new();
    for i in 0..9 {
        let of_type = format!("application/t{}", i % 2);
        let mut content = Content::referrer(subject, &of_type, &i.to_string());
        if i % 3 == 0 {
            content = content.hashed_with(Algorithm::Sha512);
        }
        push(store, repo, &content, &[]).await;
        pushed.push(content.digest);
    }
    pushed.sort();
    pushed
}

/// Pages of every size, one behind the other, are the whole list in the order of digests.
pub async fn referrers_come_in_pages(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    let wanted = push_referrers(&store, &repo, &subject).await;
    for limit in 1..=wanted.len() + 1 {
        let mut listed: Vec<Digest> = Vec::new();
        loop {
            let after = listed.last().copied();
            let page = store
                .referrers(&repo, &subject, None, after.as_ref(), limit)
                .await;
            let page = page.unwrap();
            assert_eq!(page.more, listed.len() + page.items.len() < wanted.len());
            listed.extend(digests(&page.items));
            if !page.more {
                break;
            }
        }
        assert_eq!(listed, wanted);
    }
    let none = store.referrers(&repo, &subject, None, None, 0).await;
    assert_eq!(
        none.unwrap(),
        Page {
            items: vec![],
            more: false
        }
    );
}

/// The filter keeps the pages' order and keeps them full.
pub async fn referrers_are_filtered_by_type(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    let all = push_referrers(&store, &repo, &subject).await;
    let zeros = referrers(&store, &repo, &subject, Some("application/t0")).await;
    let ones = referrers(&store, &repo, &subject, Some("application/t1")).await;
    assert_eq!((zeros.len(), ones.len()), (5, 4));
    for (of_type, found) in [("application/t0", &zeros), ("application/t1", &ones)] {
        assert!(
            found
                .iter()
                .all(|d| d.artifact_type.as_deref() == Some(of_type))
        );
        assert!(digests(found).is_sorted());
    }
    let both: BTreeSet<Digest> = digests(&zeros).into_iter().chain(digests(&ones)).collect();
    assert_eq!(both.into_iter().collect::<Vec<_>>(), all);
    assert_eq!(
        referrers(&store, &repo, &subject, Some("application/t2")).await,
        []
    );
    let after = Some(&ones[1].digest);
    let page = store
        .referrers(&repo, &subject, Some("application/t1"), after, 1)
        .await;
    let page = page.unwrap();
    assert_eq!(
        (digests(&page.items), page.more),
        (vec![ones[2].digest], true)
    );
}

/// An artifact type is any text, of any length.
pub async fn referrers_have_types_of_any_text(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    let long = "x".repeat(10_000);
    let types = [long.as_str(), "a\0b", "a", "\u{e4} ", "'"];
    for artifact_type in types {
        let content = Content::referrer(&subject, artifact_type, "one");
        push(&store, &repo, &content, &[]).await;
    }
    for artifact_type in types {
        let found = referrers(&store, &repo, &subject, Some(artifact_type)).await;
        assert_eq!(found.len(), 1, "{artifact_type:?}");
        assert_eq!(found[0].artifact_type.as_deref(), Some(artifact_type));
    }
}

/// An entry has the media type, size, artifact type and annotations of its manifest.
pub async fn referrers_say_what_they_are(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    let typed = Content::referrer(&subject, "application/x-signature", "one");
    push(&store, &repo, &typed, &[]).await;
    let found = referrers(&store, &repo, &subject, None).await;
    let wanted = typed
        .manifest
        .referrer_descriptor(typed.digest, typed.bytes.len() as u64);
    assert_eq!(found, [wanted]);
    assert_eq!(
        found[0].artifact_type.as_deref(),
        Some("application/x-signature")
    );
    let annotations = found[0].annotations.as_ref().unwrap();
    assert_eq!(annotations["name"], "one");

    let subject = digest("another subject");
    let fields = json!({ "subject": Descriptor::new(MediaType::oci_manifest(), subject, 7) });
    push(&store, &repo, &Content::image_with("c", &[], fields), &[]).await;
    let found = referrers(&store, &repo, &subject, None).await;
    assert_eq!(
        found[0].artifact_type.as_deref(),
        Some(oci_types::media_type::OCI_CONFIG)
    );
    let body = json!({
        "schemaVersion": 2,
        "manifests": [],
        "subject": Descriptor::new(MediaType::oci_manifest(), subject, 7),
    });
    let index = Content::new(oci_types::media_type::OCI_INDEX, body.to_string());
    push(&store, &repo, &index, &[]).await;
    let found = referrers(&store, &repo, &subject, None).await;
    let found = found.iter().find(|d| d.digest == index.digest).unwrap();
    assert_eq!(found.artifact_type, None);
}

/// A deleted manifest is listed no more; a deleted subject keeps its referrers.
pub async fn referrers_go_with_their_manifests(store: Store) {
    let repo = repo("team/api");
    let subject = Content::image("c", &[]);
    push(&store, &repo, &subject, &[]).await;
    let one = Content::referrer(&subject.digest, "application/x", "one");
    let two = Content::referrer(&subject.digest, "application/x", "two");
    for content in [&one, &two] {
        push(&store, &repo, content, &["sig"]).await;
    }
    delete_manifest(&store, &repo, &one.digest).await.unwrap();
    for filter in [None, Some("application/x")] {
        let found = referrers(&store, &repo, &subject.digest, filter).await;
        assert_eq!(digests(&found), [two.digest]);
    }
    delete_manifest(&store, &repo, &subject.digest)
        .await
        .unwrap();
    let found = referrers(&store, &repo, &subject.digest, None).await;
    assert_eq!(digests(&found), [two.digest]);
    delete_manifest(&store, &repo, &two.digest).await.unwrap();
    for filter in [None, Some("application/x")] {
        let found = referrers(&store, &repo, &subject.digest, filter).await;
        assert_eq!(found, []);
    }
}

/// The same bytes under another media type are listed once, under that one.
pub async fn referrers_follow_the_media_type(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    let first = Content::referrer(&subject, "application/x", "one");
    let later = Content::new("application/vnd.example.thing.v1+json", first.bytes.clone());
    push(&store, &repo, &first, &[]).await;
    push(&store, &repo, &later, &[]).await;
    let found = referrers(&store, &repo, &subject, None).await;
    assert_eq!(digests(&found), [first.digest]);
    assert_eq!(found[0].media_type, later.manifest.media_type);
    push(&store, &repo, &first, &[]).await;
    let found = referrers(&store, &repo, &subject, None).await;
    assert_eq!(found[0].media_type.as_str(), OCI_MANIFEST);
}

/// Nothing is listed under another subject, repository or algorithm, nor for an unknown one.
pub async fn subjects_and_repositories_have_referrers_of_their_own(store: Store) {
    let (here, there) = (repo("a"), repo("b"));
    let (sha256, sha512) = (digest("subject"), Digest::of(Algorithm::Sha512, b"subject"));
    assert_eq!(referrers(&store, &here, &sha256, None).await, []);
    let content = Content::referrer(&sha256, "application/x", "one");
    push(&store, &here, &content, &[]).await;
    push(&store, &there, &Content::image("c", &[]), &[]).await;
    assert_eq!(referrers(&store, &here, &sha256, None).await.len(), 1);
    assert_eq!(referrers(&store, &here, &sha512, None).await, []);
    assert_eq!(referrers(&store, &there, &sha256, None).await, []);
    assert_eq!(referrers(&store, &here, &content.digest, None).await, []);
}

/// Descriptors with huge annotations are listed, if in pages shorter than the limit.
pub async fn heavy_referrers_come_in_short_pages(store: Store) {
    let (repo, subject) = (repo("team/api"), digest("subject"));
    for i in 0..6 {
        let name = format!("{i}{}", "x".repeat(1 << 20));
        let content = Content::referrer(&subject, "application/x", &name);
        push(&store, &repo, &content, &[]).await;
    }
    for filter in [None, Some("application/x")] {
        let mut listed: Vec<Digest> = Vec::new();
        let mut pages = 0;
        loop {
            let after = listed.last().copied();
            let page = store
                .referrers(&repo, &subject, filter, after.as_ref(), 100)
                .await;
            let page = page.unwrap();
            assert!(!page.items.is_empty());
            listed.extend(digests(&page.items));
            pages += 1;
            if !page.more {
                break;
            }
        }
        assert_eq!(listed.len(), 6);
        assert!(pages > 1);
    }
}

async fn repositories(
    store: &Store,
    scope: &Scope,
    after: Option<&str>,
    limit: usize,
) -> Page<String> {
    let page = store.repositories(scope, after, limit).await.unwrap();
    Page {
        items: page.items.iter().map(ToString::to_string).collect(),
        more: page.more,
    }
}

const NAMES: [&str; 8] = [
    "a",
    "team",
    "team-b/api",
    "team/api",
    "team/api/x",
    "team/web",
    "team0",
    "z/z",
];

async fn fill(store: &Store) {
    let content = Content::image("c", &[]);
    for name in NAMES.into_iter().rev() {
        push(store, &repo(name), &content, &[]).await;
    }
    let remote = upstream_repo("registry.example.com", "library/app");
    push(store, &remote, &content, &[]).await;
}

/// Pages of every size, one behind the other, are all of this registry's repositories.
pub async fn repositories_come_in_pages(store: Store) {
    let all = &Scope::All;
    assert_eq!(repositories(&store, all, None, 10).await, list(&[], false));
    fill(&store).await;
    for limit in 1..=NAMES.len() + 1 {
        let mut listed: Vec<String> = Vec::new();
        loop {
            let after = listed.last().cloned();
            let page = repositories(&store, all, after.as_deref(), limit).await;
            assert_eq!(page.more, listed.len() + page.items.len() < NAMES.len());
            listed.extend(page.items);
            if !page.more {
                break;
            }
        }
        assert_eq!(listed, NAMES);
    }
    assert_eq!(repositories(&store, all, None, 0).await, list(&[], false));
    assert_eq!(
        repositories(&store, all, Some("z/z"), 9).await,
        list(&[], false)
    );
    assert_eq!(
        repositories(&store, all, Some("\u{e4}"), 9).await,
        list(&[], false)
    );
    let page = repositories(&store, all, Some("team/b"), 1).await;
    assert_eq!(page, list(&["team/web"], true));
}

/// Every scope and place to begin lists what the scope contains behind that place, once.
pub async fn repositories_stay_within_the_scope(store: Store) {
    fill(&store).await;
    let exact = |name: &str| RepoPattern::Exact(name.parse().unwrap());
    let below = |name: &str| RepoPattern::Below(name.parse().unwrap());
    let scopes = [
        vec![],
        vec![exact("team")],
        vec![exact("absent"), below("absent")],
        vec![below("team")],
        vec![
            below("team"),
            exact("team"),
            below("team/api"),
            exact("team/api"),
        ],
        vec![exact("z/z"), exact("a"), below("team-b")],
    ];
    for patterns in scopes {
        let scope = Scope::AnyOf(patterns);
        let within = |name: &&str| scope.contains(&name.parse().unwrap());
        for after in ["", "a", "team", "team/", "team/api", "team/api/x", "zz"] {
            let wanted: Vec<&str> = NAMES
                .into_iter()
                .filter(within)
                .filter(|n| *n > after)
                .collect();
            for limit in 1..=wanted.len() + 1 {
                let page = repositories(&store, &scope, Some(after), limit).await;
                let (first, rest) = wanted.split_at(limit.min(wanted.len()));
                let wanted = list(first, !rest.is_empty());
                assert_eq!(page, wanted, "{scope:?} behind {after}");
            }
        }
    }
}
