//! The names of users and groups.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The text names no user, group or provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("a name must not be empty")]
    Empty,
    /// It has more than 255 bytes.
    #[error("a name has at most 255 bytes")]
    TooLong,
    /// It contains a colon, a control character or, where none may be, a space.
    #[error("a name must not contain {0:?}")]
    Character(char),
}

const MAX_LEN: usize = 255;

fn check(text: &str, forbidden: impl Fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(NameError::TooLong);
    }
    match text.chars().find(|c| forbidden(*c)) {
        Some(character) => Err(NameError::Character(character)),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $forbidden:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check(text, $forbidden)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

name! {
    /// The name of a user: 1 to 255 bytes without colons and control characters, as Basic
    /// authentication can carry it (RFC 7617). Case counts. Clones are cheap.
    UserName, |c| c == ':' || c.is_control()
}

name! {
    /// The name of a group: 1 to 255 bytes without colons, white space and control characters.
    /// Clones are cheap.
    GroupName, |c| c == ':' || c.is_whitespace() || c.is_control()
}

name! {
    /// The name that the configuration gives to an issuer of tokens: a token server, or a
    /// provider of workload identities. 1 to 255 bytes without colons, white space and control
    /// characters. Clones are cheap.
    ProviderName, |c| c == ':' || c.is_whitespace() || c.is_control()
}

impl From<UserName> for Arc<str> {
    fn from(name: UserName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let long = "a".repeat(256);
        for (text, user, group) in [
            ("alice", None, None),
            ("alice@example.com", None, None),
            ("Ada Lovelace", None, Some(NameError::Character(' '))),
            ("", Some(NameError::Empty), Some(NameError::Empty)),
            (
                "a:b",
                Some(NameError::Character(':')),
                Some(NameError::Character(':')),
            ),
            (
                "a\nb",
                Some(NameError::Character('\n')),
                Some(NameError::Character('\n')),
            ),
            (&long, Some(NameError::TooLong), Some(NameError::TooLong)),
        ] {
            assert_eq!(text.parse::<UserName>().err(), user, "{text:?}");
            assert_eq!(text.parse::<GroupName>().err(), group, "{text:?}");
        }
    }
}
