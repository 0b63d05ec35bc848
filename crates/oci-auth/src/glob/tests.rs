//! Patterns against names, by tables and against a naive model.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

#[test]
fn patterns_match_whole_components() {
    for (pattern, yes, no) in [
        ("**", &["a", "a/b", "a/b/c"][..], &[][..]),
        ("a", &["a"], &["a/b", "b", "ab"]),
        ("a/b", &["a/b"], &["a", "a/b/c", "a/bc"]),
        ("a/**", &["a/b", "a/b/c"], &["a", "ab", "ab/c", "b/a"]),
        ("a/*", &["a/b", "a/bc"], &["a", "a/b/c"]),
        ("a/*/b", &["a/x/b"], &["a/b", "a/x/y/b", "a/x/b/c"]),
        ("*", &["a", "abc"], &["a/b"]),
        (
            "team-*/api",
            &["team-a/api", "team-a-b/api"],
            &["team/api", "team-a/b/api", "team-a"],
        ),
        ("a*c", &["ac", "abc", "a.c"], &["ab", "bac", "a/c"]),
        ("**/api", &["api", "a/api", "a/b/api"], &["api/a", "a/apis"]),
        (
            "a/**/b",
            &["a/b", "a/x/b", "a/b/b", "a/x/y/b"],
            &["a", "a/x", "a/b/x", "b/a"],
        ),
        (
            "a/**/b/**",
            &["a/b/c", "a/x/b/c", "a/b/b", "a/x/b/y/z"],
            &["a/b", "a/x/b", "a/c/c"],
        ),
        ("**/a/**/b", &["a/b", "x/a/y/b", "a/a/b"], &["b/a", "a/b/c"]),
        ("a/*/**", &["a/b/c", "a/b/c/d"], &["a", "a/b"]),
        ("**/**", &["a", "a/b"], &[]),
        ("**/*", &["a", "a/b"], &[]),
    ] {
        let glob: RepoGlob = pattern.parse().unwrap();
        assert_eq!(glob.to_string(), pattern);
        for text in yes {
            assert!(glob.matches(&name(text)), "{pattern} matches {text}");
        }
        for text in no {
            assert!(
                !glob.matches(&name(text)),
                "{pattern} does not match {text}"
            );
        }
    }
}

#[test]
fn patterns_that_match_nothing_are_refused() {
    for (pattern, words) in [
        ("", "empty"),
        ("a**", "whole components"),
        ("a/**b", "whole components"),
        ("***", "whole components"),
        ("Team/*x", "no repository matches"),
        ("team/X*", "'X'"),
        ("a//b", "must not be empty"),
        ("/a", "must not be empty"),
        ("a/", "must not be empty"),
        ("a/-b", "separator"),
        ("a?", "'?'"),
        ("!a", "'!'"),
        ("{a,b}", "'{'"),
        (&"a/".repeat(300), "at most 512"),
    ] {
        let error = pattern.parse::<RepoGlob>().unwrap_err().to_string();
        assert!(error.contains(words), "{pattern:?}: {error}");
    }
}

#[test]
fn queries_know_most_shapes() {
    for (pattern, shape) in [
        ("**", Shape::All),
        ("**/**", Shape::All),
        ("**/*", Shape::All),
        ("a/b", Shape::Exact(name("a/b"))),
        ("a/b/**", Shape::Below(name("a/b"))),
        ("a/**/*", Shape::Below(name("a"))),
        ("a/**/**", Shape::Below(name("a"))),
        ("a/*", Shape::Some(Some(name("a")))),
        ("a/b/*/c", Shape::Some(Some(name("a/b")))),
        ("a/*/**/b", Shape::Some(Some(name("a")))),
        ("a/b*", Shape::Some(Some(name("a")))),
        ("a*/b", Shape::Some(None)),
        ("**/b", Shape::Some(None)),
    ] {
        assert_eq!(
            pattern.parse::<RepoGlob>().unwrap().shape,
            shape,
            "{pattern}"
        );
    }
}

