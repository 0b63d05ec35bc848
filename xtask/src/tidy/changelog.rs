//! The changelog: there is one, and it has a place for what is not released yet.

use super::{Document, Finding};

const NAME: &str = "CHANGELOG.md";

/// Finds a missing changelog, and one without an `Unreleased` section.
pub(super) fn check(documents: &[Document]) -> Vec<Finding> {
    let found = documents
        .iter()
        .find(|document| document.path.as_os_str() == NAME);
    match found {
        None => vec![Finding::error(NAME, "is not there")],
        Some(document) if !has_unreleased(&document.text) => {
            vec![Finding::error(NAME, "has no `## Unreleased` section")]
        }
        Some(_) => Vec::new(),
    }
}

fn has_unreleased(text: &str) -> bool {
    let mut headings = text.lines().filter_map(|line| line.strip_prefix("## "));
    headings.any(|heading| heading.trim().trim_matches(['[', ']']) == "Unreleased")
}
