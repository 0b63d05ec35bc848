//! Tests of the runner against servers in this process.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails the test")]

mod catalogue;
mod cli;
mod client;
mod official;
mod registry;
mod reports;
mod run;
mod server;
#[cfg(feature = "tls")]
mod tls;
