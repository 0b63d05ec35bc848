//! What queries make of patterns.

use proptest::prelude::*;

use super::*;
use crate::glob::tests::{any_glob, any_name};

fn scope<S: AsRef<str>>(globs: &[S]) -> PullScope {
    let globs = globs.iter().map(|glob| glob.as_ref().parse().unwrap());
    PullScope::new(globs.collect())
}

fn print(query: &QueryScope) -> String {
    match query {
        QueryScope::All => "all".to_owned(),
        QueryScope::AnyOf(patterns) => {
            let texts = patterns.iter().map(|pattern| match pattern {
                QueryPattern::Exact(name) => name.to_string(),
                QueryPattern::Below(name) => format!("{name}/**"),
            });
            texts.collect::<Vec<_>>().join(" ")
        }
    }
}

#[test]
fn queries_express_most_rules() {
    for (globs, narrowed, cover) in [
        (&[][..], "", ""),
        (&["**"], "all", "all"),
        (&["a", "b/**"], "a b/**", "a b/**"),
        (&["a", "**"], "all", "all"),
        (&["a/b", "a/**", "a"], "a/** a", "a/** a"),
        (&["a/**", "a/b", "a/b/**", "c", "c"], "a/** c", "a/** c"),
        (&["a/b/**", "a/**", "a/**"], "a/**", "a/**"),
        (&["a/*/b", "c"], "c", "a/** c"),
        (&["a/*", "a/**"], "a/**", "a/**"),
        (&["a*", "c"], "c", "all"),
        (&["**/b"], "", "all"),
    ] {
        let scope = scope(globs);
        assert_eq!(print(&scope.narrowed()), narrowed, "{globs:?}");
        assert_eq!(print(&scope.cover()), cover, "{globs:?}");
        assert_eq!(scope.is_exact(), narrowed == cover, "{globs:?}");
    }
}

proptest! {
    #[test]
    fn queries_neither_leak_nor_lose(
        globs in prop::collection::vec(any_glob(), 0..5),
        name in any_name(),
    ) {
        let scope = scope(&globs);
        let contains = scope.contains(&name);
        prop_assert!(contains || !scope.narrowed().contains(&name), "narrowed leaks");
        prop_assert!(!contains || scope.cover().contains(&name), "cover loses");
        if scope.is_exact() {
            prop_assert_eq!(scope.narrowed().contains(&name), contains);
        }
    }

    #[test]
    fn patterns_of_a_query_do_not_overlap(
        globs in prop::collection::vec(any_glob(), 0..6),
        name in any_name(),
    ) {
        if let QueryScope::AnyOf(patterns) = scope(&globs).cover() {
            let matching = patterns.iter().filter(|pattern| pattern.matches(&name));
            prop_assert!(matching.count() <= 1);
        }
    }
}
