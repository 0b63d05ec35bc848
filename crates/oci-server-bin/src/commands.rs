//! What the program does besides serving.

mod admin;
mod check;
mod explain;
mod password;

pub(crate) use admin::admin;
pub(crate) use check::check;
pub(crate) use explain::explain;
pub(crate) use password::hash_password;
