//! The keys of a token server elsewhere.

use std::error::Error;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use crate::keyring::is_time;
use crate::{JwksError, KeySet, Live, UnixTime};

/// Where the key set of a token server comes from.
///
/// What fetches one over the network is not here; it has to bound what it reads, and to go where
/// the configuration says and nowhere else.
#[async_trait]
pub trait JwksSource: Debug + Send + Sync {
    /// The set, as JSON.
    ///
    /// # Errors
    /// Whatever went wrong.
    async fn fetch(&self) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// A file with a key set.
#[derive(Clone, Debug)]
pub struct JwksFile(PathBuf);

impl JwksFile {
    /// The file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

#[async_trait]
impl JwksSource for JwksFile {
    async fn fetch(&self) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let path = self.0.clone();
        Ok(tokio::task::spawn_blocking(move || std::fs::read(path)).await??)
    }
}

/// A key set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JwksSourceError {
    /// It cannot be read.
    #[error("the key set of the token server cannot be read")]
    Fetch(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be used.
    #[error("the key set of the token server cannot be used")]
    Content(#[from] JwksError),
}

/// A token with an unknown key makes the set be fetched again no more often than this.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The key set of a token server, as it was when it was last fetched.
#[derive(Debug)]
pub struct Jwks {
    source: Arc<dyn JwksSource>,
    keys: Live<KeySet>,
    looked: Mutex<UnixTime>,
}

impl Jwks {
    /// Fetches the set for the first time.
    ///
    /// # Errors
    /// [`JwksSourceError`].
    pub async fn open(source: Arc<dyn JwksSource>, now: UnixTime) -> Result<Self, JwksSourceError> {
        let keys = fetch(&*source).await?;
        Ok(Self {
            source,
            keys: Live::new(keys),
            looked: Mutex::new(now),
        })
    }

    /// Fetches the set again. A key that is no longer in it signs nothing any more. To be called
    /// every few minutes; an unknown key in a token has it fetched once a minute at most.
    ///
    /// # Errors
    /// [`JwksSourceError`]: the former keys stay in use.
    pub async fn refresh(&self) -> Result<(), JwksSourceError> {
        self.keys.replace(fetch(&*self.source).await?);
        Ok(())
    }

    pub(crate) fn keys(&self) -> Arc<KeySet> {
        self.keys.current()
    }

    /// Fetches the set, unless that was done of late; answers whether it did.
    pub(crate) async fn look_again(&self, now: UnixTime) -> Result<bool, JwksSourceError> {
        if !is_time(&self.looked, now, LOOK_AGAIN_AFTER) {
            return Ok(false);
        }
        self.refresh().await.map(|()| true)
    }
}

async fn fetch(source: &dyn JwksSource) -> Result<KeySet, JwksSourceError> {
    let json = source.fetch().await.map_err(JwksSourceError::Fetch)?;
    Ok(KeySet::parse(&json)?)
}
