//! Where lanes post how their parts ended, and wait for those of other lanes.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::counts::Counts;
use super::plan::{Lane, Part};

/// How a part ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) counts: Counts,
    /// What it left out or what does not apply, each with its reason.
    pub(super) left_out: Vec<String>,
    pub(super) elapsed: Duration,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Outcome {
    #[default]
    Passed,
    Failed {
        said: String,
    },
    Skipped {
        reason: String,
        /// Whether it should have run.
        wanted: bool,
    },
}

/// The verdicts so far.
#[derive(Debug)]
pub(super) struct Board {
    /// All that will be posted.
    expected: Vec<&'static str>,
    verdicts: Mutex<HashMap<&'static str, Verdict>>,
    posted: Condvar,
}

impl Board {
    /// A board for these parts.
    pub(super) fn expecting(lanes: &[Lane]) -> Board {
        Board {
            expected: lanes.iter().flatten().map(|part| part.name).collect(),
            verdicts: Mutex::default(),
            posted: Condvar::new(),
        }
    }

    /// Posts and prints a verdict.
    pub(super) fn post(&self, part: &Part, verdict: Verdict) {
        print(part, &verdict);
        self.verdicts().insert(part.name, verdict);
        self.posted.notify_all();
    }

    /// Waits until parts have ended, as far as they run at all.
    pub(super) fn await_end(&self, names: &[&str]) {
        let mut verdicts = self.verdicts();
        let pending = |verdicts: &HashMap<_, _>, name| {
            self.expected.contains(name) && !verdicts.contains_key(name)
        };
        while names.iter().any(|name| pending(&verdicts, name)) {
            let woken = self.posted.wait(verdicts);
            verdicts = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until parts have ended, and says which of them stands in the way of one that needs
    /// them. A part that was not asked for does not: what it makes may be there from before.
    pub(super) fn obstacle(&self, names: &[&str]) -> Option<String> {
        self.await_end(names);
        let verdicts = self.verdicts();
        let stands = |name: &&&str| {
            let outcome = verdicts.get(**name).map(|verdict| &verdict.outcome);
            !matches!(
                outcome,
                Some(Outcome::Passed | Outcome::Skipped { wanted: false, .. })
            )
        };
        let name = names.iter().find(stands)?;
        Some(format!("it needs {name}, which did not succeed"))
    }

    /// Prints what ran and what did not, and answers the sum.
    pub(super) fn summary(&self, lanes: &[Lane], elapsed: Duration) -> Counts {
        let verdicts = self.verdicts();
        let mut total = Counts::default();
        println!("\n{:<14} {:>7}  result", "part", "time");
        for part in lanes.iter().flatten() {
            let Some(verdict) = verdicts.get(part.name) else {
                continue;
            };
            total += counted(verdict);
            println!(
                "{:<14} {:>5} s  {}",
                part.name,
                verdict.elapsed.as_secs(),
                result(verdict)
            );
            for (left_out, times) in counted_once(&verdict.left_out) {
                let times = if times > 1 {
                    format!(" ({times} times)")
                } else {
                    String::new()
                };
                println!("{:<14} {:>7}  {left_out}{times}", "", "");
            }
        }
        println!("{:<14} {:>5} s\n", "all", elapsed.as_secs());
        total
    }

    fn verdicts(&self) -> MutexGuard<'_, HashMap<&'static str, Verdict>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part that should have run and did not is a failure; one that nobody asked for is a skip.
fn counted(verdict: &Verdict) -> Counts {
    match &verdict.outcome {
        Outcome::Skipped { wanted: true, .. } => Counts {
            failed: 1,
            ..Counts::default()
        },
        Outcome::Skipped { .. } => Counts {
            skipped: 1,
            ..Counts::default()
        },
        _ => verdict.counts,
    }
}

/// Each line once, with how often it is there.
fn counted_once(lines: &[String]) -> Vec<(&str, usize)> {
    let mut once: Vec<(&str, usize)> = Vec::new();
    for line in lines {
        match once.iter_mut().find(|(known, _)| known == line) {
            Some((_, times)) => *times += 1,
            None => once.push((line, 1)),
        }
    }
    once
}

fn result(verdict: &Verdict) -> String {
    match &verdict.outcome {
        Outcome::Passed => verdict.counts.to_string(),
        Outcome::Failed { .. } => format!("FAILED: {}", verdict.counts),
        Outcome::Skipped { reason, .. } => format!("skipped: {reason}"),
    }
}

fn print(part: &Part, verdict: &Verdict) {
    let seconds = verdict.elapsed.as_secs();
    match &verdict.outcome {
        Outcome::Passed => println!("✓ {} ({seconds} s)", part.name),
        Outcome::Skipped { reason, .. } => println!("- {}: skipped: {reason}", part.name),
        Outcome::Failed { said } => {
            println!("✗ {} ({seconds} s)\n{said}\n", part.name);
        }
    }
}
