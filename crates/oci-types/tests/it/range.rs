//! Ranges of downloads and uploads.

use oci_types::{
    ByteRange, ContentRange, ContentRangeError, RangeError, Unsatisfiable, UploadRange,
    content_range_header, unsatisfied_range_header,
};
use proptest::prelude::*;

use crate::{check_refused, check_round_trip};

fn any_range() -> impl Strategy<Value = ByteRange> {
    let position = || prop_oneof![0..40_u64, any::<u64>()];
    prop_oneof![
        position().prop_map(|first| ByteRange::From { first }),
        (position(), position()).prop_map(|(first, last)| ByteRange::FromTo { first, last }),
        position().prop_map(|len| ByteRange::Suffix { len }),
    ]
}

/// Whether a range means the byte at `position`, by the letter of RFC 9110.
fn means(range: ByteRange, position: u64, size: u64) -> bool {
    match range {
        ByteRange::From { first } => position >= first,
        ByteRange::FromTo { first, last } => position >= first && position <= last,
        ByteRange::Suffix { len } => size - position <= len,
    }
}

#[test]
fn range_headers() {
    let from_to = |first, last| Some(ByteRange::FromTo { first, last });
    let cases = [
        ("bytes=0-4", from_to(0, 4)),
        ("bytes=4-4", from_to(4, 4)),
        ("Bytes=0-4", from_to(0, 4)),
        ("bytes = 0-4", from_to(0, 4)),
        ("bytes= 0-4 ", from_to(0, 4)),
        ("bytes=,0-4,", from_to(0, 4)),
        ("bytes=00-0004", from_to(0, 4)),
        ("bytes=5-", Some(ByteRange::From { first: 5 })),
        ("bytes=-5", Some(ByteRange::Suffix { len: 5 })),
        ("bytes=-0", Some(ByteRange::Suffix { len: 0 })),
        ("bytes=1-18446744073709551616", from_to(1, u64::MAX)),
        (
            "bytes=99999999999999999999-",
            Some(ByteRange::From { first: u64::MAX }),
        ),
        ("bytes=0-1,2-3", None),
        ("bytes=0-1, -3", None),
        ("items=0-1", None),
        ("seconds=nonsense", None),
    ];
    for (text, range) in cases {
        assert_eq!(ByteRange::parse_header(text), Ok(range), "{text}");
    }
}

#[test]
fn refused_range_headers() {
    for text in [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=+1-2",
        "bytes=1--2",
        "bytes=--2",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes=1 - 2",
        "bytes=1-b",
        "bytes=é-",
    ] {
        let error = ByteRange::parse_header(text).expect_err(text);
        assert!(matches!(error, RangeError::Malformed { .. }), "{text}");
    }
    let reversed = RangeError::Reversed {
        first: 500,
        last: 0,
    };
    assert_eq!(ByteRange::parse_header("bytes=500-0"), Err(reversed));
}

#[test]
fn resolved_ranges() {
    let cases = [
        ("bytes=0-4", 10, Ok(0..5)),
        ("bytes=0-9", 10, Ok(0..10)),
        ("bytes=0-99", 10, Ok(0..10)),
        ("bytes=9-", 10, Ok(9..10)),
        ("bytes=10-", 10, Err(10)),
        ("bytes=10-20", 10, Err(10)),
        ("bytes=-3", 10, Ok(7..10)),
        ("bytes=-99", 10, Ok(0..10)),
        ("bytes=-0", 10, Err(10)),
        ("bytes=0-", 0, Err(0)),
        ("bytes=-1", 0, Err(0)),
        ("bytes=0-18446744073709551615", u64::MAX, Ok(0..u64::MAX)),
    ];
    for (text, size, expected) in cases {
        let range = ByteRange::parse_header(text).unwrap().unwrap();
        let expected = expected.map_err(|size| Unsatisfiable { size });
        assert_eq!(range.resolve(size), expected, "{text} of {size}");
    }
    assert_eq!(content_range_header(&(0..5), 10), "bytes 0-4/10");
    assert_eq!(content_range_header(&(9..10), 10), "bytes 9-9/10");
    assert_eq!(unsatisfied_range_header(10), "bytes */10");
}

