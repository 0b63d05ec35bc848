//! A registry as clients find it: where, over what, and who may come in.

use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::mode::Mode;
use crate::Result;
use crate::server::Server;

/// A name of `::1` for clients that trust `localhost` and all of `127.0.0.0/8` without looking.
pub(super) const ALIAS: &str = "registry.test";

/// A registry at an address.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// `host:port`, as clients name it.
    pub(super) host: String,
    /// `address:port`, where it listens.
    pub(super) address: String,
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
            address: server.address.clone(),
            metrics: server.address.clone(),
            mode: None,
            authority: None,
        };
        Ok((server, site))
    }

    /// Starts a server to which one has to log in. Over TLS it is `localhost` to its clients, or
    /// [`ALIAS`] to those that know the name.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn guarded(
        mode: Mode,
        knows_alias: bool,
        binary: &Path,
        folder: &Path,
    ) -> Result<(Server, Site)> {
        let metrics = free_address()?;
        let (mut listen, mut host, mut authority) = (free_address()?, None, None);
        if mode.tls() {
            let mut name = "localhost";
            if knows_alias && let Ok(address) = free_at("[::1]:0") {
                (listen, name) = (address, ALIAS);
            }
            let port = listen.rsplit(':').next().unwrap_or_default();
            host = Some(format!("{name}:{port}"));
            let signer = Authority::new()?;
            signer.issue(folder)?;
            let file = folder.join("ca.crt");
            std::fs::write(&file, signer.certificate())?;
            authority = Some(file);
        }
        let host = host.unwrap_or_else(|| listen.clone());
        let settings = mode.settings(&host, &metrics);
        std::fs::write(folder.join("config.toml"), settings)?;
        std::fs::write(folder.join("htpasswd"), super::mode::htpasswd())?;
        let arguments = ["--config", "config.toml"];
        let server = Server::start_at(&listen, binary, folder, &arguments)?;
        let mode = Some(mode);
        let site = Site {
            host,
            address: listen,
            metrics,
            mode,
            authority,
        };
        Ok((server, site))
    }

    /// Its address with its scheme, for those who need no name for it.
    pub(super) fn url(&self) -> String {
        let scheme = if self.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }
}

/// An address that nobody listens on right now.
pub(super) fn free_address() -> Result<String> {
    free_at("127.0.0.1:0")
}

fn free_at(address: &str) -> Result<String> {
    let listener = std::net::TcpListener::bind(address)?;
    Ok(listener.local_addr()?.to_string())
}
