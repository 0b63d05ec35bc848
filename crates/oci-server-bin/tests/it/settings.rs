//! What is said about wrong settings.

use tempfile::tempdir;

use crate::program::{Server, command, run};

#[track_caller]
fn refused(args: &[&str], expected: &[&str]) {
    let output = run(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{args:?}");
    assert!(output.stdout.is_empty());
    for text in expected {
        assert!(said.contains(text), "{args:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn wrong_flags_and_values() {
    refused(&["--lissen", "x"], &["--lissen", "--listen"]);
    refused(&["--listen", "nowhere"], &["listen", "127.0.0.1:5000"]);
    refused(
        &["--listen", "0.0.0.0:5000"],
        &["0.0.0.0:5000", "--allow-unauthenticated"],
    );
    refused(
        &["--metadata", "mysql://x"],
        &["metadata", "sqlite:PATH", "postgres://"],
    );
    refused(
        &["--blobs", "ftp://x"],
        &["blobs", "file:DIR", "s3://BUCKET"],
    );
    refused(&["--config", "/does/not/exist"], &["/does/not/exist"]);
}

#[test]
fn wrong_files() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("c.toml");
    let path = file.to_str().unwrap();
    for (text, expected) in [
        ("lisen = 'x'", "did you mean `listen`"),
        ("listen = ", "c.toml"),
        ("log.filter = 'info,=,='", "log.filter"),
    ] {
        std::fs::write(&file, text).unwrap();
        refused(&["--config", path], &[expected]);
    }
}

#[test]
fn a_port_that_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let memory = ["--metadata", "memory:", "--blobs", "memory:"];
    refused(
        &[&["--listen", &addr], &memory[..]].concat(),
        &[&addr, "could not listen"],
    );
}

#[test]
fn a_database_that_another_process_has() {
    let dir = tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let data = dir.path().to_str().unwrap();
    refused(
        &["--listen", "127.0.0.1:0", "--data-dir", data],
        &["registry.db", "process"],
    );
    server.stop();
}

#[test]
fn a_data_folder_that_cannot_be_made() {
    let dir = tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    refused(
        &[
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            below.to_str().unwrap(),
        ],
        &["error: "],
    );
}

#[test]
fn help_and_version() {
    let help = command().arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    for flag in [
        "--config",
        "--listen",
        "--data-dir",
        "--metadata",
        "--blobs",
    ] {
        assert!(text.contains(flag), "{text}");
    }
    assert!(text.contains("OCI_SERVER_LISTEN"));
    let version = command().arg("--version").output().unwrap();
    let text = String::from_utf8(version.stdout).unwrap();
    assert!(text.starts_with(concat!("oci-server ", env!("CARGO_PKG_VERSION"))));
}
