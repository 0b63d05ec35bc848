//! Logins over TCP, with passwords and TLS.

use std::error::Error;
use std::fmt::Write as _;

use oci_meta::{Health, MetaError};

use super::cluster::{Cluster, PASSWORD};
use super::support::try_connect;

/// An error with everything behind it.
fn story(error: &MetaError) -> String {
    let mut story = format!("{error:?}");
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        write!(story, " {error}").unwrap();
        next = error.source();
    }
    story
}

/// `sslmode` is kept: what it asks for is checked, and the rest is not.
#[tokio::test]
async fn sslmode_decides_what_is_checked() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let right = cluster.certificate();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("other.pem");
    std::fs::write(&wrong, other.cert.pem()).unwrap();
    let absent = folder.path().join("absent.pem");
    let cases = [
        ("127.0.0.1", "disable", None, false),
        ("127.0.0.1", "prefer", None, true),
        ("127.0.0.1", "require", None, true),
        ("127.0.0.1", "require", Some(&wrong), false),
        ("127.0.0.1", "verify-ca", Some(&right), true),
        ("127.0.0.1", "verify-ca", Some(&wrong), false),
        ("127.0.0.1", "verify-ca", Some(&absent), false),
        ("127.0.0.1", "verify-full", Some(&right), false),
        ("localhost", "verify-full", Some(&right), true),
        ("localhost", "verify-full", Some(&wrong), false),
        ("localhost", "verify-full", None, false),
    ];
    for (host, mode, roots, succeeds) in cases {
        let user = format!("postgres:{PASSWORD}");
        let mut url = schema.url_at(&user, &format!("{host}:{}", cluster.port()));
        write!(url, "&sslmode={mode}").unwrap();
        if let Some(roots) = roots {
            write!(url, "&sslrootcert={}", roots.display()).unwrap();
        }
        let case = format!("{mode} to {host} with {roots:?}");
        match try_connect(&url).await {
            Ok(store) => {
                assert!(succeeds, "{case}");
                store.probe().await.unwrap();
            }
            Err(error) => {
                let story = story(&error);
                assert!(!succeeds, "{case}: {story}");
                assert!(!story.contains(PASSWORD), "{story}");
            }
        }
    }
}

/// A wrong password is told as such, and not shown.
#[tokio::test]
async fn a_wrong_password_is_not_shown() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let address = format!("127.0.0.1:{}", cluster.port());
    let url = schema.url_at("postgres:hunter2", &address);
    let error = try_connect(&url).await.unwrap_err();
    let story = story(&error);
    assert!(matches!(error, MetaError::Unavailable { .. }), "{story}");
    assert!(story.contains("password authentication failed"), "{story}");
    assert!(!story.contains("hunter2"), "{story}");
}
