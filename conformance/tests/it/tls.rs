//! `https://`: whom the runner trusts.

use std::sync::Arc;

use oci_conformance::client::{Client, Credentials, Request, Tls, TlsOptions, Transport, Url};
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server with a certificate of its own for `localhost` and 127.0.0.1.
struct Server {
    url: Url,
    /// The certificate, as a file.
    certificate: NamedTempFile,
}

async fn serve() -> Server {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = NamedTempFile::new().unwrap();
    std::fs::write(certificate.path(), made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = [0; 4096];
            drop(stream.read(&mut buffer).await);
            drop(
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .await,
            );
        }
    });
    Server {
        url: format!("https://127.0.0.1:{port}").parse().unwrap(),
        certificate,
    }
}

async fn answers(url: &Url, options: &TlsOptions) -> Result<u16, String> {
    let transport = Transport::new(Tls::new(options), std::time::Duration::from_secs(5));
    let client = Client::new(
        Arc::new(transport),
        url.clone(),
        Credentials::Anonymous,
        Arc::default(),
    );
    let sent = client.send(&Request::get("/v2/")).await;
    sent.map(|(response, _)| response.status.as_u16())
        .map_err(|(error, _)| error.to_string())
}

#[tokio::test]
async fn only_who_is_trusted_is_spoken_to() {
    let Server { url, certificate } = serve().await;
    let refused = answers(&url, &TlsOptions::default()).await.unwrap_err();
    assert!(refused.contains("cannot connect"), "{refused}");
    let insecure = TlsOptions {
        insecure: true,
        ..TlsOptions::default()
    };
    assert_eq!(answers(&url, &insecure).await, Ok(200));
    let known = TlsOptions {
        authority: Some(certificate.path().to_owned()),
        ..TlsOptions::default()
    };
    assert_eq!(answers(&url, &known).await, Ok(200));
    let absent = TlsOptions {
        authority: Some("absent.pem".into()),
        ..TlsOptions::default()
    };
    assert!(
        answers(&url, &absent)
            .await
            .unwrap_err()
            .contains("absent.pem")
    );
}
