//! Two servers over one PostgreSQL database and one S3 bucket, or one folder.

use std::path::Path;
use std::process::Command;

use oci_types::Digest;
use tempfile::tempdir;

use crate::client::{INDEX, KIND};
use crate::cluster::Cluster;
use crate::program::{Server, command};
use crate::versitygw::{BUCKET, Gateway};

/// A server over these stores.
fn replica(data: &Path, metadata: &str, blobs: &str, gateway: Option<&Gateway>) -> Server {
    Server::spawn(set_up(data, metadata, blobs, gateway))
}

fn set_up(data: &Path, metadata: &str, blobs: &str, gateway: Option<&Gateway>) -> Command {
    let mut command = command();
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(data);
    command.args(["--metadata", metadata, "--blobs", blobs]);
    if let Some(gateway) = gateway {
        command
            .env("AWS_ENDPOINT_URL", gateway.endpoint())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
    }
    command
}

/// What one server is told is true at the other.
fn share(a: &Server, b: &Server) {
    let opened = a.exchange("POST", "/v2/team/api/blobs/uploads/", "", b"");
    assert_eq!(opened.status, 202, "{}", opened.body);
    let content = "0123456789".repeat(1000);
    let (first, rest) = content.split_at(3_333);
    let octets = "application/octet-stream";
    let at_a = a.exchange("PATCH", opened.header("location"), octets, first.as_bytes());
    assert_eq!(at_a.status, 202, "{}", at_a.body);
    let at_b = b.exchange("PATCH", at_a.header("location"), octets, rest.as_bytes());
    assert_eq!(at_b.status, 202, "{}", at_b.body);
    assert_eq!(at_b.header("range"), "0-9999");
    let digest = Digest::sha256(content.as_bytes());
    let finish = format!("{}?digest={digest}", at_b.header("location"));
    let finished = a.exchange("PUT", &finish, "", b"");
    assert_eq!(finished.status, 201, "{}", finished.body);
    let blob = format!("/v2/team/api/blobs/{digest}");
    assert_eq!(b.get(&blob), (200, content));

    // A tag that one has moved is never the old one at the other.
    for round in 0..20 {
        let (writer, reader) = if round % 2 == 0 { (a, b) } else { (b, a) };
        let document = INDEX.replacen('{', &format!("{{\"annotations\":{{\"n\":\"{round}\"}},"), 1);
        let tag = "/v2/team/api/manifests/v1";
        let pushed = writer.exchange("PUT", tag, KIND, document.as_bytes());
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        assert_eq!(reader.get(tag), (200, document));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_are_one_registry_over_postgresql_and_s3() {
    let (Some(cluster), Some(gateway)) = (Cluster::shared(), Gateway::start(&[])) else {
        return;
    };
    let schema = cluster.schema().await;
    let dir = tempdir().unwrap();
    let blobs = format!("s3://{BUCKET}/some/prefix");
    let start = |name: &str| {
        let data = dir.path().join(name);
        replica(&data, &schema.url(), &blobs, Some(&gateway))
    };
    let (a, b) = (start("a"), start("b"));
    tokio::task::block_in_place(|| share(&a, &b));
    a.stop();
    b.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_are_one_registry_over_postgresql_and_a_folder() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let dir = tempdir().unwrap();
    let blobs = format!("file:{}", dir.path().join("blobs").display());
    let start = |name: &str| replica(&dir.path().join(name), &schema.url(), &blobs, None);
    let (a, b) = (start("a"), start("b"));
    tokio::task::block_in_place(|| share(&a, &b));
    a.stop();
    b.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_goes_with_s3() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let dir = tempdir().unwrap();
    let database = format!("sqlite:{}", dir.path().join("registry.db").display());
    let blobs = format!("s3://{BUCKET}");
    let server = replica(dir.path(), &database, &blobs, Some(&gateway));
    tokio::task::block_in_place(|| share(&server, &server));
    server.stop();
}

#[test]
fn stores_that_cannot_be_used_end_the_start_by_name() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let dir = tempdir().unwrap();
    let nobody = "postgres://nobody:secret-word@127.0.0.1:1/registry?connect_timeout=1";
    for (metadata, blobs, named) in [
        ("memory:", "s3://not-there/x", "blobs = s3://not-there/x: "),
        (nobody, "memory:", "metadata = postgres://127.0.0.1"),
        ("postgres://h/d?sslmode=maybe", "memory:", "metadata = "),
        ("memory:", "s3://", "blobs = \"s3://\""),
    ] {
        let output = set_up(dir.path(), metadata, blobs, Some(&gateway))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(named), "{said}");
        assert!(!said.contains("secret-word"), "{said}");
    }
}
