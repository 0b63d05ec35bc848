//! The value of `Authorization`: what a client shows.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::Secret;

/// Clients of both habits exist: with padding and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request says about who makes it. Nothing of it has been checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// A name and a password (RFC 7617).
    Basic(Login),
    /// A token (RFC 6750).
    Bearer(Secret<String>),
}

/// A name and a password.
#[derive(Clone)]
pub struct Login {
    /// The name. People type passwords here, so that `Debug` does not print it.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// Why an `Authorization` header cannot be used. A client should be challenged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// It is longer than [`Credentials::MAX_LEN`].
    #[error("the Authorization header is too long")]
    TooLong,
    /// The scheme is neither Basic nor Bearer.
    #[error("the Authorization header is neither Basic nor Bearer")]
    Scheme,
    /// What follows `Basic` is not base64 of `name:password` in UTF-8, or contains control
    /// characters.
    #[error("the Basic credentials are malformed")]
    Basic,
    /// What follows `Bearer` is no token.
    #[error("the Bearer token is malformed")]
    Bearer,
}

impl Credentials {
    /// The most bytes the value of the header may have; tokens in it are bounded by it too.
    pub const MAX_LEN: usize = 16 * 1024;

    /// Reads the value of an `Authorization` header. More than one such header is for the caller
    /// to refuse.
    ///
    /// # Errors
    /// [`CredentialsError`], which never holds anything of the header.
    pub fn parse(header: &[u8]) -> Result<Self, CredentialsError> {
        if header.len() > Self::MAX_LEN {
            return Err(CredentialsError::TooLong);
        }
        let text = str::from_utf8(header).map_err(|_| CredentialsError::Scheme)?;
        let (scheme, rest) = text
            .trim_matches([' ', '\t'])
            .split_once(' ')
            .ok_or(CredentialsError::Scheme)?;
        let value = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            Ok(Self::Basic(basic(value).ok_or(CredentialsError::Basic)?))
        } else if !scheme.eq_ignore_ascii_case("bearer") {
            Err(CredentialsError::Scheme)
        } else if is_token68(value) {
            Ok(Self::Bearer(Secret::from(value)))
        } else {
            Err(CredentialsError::Bearer)
        }
    }
}

fn basic(value: &str) -> Option<Login> {
    let bytes = Zeroizing::new(BASE64.decode(value).ok()?);
    let text = str::from_utf8(&bytes).ok()?;
    // bcrypt takes NUL for the end of a password, and no browser or client lets anyone type it.
    if text.chars().any(char::is_control) {
        return None;
    }
    let (user, password) = text.split_once(':')?;
    Some(Login {
        user: user.to_owned(),
        password: Secret::from(password),
    })
}

/// RFC 9110 §11.2.
fn is_token68(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
