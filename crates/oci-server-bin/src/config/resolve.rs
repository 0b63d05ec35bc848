//! From what was written to what holds.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use oci_meta::{Existence, SessionLimits};
use oci_registry::Options;
use oci_upload::Terms;

use super::auth::Surroundings;
use super::errors::{Collected, invalid};
use super::file::{self, RawConfig};
use super::{
    AuditConfig, AuthConfig, BlobsUrl, Config, ConfigError, ConfigErrors, HttpConfig, LogConfig,
    MetadataUrl, PublicUrl, Ruleset, TlsConfig,
};
use crate::cli::ServeArgs;

/// As much is needed for the headers that clients of registries send without a token.
const MIN_HEADER_BYTES: u32 = 4 << 10;
const MIN_AUDIT_BYTES: u64 = 64 << 10;
const DEFAULT_LISTEN: &str = "127.0.0.1:5000";
pub(super) const DEFAULT_DATA_DIR: &str = "./oci-data";

pub(super) fn resolve(args: ServeArgs, mut raw: RawConfig) -> Result<Config, ConfigErrors> {
    let mut errors = Collected::default();
    let access = errors.keep(access(&args, &mut raw));
    let metrics_listen = raw.metrics.listen.as_deref();
    let metrics_listen = metrics_listen.map(|text| address("metrics.listen", text));
    let metrics_listen = errors.keep(metrics_listen.transpose());
    let data_dir = args.data_dir.or(raw.data_dir.take());
    let data_dir = data_dir.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR));
    let metadata = args.metadata.or(raw.metadata.take());
    let metadata = errors.keep(metadata_url(metadata.as_deref(), &data_dir));
    let blobs = args.blobs.or(raw.blobs.take());
    let blobs = errors.keep(blobs_url(blobs.as_deref(), &data_dir));
    if access.as_ref().is_some_and(|access| access.auth.is_none()) && !raw.access.is_empty() {
        let setting = "[[access]]";
        errors.push(ConfigError::Idle { setting });
    }
    let rules = errors.keep(Ruleset::take(&mut raw));
    let audit = errors.keep(audit(raw.audit.path.take(), &raw));
    let http = errors.keep(http(&raw));
    // SQLite and memory belong to one process.
    let sole_owner = !matches!(metadata, Some(MetadataUrl::Postgres(_)));
    let registry = options(&raw, sole_owner);
    let tls = errors.keep(tls(raw.tls.cert, raw.tls.key));
    let all = || {
        let access = access?;
        Some(Config {
            listen: access.listen,
            metrics_listen: metrics_listen?,
            metadata: metadata?,
            blobs: blobs?,
            registry,
            read_only: raw.read_only,
            file: args.config,
            public_url: access.public_url,
            allow_unauthenticated: access.allow_unauthenticated,
            auth: access.auth,
            rules: rules?,
            audit: audit?,
            admin_socket: admin_socket(raw.admin.socket.take(), &data_dir),
            data_dir,
            http: http?,
            tls: tls?,
            sweep_every: raw.collection.every.0,
            log: LogConfig {
                filter: raw.log.filter,
                format: raw.log.format,
            },
        })
    };
    let config = all();
    errors.finish(config)
}

/// Who can connect, and who of them may do something.
struct Access {
    listen: SocketAddr,
    public_url: Option<PublicUrl>,
    allow_unauthenticated: bool,
    auth: Option<AuthConfig>,
}

fn access(args: &ServeArgs, raw: &mut RawConfig) -> Result<Access, ConfigError> {
    let allow_unauthenticated = args.allow_unauthenticated || raw.allow_unauthenticated;
    let listen = args.listen.clone().or(raw.listen.take());
    let listen = address("listen", listen.as_deref().unwrap_or(DEFAULT_LISTEN))?;
    let public_url = public_url(raw.public_url.as_deref())?;
    let loopback = listen.ip().is_loopback();
    let auth = std::mem::take(&mut raw.auth).resolve(&Surroundings {
        loopback,
        public_url: public_url.as_ref(),
    })?;
    if !loopback && auth.is_none() && !allow_unauthenticated {
        return Err(ConfigError::Unauthenticated { addr: listen });
    }
    Ok(Access {
        listen,
        public_url,
        allow_unauthenticated,
        auth,
    })
}

fn options(raw: &RawConfig, sole_owner: bool) -> Options {
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
        sole_owner,
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
pub(super) fn admin_socket(path: Option<PathBuf>, data_dir: &Path) -> Option<PathBuf> {
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

fn metadata_url(url: Option<&str>, data_dir: &Path) -> Result<MetadataUrl, ConfigError> {
    let Some(url) = url else {
        return Ok(MetadataUrl::Sqlite(data_dir.join("registry.db")));
    };
    match url.split_once(':') {
        Some(("memory", "")) => Ok(MetadataUrl::Memory),
        Some(("sqlite", path)) if !path.is_empty() => Ok(MetadataUrl::Sqlite(local(path))),
        Some(("postgres" | "postgresql", _)) => match url.parse() {
            Ok(config) => Ok(MetadataUrl::Postgres(Box::new(config))),
            // The URL may hold a password.
            Err(error) => Err(invalid("metadata", "postgres://…", &format!("{error}"))),
        },
        _ => Err(invalid(
            "metadata",
            url,
            "it takes sqlite:PATH, postgres://USER@HOST/DATABASE or memory:",
        )),
    }
}

fn blobs_url(url: Option<&str>, data_dir: &Path) -> Result<BlobsUrl, ConfigError> {
    let Some(url) = url else {
        return Ok(BlobsUrl::File(data_dir.to_owned()));
    };
    match url.split_once(':') {
        Some(("memory", "")) => Ok(BlobsUrl::Memory),
        Some(("file", path)) if !path.is_empty() => Ok(BlobsUrl::File(local(path))),
        Some(("s3", rest)) if rest.len() > "//".len() => Ok(BlobsUrl::Object(url.to_owned())),
        _ => Err(invalid(
            "blobs",
            url,
            "it takes file:DIR, s3://BUCKET/PREFIX or memory:",
        )),
    }
}

/// `PATH` and `///PATH` are the same absolute path.
fn local(path: &str) -> PathBuf {
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}
