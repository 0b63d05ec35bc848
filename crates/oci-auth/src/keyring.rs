//! The keys that sign this registry's tokens, and their turns.
//!
//! A new key is made before the one in use gets old. For a while it is only known, so that every
//! replica has seen it before the first token comes that it has signed; then it signs; and when
//! the next one has taken over, it is known for as long as its last token lives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::fingerprint::NoRandomness;
use crate::jws::{SigningKey, VerifyingKey};
use crate::{
    KeyId, KeySet, Live, Secret, SecretsError, SharedSecrets, SigningAlgorithm, StoredKey, UnixTime,
};

/// How keys take turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOptions {
    /// What new keys sign with. By default EdDSA.
    pub algorithm: SigningAlgorithm,
    /// How old a key gets before the next one is made. By default 7 days.
    pub rotate_after: Duration,
    /// For how long a new key is only known. It has to be longer than replicas take to
    /// [refresh](KeyRing::refresh). By default 5 minutes.
    pub announced_for: Duration,
    /// For how long a key is known after another one has taken over. No token lives longer. By
    /// default 1 hour.
    pub known_for: Duration,
}

impl Default for KeyOptions {
    fn default() -> Self {
        Self {
            algorithm: SigningAlgorithm::default(),
            rotate_after: Duration::from_secs(7 * 24 * 60 * 60),
            announced_for: Duration::from_secs(5 * 60),
            known_for: Duration::from_secs(60 * 60),
        }
    }
}

/// A token with an unknown key makes the keys be read again no more often than this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The keys of the moment. One for each process; what replicas share is behind it.
#[derive(Debug)]
pub struct KeyRing {
    store: Arc<dyn SharedSecrets>,
    options: KeyOptions,
    turns: Live<Turns>,
    looked: Mutex<UnixTime>,
}

#[derive(Debug)]
struct Turns {
    signer: Arc<SigningKey>,
    keys: Arc<KeySet>,
}

impl KeyRing {
    /// Reads the keys, and makes the first one if there is none.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn open(
        store: Arc<dyn SharedSecrets>,
        options: KeyOptions,
        now: UnixTime,
    ) -> Result<Self, SecretsError> {
        let turns = take_turns(&*store, &options, now).await?;
        Ok(Self {
            store,
            options,
            turns: Live::new(turns),
            looked: Mutex::new(now),
        })
    }

    /// Reads the keys again, makes the next one if it is time, and removes those whose time is
    /// over. To be called every minute or so, by every replica.
    ///
    /// # Errors
    /// [`SecretsError`]: the former keys stay in use.
    pub async fn refresh(&self, now: UnixTime) -> Result<(), SecretsError> {
        let turns = take_turns(&*self.store, &self.options, now).await?;
        self.turns.replace(turns);
        Ok(())
    }

    /// Makes a new key and forgets all others: no token that was handed out before is good any
    /// more, here at once and at other replicas when they refresh. Refresh tokens stay.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn replace_all(&self, now: UnixTime) -> Result<(), SecretsError> {
        let former = self.store.signing_keys().await?;
        let new = new_key(self.options.algorithm, now)?;
        let latest = former.last().map(|key| &key.id);
        if !self.store.add_signing_key(&new, latest).await? {
            return Err(SecretsError::new("another key was made at the same time"));
        }
        let ids: Vec<_> = former.into_iter().map(|key| key.id).collect();
        self.store.remove_signing_keys(&ids).await?;
        self.refresh(now).await
    }

    pub(crate) fn signer(&self) -> Arc<SigningKey> {
        Arc::clone(&self.turns.current().signer)
    }

    pub(crate) fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.turns.current().keys)
    }

    /// For how long a token may live.
    pub(crate) fn longest_life(&self) -> Duration {
        self.options.known_for
    }

    /// Looks for a key that another replica may just have made, unless that was done of late;
    /// answers whether it looked.
    pub(crate) async fn look_again(&self, now: UnixTime) -> Result<bool, SecretsError> {
        if !is_time(&self.looked, now, LOOK_AGAIN_AFTER) {
            return Ok(false);
        }
        self.refresh(now).await.map(|()| true)
    }
}

/// Whether something was last done that long ago; if so, it counts as done now. A clock that was
/// set back does not put it off.
pub(crate) fn is_time(last: &Mutex<UnixTime>, now: UnixTime, pause: Duration) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let due = now < *last || now.since(*last) >= pause;
    if due {
        *last = now;
    }
    due
}

async fn take_turns(
    store: &dyn SharedSecrets,
    options: &KeyOptions,
    now: UnixTime,
) -> Result<Turns, SecretsError> {
    let mut stored = store.signing_keys().await?;
    let latest = stored.last();
    if latest.is_none_or(|key| key.created.after(options.rotate_after) <= now) {
        let new = new_key(options.algorithm, now)?;
        let latest = latest.map(|key| &key.id);
        store.add_signing_key(&new, latest).await?;
        stored = store.signing_keys().await?;
    }
    let over = options.over(&stored, now);
    if !over.is_empty() {
        store.remove_signing_keys(&over).await?;
        stored.retain(|key| !over.contains(&key.id));
    }
    let signer = options.signer(&stored, now);
    let signer = signer.ok_or_else(|| SecretsError::new("there is no signing key"))?;
    let keys: Result<Vec<_>, SecretsError> = stored.iter().map(verifying).collect();
    Ok(Turns {
        signer: Arc::new(signing(signer)?),
        keys: Arc::new(KeySet::new(keys?)),
    })
}

impl KeyOptions {
    /// The keys that have been superseded for so long that none of their tokens lives.
    fn over(&self, stored: &[StoredKey], now: UnixTime) -> Vec<KeyId> {
        let pairs = stored.iter().zip(stored.iter().skip(1));
        let over = pairs.filter(|(_, next)| {
            let took_over = next.created.after(self.announced_for);
            took_over.after(self.known_for) <= now
        });
        over.map(|(key, _)| key.id.clone()).collect()
    }

    /// The latest key that has been known for long enough; the first one has nobody to wait for.
    fn signer<'a>(&self, stored: &'a [StoredKey], now: UnixTime) -> Option<&'a StoredKey> {
        let mut latest_first = stored.iter().rev();
        let announced = latest_first.find(|key| key.created.after(self.announced_for) <= now);
        announced.or(stored.first())
    }
}

fn new_key(algorithm: SigningAlgorithm, now: UnixTime) -> Result<StoredKey, SecretsError> {
    let pkcs8 = SigningKey::generate(algorithm).map_err(SecretsError::new)?;
    let key = SigningKey::from_pkcs8(algorithm, &pkcs8).map_err(SecretsError::new)?;
    Ok(StoredKey {
        id: key.id().clone(),
        algorithm,
        pkcs8,
        created: now,
    })
}

fn signing(stored: &StoredKey) -> Result<SigningKey, SecretsError> {
    SigningKey::from_pkcs8(stored.algorithm, &stored.pkcs8).map_err(SecretsError::new)
}

fn verifying(stored: &StoredKey) -> Result<(KeyId, VerifyingKey), SecretsError> {
    let key = signing(stored)?;
    Ok((key.id().clone(), key.verifying()))
}

/// A random text of 256 bits in base64url.
pub(crate) fn random_text() -> Result<Secret<String>, NoRandomness> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::{SecureRandom, SystemRandom};

    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    let filled = SystemRandom::new().fill(&mut *bytes);
    filled.map_err(|_| NoRandomness)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

#[cfg(test)]
mod tests;
