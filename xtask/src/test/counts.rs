//! Reads from what a part printed how many tests it ran, and what it left out and why.

use std::fmt;
use std::ops::AddAssign;

/// How many tests ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Counts {
    /// What a part counted: the sum of the lines of test harnesses and of tasks. A part that counts
    /// nothing is one test, and one that failed has failed at least once.
    pub(super) fn of(output: &str, succeeded: bool) -> Counts {
        let mut counts = Counts::default();
        let mut any = false;
        for found in output.lines().filter_map(line) {
            counts += found;
            any = true;
        }
        if !any && succeeded {
            counts.passed = 1;
        }
        if !succeeded {
            counts.failed = counts.failed.max(1);
        }
        counts
    }
}

/// The counts of `test result: ok. 1 passed; 0 failed; 2 ignored; …` or of
/// `1 passed, 0 failed, 2 skipped`.
fn line(line: &str) -> Option<Counts> {
    let text = match line.strip_prefix("test result: ") {
        Some(rest) => rest.split_once(". ")?.1,
        None => line,
    };
    let mut counts = text.split([';', ',']).map(str::trim);
    let mut next = |words: &[&str]| {
        let (count, word) = counts.next()?.split_once(' ')?;
        words.contains(&word).then(|| count.parse().ok())?
    };
    Some(Counts {
        passed: next(&["passed"])?,
        failed: next(&["failed"])?,
        skipped: next(&["ignored", "skipped"])?,
    })
}

/// What a part left out and what does not apply, each with its reason, from lines like
/// `skipped: oras: not installed`, `not applicable: tags: there are none` and
/// `test slow ... ignored, takes an hour`.
pub(super) fn left_out(output: &str) -> Vec<String> {
    let one = |line: &str| {
        if ["skipped: ", "not applicable: "]
            .iter()
            .any(|word| line.starts_with(word))
        {
            return Some(line.to_owned());
        }
        let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
        let reason = reason.trim_start_matches(", ");
        Some(format!("skipped: {name}: {reason}"))
    };
    output.lines().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{Counts, left_out};

    const HARNESS: &str = "\
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
test slow ... ignored, takes an hour
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out
";

    #[test]
    fn harness_lines_add_up() {
        let counts = Counts::of(HARNESS, false);
        assert_eq!(
            counts,
            Counts {
                passed: 5,
                failed: 1,
                skipped: 1
            }
        );
        assert_eq!(left_out(HARNESS), ["skipped: slow: takes an hour"]);
    }

    #[test]
    fn a_tasks_last_line_counts() {
        let output = "skipped: oras: not installed\nnot applicable: ns: none\n9 passed, 0 failed, 2 skipped\n";
        assert_eq!(
            Counts::of(output, true),
            Counts {
                passed: 9,
                failed: 0,
                skipped: 2
            }
        );
        assert_eq!(
            left_out(output),
            ["skipped: oras: not installed", "not applicable: ns: none"]
        );
    }

    #[test]
    fn a_part_that_counts_nothing_is_one_test() {
        assert_eq!(
            Counts::of("Finished", true),
            Counts {
                passed: 1,
                ..Counts::default()
            }
        );
        assert_eq!(
            Counts::of("error", false),
            Counts {
                failed: 1,
                ..Counts::default()
            }
        );
    }

    #[test]
    fn a_failure_that_was_not_counted_is_counted() {
        let killed = "test result: ok. 3 passed; 0 failed; 0 ignored\nerror: killed";
        assert_eq!(
            Counts::of(killed, false),
            Counts {
                passed: 3,
                failed: 1,
                skipped: 0
            }
        );
    }

    #[test]
    fn prose_is_not_counted() {
        let output = "we passed, they failed, all skipped\n1 passed, perhaps\n";
        assert_eq!(
            Counts::of(output, true),
            Counts {
                passed: 1,
                failed: 0,
                skipped: 0
            }
        );
    }

    #[test]
    fn counts_print_as_they_are_read() {
        let counts = Counts {
            passed: 7,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(Counts::of(&counts.to_string(), false), counts);
    }
}
