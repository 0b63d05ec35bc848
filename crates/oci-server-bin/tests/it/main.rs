//! The program as a person or a script uses it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod admin;
mod authority;
mod check;
mod client;
mod explain;
mod http2;
mod issuer;
mod limits;
mod program;
mod reload;
mod revocation;
mod secrets;
mod serving;
mod settings;
mod site;
mod tls;
mod tokens;
