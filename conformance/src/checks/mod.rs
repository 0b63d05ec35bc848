//! The checks, a file for each topic.

mod base;
mod chunked;
mod existence;
mod manifest_kinds;
mod manifest_refusals;
mod manifests;
mod monolithic;
mod mounting;
mod pull_blobs;
mod pull_manifests;
mod ranges;
mod sessions;
mod single_post;
mod subject;

use crate::check::Check;

/// Every check, in the order in which it is listed.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        base::CHECKS,
        pull_manifests::CHECKS,
        pull_blobs::CHECKS,
        ranges::CHECKS,
        existence::CHECKS,
        monolithic::CHECKS,
        single_post::CHECKS,
        chunked::CHECKS,
        sessions::CHECKS,
        mounting::CHECKS,
        manifests::CHECKS,
        manifest_kinds::CHECKS,
        manifest_refusals::CHECKS,
        subject::CHECKS,
    ]
    .into_iter()
    .flatten()
}
