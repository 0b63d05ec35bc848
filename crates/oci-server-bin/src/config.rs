//! Settings: raw as they are written, then resolved.
//!
//! Flags beat the environment, which beats the file, which beats the defaults.

mod auth;
mod errors;
mod file;
mod keys;
mod resolve;
mod rules;
mod url;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use oci_meta::PostgresConfig;
use oci_registry::Options;

use crate::cli::ServeArgs;

pub(crate) use auth::{AuthConfig, BearerConfig, IssuerConfig, KeysFrom, Scheme};
pub(crate) use errors::{ConfigError, ConfigErrors};
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
#[derive(Clone, Debug)]
pub(crate) enum MetadataUrl {
    Sqlite(PathBuf),
    Postgres(Box<PostgresConfig>),
    Memory,
}

/// Where blobs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BlobsUrl {
    File(PathBuf),
    /// An `s3://` URL; who asks is said by the environment.
    Object(String),
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

/// Where the admin API of a server is that these settings started, whatever else they say.
///
/// Blocks.
pub(crate) fn admin_socket(
    file: Option<&Path>,
    data_dir: Option<PathBuf>,
) -> Result<Option<PathBuf>, ConfigErrors> {
    let written = match file {
        Some(path) => RawConfig::whereabouts(path)?,
        None => file::Whereabouts::default(),
    };
    let data_dir = data_dir.or(written.data_dir);
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from(resolve::DEFAULT_DATA_DIR));
    Ok(resolve::admin_socket(written.socket, &data_dir))
}

impl Config {
    /// Reads the file that `args` name, if any, and puts everything together.
    ///
    /// Blocks.
    pub(crate) fn load(args: ServeArgs) -> Result<Self, ConfigErrors> {
        let raw = match &args.config {
            Some(path) => RawConfig::read(path)?,
            None => RawConfig::default(),
        };
        resolve::resolve(args, raw)
    }
}
