//! The crate as a registry uses it: the token endpoint, tokens that come back, revocation, and
//! what happened to other registries.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod bearer;
mod contract;
mod endpoint;
mod external;
mod files;
mod history;
mod support;
