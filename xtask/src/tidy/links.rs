//! Links between the tree's Markdown documents: a relative one must lead to a file or folder of
//! the tree, and its fragment to a heading there. Addresses elsewhere are not asked.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Document, Finding};

/// Finds links that lead nowhere.
pub(super) fn check(documents: &[Document], files: &BTreeSet<PathBuf>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in documents.iter().filter(|document| document.is("md")) {
        for (number, target) in links(&document.text) {
            if let Some(reason) = broken(&target, document, documents, files) {
                let what = format!("the link to {target} {reason}");
                findings.push(Finding::error(document.place(number), what));
            }
        }
    }
    findings
}

fn broken(
    target: &str,
    from: &Document,
    documents: &[Document],
    files: &BTreeSet<PathBuf>,
) -> Option<&'static str> {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let folder = from.path.parent().unwrap_or(Path::new(""));
    let path = match path {
        "" => from.path.clone(),
        path => match within(&folder.join(path)) {
            Some(path) => path,
            None => return Some("leaves the tree"),
        },
    };
    if !files.contains(&path) && !files.iter().any(|file| file.starts_with(&path)) {
        return Some("leads to nothing");
    }
    let document = documents.iter().find(|document| document.path == path)?;
    let heading = || headings(&document.text).any(|slug| slug == fragment);
    (!fragment.is_empty() && document.is("md") && !heading())
        .then_some("names a heading that is not there")
}

/// The path without `.` and `..`; none if it leaves the tree.
fn within(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// The relative targets of a document's links, with the lines they are on: inline ones and
/// reference definitions, outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            found.push((number, rest[..end].to_owned()));
        }
        if let Some((label, target)) = line.split_once("]: ")
            && label.starts_with('[')
        {
            let target = target.split_whitespace().next().unwrap_or_default();
            found.push((number, target.to_owned()));
        }
    }
    // Rust paths are links of rustdoc, which checks them itself.
    found.retain(|(_, target)| !target.contains("://") && !target.contains("::"));
    found.retain(|(_, target)| !target.starts_with("mailto:"));
    found
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("` `")
}

/// The fragments that a document's headings can be reached by, as GitHub makes them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = prose(text).filter(|(_, line)| line.starts_with('#'));
    titles.map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
