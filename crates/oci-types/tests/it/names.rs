//! Repository names, tags and references.

use std::collections::BTreeSet;

use oci_types::{Digest, Reference, RepositoryName, Tag};
use proptest::prelude::*;

use crate::digest::any_digest;
use crate::{check_refused, check_round_trip};

const NAME: &str = "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}\
                    (/[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}){0,3}";
const TAG: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

/// Whether a text is a repository name, by the letter of the grammar: a state
/// machine over bytes.
fn is_name(text: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Alphanumeric,
        Dot,
        Underscore,
        Underscores,
        Dashes,
        Nowhere,
    }
    let end = text.bytes().fold(At::Start, |at, byte| match (at, byte) {
        (At::Nowhere, _) => At::Nowhere,
        (_, b'a'..=b'z' | b'0'..=b'9') => At::Alphanumeric,
        (At::Alphanumeric, b'.') => At::Dot,
        (At::Alphanumeric, b'_') => At::Underscore,
        (At::Underscore, b'_') => At::Underscores,
        (At::Alphanumeric | At::Dashes, b'-') => At::Dashes,
        (At::Alphanumeric, b'/') => At::Start,
        _ => At::Nowhere,
    });
    end == At::Alphanumeric && text.len() <= 255
}

#[test]
fn valid_names() {
    let longest = "a".repeat(RepositoryName::MAX_LEN);
    let names = [
        "a",
        "0",
        "library/alpine",
        "a.b_c__d-e--f---g",
        "a/b/c/d/e/f",
        "blobs/uploads",
        "a/manifests/b/tags/list",
        "0/1/2",
        &longest,
    ];
    for text in names {
        let name: RepositoryName = text.parse().unwrap();
        assert_eq!(name.as_str(), text);
        assert_eq!(name.components().collect::<Vec<_>>().join("/"), text);
        check_round_trip(&name);
    }
}

#[test]
fn refused_names() {
    let too_long = "a".repeat(RepositoryName::MAX_LEN + 1);
    let cases = [
        ("", "must not be empty"),
        (too_long.as_str(), "at most 255 bytes, this one has 256"),
        ("/", "empty component at byte 0"),
        ("/a", "empty component at byte 0"),
        ("a/", "empty component at byte 2"),
        ("a//b", "empty component at byte 2"),
        ("Alpine", "character 'A' at byte 0"),
        ("library/Alpine", "character 'A' at byte 8"),
        ("a b", "character ' ' at byte 1"),
        ("a:b", "character ':' at byte 1"),
        ("a@b", "character '@' at byte 1"),
        ("a\0", "character '\\0' at byte 1"),
        ("a%2fb", "character '%' at byte 1"),
        ("é", "character 'é' at byte 0"),
        ("a/b\\c", "character '\\\\' at byte 3"),
        ("a\r\n", "character '\\r' at byte 1"),
        ("..", "misplaced separator at byte 0"),
        ("../a", "misplaced separator at byte 0"),
        ("a/../b", "misplaced separator at byte 2"),
        ("a/./b", "misplaced separator at byte 2"),
        ("-a", "misplaced separator at byte 0"),
        ("a-", "misplaced separator at byte 1"),
        ("a/b_", "misplaced separator at byte 3"),
        ("a/_b", "misplaced separator at byte 2"),
        ("a..b", "invalid separator at byte 1"),
        ("a___b", "invalid separator at byte 1"),
        ("a._b", "invalid separator at byte 1"),
        ("a-_b", "invalid separator at byte 1"),
        ("a/b-c.-d", "invalid separator at byte 5"),
    ];
    for (text, problem) in cases {
        check_refused::<RepositoryName>(text, problem);
        assert!(RepositoryName::try_from(text.to_owned()).is_err());
        assert!(!is_name(text), "{text}");
    }
}

#[test]
fn valid_tags() {
    let longest = "x".repeat(Tag::MAX_LEN);
    let fallback = format!("sha256-{}.sig", "0".repeat(64));
    for text in ["latest", "_", "v1.2.3-rc_4", "0", "A", &longest, &fallback] {
        let tag: Tag = text.parse().unwrap();
        assert_eq!(tag.as_str(), text);
        check_round_trip(&tag);
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.as_tag(), Some(&tag));
        assert_eq!(reference.as_digest(), None);
        check_round_trip(&reference);
    }
}

