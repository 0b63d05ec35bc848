//! Checks what the compiler does not: the direction of dependencies, licences, what each crate
//! carries, how files open, words that have no place here, links between documents.
//!
//! Each rule is a function from what was read to findings, so that tests can feed it bad samples.

mod changelog;
mod crates;
mod layers;
mod licences;
mod links;
mod sources;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::Result;
use crate::workspace;

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    place: String,
    what: String,
    severity: Severity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Finding {
        let severity = Severity::Error;
        Finding {
            place: place.into(),
            what: what.into(),
            severity,
        }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Finding {
        let severity = Severity::Warning;
        Finding {
            place: place.into(),
            what: what.into(),
            severity,
        }
    }
}

/// A text file of the tree.
struct Document {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

impl Document {
    fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path.display(), line + 1)
    }

    fn is(&self, extension: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|found| found == extension)
    }
}

/// Runs every rule; fails when one finds an error.
///
/// # Errors
/// When a rule is broken, or the tree cannot be read.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::read()?;
    let rules = tree.rules()?;
    let (mut passed, mut failed) = (0, 0);
    for (name, findings) in &rules {
        let errors = findings.iter().filter(|f| f.severity == Severity::Error);
        let broken = errors.count() > 0;
        *if broken { &mut failed } else { &mut passed } += 1;
        println!("{} {name}", if broken { "FAIL" } else { "ok  " });
        for Finding {
            place,
            what,
            severity,
        } in findings
        {
            let mark = if *severity == Severity::Error {
                "error"
            } else {
                "warning"
            };
            println!("     {mark}: {place}: {what}");
        }
    }
    println!("{passed} passed, {failed} failed, 0 skipped");
    if failed > 0 {
        bail!("the tree is not tidy");
    }
    Ok(())
}

/// What the rules look at.
struct Tree {
    documents: Vec<Document>,
    files: BTreeSet<PathBuf>,
}

impl Tree {
    fn read() -> Result<Tree> {
        let mut documents = Vec::new();
        let files = workspace::files()?;
        for path in &files {
            let bytes = std::fs::read(workspace::root().join(path))
                .with_context(|| format!("{} cannot be read", path.display()))?;
            // What is not text (an image, a recorded corpus) has no words.
            if let Ok(text) = String::from_utf8(bytes) {
                documents.push(Document {
                    path: path.clone(),
                    text,
                });
            }
        }
        Ok(Tree {
            documents,
            files: files.into_iter().collect(),
        })
    }

    fn rules(&self) -> Result<Vec<(&'static str, Vec<Finding>)>> {
        let metadata = workspace::metadata(&["--locked"])?;
        let members: Vec<_> = metadata.members().collect();
        let foreign: Vec<_> = metadata.foreign().collect();
        Ok(vec![
            ("dependencies point one way", layers::check(&members)),
            ("licences are permissive", licences::check(&foreign)),
            (
                "crates carry what they must",
                crates::check(&members, read_manifest),
            ),
            (
                "files open by saying what they are for",
                sources::openings(&self.documents),
            ),
            ("no placeholders", sources::placeholders(&self.documents)),
            (
                "files are of a readable size",
                sources::sizes(&self.documents),
            ),
            ("no words of one machine", words::check(&self.documents)),
            (
                "links between documents resolve",
                links::check(&self.documents, &self.files),
            ),
            ("the changelog is kept", changelog::check(&self.documents)),
        ])
    }
}

fn read_manifest(path: &Path) -> Option<toml::Table> {
    std::fs::read_to_string(path).ok()?.parse().ok()
}
