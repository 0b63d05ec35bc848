//! Which checks to run.

use crate::check::Check;
use crate::level::Level;

/// A choice of checks; the default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names to run; all if empty. See [`matches()`].
    pub only: Vec<String>,
    /// Names to leave out.
    pub skip: Vec<String>,
    /// Levels to run; all if empty.
    pub levels: Vec<Level>,
}

impl Selection {
    /// Whether a check is chosen.
    pub fn includes(&self, check: &Check) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, check.name));
        (self.only.is_empty() || any(&self.only))
            && !any(&self.skip)
            && (self.levels.is_empty() || self.levels.contains(&check.level))
    }
}

/// Whether a name fits a pattern: `*` stands for any text; without one, the pattern is the whole
/// name or the words before a dot (`pull` fits `pull.manifest-by-tag`).
pub fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        let rest = name.strip_prefix(pattern.trim_end_matches('.'));
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = part;
    }
    last.is_empty() || rest.is_empty() || name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_fit_names_groups_and_parts() {
        let name = "pull.manifest-by-tag";
        for pattern in [
            "pull", "pull.", name, "pull.*", "*tag", "*-by-*", "*", "p*g",
        ] {
            assert!(matches(pattern, name), "{pattern}");
        }
        for pattern in [
            "pul",
            "pull.manifest",
            "*digest",
            "push*",
            "*-by",
            "tag",
            "",
        ] {
            assert!(!matches(pattern, name), "{pattern}");
        }
    }
}
