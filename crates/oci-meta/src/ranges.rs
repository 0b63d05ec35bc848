//! A scope as ranges of names: what the backends put into their queries.

use crate::{RepoPattern, Scope};

/// Behind every repository name, all of which are ASCII letters, digits and `-./_`.
const PAST_ALL: &str = "\u{7f}";

/// Names from `start` on and before `end`, as bytes compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameRange {
    pub(crate) start: String,
    pub(crate) end: String,
}

impl NameRange {
    fn of(pattern: &RepoPattern) -> Self {
        match pattern {
            RepoPattern::Exact(name) => Self {
                start: name.as_str().to_owned(),
                end: just_behind(name.as_str()),
            },
            // '0' is what follows '/'.
            RepoPattern::Below(name) => Self {
                start: format!("{name}/"),
                end: format!("{name}0"),
            },
        }
    }
}

/// The least text greater than `text`.
fn just_behind(text: &str) -> String {
    format!("{text}\0")
}

/// The names of `scope` greater than `after`: sorted, disjoint and non-empty ranges.
pub(crate) fn name_ranges(scope: &Scope, after: Option<&str>) -> Vec<NameRange> {
    let mut ranges: Vec<NameRange> = match scope {
        Scope::All => vec![NameRange {
            start: String::new(),
            end: PAST_ALL.to_owned(),
        }],
        Scope::AnyOf(patterns) => patterns.iter().map(NameRange::of).collect(),
    };
    if let Some(after) = after {
        ranges.retain(|range| range.end.as_str() > after);
        for range in &mut ranges {
            if range.start.as_str() <= after {
                range.start = just_behind(after);
            }
        }
        ranges.retain(|range| range.start < range.end);
    }
    merge(ranges)
}

fn merge(mut ranges: Vec<NameRange>) -> Vec<NameRange> {
    ranges.sort_unstable_by(|a, b| a.start.cmp(&b.start));
    let mut merged: Vec<NameRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => {
                if range.end > last.end {
                    last.end = range.end;
                }
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use oci_types::RepositoryName;

    use super::*;

    const NAMES: [&str; 9] = [
        "a",
        "team",
        "team-b/api",
        "team/api",
        "team/api/x",
        "team/web",
        "team0",
        "teams/q",
        "z/z",
    ];

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    fn exact(text: &str) -> RepoPattern {
        RepoPattern::Exact(name(text))
    }

    fn below(text: &str) -> RepoPattern {
        RepoPattern::Below(name(text))
    }

    /// What the ranges select must be what the scope contains, each name once and in order.
    #[test]
    fn ranges_select_what_the_scope_contains() {
        let scopes = [
            Scope::All,
            Scope::AnyOf(vec![]),
            Scope::AnyOf(vec![exact("team")]),
            Scope::AnyOf(vec![below("team")]),
            Scope::AnyOf(vec![
                below("team"),
                exact("team"),
                exact("team"),
                below("team/api"),
            ]),
            Scope::AnyOf(vec![exact("z/z"), exact("team/api"), below("team")]),
        ];
        let afters = [
            None,
            Some(""),
            Some("team"),
            Some("team/"),
            Some("team/api"),
            Some("zzz"),
            Some("\u{10ffff}"),
        ];
        for scope in &scopes {
            for after in afters {
                let wanted: Vec<&str> = NAMES
                    .into_iter()
                    .filter(|n| after.is_none_or(|after| *n > after) && scope.contains(&name(n)))
                    .collect();
                let selected: Vec<&str> = name_ranges(scope, after)
                    .iter()
                    .flat_map(|range| {
                        NAMES
                            .into_iter()
                            .filter(|n| *n >= range.start.as_str() && *n < range.end.as_str())
                    })
                    .collect();
                assert_eq!(selected, wanted, "{scope:?} after {after:?}");
            }
        }
    }
}
