//! Paths that are endpoints, and paths that are not.

use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const SESSION: &str = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn blob(repo: &str) -> Route {
    let digest = DIGEST.parse().unwrap();
    Route::Blob {
        name: name(repo),
        digest,
    }
}

fn manifest(repo: &str, reference: &str) -> Route {
    Route::Manifest {
        name: name(repo),
        reference: reference.parse().unwrap(),
    }
}

fn uploads(repo: &str) -> Route {
    Route::Uploads { name: name(repo) }
}

fn upload(repo: &str) -> Route {
    let id = SESSION.parse().unwrap();
    Route::Upload {
        name: name(repo),
        id,
    }
}

fn tags(repo: &str) -> Route {
    Route::Tags { name: name(repo) }
}

fn referrers(repo: &str) -> Route {
    let digest = DIGEST.parse().unwrap();
    Route::Referrers {
        name: name(repo),
        digest,
    }
}

#[test]
fn reads_every_endpoint() {
    let encoded = DIGEST.replace(':', "%3A");
    for (path, route) in [
        ("/v2", Route::Base),
        ("/v2/", Route::Base),
        ("/v2/_catalog", Route::Catalog),
        ("/v2/_catalog/", Route::Catalog),
        (&format!("/v2/a/blobs/{DIGEST}"), blob("a")),
        (&format!("/v2/a/b/blobs/{DIGEST}/"), blob("a/b")),
        (&format!("/v2/a/blobs/{encoded}"), blob("a")),
        ("/v2/a/manifests/latest", manifest("a", "latest")),
        ("/v2/a/manifests/v1.0_x-", manifest("a", "v1.0_x-")),
        (&format!("/v2/a/manifests/{DIGEST}"), manifest("a", DIGEST)),
        (&format!("/v2/a/manifests/{encoded}"), manifest("a", DIGEST)),
        ("/v2/a/blobs/uploads", uploads("a")),
        ("/v2/a/blobs/uploads/", uploads("a")),
        (&format!("/v2/a/blobs/uploads/{SESSION}"), upload("a")),
        (&format!("/v2/a/blobs/uploads/{SESSION}/"), upload("a")),
        ("/v2/a/tags/list", tags("a")),
        ("/v2/a/b/c/tags/list/", tags("a/b/c")),
        (&format!("/v2/a/referrers/{DIGEST}"), referrers("a")),
        ("/v2/%61%2Eb/tags/list", tags("a.b")),
        ("/v2/a/t%61gs/list", tags("a")),
    ] {
        assert_eq!(Route::parse(path), Ok(route), "{path}");
    }
}

