//! Why settings cannot be used.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use oci_auth::RuleError;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("could not read the configuration file {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path}: {source}")]
    Syntax {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("{path}: {}", super::keys::unknown_text(key, nearest.as_deref()))]
    UnknownKey {
        path: PathBuf,
        key: String,
        nearest: Option<String>,
    },
    #[error("{setting} = {value:?}: {problem}")]
    Invalid {
        setting: &'static str,
        value: String,
        problem: String,
    },
    #[error(transparent)]
    Rule(#[from] RuleError),
    #[error(
        "{setting} is set, but nobody has to log in: set auth.scheme to \"basic\" or \"bearer\""
    )]
    Idle { setting: &'static str },
    #[error("{setting} needs {needs}")]
    Lacking {
        setting: &'static str,
        needs: &'static str,
    },
    #[error("{present} is set and {absent} is not; TLS takes both, and without TLS neither is set")]
    HalfTls {
        present: &'static str,
        absent: &'static str,
    },
    #[error(
        "{addr} can be reached from other machines, and anybody there could read, write and \
         delete everything; listen on a loopback address such as 127.0.0.1:{port}, set auth.scheme \
         in a configuration file, or say --allow-unauthenticated if the network keeps strangers \
         out",
        port = addr.port()
    )]
    Unauthenticated { addr: SocketAddr },
}

/// All that keeps the settings from being used, as far as they could be read.
#[derive(Debug)]
pub(crate) struct ConfigErrors(Vec<ConfigError>);

/// Errors that are put together, so that one run tells of all of them.
#[derive(Debug, Default)]
pub(super) struct Collected(Vec<ConfigError>);

impl ConfigError {
    /// What kind of error it is.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Read { .. } => "unreadable-configuration",
            Self::Syntax { .. } => "syntax",
            Self::UnknownKey { .. } => "unknown-key",
            Self::Invalid { .. } => "invalid-value",
            Self::Rule(RuleError::Empty { .. } | RuleError::Claims { .. }) => "rule-never-matches",
            Self::Rule(RuleError::Catalog { .. }) => "invalid-value",
            Self::Idle { .. } => "no-effect",
            Self::Lacking { .. } => "incomplete",
            Self::HalfTls { present, .. } if *present == "tls.cert" => "certificate-without-key",
            Self::HalfTls { .. } => "key-without-certificate",
            Self::Unauthenticated { .. } => "unauthenticated",
        }
    }
}

impl ConfigErrors {
    /// Each of them, of which there is at least one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl Collected {
    /// The value, if there is one.
    pub(super) fn keep<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(error);
                None
            }
        }
    }

    pub(super) fn push(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    /// The value, if nothing is wrong.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(ConfigErrors(self.0)),
        }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl From<Vec<ConfigError>> for ConfigErrors {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self(errors)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let between = if number == 0 { "" } else { "; " };
            write!(f, "{between}{}", crate::chain(error))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A value that a setting cannot have.
pub(super) fn invalid(setting: &'static str, value: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid {
        setting,
        value: value.to_owned(),
        problem: problem.to_owned(),
    }
}
