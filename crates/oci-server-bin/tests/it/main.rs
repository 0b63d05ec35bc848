//! The program as a person or a script uses it.

mod program;
mod serving;
mod settings;
