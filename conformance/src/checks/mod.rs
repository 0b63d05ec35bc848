//! The checks, a file for each topic.

mod pull_manifests;

use crate::check::Check;

/// Every check, in the order in which it is listed.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [pull_manifests::CHECKS].into_iter().flatten()
}
