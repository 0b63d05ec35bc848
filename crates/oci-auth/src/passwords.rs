//! Users and their passwords.
//!
//! Checking a password is made to be slow, so that it never runs on the threads that serve: a
//! few threads of low priority do it, and what they cannot take is refused with a time to come
//! back. A login that fails costs the same whoever it was for.

mod accounts;
mod backoff;
mod effort;
mod hash;
mod htpasswd;
mod logins;
mod pool;

pub use accounts::{
    Account, Accounts, CredentialVersion, CredentialVersionError, HtpasswdAccounts, LoginError,
};
pub use hash::{HashError, hash_password};
pub use htpasswd::{Htpasswd, HtpasswdError};
pub use logins::PasswordOptions;

#[cfg(test)]
mod tests;
