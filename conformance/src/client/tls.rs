//! TLS for `https://` registries.

use std::io;
use std::path::PathBuf;

use tokio::net::TcpStream;

use super::transport::Stream;

/// Whom to trust.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A file of PEM certificates to trust beside the platform's.
    pub authority: Option<PathBuf>,
    /// Trust any certificate.
    pub insecure: bool,
}

/// Opens TLS sessions, or explains why it cannot.
pub struct Tls {
    #[cfg(feature = "tls")]
    connector: Result<tokio_rustls::TlsConnector, String>,
}

#[cfg(not(feature = "tls"))]
impl Tls {
    /// A stand-in that refuses every session.
    pub fn new(_options: &TlsOptions) -> Tls {
        Tls {}
    }

    pub(super) async fn connect(&self, _: &str, _: TcpStream) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::other(
            "this runner was built without its `tls` feature",
        ))
    }
}

#[cfg(feature = "tls")]
mod with_rustls {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
    use tokio_rustls::TlsConnector;

    use super::{Stream, TcpStream, Tls, TlsOptions, io};

    impl Tls {
        /// Reads the certificates to trust. A failure is kept and reported by the first session,
        /// so that plain HTTP works on a machine without certificates.
        pub fn new(options: &TlsOptions) -> Tls {
            Tls {
                connector: connector(options),
            }
        }

        pub(in crate::client) async fn connect(
            &self,
            host: &str,
            tcp: TcpStream,
        ) -> io::Result<Box<dyn Stream>> {
            let connector = self
                .connector
                .as_ref()
                .map_err(|why| io::Error::other(why.clone()))?;
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            Ok(Box::new(connector.connect(name, tcp).await?))
        }
    }

    fn connector(options: &TlsOptions) -> Result<TlsConnector, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = if options.insecure {
            let verifier = Arc::new(TrustAnyone(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth()
        } else {
            builder
                .with_root_certificates(roots(options)?)
                .with_no_client_auth()
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn roots(options: &TlsOptions) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &options.authority {
            let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let certificates = CertificateDer::pem_file_iter(path).map_err(|e| named(&e))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|e| named(&e))?;
                roots.add(certificate).map_err(|e| named(&e))?;
            }
        }
        Ok(roots)
    }

    /// Accepts any certificate, for registries under test with one of their own making.
    #[derive(Debug)]
    struct TrustAnyone(Arc<CryptoProvider>);

    impl ServerCertVerifier for TrustAnyone {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signed, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signed, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
