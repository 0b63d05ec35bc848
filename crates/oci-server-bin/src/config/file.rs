//! The configuration file as it is written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use ipnet::IpNet;
use oci_auth::{AccessRule, Groups, ImmutableRule};
use serde::{Deserialize, Deserializer};

use super::auth::RawAuth;
use super::{ConfigError, ConfigErrors, keys};

/// The file's settings; what is absent has its default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    pub(crate) listen: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) metadata: Option<String>,
    pub(crate) blobs: Option<String>,
    pub(crate) allow_unauthenticated: bool,
    pub(crate) read_only: bool,
    pub(crate) existence: Existence,
    pub(crate) public_url: Option<String>,
    pub(crate) auth: RawAuth,
    pub(crate) access: Vec<AccessRule>,
    pub(crate) immutable: Vec<ImmutableRule>,
    pub(crate) groups: Groups,
    pub(crate) http: RawHttp,
    pub(crate) tls: RawTls,
    pub(crate) uploads: RawUploads,
    pub(crate) collection: RawCollection,
    pub(crate) metrics: RawMetrics,
    pub(crate) log: RawLog,
    pub(crate) audit: RawAudit,
    pub(crate) admin: RawAdmin,
}

/// Which references of a manifest must exist when it is pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Existence {
    #[default]
    Lax,
    Strict,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHttp {
    pub(crate) max_manifest_size: ByteSize,
    pub(crate) page_size: usize,
    pub(crate) max_page_size: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_address: usize,
    pub(crate) max_header_size: ByteSize,
    pub(crate) max_streams: u32,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) header_timeout: Span,
    pub(crate) idle_timeout: Span,
    pub(crate) body_idle_timeout: Span,
    pub(crate) drain_timeout: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTls {
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) handshake_timeout: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawUploads {
    pub(crate) max_sessions: u64,
    pub(crate) max_total_size: ByteSize,
    pub(crate) max_blob_size: Option<ByteSize>,
    pub(crate) expire_after: Span,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawCollection {
    pub(crate) grace: Span,
    pub(crate) every: Span,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawMetrics {
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLog {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAudit {
    pub(crate) path: Option<PathBuf>,
    pub(crate) max_size: ByteSize,
    pub(crate) keep: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAdmin {
    pub(crate) socket: Option<PathBuf>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// A duration as people write it, such as `30s` or `1day`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Default for RawHttp {
    fn default() -> Self {
        Self {
            max_manifest_size: ByteSize::mib(4),
            page_size: 1_000,
            max_page_size: 10_000,
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            max_header_size: ByteSize::kib(32),
            max_streams: 100,
            trusted_proxies: Vec::new(),
            header_timeout: Span(Duration::from_secs(30)),
            idle_timeout: Span(Duration::from_secs(2 * 60)),
            body_idle_timeout: Span(Duration::from_secs(60)),
            drain_timeout: Span(Duration::from_secs(30)),
        }
    }
}

impl Default for RawTls {
    fn default() -> Self {
        Self {
            cert: None,
            key: None,
            handshake_timeout: Span(Duration::from_secs(10)),
        }
    }
}

impl Default for RawAudit {
    fn default() -> Self {
        Self {
            path: None,
            max_size: ByteSize::mib(100),
            keep: 10,
        }
    }
}

impl Default for RawUploads {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            max_total_size: ByteSize::tib(1),
            max_blob_size: None,
            expire_after: Span(Duration::from_secs(24 * 60 * 60)),
        }
    }
}

impl Default for RawCollection {
    fn default() -> Self {
        Self {
            grace: Span(Duration::from_secs(24 * 60 * 60)),
            every: Span(Duration::from_secs(60)),
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map(Self).map_err(|error| {
            serde::de::Error::custom(format!(
                "{text:?} is not a duration such as 30s, 10m or 1day: {error}"
            ))
        })
    }
}

/// Where a server keeps its files and its admin socket.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) socket: Option<PathBuf>,
}

impl RawConfig {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&text(path)?, path)
    }

    /// Reads a file's text.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let unknown = keys::unknown(&table(text, path)?);
        if !unknown.is_empty() {
            let unknown = unknown.into_iter();
            let errors = unknown.map(|(key, nearest)| ConfigError::UnknownKey {
                path: path.to_owned(),
                key,
                nearest,
            });
            return Err(errors.collect::<Vec<_>>().into());
        }
        Ok(toml::from_str(text).map_err(|source| syntax(path, source))?)
    }

    /// What a file says about where the server is, although the rest may make no sense.
    pub(super) fn whereabouts(path: &Path) -> Result<Whereabouts, ConfigErrors> {
        let table = table(&text(path)?, path)?;
        let at = |value: Option<&toml::Value>| value.and_then(|v| v.as_str()).map(PathBuf::from);
        let admin = table.get("admin").and_then(toml::Value::as_table);
        Ok(Whereabouts {
            data_dir: at(table.get("data_dir")),
            socket: at(admin.and_then(|admin| admin.get("socket"))),
        })
    }
}

fn text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

fn table(text: &str, path: &Path) -> Result<toml::Table, ConfigError> {
    toml::from_str(text).map_err(|source| syntax(path, source))
}

fn syntax(path: &Path, source: toml::de::Error) -> ConfigError {
    ConfigError::Syntax {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
