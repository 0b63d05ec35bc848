//! What a token says, once it is known who has signed it.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::TokenRejection;
use super::access::AccessEntry;
use crate::{ResourceScope, UnixTime};

/// How far clocks may be apart.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// The claims of a token that is handed out here.
#[derive(Debug, Serialize)]
pub(super) struct Claims<'a> {
    pub(super) iss: &'a str,
    /// Empty for nobody.
    pub(super) sub: &'a str,
    pub(super) aud: &'a str,
    pub(super) exp: UnixTime,
    pub(super) nbf: UnixTime,
    pub(super) iat: UnixTime,
    pub(super) jti: &'a str,
    pub(super) access: Vec<AccessEntry>,
    /// The version of the subject's credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cred: Option<&'a str>,
}

/// The claims of a token that came along. Those that are not known are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Claimed {
    iss: String,
    #[serde(default)]
    sub: Option<String>,
    aud: Audience,
    exp: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    iat: Option<NumericDate>,
    #[serde(default)]
    access: Option<Vec<AccessEntry>>,
    #[serde(default)]
    cred: Option<String>,
}

/// One audience, or several (RFC 7519 §4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Seconds, of which some programs write fractions (RFC 7519 §2).
#[derive(Clone, Copy, Debug)]
struct NumericDate(UnixTime);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_i64().or_else(|| {
            let seconds = number.as_f64()?;
            // Beyond that, no clock will ever be: it is the last or the first time there is.
            #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
            let seconds = seconds.floor() as i64;
            Some(seconds)
        });
        let seconds = whole.ok_or_else(|| serde::de::Error::custom("not a number of seconds"))?;
        Ok(Self(UnixTime::from_secs(seconds)))
    }
}

/// What is expected of a token.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
    /// Whether all claims that are handed out here have to be there.
    pub(super) complete: bool,
}

/// The span within which a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    expires: UnixTime,
    from: Option<UnixTime>,
}

impl Validity {
    pub(super) fn check(&self, now: UnixTime) -> Result<(), TokenRejection> {
        if self.expires <= now.before(LEEWAY) {
            return Err(TokenRejection::Expired);
        }
        match self.from {
            Some(from) if from > now.after(LEEWAY) => Err(TokenRejection::NotYetValid),
            _ => Ok(()),
        }
    }
}

/// What is left of a token once everything has been checked that does not change.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) subject: String,
    pub(super) validity: Validity,
    pub(super) scopes: Vec<ResourceScope>,
    pub(super) cred: Option<String>,
}

impl Expected {
    /// Checks what does not change with time.
    pub(super) fn accept(&self, json: &[u8]) -> Result<Accepted, TokenRejection> {
        let claimed: Claimed =
            serde_json::from_slice(json).map_err(|_| TokenRejection::Malformed)?;
        if claimed.iss != self.issuer {
            return Err(TokenRejection::Issuer);
        }
        let is_meant = match &claimed.aud {
            Audience::One(audience) => *audience == self.audience,
            Audience::Several(audiences) => audiences.contains(&self.audience),
        };
        if !is_meant {
            return Err(TokenRejection::Audience);
        }
        let is_complete = claimed.sub.is_some() && claimed.nbf.is_some() && claimed.iat.is_some();
        if self.complete && !is_complete {
            return Err(TokenRejection::Malformed);
        }
        let from = [claimed.nbf, claimed.iat].into_iter().flatten();
        let entries = claimed.access.unwrap_or_default();
        Ok(Accepted {
            subject: claimed.sub.unwrap_or_default(),
            validity: Validity {
                expires: claimed.exp.0,
                from: from.map(|date| date.0).max(),
            },
            scopes: entries.iter().filter_map(AccessEntry::to_scope).collect(),
            cred: claimed.cred,
        })
    }
}
