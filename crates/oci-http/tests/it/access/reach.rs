//! What a request may reach beyond its own repository: sources of mounts, the catalog, sessions
//! and digests of others.

use std::sync::Arc;

use async_trait::async_trait;
use oci_auth::{
    Attempt, AuthError, Authenticator, Caller, External, Grant, Identity, ResourceScope,
};
use oci_http::testing::send;
use oci_http::{Access, RegistryRouter};
use oci_types::Digest;
use serde_json::Value;

use crate::fixture::{image, referrer, world};
use crate::guarded::{Guarded, Mode, authorized, bearer_scheme, code, guarded, guarded_by, rules};

#[tokio::test]
async fn a_mount_takes_from_where_its_caller_may_pull() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        for (name, bytes) in [
            ("public/a", "public"),
            ("team/a", "team"),
            ("drop/a", "drop"),
            ("drop/b", "mine"),
            ("secret/a", "secret"),
        ] {
            guarded.world.blob(name, bytes.as_bytes()).await;
        }
        for (user, target, bytes, from, status) in [
            ("alice", "own/b", "public", "&from=public/a", 201),
            ("alice", "own/b", "team", "&from=team/a", 201),
            ("alice", "own/c", "team", "", 201),
            ("alice", "own/c", "team", "&from=", 201),
            ("alice", "own/b", "secret", "&from=secret/a", 202),
            ("alice", "own/b", "secret", "&from=team/a", 202),
            ("alice", "own/b", "secret", "", 202),
            ("alice", "own/b", "drop", "&from=drop/a", 202),
            ("alice", "own/b", "public", "&from=public/none", 202),
            ("alice", "own/b", "public", "&from=Public", 202),
            ("alice", "own/b", "nowhere", "", 202),
            ("carol", "drop/b", "public", "&from=public/a", 201),
            ("carol", "drop/b", "team", "&from=team/a", 202),
            ("carol", "drop/b", "drop", "&from=drop/a", 202),
            ("carol", "drop/b", "mine", "&from=drop/b", 201),
            ("carol", "drop/b", "mine", "", 201),
            ("carol", "drop/b", "drop", "", 202),
            ("root", "own/d", "secret", "", 201),
            ("root", "own/d", "drop", "&from=drop/a", 201),
        ] {
            // Clients ask for the target alone.
            let scope = format!("repository:{target}:pull,push");
            let login = guarded.login(user, &[&scope]).await;
            let digest = Digest::sha256(bytes.as_bytes());
            let uri = format!("/v2/{target}/blobs/uploads/?mount={digest}{from}");
            let answer = guarded.ask_with(login.as_deref(), ("POST", &uri), "").await;
            assert_eq!(answer.status, status, "{mode:?} {user} {bytes} {from}");
            let located = answer.header("location").to_owned();
            let blob = format!("/v2/{target}/blobs/{digest}");
            assert_eq!(located == blob, status == 201, "{located}");
        }
    }
}

/// Believes that everybody has a token of a token server elsewhere, for `scopes`.
#[derive(Debug)]
struct Elsewhere {
    scopes: Vec<&'static str>,
}

#[async_trait]
impl Authenticator for Elsewhere {
    async fn authenticate(&self, _: Attempt<'_>) -> Result<Caller, AuthError> {
        let external = External {
            issuer: "corp".parse().expect("a name"),
            subject: "ci".into(),
        };
        let scopes = self.scopes.iter().map(|scope| scope.parse());
        let scopes: Result<Vec<ResourceScope>, _> = scopes.collect();
        let grant = Grant::External(scopes.expect("scopes").into());
        Ok(Caller::new(Identity::External(Arc::new(external)), grant))
    }
}

