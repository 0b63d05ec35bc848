//! Words that mean nothing to a reader elsewhere: paths of one machine, secrets, names of tools
//! that somebody happened to write with.

use super::{Document, Finding};

/// Found anywhere. Cut in two, so that this file does not hold them.
const ANYWHERE: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("../sha", "red"),
    concat!("sk-", "ant"),
    concat!("AK", "IA"),
    concat!("<<<<", "<<< "),
    concat!(">>>>", ">>> "),
];

/// Found as whole words, in any case.
const WHOLE: &[&str] = &[
    concat!("cla", "ude"),
    concat!("chat", "gpt"),
    concat!("co", "pilot"),
    concat!("anth", "ropic"),
];

/// Finds such words.
pub(super) fn check(documents: &[Document]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A lock file holds names and checksums that nobody here has chosen.
    let written = documents.iter().filter(|document| !document.is("lock"));
    for document in written {
        for (number, line) in document.text.lines().enumerate() {
            if let Some(word) = first(line) {
                let what = format!("holds `{word}`");
                findings.push(Finding::error(document.place(number), what));
            }
        }
    }
    findings
}

fn first(line: &str) -> Option<&'static str> {
    let anywhere = ANYWHERE.iter().find(|word| line.contains(**word));
    let whole = || {
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|found| WHOLE.iter().find(|word| found.eq_ignore_ascii_case(word)))
    };
    anywhere.or_else(whole).copied()
}
