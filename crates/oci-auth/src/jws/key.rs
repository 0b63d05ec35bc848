//! Keys: those that sign here, and those that are only asked whether they have signed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Serialize;

use crate::Secret;
use crate::fingerprint::NoRandomness;

/// The name of a key, as a token's `kid` has it: 1 to 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct KeyId(Box<str>);

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Its name is empty or longer than 255 bytes.
    #[error("the name of a key has 1 to 255 bytes")]
    Id,
    /// It is no private key of this algorithm, in PKCS #8.
    #[error("the private key is malformed, or not of its algorithm")]
    Private,
    /// The system has no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl KeyId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for a public key: the beginning of its SHA-256.
    fn of(public: &[u8]) -> Self {
        let digest = digest(&SHA256, public);
        Self(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]).into())
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = (1..=255).contains(&text.len());
        valid.then(|| Self(text.into())).ok_or(KeyError::Id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// With what tokens are signed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    #[default]
    EdDsa,
    /// ECDSA over P-256 with SHA-256, for other programs that know no Ed25519.
    Es256,
}

/// With what a token may be signed. None of them is symmetric, and `none` is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, with SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, with SHA-512.
    Rs512,
}

impl SigningAlgorithm {
    /// The name of it, as headers have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.verified_by().as_str()
    }

    pub(crate) const fn verified_by(self) -> TokenAlgorithm {
        match self {
            Self::EdDsa => TokenAlgorithm::EdDsa,
            Self::Es256 => TokenAlgorithm::Es256,
        }
    }
}

impl TokenAlgorithm {
    pub(crate) const ALL: [Self; 6] = [
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The name of it, as headers have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// Whether a header with this `alg` means it. RFC 9864 has given Ed25519 a name of its own.
    pub(crate) fn is_named(self, alg: &str) -> bool {
        self.as_str() == alg || (self == Self::EdDsa && alg == "Ed25519")
    }
}

/// A public key with the one algorithm that it is for.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    algorithm: TokenAlgorithm,
    public: Public,
}

#[derive(Debug)]
enum Public {
    /// As ring reads it: an Ed25519 key, or an uncompressed point.
    Bytes(Vec<u8>),
    /// Without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl VerifyingKey {
    pub(crate) fn from_bytes(algorithm: TokenAlgorithm, bytes: Vec<u8>) -> Self {
        let public = Public::Bytes(bytes);
        Self { algorithm, public }
    }

    pub(crate) fn from_rsa(algorithm: TokenAlgorithm, n: Vec<u8>, e: Vec<u8>) -> Self {
        let public = Public::Rsa { n, e };
        Self { algorithm, public }
    }

    pub(crate) fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            Public::Bytes(bytes) => {
                let Some(algorithm) = curve(self.algorithm) else {
                    return false;
                };
                let key = UnparsedPublicKey::new(algorithm, bytes);
                key.verify(message, signature).is_ok()
            }
            Public::Rsa { n, e } => {
                let Some(parameters) = rsa(self.algorithm) else {
                    return false;
                };
                let key = PublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }
        }
    }
}

fn curve(algorithm: TokenAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        TokenAlgorithm::EdDsa => Some(&ED25519),
        TokenAlgorithm::Es256 => Some(&ECDSA_P256_SHA256_FIXED),
        TokenAlgorithm::Es384 => Some(&ECDSA_P384_SHA384_FIXED),
        TokenAlgorithm::Rs256 | TokenAlgorithm::Rs384 | TokenAlgorithm::Rs512 => None,
    }
}

fn rsa(algorithm: TokenAlgorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        TokenAlgorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        TokenAlgorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        TokenAlgorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        TokenAlgorithm::EdDsa | TokenAlgorithm::Es256 | TokenAlgorithm::Es384 => None,
    }
}

/// A private key with its name. `Debug` shows the name alone.
pub(crate) struct SigningKey {
    id: KeyId,
    pair: Pair,
}

enum Pair {
    EdDsa(Ed25519KeyPair),
    Es256(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// A new private key, in PKCS #8.
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Result<Secret<Vec<u8>>, KeyError> {
        let random = SystemRandom::new();
        let document = match algorithm {
            SigningAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            }
        };
        let document = document.map_err(|_| NoRandomness)?;
        Ok(Secret::new(document.as_ref().to_vec()))
    }

    pub(crate) fn from_pkcs8(
        algorithm: SigningAlgorithm,
        pkcs8: &Secret<Vec<u8>>,
    ) -> Result<Self, KeyError> {
        let bytes = pkcs8.expose();
        let private = |_| KeyError::Private;
        let pair = match algorithm {
            SigningAlgorithm::EdDsa => {
                Pair::EdDsa(Ed25519KeyPair::from_pkcs8(bytes).map_err(private)?)
            }
            SigningAlgorithm::Es256 => {
                let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
                let pair = EcdsaKeyPair::from_pkcs8(kind, bytes, &random).map_err(private)?;
                Pair::Es256(Box::new(pair))
            }
        };
        let id = KeyId::of(pair.public());
        Ok(Self { id, pair })
    }

    pub(crate) fn id(&self) -> &KeyId {
        &self.id
    }

    /// The public half of it.
    pub(crate) fn verifying(&self) -> VerifyingKey {
        VerifyingKey::from_bytes(self.algorithm().verified_by(), self.pair.public().to_vec())
    }

    /// A token with this payload.
    pub(crate) fn sign(&self, payload: &[u8]) -> Result<Secret<String>, NoRandomness> {
        let header = serde_json::json!({
            "typ": "JWT",
            "alg": self.algorithm().as_str(),
            "kid": self.id,
        });
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.pair.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }

    #[cfg(test)]
    pub(super) fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        Ok(self.pair.sign(message)?.as_ref().to_vec())
    }

    #[cfg(test)]
    pub(super) fn public_bytes(&self) -> &[u8] {
        self.pair.public()
    }

    fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::EdDsa(_) => SigningAlgorithm::EdDsa,
            Pair::Es256(_) => SigningAlgorithm::Es256,
        }
    }
}

impl Pair {
    fn public(&self) -> &[u8] {
        match self {
            Self::EdDsa(pair) => pair.public_key().as_ref(),
            Self::Es256(pair) => pair.public_key().as_ref(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<ring::signature::Signature, NoRandomness> {
        match self {
            Self::EdDsa(pair) => Ok(pair.sign(message)),
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.map_err(|_| NoRandomness)
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
