//! Where the database is and how to speak to it: the connection URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How many connections a replica keeps at most, where the URL does not say.
const POOL_SIZE: usize = 16;

/// How long a connection may take to come about, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a silent peer is waited for before it is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// How long sent bytes may stay without an acknowledgement.
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the database is and how to speak to it.
///
/// It is parsed from `postgres://user:password@host:port/database?…`, with the parameters of
/// libpq (`host` may name the folder of a Unix socket), and with those below. Of several hosts,
/// the one that takes writes is connected to.
/// - `sslmode`: `disable`, `prefer` (encrypt if the server can; the default), `require` (encrypt,
///   whoever the server is), `verify-ca` (and check that its certificate is by a known
///   authority), `verify-full` (and that it is for this host).
/// - `sslrootcert`: a PEM file with the authorities; where it is absent, or `system`, those of
///   the system. As in libpq, `require` with a file is `verify-ca`.
/// - `pool_size`: how many connections are kept at most, 1 to 1000 (16).
///
/// `Debug` shows everything but the password.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    pub(super) postgres: Config,
    pub(super) trust: Trust,
    pub(super) pool_size: usize,
}

/// Whom a connection with TLS believes to be the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anybody.
    Anyone,
    /// Who has a certificate by one of the authorities.
    Authority(Roots),
    /// Who has a certificate by one of the authorities for the host.
    Host(Roots),
}

/// Where the authorities come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(PathBuf),
}

/// The text is no connection URL. It says what is wrong and shows nothing of the text, parts of
/// which may belong to a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresConfigError {
    /// It does not start as one.
    #[error("a PostgreSQL URL starts with postgres:// or postgresql://")]
    Scheme,
    /// A parameter of this program is not what it can be.
    #[error("in the PostgreSQL URL, {name} must be {expected}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it can be.
        expected: &'static str,
    },
    /// Something else, such as an unknown parameter.
    #[error(
        "the PostgreSQL URL is not postgres://user:password@host:port/database?parameter=value \
         with known parameters (characters such as @ : / ? # in a password are to be \
         percent-encoded)"
    )]
    Url,
}

impl FromStr for PostgresConfig {
    type Err = PostgresConfigError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(PostgresConfigError::Scheme);
        }
        // A password may have a question mark of its own.
        let host = url.find('@').map_or(0, |at| at + 1);
        let question = url[host..].find('?').map_or(url.len(), |at| host + at);
        let (base, query) = url.split_at(question);
        let query = query.strip_prefix('?').unwrap_or_default();
        let mut own = Own::default();
        let mut others = Vec::new();
        for parameter in query.split('&').filter(|p| !p.is_empty()) {
            if !own.take(parameter)? {
                others.push(parameter);
            }
        }
        let url = format!("{base}?{}", others.join("&"));
        let mut postgres: Config = url.parse().map_err(|_| PostgresConfigError::Url)?;
        if postgres.get_hosts().is_empty() && postgres.get_hostaddrs().is_empty() {
            return Err(PostgresConfigError::Url);
        }
        let has = |name| others.iter().any(|p| p.split('=').next() == Some(name));
        complete(&mut postgres, has);
        postgres.ssl_mode(own.ssl_mode(&postgres));
        Ok(Self {
            pool_size: own.pool_size.unwrap_or(POOL_SIZE),
            trust: own.trust(),
            postgres,
        })
    }
}

