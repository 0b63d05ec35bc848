//! What a run found, and the forms in which it is written down.

mod compare;
mod date;
pub mod html;
pub mod json;
pub mod junit;
mod markup;
pub mod terminal;

use std::sync::Arc;

use serde::Serialize;

use crate::client::Exchange;
use crate::level::Level;
use crate::section::Section;

pub use self::compare::{markdown, table};
pub use self::date::timestamp;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The registry does what the check asks for.
    Passed,
    /// It does not.
    Failed,
    /// The check could not be asked, because a step that prepares it failed.
    Blocked,
    /// The check does not apply.
    Skipped,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 4] = [
        Outcome::Passed,
        Outcome::Failed,
        Outcome::Blocked,
        Outcome::Skipped,
    ];

    /// The outcome as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Blocked => "blocked",
            Outcome::Skipped => "skipped",
        }
    }

    /// Whether the registry is to blame or the question stayed open.
    pub fn is_bad(self) -> bool {
        matches!(self, Outcome::Failed | Outcome::Blocked)
    }
}

/// What one check found.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// The check's name.
    pub name: &'static str,
    /// Its section.
    pub section: Section,
    /// A link to the section's text.
    pub link: Option<String>,
    /// Its level.
    pub level: Level,
    /// What a conforming registry does.
    pub title: &'static str,
    /// The sentence it rests on.
    pub basis: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was expected, why it could not be asked, or why it was skipped.
    pub sentence: Option<String>,
    /// The exchange, by its index below, that decided it.
    pub culprit: Option<usize>,
    /// The exchanges: all of a failure's, the first of a pass's.
    pub exchanges: Vec<Arc<Exchange>>,
    /// How many exchanges are not among them.
    pub left_out: usize,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// A case of an official suite.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SuiteCase {
    /// The case's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the suite says about it.
    pub message: String,
}

/// The results of an official suite.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct SuiteReport {
    /// Which suite it is.
    pub name: String,
    /// How many of its tests ended in which way, as the suite itself counts them.
    pub counts: Counts,
    /// Its cases.
    pub cases: Vec<SuiteCase>,
    /// Why there are none, or why they are not all.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// How many checks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Could not be asked.
    pub blocked: usize,
    /// Did not apply.
    pub skipped: usize,
}

impl Counts {
    /// Counts outcomes.
    pub fn of(outcomes: impl Iterator<Item = Outcome>) -> Counts {
        let mut counts = Counts::default();
        for outcome in outcomes {
            *match outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Failed => &mut counts.failed,
                Outcome::Blocked => &mut counts.blocked,
                Outcome::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.blocked + self.skipped
    }

    /// Those that are not as they should be.
    pub fn bad(&self) -> usize {
        self.failed + self.blocked
    }
}

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the registry is called in this report.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What it calls itself in its `Server` header.
    pub software: Option<String>,
    /// The namespace that was used.
    pub namespace: String,
    /// When the run began, in UTC (RFC 3339).
    pub started: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The version of the runner.
    pub runner: &'static str,
    /// The checks, in the order of the specification's sections.
    pub results: Vec<CheckResult>,
    /// The official suites that were run beside it.
    pub suites: Vec<SuiteReport>,
}

impl Report {
    /// Counts of all checks.
    pub fn counts(&self) -> Counts {
        Counts::of(self.results.iter().map(|result| result.outcome))
    }

    /// Counts of one level.
    pub fn counts_of(&self, level: Level) -> Counts {
        let results = self.results.iter().filter(|result| result.level == level);
        Counts::of(results.map(|result| result.outcome))
    }

    /// Counts of one level within a section.
    pub fn counts_in(&self, section: Section, level: Level) -> Counts {
        let within = |result: &&CheckResult| result.section == section && result.level == level;
        Counts::of(
            self.results
                .iter()
                .filter(within)
                .map(|result| result.outcome),
        )
    }

    /// Whether every MUST that could be asked was met, and none stayed open.
    pub fn conforms(&self) -> bool {
        self.counts_of(Level::Must).bad() == 0
    }

    /// The result of a check by its name.
    pub fn result(&self, name: &str) -> Option<&CheckResult> {
        self.results.iter().find(|result| result.name == name)
    }
}
