//! The program as a person or a script uses it.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod program;
mod serving;
mod settings;
