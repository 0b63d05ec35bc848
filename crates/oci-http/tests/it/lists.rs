//! Tags, referrers and the catalog, page by page.

use oci_http::testing::{Body, Case, check, request, send};
use oci_http::{Namespaces, RegistryRouter, Scope};
use oci_registry::{RegistryError, RepoPattern};
use oci_types::{Digest, ErrorCode, ImageIndex, Link};
use serde_json::json;

use crate::fixture::{INDEX, REVALIDATE, World, image, referrer, world, world_with};
use crate::stub::Stub;

const LISTED: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    ("cache-control", REVALIDATE),
];

async fn tagged(tags: &[&str]) -> World {
    let world = world_with(|router| router.page_size(4, 5));
    for tag in tags {
        world.manifest("a/b", Some(tag), &image(tag)).await;
    }
    world
}

#[tokio::test]
async fn tags() {
    let world = tagged(&["b", "a", "A", "0", "_"]).await;
    for (query, tags, next) in [
        ("", &["0", "A", "_", "a"][..], Some("n=4&last=a")),
        ("?n=2", &["0", "A"], Some("n=2&last=A")),
        ("?n=2&last=A", &["_", "a"], Some("n=2&last=a")),
        ("?n=2&last=a", &["b"], None),
        ("?last=a", &["b"], None),
        ("?last=Z", &["_", "a", "b"], None),
        ("?last=zz", &[], None),
        ("?last=%C3%A9", &[], None),
        ("?n=5", &["0", "A", "_", "a", "b"], None),
        ("?n=6", &["0", "A", "_", "a", "b"], None),
        ("?n=9223372036854775808", &["0", "A", "_", "a", "b"], None),
        (
            "?n=999999999999999999999999",
            &["0", "A", "_", "a", "b"],
            None,
        ),
        ("?n=0", &[], None),
        ("?n=0&last=a", &[], None),
        ("?unknown=x&n=1&", &["0"], Some("n=1&last=0")),
    ] {
        let link = next.map(|next| format!("</v2/a/b/tags/list?{next}>; rel=\"next\""));
        let mut headers = LISTED.to_vec();
        headers.extend(link.as_deref().map(|link| ("link", link)));
        for slash in ["", "/"] {
            let uri = format!("/v2/a/b/tags/list{slash}{query}");
            let case = Case {
                name: &uri,
                request: request("GET", &uri, &[], ""),
                status: 200,
                headers: &headers,
                body: Body::Json(json!({ "name": "a/b", "tags": tags })),
            };
            check(&world.app, case).await;
        }
    }
}

