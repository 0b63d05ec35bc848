//! Signed tokens (RFC 7515, compact form): what of them is believed, and in which order.
//!
//! The size is looked at before anything else, the header only to find one of the configured
//! keys, and the payload only once the signature is known to be good. A key has one algorithm;
//! whatever a header says beyond the name of that key changes nothing, and most of it is refused.

mod jwk;
mod key;

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

pub use jwk::JwksError;
pub use key::{KeyError, KeyId, SigningAlgorithm, TokenAlgorithm};
pub(crate) use key::{SigningKey, VerifyingKey};

use crate::{Credentials, TokenRejection};

/// The most bytes of a header, in base64url.
const MAX_HEADER: usize = 2048;

/// The keys that may have signed a token, by their names.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: HashMap<KeyId, VerifyingKey>,
}

impl KeySet {
    pub(crate) fn new(keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }

    /// Whether there is a key of this name.
    #[must_use]
    pub fn contains(&self, id: &KeyId) -> bool {
        self.keys.contains_key(id)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The payload of a token that one of the keys has signed.
    pub(crate) fn verify(&self, token: &str, typed: Typed) -> Result<Payload, TokenRejection> {
        let parts = Parts::of(token)?;
        let header = decode(parts.header)?;
        let header: Header<'_> =
            serde_json::from_slice(&header).map_err(|_| TokenRejection::Malformed)?;
        header.check()?;
        let id = header.kid.as_deref().ok_or(TokenRejection::UnknownKey)?;
        let (id, key) = self
            .keys
            .get_key_value(id)
            .ok_or(TokenRejection::UnknownKey)?;
        header.check_type(typed)?;
        if !key.algorithm().is_named(&header.alg) {
            return Err(TokenRejection::Algorithm);
        }
        let signature = decode(parts.signature)?;
        if !key.verify(parts.signed.as_bytes(), &signature) {
            return Err(TokenRejection::Signature);
        }
        Ok(Payload {
            key: id.clone(),
            json: decode(parts.payload)?,
        })
    }
}

/// What a good signature covers.
pub(crate) struct Payload {
    pub(crate) key: KeyId,
    pub(crate) json: Vec<u8>,
}

/// Whether a header has to say that it is a JWT's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It has to.
    Required,
    /// It may be silent.
    Optional,
}

struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, TokenRejection> {
        if token.len() > Credentials::MAX_LEN {
            return Err(TokenRejection::TooLong);
        }
        let malformed = TokenRejection::Malformed;
        let (signed, signature) = token.rsplit_once('.').ok_or(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(malformed)?;
        if payload.contains('.') || header.len() > MAX_HEADER {
            return Err(malformed);
        }
        Ok(Self {
            signed,
            header,
            payload,
            signature,
        })
    }
}

fn decode(text: &str) -> Result<Vec<u8>, TokenRejection> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| TokenRejection::Malformed)
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    typ: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// Whether a member is there, whatever it is.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header<'_> {
    fn check(&self) -> Result<(), TokenRejection> {
        // No extension is known here, so that none may be critical.
        if self.crit || self.b64 {
            return Err(TokenRejection::Critical);
        }
        if self.jwk || self.jku || self.x5c || self.x5u {
            return Err(TokenRejection::EmbeddedKey);
        }
        Ok(())
    }

    fn check_type(&self, typed: Typed) -> Result<(), TokenRejection> {
        match &self.typ {
            Some(typ) if typ.eq_ignore_ascii_case("jwt") => Ok(()),
            None if typed == Typed::Optional => Ok(()),
            _ => Err(TokenRejection::Type),
        }
    }
}

#[cfg(test)]
mod tests;