#[test]
fn stars_stand_for_anything_in_tags() {
    for (pattern, yes, no) in [
        ("v1", &["v1"][..], &["v10", "V1"][..]),
        ("v*", &["v", "v1", "v1.2"], &["1v", "w"]),
        ("*-rc", &["1-rc", "1-rc-rc"], &["1-rc2", "rc"]),
        ("v*-*-x", &["v1-2-x", "v--x"], &["v-x", "v1-2-y"]),
        ("a*bc*c", &["abcc", "aXbcYc"], &["abc", "acc"]),
        ("a*a", &["aa", "aba"], &["a"]),
        ("*", &["anything"], &[]),
    ] {
        let glob: TagGlob = pattern.parse().unwrap();
        for tag in yes {
            assert!(glob.matches(&tag.parse().unwrap()), "{pattern} {tag}");
        }
        for tag in no {
            assert!(!glob.matches(&tag.parse().unwrap()), "{pattern} {tag}");
        }
    }
    for bad in ["", "a b", "a/b", "v?", "é"] {
        assert!(bad.parse::<TagGlob>().is_err(), "{bad:?}");
    }
}

#[test]
fn many_stars_are_no_burden() {
    let pattern = format!("{}b", "**/a/".repeat(80));
    let glob: RepoGlob = pattern.parse().unwrap();
    let text = format!("{}c", "a/".repeat(120));
    assert!(!glob.matches(&name(&text)));
    let tag: TagGlob = "a*".repeat(200).parse().unwrap();
    assert!(!tag.matches(&"a".repeat(128).parse().unwrap()));
}

/// What a pattern means, word by word; exponential.
pub(crate) fn naive(pattern: &[&str], name: &[&str]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ["**"] => !name.is_empty(),
        ["**", rest @ ..] => (0..=name.len()).any(|taken| naive(rest, &name[taken..])),
        [word, rest @ ..] => match name {
            [] => false,
            [component, names @ ..] => {
                naive_word(word.as_bytes(), component.as_bytes()) && naive(rest, names)
            }
        },
    }
}

fn naive_word(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|taken| naive_word(rest, &text[taken..])),
        [byte, rest @ ..] => text.first() == Some(byte) && naive_word(rest, &text[1..]),
    }
}

pub(crate) fn any_glob() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => "[ab]{1,2}",
        2 => Just("**".to_owned()),
        1 => Just("*".to_owned()),
        1 => r"[ab]\*[ab]?",
        1 => r"\*[ab]",
    ];
    prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"))
}

pub(crate) fn any_name() -> impl Strategy<Value = RepositoryName> {
    "[ab]{1,3}(/[ab]{1,3}){0,4}".prop_map(|text| name(&text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn matching_is_what_the_model_says(text in any_glob(), name in any_name()) {
        let glob: RepoGlob = text.parse().unwrap();
        let pattern: Vec<_> = text.split('/').collect();
        let components: Vec<_> = name.components().collect();
        prop_assert_eq!(glob.matches(&name), naive(&pattern, &components));
    }

    #[test]
    fn shapes_do_not_change_what_matches(text in any_glob(), name in any_name()) {
        let glob: RepoGlob = text.parse().unwrap();
        prop_assert_eq!(glob.matches(&name), segments_match(&glob.segments, name.as_str()));
        if let Shape::Some(Some(parent)) = glob.shape() {
            prop_assert!(!glob.matches(&name) || is_below(&name, parent));
        }
    }

    #[test]
    fn tags_match_what_the_model_says(pattern in r"[ab*]{1,8}", tag in "[ab]{1,8}") {
        let glob: TagGlob = pattern.parse().unwrap();
        let expected = naive_word(pattern.as_bytes(), tag.as_bytes());
        prop_assert_eq!(glob.matches(&tag.parse().unwrap()), expected);
    }
}
