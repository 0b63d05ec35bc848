//! Sets of public keys as token servers publish them (RFC 7517, 7518, 8037).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{KeyId, KeySet, TokenAlgorithm, VerifyingKey};

/// The most bytes a set may have.
const MAX_BYTES: usize = 1024 * 1024;

/// Why a set of keys cannot be used. Keys are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// It has more than 1 MiB.
    #[error("the key set has more than 1 MiB")]
    TooLong,
    /// It is not JSON of the form `{"keys": [...]}`.
    #[error("the key set is not of the form {{\"keys\": [...]}}, at line {line}")]
    Syntax {
        /// Where, in lines.
        line: usize,
    },
    /// A key has no name, so that no token can name it.
    #[error("key {number} has no usable `kid`")]
    Id {
        /// The key.
        number: usize,
    },
    /// Two keys have the same name.
    #[error("two keys are named `{id}`")]
    Repeated {
        /// The name.
        id: KeyId,
    },
    /// A private key has no place in a set that is handed around.
    #[error("key `{id}` is a private key: publish the public half alone")]
    Private {
        /// The name.
        id: KeyId,
    },
    /// A key of a known kind is malformed, too short, or of an algorithm that is not its own.
    #[error("key `{id}` is malformed, too short, or says an algorithm that is not of its kind")]
    Key {
        /// The name.
        id: KeyId,
    },
    /// No key of it can be used.
    #[error("the key set has no key that signs tokens with EdDSA, ES256, ES384 or RS256 to RS512")]
    Empty,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
}

impl KeySet {
    /// Reads a set of keys. Those that do not sign, and those of kinds that are not known, are
    /// passed over.
    ///
    /// # Errors
    /// [`JwksError`].
    pub fn parse(json: &[u8]) -> Result<Self, JwksError> {
        if json.len() > MAX_BYTES {
            return Err(JwksError::TooLong);
        }
        let set: Set = serde_json::from_slice(json)
            .map_err(|error| JwksError::Syntax { line: error.line() })?;
        let mut keys = Self::default();
        for (number, jwk) in (1..).zip(&set.keys) {
            if !jwk.signs() {
                continue;
            }
            let id = jwk.kid.as_deref().and_then(|id| id.parse::<KeyId>().ok());
            let id = id.ok_or(JwksError::Id { number })?;
            if jwk.d.is_some() {
                return Err(JwksError::Private { id });
            }
            let Some(key) = jwk.key() else {
                return Err(JwksError::Key { id });
            };
            if keys.keys.insert(id.clone(), key).is_some() {
                return Err(JwksError::Repeated { id });
            }
        }
        if keys.is_empty() {
            return Err(JwksError::Empty);
        }
        Ok(keys)
    }
}

impl Jwk {
    /// Whether it is of a kind that signs, and not said to be for something else.
    fn signs(&self) -> bool {
        let curve = self.crv.as_deref();
        let known = match self.kty.as_str() {
            "OKP" => curve == Some("Ed25519"),
            "EC" => matches!(curve, Some("P-256" | "P-384")),
            "RSA" => true,
            _ => false,
        };
        known && self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }

    fn key(&self) -> Option<VerifyingKey> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", _) => {
                let algorithm = self.algorithm(&[TokenAlgorithm::EdDsa])?;
                let x = bytes(self.x.as_ref(), 32)?;
                Some(VerifyingKey::from_bytes(algorithm, x))
            }
            ("EC", Some("P-256")) => self.point(TokenAlgorithm::Es256, 32),
            ("EC", _) => self.point(TokenAlgorithm::Es384, 48),
            _ => self.rsa(),
        }
    }

    fn point(&self, algorithm: TokenAlgorithm, len: usize) -> Option<VerifyingKey> {
        let algorithm = self.algorithm(&[algorithm])?;
        let (x, y) = (bytes(self.x.as_ref(), len)?, bytes(self.y.as_ref(), len)?);
        let point = [&[4], x.as_slice(), &y].concat();
        Some(VerifyingKey::from_bytes(algorithm, point))
    }

    fn rsa(&self) -> Option<VerifyingKey> {
        let algorithm = self.algorithm(&[
            TokenAlgorithm::Rs256,
            TokenAlgorithm::Rs384,
            TokenAlgorithm::Rs512,
        ])?;
        let (n, e) = (number(self.n.as_ref())?, number(self.e.as_ref())?);
        let long_enough = (256..=1024).contains(&n.len()) && !e.is_empty();
        long_enough.then(|| VerifyingKey::from_rsa(algorithm, n, e))
    }

    /// The one algorithm of the key: what it says, if it is of its kind, else the first.
    fn algorithm(&self, of_kind: &[TokenAlgorithm]) -> Option<TokenAlgorithm> {
        let said = match self.alg.as_deref() {
            Some(alg) => TokenAlgorithm::ALL
                .into_iter()
                .find(|known| known.is_named(alg))?,
            None => *of_kind.first()?,
        };
        of_kind.contains(&said).then_some(said)
    }
}

fn bytes(text: Option<&String>, len: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text?).ok()?;
    (bytes.len() == len).then_some(bytes)
}

/// A number, of which some programs write leading zeros.
fn number(text: Option<&String>) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text?).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}