#[tokio::test]
async fn pages_that_cannot_be_asked_for() {
    let world = tagged(&["a"]).await;
    let subject = Digest::sha256(b"");
    for uri in [
        "/v2/a/b/tags/list?n=-1".to_owned(),
        "/v2/a/b/tags/list?n=".into(),
        "/v2/a/b/tags/list?n=x".into(),
        "/v2/_catalog?n=-1".into(),
        "/v2/_catalog?n=1.0".into(),
        format!("/v2/a/b/referrers/{subject}?n=-1"),
        format!("/v2/a/b/referrers/{subject}?artifactType=a&artifactType=b"),
    ] {
        let case = Case {
            name: &uri,
            request: request("GET", &uri, &[], ""),
            status: 400,
            headers: &[],
            body: Body::Error(ErrorCode::Unsupported),
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn tags_of_an_unknown_and_of_an_empty_repository() {
    let world = world();
    let case = Case {
        name: "unknown",
        request: request("GET", "/v2/a/tags/list", &[], ""),
        status: 404,
        headers: &[],
        body: Body::Error(ErrorCode::NameUnknown),
    };
    check(&world.app, case).await;
    world.manifest("a", None, &image("1")).await;
    let case = Case {
        name: "without tags",
        request: request("GET", "/v2/a/tags/list", &[], ""),
        status: 200,
        headers: &LISTED,
        body: Body::Text(r#"{"name":"a","tags":[]}"#),
    };
    check(&world.app, case).await;
}

#[tokio::test]
async fn the_catalog_within_the_callers_scope() {
    let world = world_with(|router| router.page_size(2, 10));
    for name in ["c", "a/b", "a", "b", "a/c"] {
        world.manifest(name, Some("v1"), &image("1")).await;
    }
    let below = Scope::AnyOf(vec![RepoPattern::Below("a".parse().unwrap())]);
    for (query, scope, repositories, next) in [
        ("", None, &["a", "a/b"][..], Some("n=2&last=a%2Fb")),
        ("?n=2&last=a%2Fb", None, &["a/c", "b"], Some("n=2&last=b")),
        ("?last=b", None, &["c"], None),
        ("?n=100", None, &["a", "a/b", "a/c", "b", "c"], None),
        ("?n=0", None, &[], None),
        ("?n=1", Some(&below), &["a/b"], Some("n=1&last=a%2Fb")),
        ("", Some(&below), &["a/b", "a/c"], None),
        ("", Some(&Scope::AnyOf(vec![])), &[], None),
    ] {
        let mut request = request("GET", &format!("/v2/_catalog{query}"), &[], "");
        if let Some(scope) = scope {
            request.extensions_mut().insert(scope.clone());
        }
        let link = next.map(|next| format!("</v2/_catalog?{next}>; rel=\"next\""));
        let mut headers = LISTED.to_vec();
        headers.extend(link.as_deref().map(|link| ("link", link)));
        let case = Case {
            name: query,
            request,
            status: 200,
            headers: &headers,
            body: Body::Json(json!({ "repositories": repositories })),
        };
        check(&world.app, case).await;
    }
}

#[tokio::test]
async fn referrers() {
    let world = world();
    let subject = Digest::sha256(b"subject");
    let (one, two) = (
        referrer(&subject, "application/x+json", "1"),
        referrer(&subject, "application/y", "2"),
    );
    let (a, b) = (
        world.manifest("a", None, &one).await,
        world.manifest("a", None, &two).await,
    );
    let descriptor = |digest: &Digest, document: &str, artifact_type, mark| {
        json!({
            "mediaType": crate::fixture::MANIFEST,
            "digest": digest,
            "size": document.len(),
            "artifactType": artifact_type,
            "annotations": { "mark": mark },
        })
    };
    let x = descriptor(&a, &one, "application/x+json", "1");
    let y = descriptor(&b, &two, "application/y", "2");
    let both = if a < b {
        vec![x.clone(), y.clone()]
    } else {
        vec![y.clone(), x.clone()]
    };
    let filtered = ("oci-filters-applied", "artifactType");
    for (name, repo, query, manifests, filter) in [
        ("all", "a", "", both, None),
        (
            "filtered",
            "a",
            "?artifactType=application/y",
            vec![y],
            Some(filtered),
        ),
        (
            "filtered, with a plus",
            "a",
            "?artifactType=application/x+json",
            vec![x.clone()],
            Some(filtered),
        ),
        (
            "filtered, encoded",
            "a",
            "?artifactType=application%2Fx%2Bjson",
            vec![x],
            Some(filtered),
        ),
        (
            "filtered away",
            "a",
            "?artifactType=z/z",
            vec![],
            Some(filtered),
        ),
        ("of another repository", "b", "", vec![], None),
    ] {
        let mut headers = vec![("content-type", INDEX), ("cache-control", REVALIDATE)];
        headers.extend(filter);
        let case = Case {
            name,
            request: request(
                "GET",
                &format!("/v2/{repo}/referrers/{subject}{query}"),
                &[],
                "",
            ),
            status: 200,
            headers: &headers,
            body: Body::Json(json!({
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": manifests,
            })),
        };
        check(&world.app, case).await;
    }
    for digest in ["sha256:x", "x", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        let case = Case {
            name: digest,
            request: request("GET", &format!("/v2/a/referrers/{digest}"), &[], ""),
            status: 400,
            headers: &[],
            body: Body::Error(ErrorCode::DigestInvalid),
        };
        check(&world.app, case).await;
    }
}

/// Follows the links from `uri` on, and answers how many descriptors each page has, all their
/// digests, and how long the longest page is.
async fn follow(world: &World, uri: String) -> (Vec<usize>, Vec<Digest>, usize) {
    let (mut pages, mut digests, mut longest) = (Vec::new(), Vec::new(), 0);
    let mut next = Some(uri);
    while let Some(uri) = next {
        let answer = send(&world.app, request("GET", &uri, &[], "")).await;
        assert_eq!(answer.status, 200, "{uri}");
        let index: ImageIndex = serde_json::from_slice(&answer.body).expect("an index");
        pages.push(index.manifests.len());
        digests.extend(index.manifests.iter().map(|descriptor| descriptor.digest));
        longest = longest.max(answer.body.len());
        let link: Option<Link> = answer.headers.get("link").map(|link| {
            let link = link.to_str().expect("a text");
            link.parse().expect("a link")
        });
        next = link.map(|link| link.target().to_owned());
    }
    (pages, digests, longest)
}

#[tokio::test]
async fn referrers_page_by_page() {
    let world = world_with(|router| router.page_size(3, 5).namespaces(Namespaces::Ignore));
    let subject = Digest::sha256(b"subject");
    let mut all = Vec::new();
    for mark in 0..7 {
        let document = referrer(&subject, "x/y+z", &mark.to_string());
        all.push(world.manifest("a", None, &document).await);
    }
    all.sort();
    for (query, pages) in [
        ("", vec![3, 3, 1]),
        ("?n=2&artifactType=x%2Fy%2Bz", vec![2, 2, 2, 1]),
        ("?n=0", vec![1; 7]),
        ("?n=100", vec![5, 2]),
    ] {
        let uri = format!("/v2/a/referrers/{subject}{query}");
        let (found, digests, _) = follow(&world, uri).await;
        assert_eq!(found, pages, "{query}");
        assert_eq!(digests, all, "{query}");
    }
}

#[tokio::test]
async fn a_page_of_referrers_stays_within_what_clients_read() {
    let world = world();
    let subject = Digest::sha256(b"subject");
    let mut all = Vec::new();
    for mark in 0..5 {
        let mark = mark.to_string().repeat(1 << 20);
        let document = referrer(&subject, "x/y", &mark);
        all.push(world.manifest("a", None, &document).await);
    }
    all.sort();
    let (pages, digests, longest) = follow(&world, format!("/v2/a/referrers/{subject}")).await;
    assert_eq!(pages, [3, 2]);
    assert_eq!(digests, all);
    assert!(longest <= 4 << 20, "{longest}");
}

#[tokio::test]
async fn the_registry_is_never_asked_for_more_than_the_most() {
    let stub = Stub::failing(|| RegistryError::internal("nothing"));
    let app = RegistryRouter::new(stub.clone()).into_router();
    let subject = Digest::sha256(b"");
    for path in [
        "/v2/_catalog".to_owned(),
        "/v2/a/tags/list".into(),
        format!("/v2/a/referrers/{subject}"),
    ] {
        for (query, limit) in [
            ("", 1_000),
            ("?n=7", 7),
            ("?n=10001", 10_000),
            ("?n=18446744073709551616", 10_000),
        ] {
            send(&app, request("GET", &format!("{path}{query}"), &[], "")).await;
            assert_eq!(stub.seen().limit, Some(limit), "{path}{query}");
        }
    }
    send(&app, request("GET", "/v2/_catalog", &[], "")).await;
    assert_eq!(stub.seen().scope, Some(Scope::All));
}