#[test]
fn content_ranges() {
    let cases = [
        ("0-0", 0, 0),
        ("0-1023", 0, 1023),
        ("1024-2047", 1024, 2047),
        ("bytes 5-9/10", 5, 9),
        ("Bytes 5-9/*", 5, 9),
        ("0-18446744073709551614", 0, u64::MAX - 1),
    ];
    for (text, start, end) in cases {
        let range: ContentRange = text.parse().unwrap();
        assert_eq!((range.start(), range.end()), (start, end));
        assert_eq!(range.len(), end - start + 1);
        assert_eq!(range.to_string(), format!("{start}-{end}"));
        check_round_trip(&range);
    }
}

#[test]
fn refused_content_ranges() {
    for text in [
        "",
        "-",
        "0",
        "0-",
        "-1",
        "a-b",
        "+0-1",
        "0 - 1",
        " 0-1",
        "0-1 ",
        "0-1-2",
        "bytes=0-1",
        "bytes 0-1",
        "bytes 0-1/",
        "bytes 0-1/1",
        "bytes 0-1/x",
        "items 0-1/2",
        "0-1/2",
        "0x0-1",
    ] {
        check_refused::<ContentRange>(text, "is malformed");
    }
    check_refused::<ContentRange>("5-4", "ends at byte 4, before it starts at byte 5");
    check_refused::<ContentRange>("0-18446744073709551615", "beyond any possible content");
    check_refused::<ContentRange>("0-99999999999999999999999", "beyond any possible content");
    let reversed = ContentRangeError::Reversed { start: 1, end: 0 };
    assert_eq!(ContentRange::new(1, 0), Err(reversed));
}

#[test]
fn upload_ranges() {
    for (len, text) in [
        (0, "0-0"),
        (1, "0-0"),
        (2, "0-1"),
        (u64::MAX, "0-18446744073709551614"),
    ] {
        let range = UploadRange::of_len(len);
        assert_eq!(range.to_string(), text);
        assert_eq!(text.parse(), Ok(range));
        assert_eq!(range.last(), len.saturating_sub(1));
    }
    assert_eq!("bytes=0-7".parse(), Ok(UploadRange::of_len(8)));
    for text in ["", "0", "0-", "1-2", "00-1", "0--1", "0-x", "bytes 0-1"] {
        let error = text.parse::<UploadRange>().expect_err(text);
        assert!(error.to_string().contains("is malformed"), "{error}");
    }
}

proptest! {
    #[test]
    fn resolving_agrees_with_a_look_at_every_byte(range in any_range(), size in 0..50_u64) {
        let meant: Vec<u64> = (0..size).filter(|at| means(range, *at, size)).collect();
        match range.resolve(size) {
            Ok(resolved) => prop_assert_eq!(resolved.collect::<Vec<_>>(), meant),
            Err(error) => prop_assert_eq!((error.size, meant), (size, vec![])),
        }
    }

    #[test]
    fn resolved_ranges_lie_within(range in any_range(), size: u64) {
        if let Ok(resolved) = range.resolve(size) {
            prop_assert!(resolved.start < resolved.end && resolved.end <= size);
            let header = content_range_header(&resolved, size);
            prop_assert_eq!(header.parse::<ContentRange>().unwrap().len(), resolved.end - resolved.start);
        }
    }

    #[test]
    fn byte_ranges_round_trip(range in any_range()) {
        let parsed = ByteRange::parse_header(&range.to_string());
        match range {
            ByteRange::FromTo { first, last } if last < first => {
                prop_assert_eq!(parsed, Err(RangeError::Reversed { first, last }));
                prop_assert!(range.resolve(u64::MAX).is_err());
            }
            _ => prop_assert_eq!(parsed, Ok(Some(range))),
        }
    }

    #[test]
    fn arbitrary_headers_never_panic(text in "bytes=[0-9, -]{0,12}|[0-9-]{0,44}|bytes [0-9/*-]{0,9}|.*") {
        if let Ok(Some(range)) = ByteRange::parse_header(&text) {
            prop_assert_eq!(ByteRange::parse_header(&range.to_string()), Ok(Some(range)));
        }
        if let Ok(range) = text.parse::<ContentRange>() {
            check_round_trip(&range);
        }
        if let Ok(range) = text.parse::<UploadRange>() {
            prop_assert_eq!(range.to_string().parse(), Ok(range));
        }
    }

    #[test]
    fn content_ranges_round_trip(a: u64, b: u64) {
        match ContentRange::new(a, b) {
            Ok(range) => {
                check_round_trip(&range);
                prop_assert_eq!(a + (range.len() - 1), b);
            }
            Err(_) => prop_assert!(b < a || b == u64::MAX),
        }
    }
}
