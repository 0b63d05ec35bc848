//! A real S3 server, versitygw, over a temporary folder.
//!
//! Where the program is missing nothing that needs it counts as run: it is said on standard error,
//! and in CI (`CI=true`) it is a failure.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The bucket that is there.
pub(crate) const BUCKET: &str = "blobs";

/// A running server; it ends with this.
pub(crate) struct Gateway {
    pub(crate) server: Child,
    pub(crate) port: u16,
    pub(crate) root: TempDir,
}

impl Gateway {
    /// `None` where the program is not on this machine.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "versitygw is missing: set OCI_TEST_VERSITYGW or PATH");
            // Unlike what is printed, this is shown for tests that pass.
            let said = b"NOT RUN: no versitygw by OCI_TEST_VERSITYGW or in PATH\n";
            std::io::stderr().write_all(said).unwrap();
            return None;
        };
        // Another process may take the port first.
        for _ in 0..5 {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join(BUCKET)).unwrap();
            let port = free_port();
            let server = Command::new(&program)
                .args(["--access", "key", "--secret", "secret", "--port"])
                .arg(format!("127.0.0.1:{port}"))
                .args(arguments)
                .arg("posix")
                .arg(root.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut gateway = Self { server, port, root };
            if gateway.answers() {
                return Some(gateway);
            }
        }
        panic!("{} does not start", program.display());
    }

    fn answers(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end && self.server.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// Its URL, for `key` with the secret `secret`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("OCI_TEST_VERSITYGW") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join("versitygw"));
    places.find(|place| place.is_file())
}
