//! The API as clients meet it: in process, and over a socket where the connection matters.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod access;
mod advisories;
mod deletes;
mod embed;
mod fixture;
mod guarded;
mod hostile;
mod lists;
mod logging;
mod manifests;
mod matrix;
mod middleware;
mod mounts;
mod pulls;
mod refusals;
mod routing;
mod socket;
mod stub;
mod token_endpoint;
mod uploads;
