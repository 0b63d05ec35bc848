//! What a start reads before it opens a store or a port. `config check` reads the same, and stops
//! there.

use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use crate::audit::AuditLog;
use crate::auth::{self, Sources};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::finding::Finding;
use crate::tls::{Reloader, TlsError};

/// Settings with what the files hold that they name.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) certificate: Option<Reloader>,
    pub(crate) sources: Arc<Sources>,
}

/// Reads everything. There is nothing to start with if one of the findings is an error.
///
/// Blocks.
pub(crate) fn prepare(args: ServeArgs) -> (Option<Prepared>, Vec<Finding>) {
    let config = match Config::load(args) {
        Ok(config) => config,
        Err(errors) => {
            let errors = errors.iter();
            let findings = errors.map(|error| Finding::of(error.name(), error));
            return (None, findings.collect());
        }
    };
    let mut findings = Vec::new();
    if let Err(error) = EnvFilter::try_new(&config.log.filter) {
        let text = format!("log.filter = {:?}: {error}", config.log.filter);
        findings.push(Finding::error("invalid-value", text));
    }
    let certificate = match config.tls.clone().map(Reloader::load).transpose() {
        Ok(certificate) => certificate,
        Err(error) => {
            findings.push(Finding::of(name(&error), &error));
            None
        }
    };
    findings.extend(auth::key_findings(&config));
    if let Some(Err(error)) = config.audit.as_ref().map(AuditLog::check) {
        let text = format!("audit.path: {error}");
        findings.push(Finding::error("audit-log", text));
    }
    let sources = match Sources::open(&config) {
        Ok(sources) => sources,
        Err(errors) => {
            findings.extend(errors);
            return (None, findings);
        }
    };
    findings.extend(auth::findings(&config, &sources));
    let prepared = (!findings.iter().any(Finding::is_error)).then(|| Prepared {
        config,
        certificate,
        sources: Arc::new(sources),
    });
    (prepared, findings)
}

fn name(error: &TlsError) -> &'static str {
    match error {
        TlsError::Read { setting, .. } if *setting == "tls.key" => "unreadable-key",
        TlsError::Read { .. } => "unreadable-certificate",
        TlsError::Pem { setting, .. } if *setting == "tls.key" => "invalid-key",
        TlsError::NoKey { .. } | TlsError::Encrypted { .. } | TlsError::Key { .. } => "invalid-key",
        TlsError::Pem { .. }
        | TlsError::NoCertificate { .. }
        | TlsError::Mismatch { .. }
        | TlsError::Certificate { .. }
        | TlsError::Setup(_) => "invalid-certificate",
    }
}
