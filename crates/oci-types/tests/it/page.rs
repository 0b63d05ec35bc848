//! Page queries and links.

use oci_types::{Link, LinkError, PageError, PageQuery, PercentError};
use proptest::prelude::*;

fn query(n: Option<u64>, last: Option<&str>) -> PageQuery {
    let last = last.map(str::to_owned);
    PageQuery { n, last }
}

#[test]
fn queries() {
    let cases = [
        ("", query(None, None)),
        ("n=10", query(Some(10), None)),
        ("n=0", query(Some(0), None)),
        ("last=a", query(None, Some("a"))),
        ("n=2&last=v1.0", query(Some(2), Some("v1.0"))),
        (
            "last=library%2Falpine&n=2",
            query(Some(2), Some("library/alpine")),
        ),
        ("last=a+b%2b", query(None, Some("a b+"))),
        ("last=", query(None, None)),
        ("last", query(None, None)),
        ("&&x=1&n=3&y", query(Some(3), None)),
        ("n=1&n=2&last=a&last=b", query(Some(1), Some("a"))),
        ("last=&last=b", query(None, None)),
        ("n=9223372036854775808", query(Some(1 << 63), None)),
        ("n=99999999999999999999999", query(Some(u64::MAX), None)),
        ("N=1&Last=x", query(None, None)),
        ("last=%C3%A9", query(None, Some("é"))),
    ];
    for (text, expected) in cases {
        assert_eq!(PageQuery::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn refused_queries() {
    for value in ["", "-1", "+1", "1.5", "abc", "0x10", "1 ", "%31%"] {
        assert!(PageQuery::parse(&format!("n={value}")).is_err(), "{value}");
    }
    let error = PageQuery::parse("n=-1").unwrap_err();
    let value = "-1".to_owned();
    assert_eq!(error, PageError::Number { value });
    for (text, offset) in [
        ("last=%", 0),
        ("last=a%2", 1),
        ("last=%zz", 0),
        ("last=%2%41", 0),
    ] {
        let error = PageError::Encoding(PercentError::Escape { offset });
        assert_eq!(PageQuery::parse(text), Err(error), "{text}");
    }
    let error = PageError::Encoding(PercentError::NotUtf8);
    assert_eq!(PageQuery::parse("last=%ff"), Err(error));
}

#[test]
fn next_links() {
    let link = Link::next("/v2/a/tags/list", &[("n", "10"), ("last", "v1.0")]);
    assert_eq!(
        link.to_string(),
        "</v2/a/tags/list?n=10&last=v1.0>; rel=\"next\""
    );
    assert!(link.is_next());
    let hostile = Link::next("/v2/a b>", &[("artifactType", "a/b+c;\">\r\n&é=%")]);
    assert_eq!(
        hostile.target(),
        "/v2/a%20b%3E?artifactType=a%2Fb%2Bc%3B%22%3E%0D%0A%26%C3%A9%3D%25"
    );
    assert_eq!(Link::next("/x", &[]).target(), "/x");
}

#[test]
fn link_headers() {
    let link = |target: &str, rel: &str| Link::new(target, rel).unwrap();
    let cases = [
        ("", vec![]),
        (" , ,", vec![]),
        ("</a>; rel=\"next\"", vec![link("/a", "next")]),
        ("</a>;rel=next", vec![link("/a", "next")]),
        ("</a> ; REL = \"prev Next\" ", vec![link("/a", "prev Next")]),
        ("</a,b;c>; rel=x; rel=y", vec![link("/a,b;c", "x")]),
        (
            "</a>; title=\"x, \\\"y\\\"; rel=z\"; flag; rel=next",
            vec![link("/a", "next")],
        ),
        (
            "</a>; rel=prev, </b>; rel=\"next\"",
            vec![link("/a", "prev"), link("/b", "next")],
        ),
        (
            "<https://x.example/v2?n=1>; rel=next",
            vec![link("https://x.example/v2?n=1", "next")],
        ),
    ];
    for (text, links) in cases {
        assert_eq!(Link::parse_header(text), Ok(links), "{text}");
    }
    assert!(link("/a", "prev NEXT").is_next() && !link("/a", "nextone").is_next());
}

#[test]
fn refused_link_headers() {
    let cases = [
        ("/a; rel=next", LinkError::Syntax),
        ("</a; rel=next", LinkError::Syntax),
        ("</a>; rel=\"next", LinkError::Syntax),
        ("</a>; rel=\"next\\", LinkError::Syntax),
        ("</a>; rel=next x", LinkError::Syntax),
        ("</a> rel=next", LinkError::Relation),
        ("</a>", LinkError::Relation),
        ("</a>; rel=", LinkError::Relation),
        ("</a>; rel=\"\"", LinkError::Relation),
        ("</a>; rel=\"é\"", LinkError::Relation),
        ("<>; rel=next", LinkError::Target),
        ("</a b>; rel=next", LinkError::Target),
        ("</é>; rel=next", LinkError::Target),
    ];
    for (text, error) in cases {
        assert_eq!(Link::parse_header(text), Err(error), "{text}");
    }
    let two = "</a>; rel=prev, </b>; rel=next";
    assert_eq!(two.parse::<Link>(), Err(LinkError::Syntax));
    assert_eq!("".parse::<Link>(), Err(LinkError::Syntax));
    assert_eq!(Link::new("/a>; rel=\"x\"", "next"), Err(LinkError::Target));
    assert_eq!(Link::new("/a", "next\"; x=\""), Err(LinkError::Relation));
    assert_eq!(Link::new("/a", "next\r\nX: y"), Err(LinkError::Relation));
}

proptest! {
    #[test]
    fn queries_round_trip(n: Option<u64>, last in prop::option::of(".+")) {
        let query = PageQuery { n, last };
        prop_assert_eq!(PageQuery::parse(&query.to_string()), Ok(query));
    }

    #[test]
    fn links_carry_what_they_were_made_of(n: u64, last in ".+", path in "(/[^?]{0,5}){1,3}") {
        let link = Link::next(&path, &[("n", &n.to_string()), ("last", &last)]);
        prop_assert_eq!(&link.to_string().parse::<Link>().unwrap(), &link);
        let (_, query) = link.target().split_once('?').unwrap();
        let last = Some(last);
        prop_assert_eq!(PageQuery::parse(query), Ok(PageQuery { n: Some(n), last }));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "<[a-z;,=\"\\\\> ]{0,24}|[nlast=&%0-9a-f+]{0,16}|.*") {
        let _ = PageQuery::parse(&text);
        if let Ok(links) = Link::parse_header(&text) {
            for link in links {
                prop_assert_eq!(link.to_string().parse(), Ok(link));
            }
        }
    }
}
