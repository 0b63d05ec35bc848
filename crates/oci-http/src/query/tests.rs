//! Queries of each route, and what is wrong with others.

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn start(query: &str) -> Result<StartUploadQuery, QueryError> {
    StartUploadQuery::try_from(RawQuery(query))
}

#[test]
fn finds_a_digest_however_it_is_encoded() {
    let digest: Digest = DIGEST.parse().unwrap();
    let encoded = DIGEST.replace(':', "%3A");
    for query in [
        format!("digest={DIGEST}"),
        format!("digest={encoded}"),
        format!("_state=abc&x&=&digest={encoded}&"),
        format!("digest={DIGEST}&digest={encoded}"),
        format!("d%69gest={DIGEST}"),
    ] {
        let finish = FinishUploadQuery::try_from(RawQuery(&query));
        assert_eq!(finish, Ok(FinishUploadQuery { digest }), "{query}");
    }
}

#[test]
fn refuses_what_is_no_digest() {
    let other = DIGEST.replace('e', "f");
    for query in [
        "",
        "digest",
        "digest=",
        "digest=x",
        "digest=sha256%3A",
        "digest=md5:ab",
    ] {
        let error = FinishUploadQuery::try_from(RawQuery(query)).unwrap_err();
        let about = matches!(error, QueryError::Digest { .. } | QueryError::NoDigest);
        assert!(about, "{query}: {error}");
    }
    let twice = format!("digest={DIGEST}&digest={other}");
    let error = FinishUploadQuery::try_from(RawQuery(&twice)).unwrap_err();
    assert_eq!(error, QueryError::Repeated { key: "digest" });
}

#[test]
fn reads_what_opens_an_upload() {
    let digest: Digest = DIGEST.parse().unwrap();
    let mount = |from| Some(Mount { digest, from });
    let library: RepositoryName = "library/a".parse().unwrap();
    for (query, expected) in [
        (String::new(), (None, None, None)),
        (format!("digest={DIGEST}"), (None, Some(digest), None)),
        (
            "digest-algorithm=sha512".into(),
            (None, None, Some(Algorithm::Sha512)),
        ),
        (
            format!("mount={DIGEST}"),
            (mount(MountSource::Anywhere), None, None),
        ),
        (
            format!("mount={DIGEST}&from="),
            (mount(MountSource::Anywhere), None, None),
        ),
        (
            format!("mount={DIGEST}&from=library%2Fa"),
            (mount(MountSource::Repository(library)), None, None),
        ),
        (
            format!("mount={DIGEST}&from=Library"),
            (mount(MountSource::Nowhere), None, None),
        ),
        (
            format!("mount={DIGEST}&from=../a"),
            (mount(MountSource::Nowhere), None, None),
        ),
        ("from=a".into(), (None, None, None)),
    ] {
        let (mount, digest, algorithm) = expected;
        let expected = StartUploadQuery {
            mount,
            digest,
            algorithm,
        };
        assert_eq!(start(&query), Ok(expected), "{query}");
    }
    for query in [
        "digest=x",
        "mount=x",
        "digest-algorithm=md5",
        "digest-algorithm=",
    ] {
        let error = start(query).unwrap_err();
        assert!(
            matches!(error, QueryError::Digest { .. }),
            "{query}: {error}"
        );
    }
}

#[test]
fn reads_pages() {
    for (query, n, last) in [
        ("", None, None),
        ("n=0", Some(0), None),
        ("n=10&last=b%2Ec", Some(10), Some("b.c")),
        ("n=9223372036854775808", Some(1 << 63), None),
        ("n=99999999999999999999999999", Some(u64::MAX), None),
        ("other=1&last=%00", None, Some("\0")),
    ] {
        let page = page(RawQuery(query)).unwrap();
        assert_eq!((page.n, page.last.as_deref()), (n, last), "{query}");
    }
    for query in ["n=-1", "n=", "n=ten", "n=1.5", "n=%2B1", "n=0x10"] {
        let error = page(RawQuery(query)).unwrap_err();
        assert!(matches!(error, QueryError::Page(_)), "{query}: {error}");
    }
}

#[test]
fn reads_the_filter_of_referrers_with_its_plus() {
    for (query, filter) in [
        ("", None),
        ("artifactType=", None),
        (
            "artifactType=application/spdx+json",
            Some("application/spdx+json"),
        ),
        (
            "artifactType=application%2Fspdx%2Bjson",
            Some("application/spdx+json"),
        ),
    ] {
        let query = ReferrersQuery::try_from(RawQuery(query)).unwrap();
        assert_eq!(query.artifact_type.as_deref(), filter);
    }
    let error = ReferrersQuery::try_from(RawQuery("last=a")).unwrap_err();
    assert!(matches!(error, QueryError::Digest { key: "last", .. }));
}

#[test]
fn takes_each_further_tag_once_and_no_more_than_the_limit() {
    let parse = |query: &str| PushManifestQuery::parse(RawQuery(query), 3);
    let tags = |tags: &[&str]| PushManifestQuery {
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
    };
    assert_eq!(parse(""), Ok(tags(&[])));
    assert_eq!(parse("tag=b&tag=a&tag=b"), Ok(tags(&["b", "a"])));
    let too_many = parse("tag=a&tag=b&tag=c&tag=d").unwrap_err();
    assert_eq!(too_many, QueryError::TooManyTags { limit: 3 });
    for query in [
        "tag",
        "tag=",
        "tag=.a",
        "tag=a,b",
        "tag=a%2Fb",
        "tag=a&tag=%00",
    ] {
        let error = parse(query).unwrap_err();
        assert!(matches!(error, QueryError::Tag(_)), "{query}: {error}");
    }
}

#[test]
fn reads_a_namespace() {
    let ns = namespace(RawQuery("ns=Docker.io%3A443")).unwrap().unwrap();
    assert_eq!(ns.as_str(), "docker.io:443");
    assert_eq!(namespace(RawQuery("")), Ok(None));
    for query in ["ns=", "ns=a%2Fb", "ns=a%0d%0aX:%20y"] {
        let error = namespace(RawQuery(query)).unwrap_err();
        assert!(matches!(error, QueryError::Namespace(_)), "{query}");
    }
}