#[test]
fn names_may_contain_the_words_of_the_api() {
    for (path, route) in [
        ("/v2/blobs/manifests/x", manifest("blobs", "x")),
        (
            "/v2/manifests/manifests/manifests",
            manifest("manifests", "manifests"),
        ),
        ("/v2/a/manifests/b/tags/list", tags("a/manifests/b")),
        ("/v2/tags/list/tags/list", tags("tags/list")),
        (
            "/v2/tags/list/manifests/list",
            manifest("tags/list", "list"),
        ),
        ("/v2/a/tags/manifests/list", manifest("a/tags", "list")),
        (
            "/v2/a/blobs/manifests/uploads",
            manifest("a/blobs", "uploads"),
        ),
        (
            "/v2/a/blobs/uploads/manifests/x",
            manifest("a/blobs/uploads", "x"),
        ),
        ("/v2/blobs/uploads/blobs/uploads", uploads("blobs/uploads")),
        ("/v2/a/blobs/uploads/tags/list", tags("a/blobs/uploads")),
        (
            &format!("/v2/blobs/uploads/blobs/uploads/{SESSION}"),
            upload("blobs/uploads"),
        ),
        (&format!("/v2/blobs/blobs/{DIGEST}"), blob("blobs")),
        (
            &format!("/v2/a/blobs/uploads/blobs/{DIGEST}"),
            blob("a/blobs/uploads"),
        ),
        (
            &format!("/v2/referrers/referrers/{DIGEST}"),
            referrers("referrers"),
        ),
        ("/v2/v2/tags/list", tags("v2")),
    ] {
        assert_eq!(Route::parse(path), Ok(route), "{path}");
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Reason {
    Unknown,
    Slash,
    Name,
    Tag,
    Digest,
    Upload,
}

fn reason(error: &RouteError) -> Reason {
    match error {
        RouteError::Unknown => Reason::Unknown,
        RouteError::EncodedSlash { .. } => Reason::Slash,
        RouteError::Name { .. } => Reason::Name,
        RouteError::Reference { .. } if error.tag().is_some() => Reason::Tag,
        RouteError::Reference { .. } | RouteError::Digest { .. } => Reason::Digest,
        RouteError::UploadId => Reason::Upload,
    }
}

#[test]
fn says_what_is_wrong() {
    let long = "a".repeat(256);
    for (path, wrong) in [
        ("", Reason::Unknown),
        ("/", Reason::Unknown),
        ("/v1/", Reason::Unknown),
        ("/v20", Reason::Unknown),
        ("//v2/", Reason::Unknown),
        ("/v2/a", Reason::Unknown),
        ("/v2//", Reason::Unknown),
        ("/v2/_catalog/x", Reason::Unknown),
        ("/v2/a/tags", Reason::Unknown),
        ("/v2/a/tags/lists", Reason::Unknown),
        ("/v2/a/manifests", Reason::Unknown),
        ("/v2/a/uploads/x", Reason::Unknown),
        (&format!("/v2/uploads/{SESSION}"), Reason::Unknown),
        ("/v2/manifests/x", Reason::Name),
        ("/v2//manifests/x", Reason::Name),
        ("/v2/a//b/manifests/x", Reason::Name),
        ("/v2/a//manifests/x", Reason::Name),
        ("/v2/A/manifests/x", Reason::Name),
        ("/v2/a/../b/manifests/x", Reason::Name),
        ("/v2/../manifests/x", Reason::Name),
        ("/v2/%2e%2e/manifests/x", Reason::Name),
        ("/v2/a/%2E%2E/b/tags/list", Reason::Name),
        ("/v2/a%00/tags/list", Reason::Name),
        ("/v2/a%0d%0ab/tags/list", Reason::Name),
        ("/v2/a%5cb/tags/list", Reason::Name),
        ("/v2/a%zz/tags/list", Reason::Name),
        ("/v2/a%/tags/list", Reason::Name),
        ("/v2/a%ff/tags/list", Reason::Name),
        ("/v2/a%252fb/tags/list", Reason::Name),
        ("/v2/%c3%a9/tags/list", Reason::Name),
        (&format!("/v2/{long}/tags/list"), Reason::Name),
        ("/v2/a%2Fb/tags/list", Reason::Slash),
        ("/v2/a%2fb/manifests/x", Reason::Slash),
        ("/v2/a/b%2F..%2Fc/manifests/x", Reason::Slash),
        ("/v2/a%2Fmanifests/x", Reason::Unknown),
        ("/v2/a/manifests/.x", Reason::Tag),
        ("/v2/a/manifests/x%2Fy", Reason::Tag),
        ("/v2/a/manifests/%00", Reason::Tag),
        ("/v2/a/manifests//", Reason::Tag),
        ("/v2/a/manifests/sha256:abc", Reason::Digest),
        (
            "/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e",
            Reason::Digest,
        ),
        ("/v2/a/blobs/latest", Reason::Digest),
        ("/v2/a/blobs/sha256:baddigeststring", Reason::Digest),
        (
            &format!("/v2/a/blobs/{}", DIGEST.to_uppercase()),
            Reason::Digest,
        ),
        ("/v2/a/referrers/x", Reason::Digest),
        ("/v2/a/blobs/uploads/x", Reason::Upload),
        ("/v2/a/blobs/uploads/..", Reason::Upload),
        ("/v2/a/blobs/uploads//", Reason::Upload),
        (
            &format!("/v2/a/blobs/uploads/{}", SESSION.to_uppercase()),
            Reason::Upload,
        ),
    ] {
        let error = Route::parse(path).expect_err(path);
        assert_eq!(reason(&error), wrong, "{path}: {error}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn errors_keep_the_endpoint() {
    for (path, route) in [
        ("/v2/A/tags/list", RouteName::Tags),
        ("/v2/A/blobs/uploads/", RouteName::Uploads),
        ("/v2/a/blobs/x", RouteName::Blob),
        ("/v2/a/manifests/.x", RouteName::Manifest),
        ("/v2/a/blobs/uploads/x", RouteName::Upload),
        ("/v2/a%2fb/referrers/x", RouteName::Referrers),
        ("/v2/x/y", RouteName::Unknown),
    ] {
        assert_eq!(Route::parse(path).unwrap_err().name(), route, "{path}");
    }
}

fn path_of(route: &Route) -> String {
    match route {
        Route::Base => "/v2/".to_owned(),
        Route::Catalog => "/v2/_catalog".to_owned(),
        Route::Blob { name, digest } => format!("/v2/{name}/blobs/{digest}"),
        Route::Manifest { name, reference } => format!("/v2/{name}/manifests/{reference}"),
        Route::Uploads { name } => format!("/v2/{name}/blobs/uploads/"),
        Route::Upload { name, id } => format!("/v2/{name}/blobs/uploads/{id}"),
        Route::Tags { name } => format!("/v2/{name}/tags/list"),
        Route::Referrers { name, digest } => format!("/v2/{name}/referrers/{digest}"),
    }
}

/// Names made of the API's own words as often as of others.
fn names() -> impl Strategy<Value = RepositoryName> {
    let word = prop_oneof![
        Just("blobs".to_owned()),
        Just("manifests".to_owned()),
        Just("uploads".to_owned()),
        Just("tags".to_owned()),
        Just("list".to_owned()),
        Just("referrers".to_owned()),
        "[a-z0-9]{1,4}((__|[._]|-{1,3})[a-z0-9]{1,4}){0,2}",
    ];
    proptest::collection::vec(word, 1..6).prop_map(|words| words.join("/").parse().unwrap())
}

fn routes() -> impl Strategy<Value = Route> {
    let digests = any::<Vec<u8>>().prop_map(|bytes| Digest::sha256(&bytes));
    let tags = prop_oneof!["[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}", Just("list".to_owned())];
    let ids = any::<u128>().prop_map(|id| UploadId::from(uuid::Uuid::from_u128(id)));
    (names(), digests, tags, ids, 0..8).prop_map(|(name, digest, tag, id, which)| match which {
        0 => Route::Base,
        1 => Route::Catalog,
        2 => Route::Blob { name, digest },
        3 => Route::Manifest {
            name,
            reference: Reference::Tag(tag.parse().unwrap()),
        },
        4 => Route::Uploads { name },
        5 => Route::Upload { name, id },
        6 => Route::Tags { name },
        _ => Route::Referrers { name, digest },
    })
}

fn percent_encoded(path: &str, which: &[bool]) -> String {
    let encode = |(at, byte): (usize, u8)| match byte {
        b'/' => "/".to_owned(),
        byte if which[at % which.len()] => format!("%{byte:02X}"),
        byte => char::from(byte).to_string(),
    };
    path.bytes().enumerate().map(encode).collect()
}

proptest! {
    #[test]
    fn every_route_has_one_path(route in routes(), slash in any::<bool>()) {
        let mut path = path_of(&route);
        if slash && !path.ends_with('/') {
            path.push('/');
        }
        prop_assert_eq!(Route::parse(&path), Ok(route.clone()));
        prop_assert_eq!(Route::parse(path.trim_end_matches('/')), Ok(route));
    }

    #[test]
    fn encoding_does_not_change_what_a_path_means(
        route in routes(),
        which in proptest::collection::vec(any::<bool>(), 1..9),
    ) {
        let path = path_of(&route);
        let below = path.strip_prefix("/v2").unwrap();
        let path = format!("/v2{}", percent_encoded(below, &which));
        prop_assert_eq!(Route::parse(&path), Ok(route));
    }

    #[test]
    fn is_total(path in any::<String>()) {
        let _ = Route::parse(&path);
        let _ = Route::parse(&format!("/v2/{path}"));
    }

    #[test]
    fn hostile_paths_never_reach_a_repository_that_they_do_not_spell(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("%2f"), Just("%2F"), Just("%2e%2e"), Just(".."), Just("%00"), Just("/"),
                Just("a"), Just("manifests"), Just("tags/list"), Just("blobs"), Just("%252f"),
                Just("uploads"), Just("%5c"), Just("\\"),
            ],
            1..10,
        ),
    ) {
        let path = format!("/v2/{}", parts.concat());
        if let Ok(route) = Route::parse(&path)
            && let Some(name) = route.repository()
        {
            // Nothing that decodes to a separator is left in what became the name.
            let spelled = format!("/v2/{name}/");
            prop_assert!(path.starts_with(&spelled));
        }
    }
}
