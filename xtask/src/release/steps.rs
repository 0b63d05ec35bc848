//! What the release prints while it is made: each step with its time, and what was left out.

use std::time::{Duration, Instant};

use crate::Result;

/// How a step went that not every machine can go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Done,
    /// It cannot be gone here; why.
    Impossible(String),
}

/// The steps that were gone so far.
#[derive(Debug)]
pub(super) struct Steps {
    clock: Instant,
    passed: usize,
    skipped: usize,
}

impl Steps {
    pub(super) fn begin() -> Steps {
        Steps {
            clock: Instant::now(),
            passed: 0,
            skipped: 0,
        }
    }

    /// Goes one step; what it answers is printed by its name.
    ///
    /// # Errors
    /// Those of the step.
    pub(super) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("     {name} …");
        let clock = Instant::now();
        self.end(name, clock, step())
    }

    /// Goes one step that may be impossible here, which is then said.
    ///
    /// # Errors
    /// Those of the step.
    pub(super) fn attempt(
        &mut self,
        name: &str,
        step: impl FnOnce() -> Result<Tried>,
    ) -> Result<()> {
        let clock = Instant::now();
        match step() {
            Ok(Tried::Impossible(reason)) => {
                self.skip(name, &reason);
                Ok(())
            }
            outcome => self.end(name, clock, outcome.map(drop)),
        }
    }

    fn end<T>(&mut self, name: &str, clock: Instant, outcome: Result<T>) -> Result<T> {
        let mark = if outcome.is_ok() { "ok  " } else { "FAIL" };
        println!("{mark} {name} ({})", seconds(clock.elapsed()));
        self.passed += usize::from(outcome.is_ok());
        outcome
    }

    /// Says what is left out, and why.
    pub(super) fn skip(&mut self, name: &str, reason: &str) {
        println!("skip {name}: {reason}");
        self.skipped += 1;
    }

    /// The last line.
    pub(super) fn summary(&self) -> String {
        let Steps {
            clock,
            passed,
            skipped,
        } = self;
        let time = seconds(clock.elapsed());
        format!("{passed} steps passed, 0 failed, {skipped} skipped, in {time}")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
