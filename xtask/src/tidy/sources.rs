//! Rules for source files.

use super::{Document, Finding};

/// Above this many lines a file is reported.
const LONG: usize = 600;

/// What stands in for code that is missing. Cut in two, so that this file does not hold them.
const PLACEHOLDERS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
];

/// Finds Rust files that do not begin with `//!`.
pub(super) fn openings(documents: &[Document]) -> Vec<Finding> {
    let sources = documents.iter().filter(|document| document.is("rs"));
    let silent = sources.filter(|document| !document.text.starts_with("//!"));
    silent
        .map(|document| Finding::error(document.place(0), "does not open with `//!`"))
        .collect()
}

/// Finds placeholders, and tests that are switched off without a reason.
pub(super) fn placeholders(documents: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in documents.iter().filter(|document| document.is("rs")) {
        for (number, line) in document.text.lines().enumerate() {
            if let Some(found) = PLACEHOLDERS.iter().find(|word| line.contains(**word)) {
                let what = format!("holds `{}`", found.trim_end_matches('('));
                findings.push(Finding::error(document.place(number), what));
            }
            if line.trim() == concat!("#[", "ignore]") {
                let what = "switches a test off without a reason";
                findings.push(Finding::error(document.place(number), what));
            }
        }
    }
    findings
}

/// Reports Rust files that are very long.
pub(super) fn sizes(documents: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in documents.iter().filter(|document| document.is("rs")) {
        let lines = document.text.lines().count();
        if lines > LONG {
            let what = format!("has {lines} lines: is it still one thing?");
            findings.push(Finding::warning(document.path.display().to_string(), what));
        }
    }
    findings
}
