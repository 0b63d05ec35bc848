//! The keys of a token server, fetched by HTTPS.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oci_auth::JwksSource;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, parse_pem};

/// The largest set that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How long fetching it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A key set at a URL. It goes there and nowhere else: redirects are not followed.
#[derive(Clone, Debug)]
pub(super) struct JwksUrl {
    url: Arc<str>,
    agent: Agent,
}

impl JwksUrl {
    /// The key set at `url`. The server is vouched for by the certificates of the file `ca`, or
    /// by those that browsers know.
    ///
    /// Blocks.
    pub(super) fn new(url: &str, ca: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let roots = match ca {
            Some(path) => RootCerts::new_with_certs(&certificates(path)?),
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .https_only(true)
            .max_redirects(0)
            .max_redirects_will_error(true)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self {
            url: url.into(),
            agent: Agent::new_with_config(config),
        })
    }

    fn get(&self) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let answer = self.agent.get(&*self.url).call()?;
        let limited = answer.into_body().into_with_config().limit(MAX_BYTES);
        Ok(limited.read_to_vec()?)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Box<dyn Error>> {
    let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let ureq::tls::PemItem::Certificate(certificate) = item? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(format!("{} has no certificate", path.display()).into());
    }
    Ok(certificates)
}

#[async_trait]
impl JwksSource for JwksUrl {
    async fn fetch(&self) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let source = self.clone();
        let fetched = tokio::task::spawn_blocking(move || source.get()).await?;
        fetched.map_err(|error| format!("{}: {error}", self.url).into())
    }
}
