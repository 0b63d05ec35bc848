//! The program as a person or a script uses it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests"
)]

mod authority;
mod client;
mod http2;
mod limits;
mod program;
mod reload;
mod serving;
mod settings;
mod tls;
