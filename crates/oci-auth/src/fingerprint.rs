//! Names for secrets that tell nothing of them: what caches are keyed by.

use ring::hmac;
use ring::rand::SystemRandom;

/// A keyed hash.
pub(crate) type Fingerprint = [u8; 32];

/// Makes fingerprints under a key of its own, made anew with each process and written nowhere.
pub(crate) struct Fingerprints(hmac::Key);

/// The system has no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness")]
pub struct NoRandomness;

impl Fingerprints {
    pub(crate) fn new() -> Result<Self, NoRandomness> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| NoRandomness)
    }

    /// The fingerprint of these parts, each with its length.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }
}
