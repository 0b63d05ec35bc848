//! More was allowed than was granted.

use oci_http::testing::{request, send};
use oci_types::Digest;

use crate::fixture::{MANIFEST, image, referrer};
use crate::guarded::{Guarded, Mode, code, guarded, guarded_by};

/// The requests of every kind that change something, and the action of a token for each.
fn writes(digest: &Digest) -> Vec<(&'static str, String, &'static str)> {
    let session = "/v2/own/a/blobs/uploads/f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
    vec![
        ("PUT", "/v2/own/a/manifests/v1".into(), "push"),
        ("PUT", "/v2/own/a/manifests/v2?tag=v1".into(), "push"),
        ("POST", "/v2/own/a/blobs/uploads/".into(), "push"),
        (
            "POST",
            format!("/v2/own/a/blobs/uploads/?mount={digest}"),
            "push",
        ),
        ("PATCH", session.into(), "push"),
        ("PUT", format!("{session}?digest={digest}"), "push"),
        ("DELETE", session.into(), "push"),
        ("DELETE", "/v2/own/a/manifests/v1".into(), "delete"),
        ("DELETE", format!("/v2/own/a/manifests/{digest}"), "delete"),
        ("DELETE", format!("/v2/own/a/blobs/{digest}"), "delete"),
        ("GET", "/v2/own/a/manifests/v1".into(), "pull"),
        ("GET", format!("/v2/own/a/blobs/{digest}"), "pull"),
        ("GET", "/v2/own/a/tags/list".into(), "pull"),
        ("GET", format!("/v2/own/a/referrers/{digest}"), "pull"),
    ]
}

/// zot GHSA-qg67-7m6v-qg25: a scope for pushing deleted. Gitea CVE-2025-68944, Forgejo
/// CVE-2023-49947: one for reading pushed. Method by route by scope.
#[tokio::test]
async fn a_token_does_what_its_scope_says_and_nothing_else() {
    let guarded = guarded(Mode::Bearer).await;
    let digest = Digest::sha256(b"nothing has this");
    for scope in [
        "pull",
        "push",
        "delete",
        "pull,push",
        "pull,delete",
        "push,delete",
        "other",
        "",
    ] {
        let scopes = format!("repository:own/a:{scope}");
        let login = guarded.login("alice", &[&scopes]).await;
        for (method, uri, action) in writes(&digest) {
            guarded
                .world
                .manifest("own/a", Some("v1"), &image("1"))
                .await;
            let answer = guarded
                .ask_with(login.as_deref(), (method, &uri), image("1"))
                .await;
            let granted = scope.split(',').any(|word| word == action);
            assert_eq!(answer.status != 401, granted, "{scope}: {method} {uri}");
        }
    }
}

/// distribution CVE-2026-41888: what could not be deleted by tag could be by digest.
#[tokio::test]
async fn deletion_that_is_not_granted_is_denied_by_tag_and_by_digest() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let manifest = guarded
            .world
            .manifest("team/a", Some("v1"), &image("1"))
            .await;
        let blob = guarded.world.blob("team/a", b"{}").await;
        for below in [
            "manifests/v1".to_owned(),
            format!("manifests/{manifest}"),
            format!("manifests/{}", manifest.to_string().replace(':', "%3a")),
            format!("blobs/{blob}"),
        ] {
            let uri = format!("/v2/team/a/{below}");
            let answer = guarded
                .ask("alice", &["team/a"], ("DELETE", &uri), "")
                .await;
            let expected = if mode == Mode::Basic { 403 } else { 401 };
            assert_eq!(answer.status, expected, "{mode:?} {uri}");
            let there = guarded.ask("alice", &["team/a"], ("GET", &uri), "").await;
            assert_eq!(there.status, 200, "{uri}");
        }
    }
}

/// zot CVE-2024-39897, distribution CVE-2026-35172: a blob of another repository was read by its
/// digest, also after it had been deleted from the one that was asked.
#[tokio::test]
async fn a_digest_known_from_elsewhere_opens_nothing() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let world = &guarded.world;
        let blob = world.blob("secret/b", b"secret").await;
        let manifest = world.manifest("secret/b", Some("v1"), &image("1")).await;
        let (blobs, manifests) = (format!("blobs/{blob}"), format!("manifests/{manifest}"));
        nothing(&guarded, &blobs, &manifests, &blob).await;

        // It was there, it was read, and it is gone.
        world.blob("own/a", b"secret").await;
        world.manifest("own/a", Some("v1"), &image("1")).await;
        for below in [&blobs, &manifests, &"manifests/v1".to_owned()] {
            for (method, status) in [("GET", 200), ("HEAD", 200), ("DELETE", 202)] {
                let uri = format!("/v2/own/a/{below}");
                let answer = guarded.ask("alice", &["own/a"], (method, &uri), "").await;
                let again = below == "manifests/v1";
                let expected = if again { 404 } else { status };
                assert_eq!(answer.status, expected, "{method} {uri}");
            }
        }
        nothing(&guarded, &blobs, &manifests, &blob).await;
    }
}

