//! What the log says.

use std::io::Write;
use std::sync::{Arc, Mutex};

use oci_http::router;
use oci_http::testing::{request, send};
use oci_registry::RegistryError;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::fixture::world;
use crate::stub::Stub;

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Writes down what this thread logs from now on.
    pub(crate) fn start(&self, level: Level) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(level)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let log = std::mem::take(&mut *self.0.lock().unwrap());
        let lines = log.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("could not read")]
struct Outer(#[source] std::io::Error);

#[tokio::test]
async fn a_failure_is_logged_with_its_causes_under_its_id() {
    let log = Log::default();
    let _guard = log.start(Level::WARN);
    let disk = || Outer(std::io::Error::other("the disk is gone"));
    let app = router(Stub::failing(move || RegistryError::internal(disk())));
    let asked = request("GET", "/v2/a/manifests/v1", &[("x-request-id", "id-1")], "");
    send(&app, asked).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["level"], "ERROR");
    assert_eq!(lines[0]["fields"]["request_id"], "id-1");
    assert_eq!(
        lines[0]["fields"]["error"],
        "could not read: the disk is gone"
    );

    let app = router(Stub::failing(|| panic!("out of luck")));
    send(&app, request("GET", "/v2/a/manifests/v1", &[], "")).await;
    assert_eq!(log.lines()[0]["fields"]["error"], "panicked: out of luck");
}

#[tokio::test]
async fn requests_are_logged_by_what_they_may_change() {
    let world = world();
    let log = Log::default();
    let requests = || {
        [
            request("GET", "/v2/?secret=1", &[("x-request-id", "id-1")], ""),
            request(
                "POST",
                "/v2/a/blobs/uploads/",
                &[("x-request-id", "id-2")],
                "",
            ),
        ]
    };
    for (level, ids) in [
        (Level::DEBUG, &["id-1", "id-2"][..]),
        (Level::INFO, &["id-2"]),
        (Level::WARN, &[]),
    ] {
        let _guard = log.start(level);
        for request in requests() {
            send(&world.app, request).await;
        }
        let lines = log.lines();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| line["target"].as_str().unwrap().starts_with("oci_http"))
            .collect();
        let found: Vec<_> = lines
            .iter()
            .map(|line| line["fields"]["request_id"].clone())
            .collect();
        assert_eq!(found, ids, "{level}");
        for line in lines {
            let fields = &line["fields"];
            assert_eq!(fields["actor"], "anonymous");
            assert!(
                fields["status"].is_u64() && fields["micros"].is_u64(),
                "{fields}"
            );
            assert!(
                !fields["path"].as_str().unwrap().contains("secret"),
                "{fields}"
            );
        }
    }
}
