//! An authority that signs certificates for servers of this machine, made anew for each.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::site::ALIAS;
use crate::Result;

/// Somebody who signs certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority that no one trusts yet.
    ///
    /// # Errors
    /// When there is no randomness.
    pub(super) fn new() -> Result<Authority> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of xtask");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Authority { issuer })
    }

    /// The certificate by which it is known, as PEM.
    pub(super) fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// Writes `cert.pem` and `key.pem` of a server of this machine.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn issue(&self, folder: &Path) -> Result<()> {
        let names = ["localhost", ALIAS, "127.0.0.1", "::1"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.issuer)?;
        std::fs::write(folder.join("cert.pem"), certificate.pem())?;
        std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
        Ok(())
    }
}