/// Sets what the URL leaves open.
fn complete(config: &mut Config, has: impl Fn(&'static str) -> bool) {
    if !has("application_name") {
        config.application_name("oci-server");
    }
    if !has("connect_timeout") {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if !has("keepalives_idle") {
        config.keepalives_idle(KEEPALIVE);
    }
    if !has("tcp_user_timeout") {
        config.tcp_user_timeout(USER_TIMEOUT);
    }
    // Of several servers all but one are standbys, which lag behind and take no writes.
    if !has("target_session_attrs") && config.get_hosts().len() > 1 {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
}

/// The parameters that are read here.
#[derive(Default)]
struct Own {
    mode: Option<Mode>,
    roots: Option<Roots>,
    pool_size: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Own {
    /// Takes a parameter; false: it is somebody else's.
    fn take(&mut self, parameter: &str) -> Result<bool, PostgresConfigError> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| PostgresConfigError::Url)?;
        match name {
            "sslmode" => self.mode = Some(mode(&value)?),
            "sslrootcert" => self.roots = Some(roots(&value)?),
            "pool_size" => self.pool_size = Some(pool_size(&value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A Unix socket needs no encryption, and PostgreSQL offers none there.
    fn ssl_mode(&self, config: &Config) -> SslMode {
        let is_local = config.get_hosts().iter().all(is_socket) && !config.get_hosts().is_empty();
        match self.mode.unwrap_or(Mode::Prefer) {
            _ if is_local => SslMode::Disable,
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    fn trust(self) -> Trust {
        let mode = self.mode.unwrap_or(Mode::Prefer);
        match (mode, self.roots) {
            (Mode::VerifyFull, roots) => Trust::Host(roots.unwrap_or(Roots::System)),
            (Mode::VerifyCa, roots) => Trust::Authority(roots.unwrap_or(Roots::System)),
            (Mode::Require, Some(roots)) => Trust::Authority(roots),
            (Mode::Disable | Mode::Prefer | Mode::Require, _) => Trust::Anyone,
        }
    }
}

#[cfg(unix)]
fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_socket(_: &Host) -> bool {
    false
}

fn mode(value: &str) -> Result<Mode, PostgresConfigError> {
    match value {
        "disable" => Ok(Mode::Disable),
        "prefer" => Ok(Mode::Prefer),
        "require" => Ok(Mode::Require),
        "verify-ca" => Ok(Mode::VerifyCa),
        "verify-full" => Ok(Mode::VerifyFull),
        _ => Err(PostgresConfigError::Parameter {
            name: "sslmode",
            expected: "disable, prefer, require, verify-ca or verify-full",
        }),
    }
}

fn roots(value: &str) -> Result<Roots, PostgresConfigError> {
    match value {
        "" => Err(PostgresConfigError::Parameter {
            name: "sslrootcert",
            expected: "the path of a PEM file, or system",
        }),
        "system" => Ok(Roots::System),
        path => Ok(Roots::File(path.into())),
    }
}

fn pool_size(value: &str) -> Result<usize, PostgresConfigError> {
    let size = value.parse().ok();
    size.filter(|size| (1..=1000).contains(size))
        .ok_or(PostgresConfigError::Parameter {
            name: "pool_size",
            expected: "a number from 1 to 1000",
        })
}

impl fmt::Display for PostgresConfig {
    /// The hosts and the database, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, host) in self.postgres.get_hosts().iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(folder) => write!(f, "{}", folder.display())?,
            }
        }
        match self.postgres.get_dbname().or(self.postgres.get_user()) {
            Some(database) => write!(f, "/{database}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<PostgresConfig, PostgresConfigError> {
        url.parse()
    }

    #[test]
    fn a_url_says_what_libpq_would_read() {
        let config = parse("postgres://me:p%40ss@db.example:5433/registry?pool_size=3").unwrap();
        assert_eq!(config.postgres.get_user(), Some("me"));
        assert_eq!(config.postgres.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(config.postgres.get_ports(), [5433]);
        assert_eq!(config.postgres.get_dbname(), Some("registry"));
        assert_eq!(config.postgres.get_application_name(), Some("oci-server"));
        assert_eq!(config.postgres.get_ssl_mode(), SslMode::Prefer);
        assert_eq!((config.pool_size, config.trust.clone()), (3, Trust::Anyone));
        assert_eq!(config.to_string(), "db.example/registry");
        let odd = parse("postgres://me:p?pool_size=9&@db/x").unwrap();
        assert_eq!(odd.postgres.get_password(), Some(&b"p?pool_size=9&"[..]));
        assert_eq!(odd.pool_size, POOL_SIZE);
        let socket = parse("postgresql:///x?host=/run/pg&user=me&sslmode=require").unwrap();
        assert_eq!(socket.postgres.get_ssl_mode(), SslMode::Disable);
        assert_eq!(socket.pool_size, POOL_SIZE);
    }

    #[test]
    fn of_several_hosts_the_primary_is_meant() {
        for (url, attributes) in [
            ("postgres://db/x", TargetSessionAttrs::Any),
            ("postgres://a,b:5433/x", TargetSessionAttrs::ReadWrite),
            (
                "postgres://a,b/x?target_session_attrs=any",
                TargetSessionAttrs::Any,
            ),
        ] {
            let config = parse(url).unwrap();
            assert_eq!(config.postgres.get_target_session_attrs(), attributes);
        }
    }

    #[test]
    fn sslmode_says_whom_to_trust() {
        let file = || Roots::File("/etc/ca+1.pem".into());
        let cases = [
            ("sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("sslmode=require", SslMode::Require, Trust::Anyone),
            (
                "sslmode=require&sslrootcert=/etc/ca%2B1.pem",
                SslMode::Require,
                Trust::Authority(file()),
            ),
            (
                "sslmode=verify-ca",
                SslMode::Require,
                Trust::Authority(Roots::System),
            ),
            (
                "sslrootcert=/etc/ca+1.pem&sslmode=verify-full",
                SslMode::Require,
                Trust::Host(file()),
            ),
            (
                "sslmode=verify-full&sslrootcert=system",
                SslMode::Require,
                Trust::Host(Roots::System),
            ),
        ];
        for (query, mode, trust) in cases {
            let config = parse(&format!("postgres://db/x?{query}")).unwrap();
            assert_eq!(config.postgres.get_ssl_mode(), mode, "{query}");
            assert_eq!(config.trust, trust, "{query}");
        }
    }

    #[test]
    fn neither_errors_nor_debug_show_the_password() {
        let wrong = [
            "mysql://me:hunter2@db/x",
            "postgres://me:hunter2@db:port/x",
            "postgres://me:hunter2/hunter2",
            "postgres://me:hunter2@hunter2@db/x?pool_size=x",
            "postgres://me:hunter2@db/x?ssl=hunter2",
            "postgres://me:hunter2@db/x?sslmode=hunter2",
            "postgres://me:hunter2@db/x?sslrootcert=",
            "postgres://me:hunter2@db/x?pool_size=0",
            "postgres://me:hunter2@db/x?pool_size=1001",
            "postgres://me:hunter2@/x",
            "postgres://me:hunter2@db/x?connect_timeout=hunter2",
        ];
        for url in wrong {
            let error = parse(url).expect_err(url);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        let config = parse("postgres://me:hunter2@db/x").unwrap();
        assert!(!format!("{config} {config:?}").contains("hunter2"));
    }
}
