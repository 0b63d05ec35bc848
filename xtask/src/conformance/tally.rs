//! What several runs of the runner came to together. A check that one configuration of the server
//! does not apply to was not left out as long as it ran in another one.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::test::Counts;

/// What this registry has not, whatever its configuration: the checks about it do not apply.
pub(super) const NOT_APPLICABLE: &[(&str, &str)] = &[
    (
        "chunk.minimum-length",
        "chunks of every length are taken, so there is no minimum to announce",
    ),
    (
        "ns.header",
        "`ns` is for proxies of other registries; what is pushed here is served here",
    ),
    (
        "observed.warning-form",
        "nothing is deprecated, so there is nothing to warn of",
    ),
    (
        "observed.warning-size",
        "nothing is deprecated, so there is nothing to warn of",
    ),
];

/// The runner's JSON report, as far as this counts it.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    /// Below which namespace the run made its repositories.
    pub(super) namespace: String,
    results: Vec<Case>,
    #[serde(default)]
    suites: Vec<Suite>,
}

#[derive(Debug, Deserialize)]
struct Suite {
    name: String,
    cases: Vec<Case>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    outcome: String,
    #[serde(alias = "message")]
    sentence: Option<String>,
}

/// What became of one check in all runs.
#[derive(Debug, Default)]
struct Ends {
    passed: u64,
    /// The run and the sentence of each failure.
    failed: Vec<(String, String)>,
    /// Why it did not apply, the first time that it did not.
    reason: Option<String>,
}

impl Ends {
    fn ran(&self) -> bool {
        self.passed > 0 || !self.failed.is_empty()
    }
}

/// What became of every check.
#[derive(Debug)]
pub(super) struct Tally {
    expected: &'static [(&'static str, &'static str)],
    checks: BTreeMap<String, Ends>,
}

impl Tally {
    /// No runs yet; these checks are expected not to apply, for these reasons.
    pub(super) fn expecting(expected: &'static [(&'static str, &'static str)]) -> Tally {
        Tally {
            expected,
            checks: BTreeMap::new(),
        }
    }

    /// Adds the report of a run.
    pub(super) fn add(&mut self, run: &str, report: Report) {
        for case in report.results {
            self.add_case(run, case.name.clone(), case);
        }
        for suite in report.suites {
            for case in suite.cases {
                self.add_case(run, format!("{}: {}", suite.name, case.name), case);
            }
            if let Some(error) = suite.error {
                let ends = self.checks.entry(suite.name).or_default();
                ends.failed.push((run.to_owned(), error));
            }
        }
    }

    fn add_case(&mut self, run: &str, name: String, case: Case) {
        let ends = self.checks.entry(name).or_default();
        let sentence = case
            .sentence
            .unwrap_or_else(|| "no reason is given".to_owned());
        match case.outcome.as_str() {
            "passed" => ends.passed += 1,
            "skipped" => {
                ends.reason.get_or_insert(sentence);
            }
            outcome => ends
                .failed
                .push((run.to_owned(), format!("{outcome}: {sentence}"))),
        }
    }

    /// Prints what failed and what ran nowhere, in a form that `cargo xtask test` shows, and counts:
    /// each run of a check is one test, and a check that ran nowhere is skipped once. Where `whole`,
    /// every check has run that can: one that is expected not to apply and does is a failure.
    pub(super) fn print(&self, whole: bool) -> Counts {
        let mut skipped = Lines::new("skipped");
        let mut inapplicable = Lines::new("not applicable");
        let mut counts = Counts::default();
        for (name, ends) in &self.checks {
            counts.passed += ends.passed;
            counts.failed += ends.failed.len() as u64;
            for (run, sentence) in &ends.failed {
                println!("failed: {}: {sentence}", named(name, run));
            }
            let expected = self.expected.iter().find(|(known, _)| known == name);
            match (expected, ends.ran()) {
                (None, true) => {}
                (None, false) => {
                    counts.skipped += 1;
                    skipped.add(name, ends.reason.as_deref().unwrap_or_default());
                }
                (Some((_, reason)), false) => inapplicable.add(name, reason),
                (Some(_), true) if whole => {
                    counts.failed += 1;
                    println!("failed: {name}: it applies, and is listed as if it did not");
                }
                (Some(_), true) => {}
            }
        }
        if whole {
            counts.failed += self.print_unknown();
        }
        skipped.print();
        inapplicable.print();
        counts
    }