/// A token server elsewhere alone knows what its subject may do besides, so that the source
/// has to be in the token, and in the rules.
#[tokio::test]
async fn a_token_of_another_server_mounts_what_it_is_for() {
    const CORP: &str = r#"[[access]]
repos = ["own/**", "public/**"]
who = ["issuer:corp"]
allow = ["pull", "push"]"#;
    let target = "repository:own/a:pull,push";
    for (scopes, from, status) in [
        (vec![target], "&from=public/a", 202),
        (vec![target], "", 202),
        (
            vec![target, "repository:public/a:pull"],
            "&from=public/a",
            201,
        ),
        (vec![target, "repository:public/a:pull"], "", 201),
        (
            vec![target, "repository:public/a:push"],
            "&from=public/a",
            202,
        ),
        (
            vec![target, "repository:secret/a:pull"],
            "&from=secret/a",
            202,
        ),
        (vec![target, "repository:secret/a:pull"], "", 202),
    ] {
        let world = world();
        let (rules, _) = rules(CORP);
        let name = format!("{scopes:?} {from}");
        let access = Access::new(
            Arc::new(Elsewhere { scopes }),
            Arc::new(rules),
            bearer_scheme(),
        );
        let registry = RegistryRouter::new(world.registry.clone());
        let app = registry.access(access).into_router();
        let secret = name.contains("secret");
        let source = if secret { "secret/a" } else { "public/a" };
        let digest = world.blob(source, b"there").await;
        let uri = format!("/v2/own/a/blobs/uploads/?mount={digest}{from}");
        let answer = send(&app, authorized(None, ("POST", &uri), "")).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

/// The names on all pages, with `n` on each.
async fn catalog(guarded: &Guarded, user: &str, n: usize) -> Vec<String> {
    let login = guarded.login(user, &["registry:catalog:*"]).await;
    let mut names = Vec::new();
    let mut uri = format!("/v2/_catalog?n={n}");
    for _ in 0..100 {
        let answer = send(
            &guarded.app,
            authorized(login.as_deref(), ("GET", &uri), ""),
        )
        .await;
        assert_eq!(answer.status, 200, "{user} {uri}: {:?}", answer.body);
        let document: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let page = document["repositories"].as_array().expect("a list");
        assert!(page.len() <= n, "{uri}");
        names.extend(
            page.iter()
                .map(|name| name.as_str().expect("a name").to_owned()),
        );
        let link = answer.header("link");
        let next = link.strip_prefix('<').and_then(|link| link.split_once('>'));
        match next {
            Some((next, _)) => next.clone_into(&mut uri),
            None => return names,
        }
    }
    panic!("{user}: the pages do not end");
}

const PATTERNS: &str = r#"
[groups]
pair = ["alice", "bob"]

[[access]]
repos = ["a/b", "a/b/c/d"]
who = ["user:alice"]
allow = ["pull"]

[[access]]
repos = ["a/*/c"]
who = ["user:bob"]
allow = ["pull", "push"]

[[access]]
repos = ["*x"]
who = ["group:pair"]
allow = ["pull"]

[[access]]
repos = ["b/**"]
who = ["anonymous"]
allow = ["pull"]

[[access]]
repos = ["**"]
who = ["user:carol"]
allow = ["push", "delete"]

[[access]]
repos = ["**"]
who = ["user:root"]
allow = ["pull"]
"#;

#[tokio::test]
async fn the_catalog_lists_what_may_be_pulled_page_by_page() {
    let all = [
        "a", "a/b", "a/b/c", "a/b/c/d", "a/bb/c", "a/c", "ax", "b", "b/a", "b/a/c", "c/x", "x",
    ];
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded_by(mode, PATTERNS).await;
        for name in all {
            guarded.world.manifest(name, Some("v1"), &image("1")).await;
        }
        for (user, expected) in [
            ("", &["b/a", "b/a/c"][..]),
            ("alice", &["a/b", "a/b/c/d", "ax", "b/a", "b/a/c", "x"]),
            ("bob", &["a/b/c", "a/bb/c", "ax", "b/a", "b/a/c", "x"]),
            ("carol", &["b/a", "b/a/c"]),
            ("root", &all),
        ] {
            for n in 1..=expected.len() + 2 {
                let found = catalog(&guarded, user, n).await;
                assert_eq!(found, expected, "{mode:?} {user} n={n}");
            }
        }
    }
}

#[tokio::test]
async fn a_catalog_of_nothing_is_for_somebody() {
    let rules = "[[access]]\nrepos = ['**']\nwho = ['user:root']\nallow = ['pull']\n";
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded_by(mode, rules).await;
        guarded.world.manifest("a", Some("v1"), &image("1")).await;
        assert!(catalog(&guarded, "bob", 5).await.is_empty());
        let answer = guarded.ask("", &[], ("GET", "/v2/_catalog"), "").await;
        assert_eq!(answer.status, 401, "{mode:?}");
        // A token for a repository is none for the catalog.
        if mode == Mode::Bearer {
            let login = guarded.login("root", &["repository:a:pull"]).await;
            let line = ("GET", "/v2/_catalog");
            let answer = guarded.ask_with(login.as_deref(), line, "").await;
            assert_eq!(answer.status, 401);
        }
    }
}