#[test]
fn refused_tags() {
    let too_long = "x".repeat(Tag::MAX_LEN + 1);
    let cases = [
        ("", "must not be empty"),
        (
            too_long.as_str(),
            "at most 128 characters, this one has 129",
        ),
        (".", "not with '.'"),
        ("..", "not with '.'"),
        ("-a", "not with '-'"),
        ("a/b", "character '/' at byte 1"),
        ("a b", "character ' ' at byte 1"),
        ("ab\n", "character '\\n' at byte 2"),
        ("a\0", "character '\\0' at byte 1"),
        ("é", "character 'é' at byte 0"),
        ("a+b", "character '+' at byte 1"),
        ("a%00", "character '%' at byte 1"),
    ];
    for (text, problem) in cases {
        check_refused::<Tag>(text, problem);
        check_refused::<Reference>(text, problem);
        assert!(Tag::try_from(text.to_owned()).is_err());
    }
}

#[test]
fn a_colon_makes_a_digest() {
    let digest = Digest::sha256(b"");
    let reference: Reference = digest.to_string().parse().unwrap();
    assert_eq!(reference, Reference::from(digest));
    assert_eq!(reference.as_digest(), Some(&digest));
    assert_eq!(reference.as_tag(), None);
    check_refused::<Reference>("sha256:zz", "character 'z' at byte 7 of the digest");
    check_refused::<Reference>("latest:1", "latest is not supported");
    check_refused::<Tag>(&digest.to_string(), "character ':' at byte 6 of the tag");
}

#[test]
fn text_compares_and_looks_up_as_its_value() {
    let tags: BTreeSet<Tag> = ["b", "B", "a.1", "a", "_", "0"]
        .map(|text| text.parse().unwrap())
        .into();
    let sorted: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(sorted, ["0", "B", "_", "a", "a.1", "b"]);
    assert!(tags.contains("a.1") && !tags.contains("a.2"));
    let name = RepositoryName::try_from("library/alpine").unwrap();
    assert!(name == "library/alpine" && name != *"library/debian");
    assert_eq!(
        format!("{name:?} {name:>15}"),
        "\"library/alpine\"  library/alpine"
    );
}

proptest! {
    #[test]
    fn names_round_trip(text in NAME) {
        let name: RepositoryName = text.parse().unwrap();
        prop_assert_eq!(name.as_str(), &text);
        check_round_trip(&name);
    }

    #[test]
    fn names_are_what_the_grammar_says(text in "[a-c._/-]{0,8}|[a-zA-Z0-9._/-]{0,20}|.*") {
        let parsed = text.parse::<RepositoryName>();
        prop_assert_eq!(parsed.is_ok(), is_name(&text), "{:?}", parsed);
    }

    #[test]
    fn tags_round_trip(text in TAG) {
        check_round_trip(&text.parse::<Tag>().unwrap());
        check_round_trip(&text.parse::<Reference>().unwrap());
    }

    #[test]
    fn tags_are_what_the_grammar_says(text in "[a-z.-]{0,3}|.*") {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let bytes = text.as_bytes();
        let valid = (1..=128).contains(&bytes.len())
            && plain(bytes[0])
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'.' | b'-'));
        prop_assert_eq!(text.parse::<Tag>().is_ok(), valid);
    }

    #[test]
    fn order_is_that_of_the_bytes(a in NAME, b in NAME, s in TAG, t in TAG) {
        let name = |text: &str| text.parse::<RepositoryName>().unwrap();
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        prop_assert_eq!(name(&a).cmp(&name(&b)), a.as_bytes().cmp(b.as_bytes()));
        prop_assert_eq!(tag(&s).cmp(&tag(&t)), s.as_bytes().cmp(t.as_bytes()));
    }

    #[test]
    fn references_are_tags_or_digests(digest in any_digest(), text in ".*") {
        check_round_trip(&Reference::from(digest));
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.as_digest().is_some(), text.contains(':'));
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}
