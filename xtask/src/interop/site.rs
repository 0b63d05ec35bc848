//! A registry as clients find it: where, over what, and who may come in.

use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::mode::Mode;
use crate::Result;
use crate::server::Server;

/// A registry at an address.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// `host:port`, as clients name it.
    pub(super) host: String,
    /// `host:port` of its metrics.
    pub(super) metrics: String,
    /// How one logs in; nobody has to without it.
    pub(super) mode: Option<Mode>,
    /// The file with the certificate of the authority that vouches for it over TLS.
    pub(super) authority: Option<PathBuf>,
}

impl Site {
    /// Starts a server to which everybody may do everything.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn open(binary: &Path, folder: &Path) -> Result<(Server, Site)> {
        let server = Server::start(binary, folder, &[])?;
        let site = Site {
            host: server.address.clone(),
            metrics: server.address.clone(),
            mode: None,
            authority: None,
        };
        Ok((server, site))
    }

    /// Starts a server to which one has to log in.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn guarded(mode: Mode, binary: &Path, folder: &Path) -> Result<(Server, Site)> {
        let (listen, metrics) = (free_address()?, free_address()?);
        let port = listen.rsplit(':').next().unwrap_or_default();
        let (host, authority) = if mode.tls() {
            let authority = Authority::new()?;
            authority.issue(folder)?;
            let file = folder.join("ca.crt");
            std::fs::write(&file, authority.certificate())?;
            (format!("localhost:{port}"), Some(file))
        } else {
            (listen.clone(), None)
        };
        let settings = mode.settings(&host, &metrics);
        std::fs::write(folder.join("config.toml"), settings)?;
        std::fs::write(folder.join("htpasswd"), super::mode::htpasswd())?;
        let arguments = ["--config", "config.toml"];
        let server = Server::start_at(&listen, binary, folder, &arguments)?;
        let mode = Some(mode);
        let site = Site {
            host,
            metrics,
            mode,
            authority,
        };
        Ok((server, site))
    }

    /// Its address with its scheme.
    pub(super) fn url(&self) -> String {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.host)
    }
}

/// An address that nobody listens on right now.
pub(super) fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}
