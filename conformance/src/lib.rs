//! A black-box conformance runner for OCI registries.
//!
//! It speaks HTTP to a registry, asks one named question after the other, each with the sentence
//! of the specification that it rests on, and reports what it found together with the requests
//! and answers that show it. It shares no code with any registry, not even parsers, so that a
//! mistake cannot hide itself on both sides.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use oci_conformance::{Options, Silent, run};
//!
//! let options = Options::new("http://127.0.0.1:5000".parse()?);
//! let report = run(&options, &Silent).await?;
//! assert!(report.conforms());
//! # Ok(())
//! # }
//! ```

pub mod answer;
pub mod check;
pub mod checks;
pub mod cli;
pub mod client;
pub mod content;
pub mod context;
pub mod level;
pub mod official;
pub mod report;
pub mod repository;
mod runner;
pub mod section;
pub mod selection;
pub mod upload;
pub mod watch;

pub use runner::{Observer, Options, RunError, Silent, run};
