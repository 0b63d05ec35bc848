//! A black-box conformance runner for OCI registries.

pub mod answer;
pub mod check;
pub mod checks;
pub mod client;
pub mod content;
pub mod context;
pub mod level;
pub mod report;
pub mod repository;
mod runner;
pub mod section;
pub mod selection;
pub mod upload;
pub mod watch;

pub use runner::{Observer, Options, RunError, Silent, run};
