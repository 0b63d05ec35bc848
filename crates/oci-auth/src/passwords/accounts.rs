//! The users of the registry: those of an htpasswd file, or of whatever implements [`Accounts`].

use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use super::logins::{Candidate, Logins, Verified};
use super::{Htpasswd, PasswordOptions};
use crate::{Groups, Identity, Live, Login, UnixTime, UserName};

/// Knows users, their passwords and their groups.
#[async_trait]
pub trait Accounts: fmt::Debug + Send + Sync {
    /// The user whose name and password these are. It must not block, and must take the same
    /// time whether or not there is such a user.
    ///
    /// # Errors
    /// [`LoginError`].
    async fn login(
        &self,
        login: &Login,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Account, LoginError>;

    /// The user of this name as it is now; none if there is none any more. Tokens are held
    /// against it with each request.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    async fn account(&self, name: &UserName) -> Result<Option<Account>, LoginError>;
}

/// A user as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: UserName,
    /// The name with the groups.
    pub identity: Identity,
    /// Changes with the password: what was handed out for a former one is worth nothing.
    pub version: CredentialVersion,
    /// Whether the password was checked just now, rather than remembered or not asked for.
    pub checked: bool,
}

/// Names a state of somebody's credentials. It is put into tokens, so it tells nothing about
/// them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialVersion(Box<str>);

impl CredentialVersion {
    /// The version of what is stored, such as a salted hash of a password: the beginning of its
    /// SHA-256. It must not be made of what can be guessed.
    #[must_use]
    pub fn of(stored: &[u8]) -> Self {
        let digest = digest(&SHA256, stored);
        Self(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]).into())
    }

    /// The text: 16 characters of base64url.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no version of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version of credentials has 16 characters of base64url")]
pub struct CredentialVersionError;

/// From its text, as it was kept.
impl FromStr for CredentialVersion {
    type Err = CredentialVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text);
        let valid = bytes.is_ok_and(|bytes| bytes.len() == 12);
        valid
            .then(|| Self(text.into()))
            .ok_or(CredentialVersionError)
    }
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such user with this password.
    #[error("the user name or the password is wrong")]
    Wrong,
    /// Too many attempts: of this user from this address, or of all.
    #[error("too many attempts to log in: try again in {} s", retry_after.as_secs().max(1))]
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
    /// It cannot be found out now.
    #[error("logins cannot be checked now")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl LoginError {
    /// A failure with its cause.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

/// The users of an htpasswd file, in groups.
///
/// Passwords that were right are remembered for minutes, so that each request may bring one. A
/// user who is removed, or whose hash changes, is refused from the next request on.
pub struct HtpasswdAccounts {
    users: Arc<Live<Htpasswd>>,
    groups: Arc<Live<Groups>>,
    logins: Logins,
}

impl HtpasswdAccounts {
    /// Starts the threads that check passwords; they end when it is dropped.
    ///
    /// # Errors
    /// The system gives no thread or no randomness.
    pub fn start(
        users: Arc<Live<Htpasswd>>,
        groups: Arc<Live<Groups>>,
        options: &PasswordOptions,
    ) -> io::Result<Self> {
        Ok(Self {
            users,
            groups,
            logins: Logins::start(options)?,
        })
    }

    fn with_groups(&self, name: UserName, version: CredentialVersion) -> Account {
        let groups = self.groups.current().of(&name);
        Account {
            identity: Identity::user(name.clone(), groups),
            name,
            version,
            checked: false,
        }
    }
}

#[async_trait]
impl Accounts for HtpasswdAccounts {
    async fn login(
        &self,
        login: &Login,
        address: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Account, LoginError> {
        let users = self.users.current();
        let entry = users.find(&login.user);
        let candidate = Candidate {
            login,
            entry,
            effort: users.effort(),
            address,
            now,
        };
        let verified = self.logins.verify(candidate).await?;
        match (entry, login.user.parse()) {
            (Some(entry), Ok(name)) if verified != Verified::Wrong => Ok(Account {
                checked: verified == Verified::Checked,
                ..self.with_groups(name, entry.version.clone())
            }),
            _ => Err(LoginError::Wrong),
        }
    }

    async fn account(&self, name: &UserName) -> Result<Option<Account>, LoginError> {
        let users = self.users.current();
        let entry = users.find(name.as_str());
        Ok(entry.map(|entry| self.with_groups(name.clone(), entry.version.clone())))
    }
}

impl fmt::Debug for HtpasswdAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HtpasswdAccounts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_credentials_is_read_back_from_its_text() {
        let version = CredentialVersion::of(b"a salted hash");
        assert_eq!(version.as_str().parse(), Ok(version));
        for text in [
            "",
            "AAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAA+",
        ] {
            let read = text.parse::<CredentialVersion>();
            assert_eq!(read, Err(CredentialVersionError), "{text:?}");
        }
    }
}
