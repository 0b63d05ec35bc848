//! The value of `WWW-Authenticate`: what a client is asked for.
//!
//! An answer carries one challenge: classic docker fails on two, and others read the first alone.

use std::fmt;
use std::str::FromStr;

use crate::{ResourceScope, ScopeError};

/// A challenge (RFC 9110 §11.3, RFC 7617, RFC 6750 and the registry token protocol).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password.
    Basic {
        /// What they are for, shown to people.
        realm: Quotable,
    },
    /// A token.
    Bearer {
        /// The URL where tokens are handed out.
        realm: Quotable,
        /// The audience that the token needs.
        service: Quotable,
        /// What the token has to be for; empty where only the identity counts.
        scopes: Vec<ResourceScope>,
        /// What was wrong with the token that came along; none if none did.
        error: Option<BearerError>,
    },
}

/// How a registry asks people and programs to log in: one way for all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginScheme {
    /// By name and password.
    Basic {
        /// What they are for, shown to people.
        realm: Quotable,
    },
    /// By tokens.
    Bearer {
        /// The URL where tokens are handed out: of the configuration, never of a request.
        realm: Quotable,
        /// The audience of the tokens.
        service: Quotable,
    },
}

impl LoginScheme {
    /// The challenge for these scopes. A name and a password are for everything, so that Basic
    /// says neither scopes nor errors.
    #[must_use]
    pub fn challenge(&self, scopes: Vec<ResourceScope>, error: Option<BearerError>) -> Challenge {
        match self.clone() {
            Self::Basic { realm } => Challenge::Basic { realm },
            Self::Bearer { realm, service } => Challenge::Bearer {
                realm,
                service,
                scopes,
                error,
            },
        }
    }
}

/// What is wrong with a token (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// It is expired, revoked, foreign or malformed.
    InvalidToken,
    /// It is good, and not for this.
    InsufficientScope,
}

impl BearerError {
    const ALL: [Self; 2] = [Self::InvalidToken, Self::InsufficientScope];

    /// The code for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// Text that a quoted string can carry: printable ASCII and spaces, at most 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Quotable(Box<str>);

/// The text has characters that a header must not carry, or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is sent in a header: at most 1024 printable ASCII characters")]
pub struct QuotableError;

impl Quotable {
    /// The text, without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Quotable {
    type Err = QuotableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = |b: u8| b.is_ascii_graphic() || b == b' ';
        if text.len() <= 1024 && text.bytes().all(printable) {
            Ok(Self(text.into()))
        } else {
            Err(QuotableError)
        }
    }
}

/// With quotes, and backslashes before quotes and backslashes in it.
impl fmt::Display for Quotable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// The value of the header. It is always ASCII without control characters.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { realm } => write!(f, "Basic realm={realm}"),
            Self::Bearer {
                realm,
                service,
                scopes,
                error,
            } => {
                write!(f, "Bearer realm={realm},service={service}")?;
                for (index, scope) in scopes.iter().enumerate() {
                    // No scope holds a quote, a backslash or a space.
                    let before = if index == 0 { ",scope=\"" } else { " " };
                    write!(f, "{before}{scope}")?;
                }
                if !scopes.is_empty() {
                    f.write_str("\"")?;
                }
                match error {
                    Some(error) => write!(f, ",error=\"{}\"", error.as_str()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Why a text is no challenge that this crate knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The scheme is neither Basic nor Bearer.
    #[error("the scheme of the challenge is neither Basic nor Bearer")]
    Scheme,
    /// What follows the scheme is no list of `name=value`.
    #[error("the challenge is not a list of parameters")]
    Syntax,
    /// A parameter is there twice.
    #[error("a parameter of the challenge is there twice")]
    Repeated,
    /// A parameter that must be there is not.
    #[error("the challenge has no {name}")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
    /// A value cannot be quoted.
    #[error(transparent)]
    Value(#[from] QuotableError),
    /// A scope is malformed.
    #[error(transparent)]
    Scope(#[from] ScopeError),
}

/// Reads one challenge. Parameters and errors that are not known are passed over.
impl FromStr for Challenge {
    type Err = ChallengeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = text.trim().split_once(' ').ok_or(ChallengeError::Syntax)?;
        let mut found = Parameters::default();
        parameters(rest, &mut found)?;
        if scheme.eq_ignore_ascii_case("basic") {
            let realm = required(found.realm, "realm")?;
            return Ok(Self::Basic { realm });
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ChallengeError::Scheme);
        }
        let scopes = found.scope.as_deref().unwrap_or_default();
        let code = found.error.as_deref();
        Ok(Self::Bearer {
            realm: required(found.realm, "realm")?,
            service: required(found.service, "service")?,
            scopes: scopes
                .split_ascii_whitespace()
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            error: BearerError::ALL
                .into_iter()
                .find(|error| Some(error.as_str()) == code),
        })
    }
}

#[derive(Default)]
struct Parameters {
    realm: Option<String>,
    service: Option<String>,
    scope: Option<String>,
    error: Option<String>,
}

fn required(value: Option<String>, name: &'static str) -> Result<Quotable, ChallengeError> {
    let value = value.ok_or(ChallengeError::Missing { name })?;
    Ok(value.parse()?)
}

fn parameters(mut rest: &str, found: &mut Parameters) -> Result<(), ChallengeError> {
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(());
        }
        let (name, after) = rest.split_once('=').ok_or(ChallengeError::Syntax)?;
        let (value, after) = value(after.trim_start_matches([' ', '\t']))?;
        let place = match name.trim_end().to_ascii_lowercase().as_str() {
            "realm" => &mut found.realm,
            "service" => &mut found.service,
            "scope" => &mut found.scope,
            "error" => &mut found.error,
            name if is_token(name) => &mut None,
            _ => return Err(ChallengeError::Syntax),
        };
        if place.replace(value).is_some() {
            return Err(ChallengeError::Repeated);
        }
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(ChallengeError::Syntax);
        }
    }
}

/// A value at the start of `text`, as a token or a quoted string, and what stands behind it.
fn value(text: &str) -> Result<(String, &str), ChallengeError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        let valid = is_token(value).then(|| (value.to_owned(), after));
        return valid.ok_or(ChallengeError::Syntax);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next().ok_or(ChallengeError::Syntax)?.1),
            c => value.push(c),
        }
    }
    Err(ChallengeError::Syntax)
}

/// Whether it is a token (RFC 9110 §5.6.2).
fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
