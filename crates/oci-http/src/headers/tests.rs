//! Headers of requests that are read, and of answers that are written.

use super::*;

fn headers(pairs: &[(&HeaderName, &'static str)]) -> HeaderMap {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value)));
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value);
    }
    map
}

#[test]
fn renders() {
    let digest = Digest::sha256(b"");
    let tags: Vec<Tag> = ["a", "b.c"].map(|tag| tag.parse().unwrap()).to_vec();
    let value =
        |header: (HeaderName, HeaderValue)| format!("{}: {}", header.0, header.1.to_str().unwrap());
    for (rendered, expected) in [
        (
            value(ETag(digest).into_pair()),
            format!("etag: \"{digest}\""),
        ),
        (value(SessionRange(0).into_pair()), "range: 0-0".into()),
        (value(SessionRange(10).into_pair()), "range: 0-9".into()),
        (
            value(Satisfied((2..5, 10)).into_pair()),
            "content-range: bytes 2-4/10".into(),
        ),
        (
            value(Unsatisfied(10).into_pair()),
            "content-range: bytes */10".into(),
        ),
        (
            value(Allow(vec![Verb::Get, Verb::Head]).into_pair()),
            "allow: GET, HEAD".into(),
        ),
        (value(Allow(vec![]).into_pair()), "allow: ".into()),
        (value(Tags(tags).into_pair()), "oci-tag: a, b.c".into()),
        (
            value(RetryAfter(Duration::ZERO).into_pair()),
            "retry-after: 1".into(),
        ),
        (
            value(RetryAfter(Duration::from_millis(1001)).into_pair()),
            "retry-after: 2".into(),
        ),
    ] {
        assert_eq!(rendered, expected);
    }
}

#[test]
fn nothing_may_be_kept_by_a_shared_cache() {
    for caching in [Caching::Immutable, Caching::Revalidate, Caching::Never] {
        let (_, value) = caching.into_pair();
        let value = value.to_str().unwrap();
        assert!(value.contains("private") || value == "no-store", "{value}");
    }
}

#[test]
fn takes_a_content_type_without_its_parameters() {
    let read = |value| content_type(&headers(&[(&header::CONTENT_TYPE, value)]));
    let json = read("application/json; charset=utf-8").unwrap().unwrap();
    assert_eq!(json.as_str(), "application/json");
    assert!(read("").unwrap().is_none());
    assert!(read("json").is_err());
    assert!(content_type(&HeaderMap::new()).unwrap().is_none());
    let name = &header::CONTENT_TYPE;
    assert!(content_type(&headers(&[(name, "a/b"), (name, "a/c")])).is_err());
}

#[test]
fn takes_a_content_range_of_a_chunk() {
    let read = |value| content_range(&headers(&[(&header::CONTENT_RANGE, value)]));
    let range = read("5-9").unwrap().unwrap();
    assert_eq!((range.start(), range.end()), (5, 9));
    for value in ["", "5", "9-5", "a-b", "5-9, 10-11", "-5", "5-"] {
        assert!(read(value).is_err(), "{value}");
    }
    let name = &header::CONTENT_RANGE;
    assert!(content_range(&headers(&[(name, "0-1"), (name, "2-3")])).is_err());
}

#[test]
fn takes_over_harmless_request_ids() {
    let read = |value| request_id(&headers(&[(&REQUEST_ID, value)])).map(str::to_owned);
    assert_eq!(read("a-1_b.C").as_deref(), Some("a-1_b.C"));
    for value in ["", "a b", "a\"b", "{}", "a/b"] {
        assert_eq!(read(value), None, "{value}");
    }
    let long: &'static str = Box::leak("a".repeat(129).into_boxed_str());
    assert_eq!(read(long), None);
}
