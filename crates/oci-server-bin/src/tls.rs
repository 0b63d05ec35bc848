//! What TLS is served with: a certificate and its key, read from PEM files.
//!
//! Handshakes are for the connection's task. Noticing that the files have changed is for
//! `reload`.

mod reload;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

use crate::config::TlsConfig;

pub(crate) use reload::{Reloader, Rereader};

/// The name of HTTP/2 in ALPN.
pub(crate) const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// Why there is no TLS to be had from the files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{setting}: could not read {}", path.display())]
    Read {
        setting: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{setting}: {} is not well-formed PEM", path.display())]
    Pem {
        setting: &'static str,
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error(
        "tls.cert: {} holds no certificate; it takes PEM, the server's own certificate first \
         and then those between it and the authority", path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error("tls.key: {} holds no private key; it takes PEM: PKCS#8, PKCS#1 or SEC1", path.display())]
    NoKey { path: PathBuf },
    #[error(
        "tls.key: the key in {path} is encrypted, and nobody is there to ask for its password; \
         `openssl pkey -in {path}` writes it without one",
        path = path.display()
    )]
    Encrypted { path: PathBuf },
    #[error(
        "tls.key: the key in {} cannot be used; it takes RSA of 2048 to 4096 bits, ECDSA over \
         P-256 or P-384, or Ed25519", path.display()
    )]
    Key {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error(
        "tls.key: the key in {} does not belong to the first certificate in {}",
        key.display(), cert.display()
    )]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error("tls.cert: the certificate in {} cannot be used", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("could not set up TLS")]
    Setup(#[from] rustls::Error),
}

/// What connections that come in now are served with. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Current(Arc<RwLock<Arc<ServerConfig>>>);

impl Current {
    fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// What holds now; it stays as it is for whoever has it.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

/// Certificate and key change together, and so do the tickets by which sessions are resumed.
fn load(files: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.cert)?;
    let key = private_key(&files.key)?;
    let provider = Arc::new(ring::default_provider());
    if let Err(source) = provider.key_provider.load_private_key(key.clone_key()) {
        let path = files.key.clone();
        return Err(TlsError::Key { path, source });
    }
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| unusable(files, source))?;
    config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

fn unusable(files: &TlsConfig, source: rustls::Error) -> TlsError {
    if matches!(source, rustls::Error::InconsistentKeys(_)) {
        return TlsError::Mismatch {
            cert: files.cert.clone(),
            key: files.key.clone(),
        };
    }
    TlsError::Certificate {
        path: files.cert.clone(),
        source,
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let setting = "tls.cert";
    let text = read(setting, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|source| malformed(setting, path, source))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.into() });
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let setting = "tls.key";
    let text = read(setting, path)?;
    // How PKCS#8 and OpenSSL's own form say so.
    let lossy = String::from_utf8_lossy(&text);
    if lossy.contains("BEGIN ENCRYPTED") || lossy.contains("4,ENCRYPTED") {
        return Err(TlsError::Encrypted { path: path.into() });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.into() },
        source => malformed(setting, path, source),
    })
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        setting,
        path: path.into(),
        source,
    })
}

fn malformed(setting: &'static str, path: &Path, source: pem::Error) -> TlsError {
    TlsError::Pem {
        setting,
        path: path.into(),
        source,
    }
}
