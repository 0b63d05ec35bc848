//! htpasswd files.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::CredentialVersion;
use super::effort::Effort;
use super::hash::{HashError, PasswordHash};
use crate::{NameError, UserName};

/// The users of an htpasswd file with their hashes. `Debug` prints no hash.
#[derive(Clone, Debug, Default)]
pub struct Htpasswd {
    users: HashMap<UserName, Arc<Entry>>,
    effort: Arc<Effort>,
}

/// A user of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) hash: PasswordHash,
    pub(super) version: CredentialVersion,
    line: usize,
}

/// A line of an htpasswd file cannot be used. Lines count from 1, and nothing of them is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HtpasswdError {
    /// It has no colon.
    #[error("line {line}: a line has the form `user:hash`")]
    Form {
        /// The line.
        line: usize,
    },
    /// The name is malformed.
    #[error("line {line}: {error}")]
    Name {
        /// The line.
        line: usize,
        /// What is wrong with it.
        error: NameError,
    },
    /// The hash cannot be used.
    #[error("line {line}: {error}")]
    Hash {
        /// The line.
        line: usize,
        /// What is wrong with it.
        error: HashError,
    },
    /// The user is there already.
    #[error("line {line}: the user is in line {first} already")]
    Repeated {
        /// The line.
        line: usize,
        /// The line where the user is first.
        first: usize,
    },
}

impl Htpasswd {
    /// Reads the text of a file: lines `user:hash`, with bcrypt hashes (`$2y$`, `$2a$`, `$2b$`,
    /// as `htpasswd -B` writes them) or argon2id hashes. Empty lines and those that start with
    /// `#` are passed over.
    ///
    /// # Errors
    /// [`HtpasswdError`] with the line.
    pub fn parse(text: &str) -> Result<Self, HtpasswdError> {
        let mut users = HashMap::new();
        let mut effort = Effort::default();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (name, entry) = parse_line(line, text)?;
            effort.include(entry.hash.cost());
            if let Some(first) = users.insert(name, Arc::new(entry)) {
                let first = first.line;
                return Err(HtpasswdError::Repeated { line, first });
            }
        }
        let effort = Arc::new(effort);
        Ok(Self { users, effort })
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> BTreeSet<UserName> {
        self.users.keys().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Entry>> {
        self.users.get(name)
    }

    pub(super) fn effort(&self) -> &Arc<Effort> {
        &self.effort
    }
}

fn parse_line(line: usize, text: &str) -> Result<(UserName, Entry), HtpasswdError> {
    let (name, rest) = text.split_once(':').ok_or(HtpasswdError::Form { line })?;
    let name = name
        .parse()
        .map_err(|error| HtpasswdError::Name { line, error })?;
    // Some tools add further fields, as a password file of Unix has them.
    let hash = rest.split(':').next().unwrap_or_default();
    let hash = PasswordHash::parse(hash).map_err(|error| HtpasswdError::Hash { line, error })?;
    let version = CredentialVersion::of(hash.as_str().as_bytes());
    let entry = Entry {
        hash,
        version,
        line,
    };
    Ok((name, entry))
}
