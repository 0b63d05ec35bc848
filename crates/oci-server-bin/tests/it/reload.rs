//! Certificates that are replaced while the server runs.

use std::sync::Arc;
use std::time::Duration;

use tempfile::tempdir;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls::ClientConfig;

use crate::authority::{Authority, VERSIONS, serve};
use crate::client::{Client, tls};
use crate::program::Server;
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(20);

async fn is_trusted(server: &Server, client: &Arc<ClientConfig>) -> bool {
    tls(server, Arc::clone(client)).await.is_ok()
}

async fn until_trusted(server: &Server, client: &Arc<ClientConfig>) {
    let trusted = async {
        while !is_trusted(server, client).await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, trusted).await.expect("the old one stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_over_with_connections_open() {
    let dir = tempdir().unwrap();
    let old = Authority::new();
    let server = serve(dir.path(), &old, "");
    let mut open = Vec::new();
    for protocol in ["h2", "http/1.1"] {
        let stream = tls(&server, old.client(VERSIONS, &[protocol])).await;
        open.push(Client::negotiated(stream.unwrap()).await);
    }
    let old = old.client(VERSIONS, &["h2"]);
    for signalled in [true, false] {
        let new = Authority::new();
        new.issue(dir.path());
        if signalled {
            server.signal(Signal::HUP);
        }
        let new = new.client(VERSIONS, &["h2"]);
        until_trusted(&server, &new).await;
        assert!(!is_trusted(&server, &old).await);
        for client in &mut open {
            assert_eq!(client.send("GET", "/v2/", "").await.0, 200);
        }
    }
    server.signal(Signal::TERM);
    let (status, log) = server.wait();
    assert!(status.success(), "{log}");
    let count = log.matches("read the certificate again").count();
    assert_eq!(count, 2, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_certificate_leaves_the_old_one() {
    let dir = tempdir().unwrap();
    let old = Authority::new();
    let server = serve(dir.path(), &old, "");
    let client = old.client(VERSIONS, &["h2"]);
    let files = old.issue(dir.path());
    let cert = std::fs::read(&files.cert).unwrap();
    // Half a pair, as between two steps of a replacement that is never finished; and nothing.
    let other = tempdir().unwrap();
    std::fs::copy(old.issue(other.path()).cert, &files.cert).unwrap();
    server.signal(Signal::HUP);
    sleep(Duration::from_millis(500)).await;
    assert!(is_trusted(&server, &client).await);
    std::fs::remove_file(&files.cert).unwrap();
    // Longer than it takes for the change to be seen, and to be seen again.
    sleep(Duration::from_secs(8)).await;
    assert!(is_trusted(&server, &client).await);

    let new = Authority::new();
    std::fs::write(&files.cert, cert).unwrap();
    new.issue(dir.path());
    until_trusted(&server, &new.client(VERSIONS, &["h2"])).await;
    server.signal(Signal::TERM);
    let (_, log) = server.wait();
    for (text, times) in [("does not belong", 1), ("could not read tls.cert", 0)] {
        assert_eq!(log.matches(text).count(), times, "{text}: {log}");
    }
    assert_eq!(log.matches("the old one stays").count(), 2, "{log}");
}
