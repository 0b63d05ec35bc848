//! Settings: raw as they are written, then resolved.
//!
//! Flags beat the environment, which beats the file, which beats the defaults.

mod file;
mod keys;
mod resolve;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use oci_auth::{RuleError, Rules};
use oci_registry::Options;

use crate::cli::ServeArgs;

pub(crate) use file::{LogFormat, RawConfig};

/// Settings, complete and consistent.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) metadata: MetadataUrl,
    pub(crate) blobs: BlobsUrl,
    pub(crate) registry: Options,
    pub(crate) read_only: bool,
    pub(crate) rules: Rules,
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
    #[error("{present} is set and {absent} is not; TLS takes both, and without TLS neither is set")]
    HalfTls {
        present: &'static str,
        absent: &'static str,
    },
    #[error(
        "{addr} can be reached from other machines, and anybody there could read, write and \
         delete everything; listen on a loopback address such as 127.0.0.1:{port}, or say \
         --allow-unauthenticated if the network keeps strangers out",
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
