//! Tests of what needs no connection.

use super::*;

#[test]
fn heads_are_escaped_in_the_record_and_raw_on_the_wire() {
    let raw = Raw::new("GET", b"/v2/a\0b".to_vec())
        .line("X: y")
        .http10()
        .without_host();
    let origin = "http://a:5000"
        .parse::<super::super::url::Url>()
        .unwrap()
        .origin;
    let head = String::from_utf8(raw.head(&origin, None)).unwrap();
    assert!(
        head.starts_with("GET /v2/a\0b HTTP/1.0\r\nUser-Agent: "),
        "{head:?}"
    );
    assert!(head.ends_with("\r\nX: y\r\n\r\n"), "{head:?}");
    assert_eq!(raw.message().line, "GET /v2/a\\x00b HTTP/1.0");
}

#[test]
fn chunked_bodies_are_put_together() {
    assert_eq!(dechunk(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), b"abcde");
    assert_eq!(dechunk(b"5\r\nab"), b"");
}

#[test]
fn the_end_of_a_body_is_found_by_its_framing() {
    let mut headers = HeaderMap::new();
    assert_eq!(body_end(b"abc", "GET", StatusCode::OK, &headers), None);
    assert_eq!(body_end(b"abc", "HEAD", StatusCode::OK, &headers), Some(0));
    headers.insert("content-length", HeaderValue::from_static("2"));
    assert_eq!(body_end(b"abc", "GET", StatusCode::OK, &headers), Some(2));
    assert_eq!(body_end(b"a", "GET", StatusCode::OK, &headers), None);
}
