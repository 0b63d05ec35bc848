//! From what was written to what holds.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use oci_meta::{Existence, SessionLimits};
use oci_registry::Options;
use oci_upload::Terms;

use super::auth::Surroundings;
use super::file::{self, RawConfig};
use super::{
    AuditConfig, BlobsUrl, Config, ConfigError, HttpConfig, LogConfig, MetadataUrl, PublicUrl,
    Ruleset, TlsConfig, invalid,
};
use crate::cli::ServeArgs;

/// As much is needed for the headers that clients of registries send without a token.
const MIN_HEADER_BYTES: u32 = 4 << 10;
const MIN_AUDIT_BYTES: u64 = 64 << 10;
const DEFAULT_LISTEN: &str = "127.0.0.1:5000";
const DEFAULT_DATA_DIR: &str = "./oci-data";

pub(super) fn resolve(args: ServeArgs, mut raw: RawConfig) -> Result<Config, ConfigError> {
    let allowed = args.allow_unauthenticated || raw.allow_unauthenticated;
    let listen = args.listen.or(raw.listen.take());
    let listen = address("listen", listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
    let public_url = public_url(raw.public_url.as_deref())?;
    let auth = std::mem::take(&mut raw.auth).resolve(&Surroundings {
        loopback: listen.ip().is_loopback(),
        public_url: public_url.as_ref(),
    })?;
    if !listen.ip().is_loopback() && auth.is_none() && !allowed {
        return Err(ConfigError::Unauthenticated { addr: listen });
    }
    if auth.is_none() && !raw.access.is_empty() {
        let setting = "[[access]]";
        return Err(ConfigError::Idle { setting });
    }
    let metrics_listen = match &raw.metrics.listen {
        Some(text) => Some(address("metrics.listen", text)?),
        None => None,
    };
    let data_dir = args.data_dir.or(raw.data_dir.take());
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    let metadata = metadata(args.metadata.or(raw.metadata.take()).as_deref(), &data_dir)?;
    let blobs = blobs(args.blobs.or(raw.blobs.take()).as_deref(), &data_dir)?;
    let rules = Ruleset::take(&mut raw)?;
    Ok(Config {
        listen,
        metrics_listen,
        metadata,
        blobs,
        registry: options(&raw),
        read_only: raw.read_only,
        file: args.config,
        public_url,
        allow_unauthenticated: allowed,
        auth,
        rules,
        audit: audit(raw.audit.path.take(), &raw)?,
        admin_socket: admin_socket(raw.admin.socket.take(), &data_dir),
        data_dir,
        http: http(&raw)?,
        tls: tls(raw.tls.cert, raw.tls.key)?,
        sweep_every: raw.collection.every.0,
        log: LogConfig {
            filter: raw.log.filter,
            format: raw.log.format,
        },
    })
}

fn options(raw: &RawConfig) -> Options {
    let defaults = Options::default();
    Options {
        terms: Terms {
            expiry: raw.uploads.expire_after.0,
            max_bytes: raw
                .uploads
                .max_blob_size
                .map_or(u64::MAX, |size| size.as_u64()),
            ..defaults.terms
        },
        session_limits: SessionLimits {
            sessions: raw.uploads.max_sessions,
            bytes: raw.uploads.max_total_size.as_u64(),
        },
        existence: match raw.existence {
            file::Existence::Lax => Existence::Lax,
            file::Existence::Strict => Existence::Strict,
        },
        grace: raw.collection.grace.0,
        body_idle: raw.http.body_idle_timeout.0,
        // SQLite and memory belong to one process.
        sole_owner: true,
        ..defaults
    }
}

fn http(raw: &RawConfig) -> Result<HttpConfig, ConfigError> {
    let http = &raw.http;
    let max_manifest_bytes = usize::try_from(http.max_manifest_size.as_u64()).unwrap_or(usize::MAX);
    for (setting, value) in [
        ("http.page_size", http.page_size),
        ("http.max_page_size", http.max_page_size),
        ("http.max_connections", http.max_connections),
        (
            "http.max_connections_per_address",
            http.max_connections_per_address,
        ),
        ("http.max_streams", http.max_streams as usize),
        ("http.max_manifest_size", max_manifest_bytes),
    ] {
        if value == 0 {
            return Err(invalid(setting, "0", "it has to be at least 1"));
        }
    }
    let max_header_bytes = u32::try_from(http.max_header_size.as_u64()).unwrap_or(u32::MAX);
    if max_header_bytes < MIN_HEADER_BYTES {
        let size = http.max_header_size.to_string();
        let problem = "requests need more; it has to be at least 4KiB";
        return Err(invalid("http.max_header_size", &size, problem));
    }
    Ok(HttpConfig {
        max_manifest_bytes,
        page_size: http.page_size.min(http.max_page_size),
        max_page_size: http.max_page_size,
        max_connections: http.max_connections,
        max_connections_per_address: http.max_connections_per_address,
        max_header_bytes,
        max_streams: http.max_streams,
        trusted_proxies: http.trusted_proxies.clone(),
        header_timeout: http.header_timeout.0,
        handshake_timeout: raw.tls.handshake_timeout.0,
        idle_timeout: http.idle_timeout.0,
        drain_timeout: http.drain_timeout.0,
    })
}

fn tls(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsConfig>, ConfigError> {
    let half = |present, absent| Err(ConfigError::HalfTls { present, absent });
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsConfig { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => half("tls.cert", "tls.key"),
        (None, Some(_)) => half("tls.key", "tls.cert"),
    }
}

fn public_url(text: Option<&str>) -> Result<Option<PublicUrl>, ConfigError> {
    let parse = |text: &str| {
        let parsed = text.parse::<PublicUrl>();
        parsed.map_err(|error| invalid("public_url", text, &format!("{error}")))
    };
    text.map(parse).transpose()
}

/// `-` is the standard output.
fn audit(path: Option<PathBuf>, raw: &RawConfig) -> Result<Option<AuditConfig>, ConfigError> {
    let max_bytes = raw.audit.max_size.as_u64();
    if max_bytes < MIN_AUDIT_BYTES {
        let size = raw.audit.max_size.to_string();
        let problem = "a file has to hold more than a few lines; it has to be at least 64KiB";
        return Err(invalid("audit.max_size", &size, problem));
    }
    Ok(path.map(|path| {
        if path == Path::new("-") {
            AuditConfig::Stdout
        } else {
            AuditConfig::File {
                path,
                max_bytes,
                keep: raw.audit.keep,
            }
        }
    }))
}

/// An empty path is none.
fn admin_socket(path: Option<PathBuf>, data_dir: &Path) -> Option<PathBuf> {
    let path = path.unwrap_or_else(|| data_dir.join("admin.sock"));
    (!path.as_os_str().is_empty()).then_some(path)
}

fn address(setting: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    let problem = "it is not an address with a port, such as 127.0.0.1:5000 or [::1]:5000";
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|_| invalid(setting, text, problem))?;
    addresses
        .next()
        .ok_or_else(|| invalid(setting, text, problem))
}

fn metadata(url: Option<&str>, data_dir: &Path) -> Result<MetadataUrl, ConfigError> {
    let Some(url) = url else {
        return Ok(MetadataUrl::Sqlite(data_dir.join("registry.db")));
    };
    match url.split_once(':') {
        Some(("memory", "")) => Ok(MetadataUrl::Memory),
        Some(("sqlite", path)) if !path.is_empty() => Ok(MetadataUrl::Sqlite(local(path))),
        _ => Err(invalid("metadata", url, "it takes sqlite:PATH or memory:")),
    }
}

fn blobs(url: Option<&str>, data_dir: &Path) -> Result<BlobsUrl, ConfigError> {
    let Some(url) = url else {
        return Ok(BlobsUrl::File(data_dir.to_owned()));
    };
    match url.split_once(':') {
        Some(("memory", "")) => Ok(BlobsUrl::Memory),
        Some(("file", path)) if !path.is_empty() => Ok(BlobsUrl::File(local(path))),
        _ => Err(invalid("blobs", url, "it takes file:DIR or memory:")),
    }
}

/// `PATH` and `///PATH` are the same absolute path.
fn local(path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}
