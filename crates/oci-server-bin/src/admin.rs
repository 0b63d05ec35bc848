//! The admin API: what an operator asks of a running server, over a Unix socket.
//!
//! The socket's permissions say who may ask; there are no other credentials. docs/admin-api.json
//! describes the API, and is tested against it.

mod api;
mod client;
mod connection;
mod messages;
mod socket;

pub(crate) use api::Admin;
pub(crate) use client::Server;
pub(crate) use connection::serve;
pub(crate) use messages::{
    ExplainAnswer, ExplainQuestion, Outcome, ReloadAnswer, RevokeAnswer, RuleAnswer, StatusAnswer,
};
pub(crate) use socket::bind;
