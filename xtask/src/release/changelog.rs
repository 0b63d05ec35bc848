//! What the changelog says about the release. It checks that there is an entry, not what it says.

use anyhow::{Context, ensure};

use crate::Result;

/// The changelog's entry for a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whether it stands under the version, and no longer under `Unreleased`.
    pub(super) released: bool,
    /// The text below its heading.
    pub(super) text: String,
}

/// Finds the entry of a version, or what is not released yet where it has none.
///
/// # Errors
/// When there is neither, or the entry lists nothing.
pub(super) fn entry(changelog: &str, version: &str) -> Result<Entry> {
    let find = |name: &str| sections(changelog).find(|section| section.name == name);
    let (released, section) = match find(version) {
        Some(section) => (true, Some(section)),
        None => (false, find("Unreleased")),
    };
    let section = section
        .with_context(|| format!("the changelog has neither `## {version}` nor `## Unreleased`"))?;
    let lists = section.text.lines().any(|line| line.starts_with("- "));
    ensure!(
        lists,
        "the changelog lists nothing under `## {}`",
        section.name
    );
    Ok(Entry {
        released,
        text: section.text.trim().to_owned(),
    })
}

struct Section<'a> {
    name: &'a str,
    text: &'a str,
}

fn sections(changelog: &str) -> impl Iterator<Item = Section<'_>> {
    let parts = changelog.split("\n## ").skip(1);
    parts.map(|part| {
        let (heading, text) = part.split_once('\n').unwrap_or((part, ""));
        // Such as `[1.2.3] - 2026-01-31`.
        let name = heading.split_whitespace().next().unwrap_or("");
        Section {
            name: name.trim_matches(['[', ']']),
            text,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\nHow it is kept.\n\n## Unreleased\n\n### Added\n\n\
        - A thing.\n\n## [1.2.3] - 2026-01-31\n\n- Another\n  thing.\n\n## 1.2.2\n\nNothing.\n";

    #[test]
    fn a_version_has_its_own_entry() {
        let found = entry(CHANGELOG, "1.2.3").unwrap();
        assert_eq!(
            found,
            Entry {
                released: true,
                text: "- Another\n  thing.".to_owned()
            }
        );
    }

    #[test]
    fn what_is_not_released_stands_in_for_a_version() {
        let found = entry(CHANGELOG, "1.3.0").unwrap();
        assert_eq!(
            found,
            Entry {
                released: false,
                text: "### Added\n\n- A thing.".to_owned()
            }
        );
    }

    #[test]
    fn entries_that_list_nothing_are_refused() {
        let refused = entry(CHANGELOG, "1.2.2").unwrap_err().to_string();
        assert_eq!(refused, "the changelog lists nothing under `## 1.2.2`");
        assert!(entry("# Changelog\n\n## Unreleased\n\n### Added\n", "1.0.0").is_err());
        assert!(entry("# Changelog\n", "1.0.0").is_err());
    }
}
