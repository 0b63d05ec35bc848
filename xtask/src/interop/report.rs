//! The table, and the JUnit file.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use super::mode::Mode;
use super::operation::Operation;
use crate::junit;
use crate::test::Counts;

/// What came of one client.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) client: &'static str,
    /// How it had to log in; none where it had not to.
    pub(super) mode: Option<Mode>,
    pub(super) version: String,
    /// Why nothing of it ran, and whether that may be.
    pub(super) missing: Option<Missing>,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug)]
pub(super) struct Missing {
    pub(super) reason: String,
    pub(super) mandatory: bool,
}

/// What came of one operation of one client.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) operation: Operation,
    pub(super) outcome: Outcome,
    pub(super) elapsed: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok(&'static str),
    Failed(String),
    /// The client has no command for it.
    NotApplicable(String),
}

impl Outcome {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Ok(_) => "ok",
            Outcome::Failed(_) => "FAIL",
            Outcome::NotApplicable(_) => "n/a",
        }
    }
}

/// What is there of each kind; what a client cannot do counts nowhere.
pub(super) fn counts(rows: &[Row]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        match &row.missing {
            Some(Missing {
                mandatory: true, ..
            }) => counts.failed += 1,
            Some(_) => counts.skipped += 1,
            None => {}
        }
        for cell in &row.cells {
            match cell.outcome {
                Outcome::Ok(_) => counts.passed += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::NotApplicable(_) => {}
            }
        }
    }
    counts
}

/// The table client × operation, with what is to be said of its cells below it.
pub(super) fn table(rows: &[Row], operations: &[Operation]) -> String {
    let width = rows.iter().map(|row| row.label().len()).max().unwrap_or(0);
    let mut text = format!("{:width$}", "");
    for operation in operations {
        let _ = write!(text, "  {}", operation.name());
    }
    text.push('\n');
    for row in rows {
        let _ = write!(text, "{:width$}", row.label());
        for operation in operations {
            let cell = row.cells.iter().find(|cell| cell.operation == *operation);
            let word = cell.map_or("-", |cell| cell.outcome.word());
            let _ = write!(text, "  {word:<0$}", operation.name().len());
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push('\n');
    for line in remarks(rows) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

impl Row {
    fn label(&self) -> String {
        let mode = self.mode.map_or("", Mode::name);
        format!("{} {} {mode}", self.client, self.version)
            .trim_end()
            .to_owned()
    }

    /// What it is called where its version is of no interest.
    pub(super) fn name(&self) -> String {
        match self.mode {
            Some(mode) => format!("{} {}", self.client, mode.name()),
            None => self.client.to_owned(),
        }
    }
}

/// The reasons behind the cells: what cannot be asked by its reason, the rest one by one.
fn remarks(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reasons = BTreeSet::new();
    for row in rows {
        if let Some(Missing { reason, mandatory }) = &row.missing {
            let word = if *mandatory { "FAIL" } else { "skipped" };
            lines.push(format!("{word}: {}: {reason}", row.name()));
        }
        for cell in &row.cells {
            let name = cell.operation.name();
            match &cell.outcome {
                Outcome::Ok("") => {}
                Outcome::Ok(remark) => {
                    let line = format!("{} {name}: {remark}", row.client);
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
                Outcome::Failed(error) => {
                    lines.push(format!("FAIL: {} {name}: {error}", row.name()));
                }
                Outcome::NotApplicable(reason) => {
                    reasons.insert((row.client, name, reason));
                }
            }
        }
    }
    lines.extend(
        reasons
            .iter()
            .map(|(client, name, why)| format!("n/a: {client} {name}: {why}")),
    );
    lines
}

/// The same for programs.
pub(super) fn junit(rows: &[Row]) -> String {
    let mut suites = Vec::new();
    for row in rows {
        let mut cases: Vec<_> = row.cells.iter().map(case).collect();
        if let Some(Missing { reason, mandatory }) = &row.missing {
            let outcome = if *mandatory {
                junit::Outcome::Failed(reason.clone())
            } else {
                junit::Outcome::Skipped(reason.clone())
            };
            let name = "is there".to_owned();
            cases.push(junit::Case {
                name,
                elapsed: Duration::ZERO,
                outcome,
            });
        }
        suites.push(junit::Suite {
            name: format!("interop.{}", row.name().replace(' ', ".")),
            cases,
        });
    }
    junit::write("interop", &suites)
}

fn case(cell: &Cell) -> junit::Case {
    let outcome = match &cell.outcome {
        Outcome::Ok(_) => junit::Outcome::Passed,
        Outcome::Failed(error) => junit::Outcome::Failed(error.clone()),
        Outcome::NotApplicable(reason) => junit::Outcome::Skipped(format!("n/a: {reason}")),
    };
    let name = format!("{}: {}", cell.operation.name(), cell.operation.title());
    junit::Case {
        name,
        elapsed: cell.elapsed,
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cell, Missing, Outcome, Row, counts, table};
    use crate::interop::mode::Mode;
    use crate::interop::operation::Operation;
    use crate::test::Counts;

    #[test]
    fn the_table_shows_every_cell_and_its_reason() {
        let cell = |operation, outcome| Cell {
            operation,
            outcome,
            elapsed: Duration::ZERO,
        };
        let rows = [
            Row {
                client: "crane",
                mode: Some(Mode::Basic),
                version: "1.2".to_owned(),
                missing: None,
                cells: vec![
                    cell(Operation::Push, Outcome::Ok("")),
                    cell(Operation::Pull, Outcome::Failed("lost".to_owned())),
                    cell(
                        Operation::Copy,
                        Outcome::NotApplicable("no command".to_owned()),
                    ),
                ],
            },
            Row {
                client: "oras",
                mode: None,
                version: String::new(),
                missing: Some(Missing {
                    reason: "not here".to_owned(),
                    mandatory: false,
                }),
                cells: vec![],
            },
        ];
        let operations = [Operation::Push, Operation::Pull, Operation::Copy];
        let expected = "                 push  pull  copy\n\
                        crane 1.2 basic  ok    FAIL  n/a\n\
                        oras             -     -     -\n\n\
                        FAIL: crane basic pull: lost\n\
                        skipped: oras: not here\n\
                        n/a: crane copy: no command\n";
        assert_eq!(table(&rows, &operations), expected);
        assert_eq!(
            counts(&rows),
            Counts {
                passed: 1,
                failed: 1,
                skipped: 1
            }
        );
    }
}