#[tokio::test]
async fn a_session_is_of_its_repository_alone() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let world = &guarded.world;
        let id = world.session("secret/a", b"hello").await;
        let digest = Digest::sha256(b"hello");
        for (user, name, expected) in [
            ("alice", "team/a", "BLOB_UPLOAD_UNKNOWN"),
            ("alice", "own/a", "BLOB_UPLOAD_UNKNOWN"),
            ("carol", "drop/a", "BLOB_UPLOAD_UNKNOWN"),
            ("root", "public/a", "BLOB_UPLOAD_UNKNOWN"),
        ] {
            for method in ["GET", "HEAD", "PATCH", "PUT", "DELETE"] {
                let uri = format!("/v2/{name}/blobs/uploads/{id}?digest={digest}");
                let answer = guarded.ask(user, &[name], (method, &uri), "x").await;
                assert_eq!(answer.status, 404, "{mode:?} {user} {method} {uri}");
                if method != "HEAD" {
                    assert_eq!(code(&answer), expected, "{user} {method} {uri}");
                }
            }
        }
        assert_eq!(world.offset("secret/a", id).await, Some(5), "untouched");
    }
}

#[tokio::test]
async fn tags_and_referrers_are_of_their_repository_alone() {
    let guarded = guarded(Mode::Basic).await;
    let world = &guarded.world;
    let subject = world
        .manifest("secret/a", Some("hidden"), &image("1"))
        .await;
    let signature = referrer(&subject, "a/signature", "secret");
    world.manifest("secret/a", None, &signature).await;
    world.manifest("team/a", Some("v1"), &image("1")).await;
    let referrers = format!("/v2/team/a/referrers/{subject}");
    for (user, uri, expected) in [
        ("alice", "/v2/team/a/tags/list", Some(r#"["v1"]"#)),
        ("alice", &*referrers, Some(r#""manifests":[]"#)),
        ("bob", "/v2/team/a/tags/list", None),
        ("bob", &referrers, None),
        ("alice", "/v2/secret/a/tags/list", None),
        ("alice", &referrers.replace("team", "secret"), None),
        (
            "root",
            &referrers.replace("team", "secret"),
            Some("a/signature"),
        ),
    ] {
        for (uri, whole) in [(uri.to_owned(), true), (format!("{uri}?n=1&last="), false)] {
            let answer = guarded.ask(user, &[], ("GET", &uri), "").await;
            match expected {
                Some(text) if whole => {
                    let body = String::from_utf8_lossy(&answer.body);
                    assert!(answer.status == 200 && body.contains(text), "{uri}: {body}");
                }
                Some(_) => {}
                None => {
                    assert_eq!(answer.status, 404, "{user} {uri}");
                    assert_eq!(code(&answer), "NAME_UNKNOWN", "{user} {uri}");
                }
            }
        }
    }
}
