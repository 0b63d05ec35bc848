//! Several registries side by side.

use super::{Outcome, Report};
use crate::level::Level;

/// Rows of cells; the first row holds the headings.
type Rows = Vec<Vec<String>>;

/// How a cell shows an outcome.
pub(super) fn mark(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Passed) => "✓",
        Some(Outcome::Failed) => "✗",
        Some(Outcome::Blocked) => "!",
        Some(Outcome::Skipped) => "–",
        None => "",
    }
}

fn headings(reports: &[Report], first: &[&str]) -> Vec<String> {
    let names = reports.iter().map(|report| report.name.clone());
    first
        .iter()
        .map(|text| (*text).to_owned())
        .chain(names)
        .collect()
}

/// A row for each level and each official suite: `passed/asked` of each registry.
pub(super) fn summary(reports: &[Report]) -> Rows {
    let mut rows = vec![headings(reports, &["level"])];
    for level in Level::ALL {
        let cells = reports.iter().map(|report| {
            let counts = report.counts_of(level);
            let skipped = match counts.skipped {
                0 => String::new(),
                skipped => format!(" ({skipped} skipped)"),
            };
            format!(
                "{}/{}{skipped}",
                counts.passed,
                counts.total() - counts.skipped
            )
        });
        rows.push(
            std::iter::once(level.as_str().to_owned())
                .chain(cells)
                .collect(),
        );
    }
    let mut suites: Vec<&str> = Vec::new();
    for suite in reports.iter().flat_map(|report| &report.suites) {
        if !suites.contains(&suite.name.as_str()) {
            suites.push(&suite.name);
        }
    }
    for name in suites {
        let cells = reports.iter().map(|report| {
            let suite = report.suites.iter().find(|suite| suite.name == name);
            suite.map_or_else(String::new, |suite| {
                let counts = suite.counts;
                format!("{}/{}/{}", counts.passed, counts.bad(), counts.skipped)
            })
        });
        rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
    }
    rows
}

/// A row for each check that some registry does not pass.
pub(super) fn differences(reports: &[Report]) -> Rows {
    let mut rows = vec![headings(reports, &["check", "level"])];
    let mut names: Vec<(&str, Level)> = Vec::new();
    for result in reports.iter().flat_map(|report| &report.results) {
        if !names.iter().any(|(name, _)| *name == result.name) {
            names.push((result.name, result.level));
        }
    }
    for (name, level) in names {
        let outcomes: Vec<_> = reports
            .iter()
            .map(|report| report.result(name).map(|result| result.outcome))
            .collect();
        if outcomes.iter().flatten().any(|outcome| outcome.is_bad()) {
            let cells = outcomes.into_iter().map(|outcome| mark(outcome).to_owned());
            rows.push(
                [name.to_owned(), level.as_str().to_owned()]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
    }
    rows
}

/// The comparison as text in columns.
pub fn table(reports: &[Report]) -> String {
    let mut text = columns(&summary(reports));
    let differences = differences(reports);
    if differences.len() > 1 {
        text.push('\n');
        text.push_str(&columns(&differences));
    }
    text
}

fn columns(rows: &Rows) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<_> = (0..count)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let padding = " ".repeat(width - cell.chars().count() + 2);
            line.push_str(cell);
            line.push_str(&padding);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row for each of these checks: what it asks, where that stands and what it rests on.
fn reasons(reports: &[Report], differences: &Rows) -> Rows {
    let headings = ["check", "what is asked", "section", "what it rests on"];
    let mut rows = vec![headings.map(str::to_owned).to_vec()];
    for name in differences.iter().skip(1).filter_map(|row| row.first()) {
        let result = reports.iter().find_map(|report| report.result(name));
        if let Some(result) = result {
            let quoted = result.level != Level::Client;
            let basis = if quoted {
                format!("“{}”", result.basis)
            } else {
                result.basis.to_owned()
            };
            let section = result.section.title;
            let section = match &result.link {
                Some(link) => format!("[{section}]({link})"),
                None => section.to_owned(),
            };
            rows.push(vec![
                name.clone(),
                result.title.to_owned(),
                section,
                without_anchors(&basis),
            ]);
        }
    }
    rows
}

/// Links within the specification lead nowhere outside of it: only their text is kept.
fn without_anchors(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](#") {
        plain.push_str(&before.replacen('[', "", 1));
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
}

/// The comparison as tables of Markdown: what was passed, where the registries differ, and what
/// the checks that some of them fail rest on.
pub fn markdown(reports: &[Report]) -> String {
    let differences = differences(reports);
    let reasons = reasons(reports, &differences);
    let mut text = String::new();
    for (heading, rows) in [
        ("Passed of asked", summary(reports)),
        ("Checks that some registry fails", differences),
        ("What these checks rest on", reasons),
    ] {
        if rows.len() < 2 {
            continue;
        }
        text.push_str(&format!("## {heading}\n\n"));
        for (at, row) in rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if at == 0 {
                text.push_str(&format!("|{}\n", "---|".repeat(row.len())));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::without_anchors;

    #[test]
    fn anchors_lose_their_address() {
        let text = "match what the client [pushed](#pushing), see [RFC](https://r)";
        assert_eq!(
            without_anchors(text),
            "match what the client pushed, see [RFC](https://r)"
        );
        assert_eq!(without_anchors("plain"), "plain");
    }
}
