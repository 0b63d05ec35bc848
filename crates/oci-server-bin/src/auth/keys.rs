//! Keys while they change: those of this server, and those of token servers elsewhere.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oci_auth::{Jwks, JwksFile, KeyRing, KeySet, SharedSecrets, UnixTime};
use tokio::signal::unix::Signal;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::jwks::JwksUrl;
use super::sources::{LOOK_EVERY, Look, Source, Sources};
use crate::config::{IssuerConfig, KeysFrom};

/// How often keys are read again that replicas share.
const OWN_EVERY: Duration = Duration::from_secs(60);
/// How often keys are fetched again that are somewhere on the network.
const FETCH_EVERY: Duration = Duration::from_secs(5 * 60);

/// What has to be refreshed, besides users, groups and rules.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    pub(super) ring: Option<Arc<KeyRing>>,
    pub(super) secrets: Option<Arc<dyn SharedSecrets>>,
    pub(super) foreign: Vec<Arc<Foreign>>,
}

/// The keys of a token server elsewhere.
pub(super) struct Foreign {
    name: String,
    pub(super) jwks: Arc<Jwks>,
    /// The file that they are in, if it is one.
    file: Option<Arc<Source<()>>>,
    /// What was last said to be wrong. Held while they are looked at, so that what comes of it
    /// holds when the next look is over.
    said: Mutex<Option<String>>,
}

impl Keys {
    /// The keys that sign this server's tokens, if it hands some out.
    pub(crate) fn ring(&self) -> Option<&Arc<KeyRing>> {
        self.ring.as_ref()
    }

    /// Where refresh tokens are, if it hands some out.
    pub(crate) fn secrets(&self) -> Option<&Arc<dyn SharedSecrets>> {
        self.secrets.as_ref()
    }

    /// Refreshes them for as long as it is polled.
    pub(crate) async fn run(self) {
        let every = |period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let mut own = every(OWN_EVERY);
        let mut fetched = every(FETCH_EVERY);
        let mut files = every(LOOK_EVERY);
        let (on_disk, elsewhere): (Vec<_>, Vec<_>) = self
            .foreign
            .iter()
            .cloned()
            .partition(|keys| keys.file.is_some());
        loop {
            tokio::select! {
                _ = own.tick() => self.refresh().await,
                _ = fetched.tick(), if !elsewhere.is_empty() => look(&elsewhere).await,
                _ = files.tick(), if !on_disk.is_empty() => look(&on_disk).await,
            }
        }
    }

    /// Looks at the keys of token servers elsewhere, and answers what came of each.
    pub(crate) async fn look(&self) -> Vec<(String, Look)> {
        let mut looked = Vec::new();
        for keys in &self.foreign {
            looked.push((format!("keys of {}", keys.name), keys.look().await));
        }
        looked
    }

    /// Looks at everything each time that `hangup` comes, for as long as it is polled.
    pub(crate) async fn follow(self, sources: Arc<Sources>, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            sources.look().await;
            look(&self.foreign).await;
        }
    }

    async fn refresh(&self) {
        let now = UnixTime::now();
        if let Some(ring) = &self.ring
            && let Err(error) = ring.refresh(now).await
        {
            let error = crate::chain(&error);
            tracing::error!(error, "could not read the signing keys again");
        }
        if let Some(secrets) = &self.secrets
            && let Err(error) = secrets.remove_expired(now).await
        {
            let error = crate::chain(&error);
            tracing::error!(error, "could not remove refresh tokens that have expired");
        }
    }
}

async fn look(several: &[Arc<Foreign>]) {
    for keys in several {
        keys.look().await;
    }
}

impl Foreign {
    /// Reads them for the first time.
    pub(super) async fn open(issuer: &IssuerConfig) -> Result<Self, Box<dyn Error>> {
        let now = UnixTime::now();
        let (jwks, file) = match &issuer.keys {
            KeysFrom::File(path) => {
                let jwks = Jwks::open(Arc::new(JwksFile::new(path)), now).await?;
                (jwks, Some(Arc::new(watched(path.clone())?)))
            }
            KeysFrom::Url { url, ca } => {
                let source = Arc::new(JwksUrl::new(url, ca.as_deref())?);
                (Jwks::open(source, now).await?, None)
            }
        };
        Ok(Self {
            name: issuer.name.to_string(),
            jwks: Arc::new(jwks),
            file,
            said: Mutex::default(),
        })
    }

    async fn look(&self) -> Look {
        let mut said = self.said.lock().await;
        let look = match self.changed().await {
            Look::Read => match self.jwks.refresh().await {
                Ok(()) => Look::Read,
                Err(error) => Look::Refused(crate::chain(&error)),
            },
            other => other,
        };
        let issuer = &*self.name;
        let wrong = match &look {
            Look::Refused(error) => {
                if said.as_ref() != Some(error) {
                    tracing::error!(issuer, error, "the former keys of the token server stay");
                }
                Some(error.clone())
            }
            Look::Read if self.file.is_some() => {
                tracing::info!(issuer, "read the keys of the token server again");
                None
            }
            Look::Read | Look::Unchanged => None,
        };
        *said = wrong;
        look
    }

    /// Whether there is something to read. What is not in a file may always be new.
    async fn changed(&self) -> Look {
        let Some(file) = self.file.clone() else {
            return Look::Read;
        };
        let looked = tokio::task::spawn_blocking(move || file.look()).await;
        looked.unwrap_or(Look::Unchanged)
    }
}

fn watched(path: PathBuf) -> Result<Source<()>, oci_auth::ReloadError> {
    Source::open(path, |text| KeySet::parse(text.as_bytes()).map(drop))
}
