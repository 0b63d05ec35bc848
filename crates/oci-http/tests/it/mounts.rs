//! Mounting blobs, and what scopes and namespaces do to requests.

use oci_http::testing::{Body, Case, check, request, send};
use oci_http::{Namespaces, RegistryRouter, Scope};
use oci_registry::{MountFrom, RegistryError, RepoPattern};
use oci_types::{Algorithm, Digest, ErrorCode};

use crate::fixture::{repo, world, world_with};
use crate::stub::Stub;
use crate::uploads::{HELLO, hello, is_there, stored, streamed};

#[tokio::test]
async fn mounts() {
    let world = world();
    let digest = world.blob("library/a", HELLO).await;
    let (absent, sha512) = (
        Digest::sha256(b"absent"),
        Digest::of(Algorithm::Sha512, HELLO),
    );
    for (name, query, mounted) in [
        (
            "from where it is",
            format!("mount={digest}&from=library/a"),
            true,
        ),
        (
            "encoded",
            format!(
                "mount={}&from=library%2Fa",
                digest.to_string().replace(':', "%3A")
            ),
            true,
        ),
        ("from anywhere", format!("mount={digest}"), true),
        (
            "from where it is not",
            format!("mount={digest}&from=library/b"),
            false,
        ),
        (
            "from what is no name",
            format!("mount={digest}&from=Library"),
            false,
        ),
        ("absent", format!("mount={absent}"), false),
        (
            "absent there",
            format!("mount={absent}&from=library/a"),
            false,
        ),
        ("by another digest", format!("mount={sha512}"), false),
    ] {
        let target = format!("t/{}", name.replace(' ', "-"));
        let uri = format!("/v2/{target}/blobs/uploads/?{query}");
        let (blob, digest) = stored(&target, &digest);
        let headers: &[(&str, &str)] = if mounted {
            &[("location", &blob), ("docker-content-digest", &digest)]
        } else {
            &[
                ("location", "*"),
                ("range", "0-0"),
                ("docker-upload-uuid", "*"),
            ]
        };
        let case = Case {
            name,
            request: request("POST", &uri, &[], ""),
            status: if mounted { 201 } else { 202 },
            headers,
            body: Body::Empty,
        };
        let answer = check(&world.app, case).await;
        if mounted {
            is_there(&world, &target, HELLO).await;
        } else {
            let sessions = format!("/v2/{target}/blobs/uploads/");
            assert!(answer.header("location").starts_with(&sessions), "{name}");
        }
    }
    for query in [
        "mount=sha256:x",
        "mount=md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let case = Case {
            name: query,
            request: request("POST", &format!("/v2/t/blobs/uploads/?{query}"), &[], ""),
            status: 400,
            headers: &[],
            body: Body::Error(ErrorCode::DigestInvalid),
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn a_mount_with_a_digest_falls_back_to_the_body() {
    let world = world();
    let digest = hello();
    let uri = format!("/v2/a/blobs/uploads/?mount={digest}&from=b&digest={digest}");
    let answer = send(&world.app, request("POST", &uri, &[], HELLO)).await;
    assert_eq!(answer.status, 201);
    is_there(&world, "a", HELLO).await;
}

#[tokio::test]
async fn a_mount_stays_within_the_callers_scope() {
    let world = world();
    let digest = world.blob("private/a", HELLO).await;
    let scope = Scope::AnyOf(vec![RepoPattern::Below("public".parse().unwrap())]);
    for from in ["&from=private/a", ""] {
        let uri = format!("/v2/public/b/blobs/uploads/?mount={digest}{from}");
        let mut request = request("POST", &uri, &[], "");
        request.extensions_mut().insert(scope.clone());
        assert_eq!(send(&world.app, request).await.status, 202, "{from}");
    }
}

#[tokio::test]
async fn the_registry_is_asked_for_what_was_asked() {
    let stub = Stub::failing(|| RegistryError::Unsupported { what: "nothing is" });
    let app = RegistryRouter::new(stub.clone())
        .namespaces(Namespaces::Scope)
        .into_router();
    let sha512 = Digest::of(Algorithm::Sha512, HELLO);
    let post = |query: &str| request("POST", &format!("/v2/a/blobs/uploads/?{query}"), &[], "");

    send(&app, post("digest-algorithm=sha512")).await;
    assert_eq!(stub.seen().algorithm, Some(Algorithm::Sha512));
    send(&app, post("")).await;
    assert_eq!(stub.seen().algorithm, None);
    // A mount that cannot be done announces the algorithm of the upload that follows.
    send(&app, post(&format!("mount={sha512}&from=..."))).await;
    assert_eq!(stub.seen().algorithm, Some(Algorithm::Sha512));

    send(&app, post(&format!("mount={sha512}"))).await;
    assert_eq!(stub.seen().from, Some(MountFrom::AnyOf(Scope::All)));
    send(&app, post(&format!("mount={sha512}&from=b&ns=example.com"))).await;
    let mut from = repo("b");
    from.upstream = Some("example.com".parse().unwrap());
    assert_eq!(stub.seen().from, Some(MountFrom::Repository(from)));

    let session = "/v2/a/blobs/uploads/f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
    send(
        &app,
        request("PATCH", session, &[("content-length", "11")], HELLO),
    )
    .await;
    assert_eq!(stub.seen().length, Some(Some(11)));
    send(&app, request("PATCH", session, &[], streamed(&[HELLO]))).await;
    assert_eq!(stub.seen().length, Some(None));
    let end = format!("{session}?digest={sha512}");
    send(&app, request("PUT", &end, &[("content-length", "0")], "")).await;
    assert_eq!(stub.seen().length, None, "a PUT without a chunk");
}

#[tokio::test]
async fn urls_carry_prefix_and_namespace() {
    let world = world_with(|router| {
        let router = router.namespaces(Namespaces::Scope);
        router.path_prefix("/registry").expect("a prefix")
    });
    let digest = hello();
    let opened = send(
        &world.app,
        request("POST", "/v2/a/blobs/uploads/?ns=Example.com:5000", &[], ""),
    )
    .await;
    let location = opened.header("location").to_owned();
    assert!(
        location.starts_with("/registry/v2/a/blobs/uploads/"),
        "{location}"
    );
    assert!(location.ends_with("?ns=example.com:5000"), "{location}");
    assert_eq!(opened.header("oci-namespace"), "example.com:5000");

    let uri = location.strip_prefix("/registry").unwrap();
    let put = send(
        &world.app,
        request("PUT", &format!("{uri}&digest={digest}"), &[], HELLO),
    )
    .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let blob = format!("/registry/v2/a/blobs/{digest}?ns=example.com:5000");
    assert_eq!(put.header("location"), blob);

    let local = send(
        &world.app,
        request("HEAD", &format!("/v2/a/blobs/{digest}"), &[], ""),
    )
    .await;
    assert_eq!(local.status, 404, "another namespace is another repository");
    let scoped = send(
        &world.app,
        request("HEAD", blob.strip_prefix("/registry").unwrap(), &[], ""),
    )
    .await;
    assert_eq!(scoped.status, 200);
}

#[tokio::test]
async fn a_namespace_is_ignored_by_default() {
    let world = world();
    let digest = world.blob("a", HELLO).await;
    for ns in ["docker.io", "not/a/registry", ""] {
        let uri = format!("/v2/a/blobs/{digest}?ns={ns}");
        let answer = send(&world.app, request("GET", &uri, &[], "")).await;
        assert_eq!(answer.status, 200, "{ns}");
        assert!(!answer.headers.contains_key("oci-namespace"), "{ns}");
    }
}

#[tokio::test]
async fn a_namespace_that_scopes_is_a_registry() {
    let world = world_with(|router| router.namespaces(Namespaces::Scope));
    let digest = world.blob("a", HELLO).await;
    for ns in ["not/a/registry", "", "a&ns=b"] {
        let uri = format!("/v2/a/blobs/{digest}?ns={ns}");
        let case = Case {
            name: ns,
            request: request("GET", &uri, &[], ""),
            status: 400,
            headers: &[],
            body: Body::Error(ErrorCode::NameInvalid),
        };
        check(&world.app, case).await;
    }
    let unscoped = request("GET", &format!("/v2/a/blobs/{digest}"), &[], "");
    assert_eq!(send(&world.app, unscoped).await.status, 200);
    let case = Case {
        name: "elsewhere",
        request: request("GET", &format!("/v2/a/blobs/{digest}?ns=b"), &[], ""),
        status: 404,
        headers: &[("oci-namespace", "b")],
        body: Body::Error(ErrorCode::BlobUnknown),
    };
    check(&world.app, case).await;
}
