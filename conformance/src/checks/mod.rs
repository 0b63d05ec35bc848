//! The checks, a file for each topic.

mod authentication;
mod base;
mod catalog;
mod chunked;
mod deletion;
mod errors;
mod existence;
mod hostile;
mod isolation;
mod manifest_kinds;
mod manifest_refusals;
mod manifests;
mod monolithic;
mod mounting;
mod names;
mod observed;
mod pages;
mod proxying;
mod pull_blobs;
mod pull_manifests;
mod ranges;
mod referrers;
mod referrers_life;
mod sessions;
mod sha512;
mod single_post;
mod subject;
mod tags;

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
        sha512::CHECKS,
        manifests::CHECKS,
        manifest_kinds::CHECKS,
        manifest_refusals::CHECKS,
        subject::CHECKS,
        tags::CHECKS,
        pages::CHECKS,
        referrers::CHECKS,
        referrers_life::CHECKS,
        deletion::CHECKS,
        proxying::CHECKS,
        errors::CHECKS,
        names::CHECKS,
        catalog::CHECKS,
        authentication::CHECKS,
        isolation::CHECKS,
        hostile::CHECKS,
        observed::CHECKS,
    ]
    .into_iter()
    .flatten()
}