async fn nothing(guarded: &Guarded, blobs: &str, manifests: &str, blob: &Digest) {
    for below in [blobs, manifests] {
        for method in ["GET", "HEAD", "DELETE"] {
            let uri = format!("/v2/own/a/{below}");
            let answer = guarded.ask("alice", &["own/a"], (method, &uri), "").await;
            assert_eq!(answer.status, 404, "{method} {uri}");
        }
    }
    for from in ["&from=secret/b", "&from=own/a", ""] {
        let uri = format!("/v2/own/a/blobs/uploads/?mount={blob}{from}");
        let answer = guarded.ask("alice", &["own/a"], ("POST", &uri), "").await;
        assert_eq!(answer.status, 202, "{uri}");
    }
}

/// Gitea CVE-2026-27771: private images were pulled without a login; Harbor CVE-2020-29662: the
/// catalog was listed. Every way to read, with ranges, conditions and pages.
#[tokio::test]
async fn nothing_private_is_told_to_nobody() {
    for mode in [Mode::Basic, Mode::Bearer] {
        let guarded = guarded(mode).await;
        let world = &guarded.world;
        world.manifest("public/a", Some("v1"), &image("1")).await;
        let manifest = world.manifest("secret/a", Some("v1"), &image("1")).await;
        let signature = referrer(&manifest, "a/signature", "canary");
        world.manifest("secret/a", None, &signature).await;
        let blob = world.blob("secret/a", b"canary").await;
        let scopes = ["repository:secret/a:pull", "repository:secret/a:*"];
        let nobody = guarded.login("", &scopes).await;
        let tag = format!("\"{manifest}\"");
        let blob_tag = format!("\"{blob}\"");
        for (below, extra) in [
            ("manifests/v1", ("if-none-match", &*tag)),
            ("manifests/v1", ("if-match", "\"x\"")),
            ("manifests/v1", ("range", "bytes=0-1")),
            (&*format!("manifests/{manifest}"), ("if-none-match", "*")),
            (&*format!("blobs/{blob}"), ("range", "bytes=0-1")),
            (&*format!("blobs/{blob}"), ("range", "bytes=1000-")),
            (&*format!("blobs/{blob}"), ("if-none-match", &*blob_tag)),
            ("tags/list?n=1", ("accept", "*/*")),
            ("tags/list?n=1&last=v0", ("accept", "*/*")),
            (&*format!("referrers/{manifest}"), ("accept", "*/*")),
            (
                &*format!("referrers/{manifest}?artifactType=a/signature&n=1"),
                ("accept", "*/*"),
            ),
        ] {
            for method in ["GET", "HEAD"] {
                let uri = format!("/v2/secret/a/{below}");
                let mut headers = vec![extra];
                headers.extend(nobody.as_deref().map(|login| ("authorization", login)));
                let answer = send(&guarded.app, request(method, &uri, &headers, "")).await;
                assert_eq!(answer.status, 401, "{mode:?} {method} {uri} {extra:?}");
                let told = format!("{:?} {:?}", answer.headers, answer.body);
                let digests = [manifest.to_string(), blob.to_string(), "canary".into()];
                let asked = digests.iter().filter(|digest| !uri.contains(&***digest));
                for secret in asked {
                    assert!(!told.contains(&**secret), "{told}");
                }
            }
        }
        let catalog = guarded.login("", &["registry:catalog:*"]).await;
        for query in ["", "?n=1", "?n=1&last=public/a", "?last=secret", "?n=10000"] {
            let uri = format!("/v2/_catalog{query}");
            let answer = guarded
                .ask_with(catalog.as_deref(), ("GET", &uri), "")
                .await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let link = answer.header("link");
            assert!(
                !body.contains("secret") && !link.contains("secret"),
                "{uri}: {body} {link}"
            );
        }
    }
}

/// CVE-2026-4404: there was a password to begin with. Nothing is granted that no rule grants.
#[tokio::test]
async fn there_is_nobody_and_nothing_by_default() {
    let guarded = guarded_by(Mode::Basic, "").await;
    guarded.world.manifest("a", Some("v1"), &image("1")).await;
    for (method, uri) in [
        ("GET", "/v2/a/manifests/v1"),
        ("PUT", "/v2/a/manifests/v1"),
        ("DELETE", "/v2/a/manifests/v1"),
        ("POST", "/v2/a/blobs/uploads/"),
    ] {
        for user in ["alice", "root"] {
            let answer = guarded.ask(user, &[], (method, uri), image("1")).await;
            assert_eq!(
                (answer.status.as_u16(), &*code(&answer)),
                (404, "NAME_UNKNOWN")
            );
        }
        assert_eq!(guarded.ask("", &[], (method, uri), "").await.status, 401);
    }
    let listed = guarded.ask("root", &[], ("GET", "/v2/_catalog"), "").await;
    assert_eq!(&listed.body[..], br#"{"repositories":[]}"#);
    guarded.users.replace(oci_auth::Htpasswd::default());
    for (user, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("admin", "Harbor12345"),
        ("root", "root"),
        ("root", ""),
        ("", ""),
    ] {
        let login = crate::guarded::basic(user, password);
        let headers = [("authorization", &*login), ("content-type", MANIFEST)];
        let answer = send(&guarded.app, request("GET", "/v2/", &headers, "")).await;
        assert_eq!(answer.status, 401, "{user}:{password}");
    }
}
