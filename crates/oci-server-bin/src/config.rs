//! Settings: raw as they are written, then resolved.
//!
//! Flags beat the environment, which beats the file, which beats the defaults.

mod auth;
mod file;
mod keys;
mod resolve;
mod rules;
mod url;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use oci_auth::RuleError;
use oci_registry::Options;

use crate::cli::ServeArgs;

pub(crate) use auth::{AuthConfig, BearerConfig, KeysFrom, Scheme};
pub(crate) use file::{LogFormat, RawConfig};
pub(crate) use rules::{Ruleset, fixed};
pub(crate) use url::PublicUrl;

/// Settings, complete and consistent.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) metadata: MetadataUrl,
    pub(crate) blobs: BlobsUrl,
    pub(crate) registry: Options,
    pub(crate) read_only: bool,
    /// The file that all of it was read from, if there was one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) allow_unauthenticated: bool,
    pub(crate) auth: Option<AuthConfig>,
    pub(crate) rules: Ruleset,
    pub(crate) audit: Option<AuditConfig>,
    /// Where the admin API is served, if it is.
    pub(crate) admin_socket: Option<PathBuf>,
    pub(crate) http: HttpConfig,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) sweep_every: Duration,
    pub(crate) log: LogConfig,
}

/// Where metadata is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MetadataUrl {
    Sqlite(PathBuf),
    Memory,
}

/// Where blobs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlobsUrl {
    File(PathBuf),
    Memory,
}

/// How connections and requests are treated.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    pub(crate) max_manifest_bytes: usize,
    pub(crate) page_size: usize,
    pub(crate) max_page_size: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) max_header_bytes: u32,
    pub(crate) max_streams: u32,
    /// Whose word on where a request comes from is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) drain_timeout: Duration,
}

/// Where the certificate for TLS and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Where the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditConfig {
    Stdout,
    File {
        path: PathBuf,
        /// At how many bytes another file is begun.
        max_bytes: u64,
        /// How many former files are kept.
        keep: u32,
    },
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

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
    #[error("{path}: {}", keys::unknown_text(key, nearest.as_deref()))]
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

impl Config {
    /// Reads the file that `args` name, if any, and puts everything together.
    pub(crate) fn load(args: ServeArgs) -> Result<Self, ConfigError> {
        let raw = match &args.config {
            Some(path) => RawConfig::read(path)?,
            None => RawConfig::default(),
        };
        resolve::resolve(args, raw)
    }
}

/// A value that a setting cannot have.
fn invalid(setting: &'static str, value: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid {
        setting,
        value: value.to_owned(),
        problem: problem.to_owned(),
    }
}
