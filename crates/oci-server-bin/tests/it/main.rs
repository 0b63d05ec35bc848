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
#[path = "../../../oci-meta/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "the store's own tests use all of it")]
mod cluster;
mod explain;
mod http2;
mod issuer;
mod limits;
mod program;
mod reload;
mod replicas;
mod revocation;
mod secrets;
mod serving;
mod settings;
mod site;
mod tls;
mod tokens;
#[path = "../../../oci-blob-store/tests/it/object/versitygw.rs"]
#[allow(dead_code, reason = "the store's own tests use all of it")]
mod versitygw;
