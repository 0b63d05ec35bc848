//! Noticing that the files have changed, and taking over what they hold.
//!
//! The two files are seldom replaced in one step, so that they are read once they have rested:
//! between two looks nothing changed. Whatever goes wrong, what was served before stays.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use super::{Current, TlsError, load};
use crate::config::TlsConfig;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Reads the files once, and again whenever they change.
#[derive(Debug)]
pub(crate) struct Reloader {
    files: TlsConfig,
    current: Current,
    /// How the files were just before they were last read.
    read: Stamps,
}

impl Reloader {
    /// Reads the files for the first time.
    pub(crate) fn load(files: TlsConfig) -> Result<Self, TlsError> {
        let read = Stamps::of(&files);
        let current = Current::new(load(&files)?);
        Ok(Self {
            files,
            current,
            read,
        })
    }

    /// What connections are to be served with.
    pub(crate) fn current(&self) -> Current {
        self.current.clone()
    }

    /// What reads them again when it is told to.
    pub(crate) fn rereader(&self) -> Rereader {
        Rereader {
            files: self.files.clone(),
            current: self.current.clone(),
        }
    }

    /// Follows the files for as long as it is polled. `hangup` makes it read them at once.
    pub(crate) async fn run(mut self, mut hangup: Signal) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.read.clone();
        loop {
            let told = tokio::select! {
                _ = looks.tick() => false,
                received = hangup.recv() => received.is_some(),
            };
            let files = self.files.clone();
            let looked = tokio::task::spawn_blocking(move || Stamps::of(&files)).await;
            let Ok(now) = looked else {
                return;
            };
            let rested = now == before;
            before = now.clone();
            if told || (rested && now != self.read) {
                self.read = now;
                self.take_over().await;
            }
        }
    }

    async fn take_over(&self) {
        if let Err(error) = self.rereader().reread().await {
            tracing::error!(
                error,
                "could not read the certificate again; the old one stays"
            );
        }
    }
}

/// Reads the files when it is told to.
#[derive(Clone, Debug)]
pub(crate) struct Rereader {
    files: TlsConfig,
    current: Current,
}

impl Rereader {
    /// Where the certificate is.
    pub(crate) fn cert(&self) -> &Path {
        &self.files.cert
    }

    /// Takes over what the files hold now; what it answers holds from now on.
    ///
    /// # Errors
    /// Why they cannot be used. What was served before stays.
    pub(crate) async fn reread(&self) -> Result<(), String> {
        let files = self.files.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&files)).await;
        let config = match loaded {
            Ok(loaded) => loaded.map_err(|error| crate::chain(&error))?,
            Err(error) => return Err(error.to_string()),
        };
        self.current.replace(config);
        let (cert, key) = (self.files.cert.display(), self.files.key.display());
        tracing::info!(%cert, %key, "read the certificate again");
        Ok(())
    }
}

/// What tells one state of the files from another without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamps([Option<Stamp>; 2]);

/// Of the file that a link leads to: links are how some tools replace several files at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamps {
    fn of(files: &TlsConfig) -> Self {
        Self([Stamp::of(&files.cert), Stamp::of(&files.key)])
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}
