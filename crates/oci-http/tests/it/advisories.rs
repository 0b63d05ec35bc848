//! What happened to other registries, asked of this one. Each test names what it is about; where
//! the same is shown by a table elsewhere, it is there.

mod content;
mod identity;
mod revocation;
mod rights;
mod tokens;
