//! One stored password: bcrypt as `htpasswd -B` writes it, or argon2id.

use std::fmt;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
};
use bcrypt::HashParts;
use ring::rand::{SecureRandom, SystemRandom};

use super::effort::Cost;
use crate::Secret;

/// The most bytes a password may have, whoever it is for.
pub(super) const MAX_PASSWORD: usize = 1024;

/// bcrypt does not see what is behind so many bytes.
const MAX_BCRYPT_PASSWORD: usize = 72;

/// Each step doubles the time; 16 takes seconds.
const MAX_BCRYPT_COST: u32 = 16;

/// Bounds of argon2: memory in KiB, and memory times passes.
const MAX_ARGON2_MEMORY: u32 = 1024 * 1024;
const MAX_ARGON2_WORK: u64 = 16 * 1024 * 1024;

/// What `hash_password` asks of argon2id: 19 MiB, two passes, one lane.
const PARAMS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// A stored hash. `Debug` does not print it.
pub(super) struct PasswordHash {
    text: Box<str>,
    kind: Kind,
}

enum Kind {
    Bcrypt(u32),
    Argon2 { phc: Box<Phc>, cost: Cost },
}

/// What came of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// It is the one.
    Right,
    /// It is not.
    Wrong,
    /// It cannot be the one, which cost no work to find out.
    Impossible,
}

/// A hash that cannot be used, or a password that cannot be hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// It is of another kind.
    #[error(
        "the password is not hashed with bcrypt or argon2id: use `htpasswd -B` or hash-password"
    )]
    Unsupported,
    /// It begins like bcrypt, and does not go on so.
    #[error("the bcrypt hash is malformed")]
    Bcrypt,
    /// It begins like argon2id, and does not go on so.
    #[error("the argon2id hash is malformed")]
    Argon2,
    /// Checking it would take far too long.
    #[error(
        "checking the hash takes too much: bcrypt may have a cost of at most 16, argon2id 1 GiB, \
         and memory times passes of 16 GiB"
    )]
    TooCostly,
    /// The password is empty, longer than 1,024 bytes, or contains control characters.
    #[error("a password has 1 to 1024 bytes and no control characters")]
    Password,
    /// No randomness, or no memory.
    #[error("the password cannot be hashed now")]
    Failed,
}

impl PasswordHash {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let kind = if text.starts_with("$argon2id$") {
            argon2_kind(text)?
        } else if ["$2y$", "$2a$", "$2b$"]
            .iter()
            .any(|start| text.starts_with(start))
        {
            bcrypt_kind(text)?
        } else {
            return Err(HashError::Unsupported);
        };
        let text = text.into();
        Ok(Self { text, kind })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn cost(&self) -> Cost {
        match &self.kind {
            Kind::Bcrypt(cost) => Cost::Bcrypt(*cost),
            Kind::Argon2 { cost, .. } => *cost,
        }
    }

    /// Whether it is the hash of `password`. Blocks for as long as the hash wants it to; the
    /// comparison itself takes the same time always.
    pub(super) fn check(&self, password: &str) -> Checked {
        let right = match &self.kind {
            // No other way to read the password is taken than the whole of it.
            Kind::Bcrypt(_) if password.len() > MAX_BCRYPT_PASSWORD || password.contains('\0') => {
                return Checked::Impossible;
            }
            Kind::Bcrypt(_) => bcrypt::verify(password, &self.text).unwrap_or(false),
            Kind::Argon2 { phc, .. } => Argon2::default()
                .verify_password(password.as_bytes(), &**phc)
                .is_ok(),
        };
        if right {
            Checked::Right
        } else {
            Checked::Wrong
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({:?})", self.cost())
    }
}

fn bcrypt_kind(text: &str) -> Result<Kind, HashError> {
    let parts: HashParts = text.parse().map_err(|_| HashError::Bcrypt)?;
    match parts.get_cost() {
        4..=MAX_BCRYPT_COST => Ok(Kind::Bcrypt(parts.get_cost())),
        17..=31 => Err(HashError::TooCostly),
        _ => Err(HashError::Bcrypt),
    }
}

fn argon2_kind(text: &str) -> Result<Kind, HashError> {
    let phc = Phc::new(text).map_err(|_| HashError::Argon2)?;
    let params = Params::try_from(&phc).map_err(|_| HashError::Argon2)?;
    let long_enough = phc.hash.as_ref().is_some_and(|hash| hash.len() >= 16);
    let is_argon2id = phc.algorithm == ARGON2ID_IDENT && phc.version == Some(Version::V0x13.into());
    if !is_argon2id || !long_enough || phc.salt.is_none() {
        return Err(HashError::Argon2);
    }
    let (memory, passes) = (params.m_cost(), params.t_cost());
    if memory > MAX_ARGON2_MEMORY || u64::from(memory) * u64::from(passes) > MAX_ARGON2_WORK {
        return Err(HashError::TooCostly);
    }
    let cost = Cost::Argon2 {
        memory,
        passes,
        lanes: params.p_cost(),
    };
    let phc = Box::new(phc);
    Ok(Kind::Argon2 { phc, cost })
}

/// Hashes a password with argon2id (19 MiB, two passes) and a salt of its own, as a line of an
/// htpasswd file has it behind the colon.
///
/// Blocks for some hundredths of a second.
///
/// # Errors
/// [`HashError::Password`], [`HashError::Failed`].
pub fn hash_password(password: &Secret<String>) -> Result<String, HashError> {
    let password = password.expose();
    let is_printable = !password.chars().any(char::is_control);
    if password.is_empty() || password.len() > MAX_PASSWORD || !is_printable {
        return Err(HashError::Password);
    }
    let mut salt = [0; 16];
    let filled = SystemRandom::new().fill(&mut salt);
    filled.map_err(|_| HashError::Failed)?;
    let (memory, passes, lanes) = PARAMS;
    let params = Params::new(memory, passes, lanes, None).map_err(|_| HashError::Failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|_| HashError::Failed)?.to_string())
}

#[cfg(test)]
mod tests;
