//! `https://`: whom the runner trusts.

use std::path::PathBuf;
use std::sync::Arc;

use oci_conformance::client::{Client, Credentials, Request, Tls, TlsOptions, Transport, Url};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// `localhost.pem` is a certificate for `localhost` and 127.0.0.1 by the authority `ca.pem`, whose
/// key nobody has any more; both are good for a hundred years.
fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/data")
        .join(name)
}

async fn serve() -> Url {
    let certificate = CertificateDer::from_pem_file(data("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(data("localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
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
    format!("https://127.0.0.1:{port}").parse().unwrap()
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
    let url = serve().await;
    let refused = answers(&url, &TlsOptions::default()).await.unwrap_err();
    assert!(refused.contains("cannot connect"), "{refused}");
    let insecure = TlsOptions {
        insecure: true,
        ..TlsOptions::default()
    };
    assert_eq!(answers(&url, &insecure).await, Ok(200));
    let known = TlsOptions {
        authority: Some(data("ca.pem")),
        ..TlsOptions::default()
    };
    assert_eq!(answers(&url, &known).await, Ok(200));
    let absent = TlsOptions {
        authority: Some(data("absent.pem")),
        ..TlsOptions::default()
    };
    assert!(
        answers(&url, &absent)
            .await
            .unwrap_err()
            .contains("absent.pem")
    );
}