    /// Names what is expected not to apply and is no check, and counts it.
    fn print_unknown(&self) -> u64 {
        let known = |(name, _): &&(&str, &str)| !self.checks.contains_key(*name);
        let unknown = self.expected.iter().filter(known);
        let said = unknown.map(|(name, _)| println!("failed: {name}: it is listed, and no check"));
        said.count() as u64
    }
}

fn named(check: &str, run: &str) -> String {
    if run.is_empty() {
        check.to_owned()
    } else {
        format!("{check} ({run})")
    }
}

/// Checks by what is the same about them.
struct Lines<'a> {
    word: &'static str,
    by_reason: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Lines<'a> {
    fn new(word: &'static str) -> Lines<'a> {
        Lines {
            word,
            by_reason: BTreeMap::new(),
        }
    }

    fn add(&mut self, name: &'a str, reason: &'a str) {
        self.by_reason.entry(reason).or_default().push(name);
    }

    fn print(&self) {
        for (reason, names) in &self.by_reason {
            println!("{}: {}: {reason}", self.word, names.join(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &[(&str, &str)] = &[];
    const ONE: &[(&str, &str)] = &[("a", "it has none")];

    fn report(cases: &[(&str, &str)]) -> Report {
        let case = |&(name, outcome): &(&str, &str)| Case {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            sentence: Some("why".to_owned()),
        };
        Report {
            namespace: "n".to_owned(),
            results: cases.iter().map(case).collect(),
            suites: Vec::new(),
        }
    }

    fn counts(
        expected: &'static [(&'static str, &'static str)],
        runs: &[&[(&str, &str)]],
        whole: bool,
    ) -> (u64, u64, u64) {
        let mut tally = Tally::expecting(expected);
        for (number, run) in runs.iter().enumerate() {
            tally.add(&number.to_string(), report(run));
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = tally.print(whole);
        (passed, failed, skipped)
    }

    #[test]
    fn a_check_that_ran_once_was_not_left_out() {
        let runs: [&[_]; 3] = [
            &[("a", "skipped"), ("b", "passed")],
            &[("a", "passed"), ("b", "passed")],
            &[("b", "skipped")],
        ];
        assert_eq!(counts(NONE, &runs, true), (3, 0, 0));
    }

    #[test]
    fn a_check_that_ran_nowhere_is_skipped_once() {
        let runs: [&[_]; 2] = [&[("a", "skipped"), ("b", "passed")], &[("a", "skipped")]];
        assert_eq!(counts(NONE, &runs, true), (1, 0, 1));
    }

    #[test]
    fn every_run_that_fails_counts() {
        let runs: [&[_]; 3] = [&[("a", "failed")], &[("a", "blocked")], &[("a", "passed")]];
        assert_eq!(counts(NONE, &runs, true), (1, 2, 0));
    }

    #[test]
    fn what_is_expected_not_to_apply_is_not_skipped() {
        let runs: [&[_]; 1] = [&[("a", "skipped"), ("b", "skipped")]];
        assert_eq!(counts(ONE, &runs, true), (0, 0, 1));
    }

    #[test]
    fn what_applies_or_is_not_there_must_not_be_expected_not_to_apply() {
        let runs: [&[_]; 2] = [&[("a", "skipped")], &[("a", "passed")]];
        assert_eq!(counts(ONE, &runs, true), (1, 1, 0));
        assert_eq!(counts(ONE, &runs, false), (1, 0, 0));
        let runs: [&[_]; 1] = [&[("b", "passed")]];
        assert_eq!(counts(ONE, &runs, true), (1, 1, 0));
        assert_eq!(counts(ONE, &runs, false), (1, 0, 0));
    }

    #[test]
    fn official_suites_count_and_broken_ones_fail() {
        let report = r#"{
            "namespace": "n",
            "results": [{"name": "a", "outcome": "passed", "sentence": null}],
            "suites": [{
                "name": "s", "error": "gone",
                "cases": [
                    {"name": "a", "outcome": "failed", "message": "z"},
                    {"name": "b", "outcome": "skipped", "message": "z"}
                ]
            }]
        }"#;
        let mut tally = Tally::expecting(NONE);
        tally.add("", serde_json::from_str(report).unwrap());
        let expected = Counts {
            passed: 1,
            failed: 2,
            skipped: 1,
        };
        assert_eq!(tally.print(true), expected);
    }
}
