//! Which licences the dependencies may have. `deny.toml` says the same for those who have
//! cargo-deny; this needs nothing but cargo.

use super::Finding;
use crate::workspace::Package;

/// The licences that let this project be shipped under its own, as SPDX identifiers.
pub(super) const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Finds packages without a licence, or with none that is allowed.
pub(super) fn check(packages: &[&Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let place = format!("{} {}", package.name, package.version);
        match &package.license {
            None => findings.push(Finding::error(place, "states no licence")),
            Some(expression) if !is_allowed(expression) => {
                findings.push(Finding::error(place, format!("is under {expression}")));
            }
            Some(_) => {}
        }
    }
    findings
}

/// Whether an SPDX expression can be met by allowed licences alone. What it cannot read is not
/// allowed.
pub(super) fn is_allowed(expression: &str) -> bool {
    // Old manifests write the slash for OR.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any_of(&mut words);
    words.next().is_none() && met == Some(true)
}

type Words<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

/// Whether an expression is met; none if it is no expression.
fn any_of(words: Words<'_, '_>) -> Option<bool> {
    let mut met = all_of(words)?;
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words)?;
    }
    Some(met)
}

fn all_of(words: Words<'_, '_>) -> Option<bool> {
    let mut met = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: Words<'_, '_>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let met = any_of(words)?;
        words.next_if_eq(&")")?;
        return Some(met);
    }
    if words.next_if_eq(&"WITH").is_none() {
        return Some(ALLOWED.contains(&word));
    }
    let both = format!("{word} WITH {}", words.next()?);
    Some(ALLOWED.contains(&both.as_str()))
}
