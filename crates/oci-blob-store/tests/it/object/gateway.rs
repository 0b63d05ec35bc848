//! A real S3 server, versitygw, over a temporary folder: the contract, sealing of many sizes, two
//! processes on one upload, presigned addresses, and what a wrong set-up is reported as.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use oci_blob_store::Presign;

use super::versitygw::BUCKET;
use super::*;

impl Gateway {
    pub(crate) fn store(&self) -> ObjectBlobStore {
        self.store_with(BUCKET, "secret", Options::default())
    }

    fn store_with(&self, bucket: &str, secret: &str, options: Options) -> ObjectBlobStore {
        let builder = AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_access_key_id("key")
            .with_secret_access_key(secret);
        ObjectBlobStore::from_s3(builder, bucket, "some/prefix", options).unwrap()
    }

    /// How many objects are there, and staged pieces.
    fn files(&self) -> (usize, usize) {
        let count = |folder: &str| {
            let folder = self
                .root
                .path()
                .join(BUCKET)
                .join("some/prefix")
                .join(folder);
            count_files(&folder)
        };
        (count("blobs"), count("staging"))
    }
}

fn count_files(folder: &std::path::Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}

/// Fails fast where nothing answers.
fn impatient() -> Options {
    let mut options = Options::default();
    options.retries = 1;
    options.retry_timeout = Duration::from_secs(1);
    options
}

#[tokio::test]
async fn uploads_of_many_sizes_leave_one_object() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let part = Options::default().part_size;
    for (n, len) in [0, 1, 20_000, part - 1, part, part + 1, 3 * part + 500_000]
        .into_iter()
        .enumerate()
    {
        let store = gateway.store();
        let content = pattern(len);
        let staged = stage(&store, &content).await;
        let locator = seal(&store, &staged, &content).await;
        assert_eq!(seal(&store, &recorded(&staged), &content).await, locator);
        assert_holds(&store, &locator, &content).await;
        assert_eq!(gateway.files(), (n + 1, 0), "{len}");
    }
}

/// Chunks of 3 MiB, each by a store of its own.
#[tokio::test]
async fn every_chunk_may_come_to_another_process() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let content = pattern(40 * MIB + 5);
    let mut staged = gateway.store().begin().await.unwrap();
    for chunk in content.chunks(3 * MIB) {
        let store = gateway.store();
        staged = extend(&store, &recorded(&staged), chunk).await.unwrap();
    }
    let store = gateway.store();
    let locator = seal(&store, &recorded(&staged), &content).await;
    assert_holds(&store, &locator, &content).await;
    assert_eq!(gateway.files(), (1, 0));
}

#[tokio::test]
async fn a_presigned_address_answers_without_credentials() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let store = gateway.store();
    let content = pattern(100_000);
    let locator = seal(&store, &stage(&store, &content).await, &content).await;
    let url = store.presign_get(&locator, Duration::from_secs(60)).await;
    let url = url.unwrap();
    let target = url.strip_prefix(&gateway.endpoint()).unwrap();
    let answer = get(gateway.port, target);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{url}");
    assert!(answer.ends_with(&content));

    let (unsigned, _) = target.split_once('?').unwrap();
    assert!(get(gateway.port, unsigned).starts_with(b"HTTP/1.1 403"));

    let mut options = Options::default();
    options.public_endpoint = Some("https://cdn.example".to_owned());
    let store = gateway.store_with(BUCKET, "secret", options);
    let url = store.presign_get(&locator, Duration::from_secs(60)).await;
    let url = url.unwrap();
    assert!(
        url.starts_with("https://cdn.example/blobs/some/prefix/blobs/"),
        "{url}"
    );
}

fn get(port: u16, target: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// The sentence that a probe of `store` ends with.
async fn complaint(store: &ObjectBlobStore) -> String {
    match store.probe().await {
        Err(BlobStoreError::Io { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_probe_says_what_is_wrong_with_the_set_up() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    gateway.store().probe().await.unwrap();
    let store = gateway.store_with("missing", "secret", impatient());
    let text = complaint(&store).await;
    assert!(text.starts_with("the bucket does not exist"), "{text}");
    let store = gateway.store_with(BUCKET, "wrong", impatient());
    let text = complaint(&store).await;
    assert!(text.starts_with("the credentials are wrong"), "{text}");
}

#[tokio::test]
async fn a_probe_finds_a_bucket_that_can_not_be_written_to() {
    let Some(gateway) = Gateway::start(&["--readonly"]) else {
        return;
    };
    let store = gateway.store_with(BUCKET, "secret", impatient());
    let text = complaint(&store).await;
    assert!(
        text.starts_with("the bucket can not be written to"),
        "{text}"
    );
}

/// A bucket that is gone is not taken for a blob that is gone.
#[tokio::test]
async fn an_object_of_a_missing_bucket_is_not_said_to_be_missing() {
    let Some(gateway) = Gateway::start(&[]) else {
        return;
    };
    let store = gateway.store();
    let content = pattern(10);
    let locator = seal(&store, &stage(&store, &content).await, &content).await;
    let other = gateway.store_with("missing", "secret", impatient());
    let opened = other.open(&locator, 10, None).await;
    assert!(
        matches!(opened, Err(BlobStoreError::Io { .. })),
        "{opened:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_may_come_back() {
    let Some(mut gateway) = Gateway::start(&[]) else {
        return;
    };
    let store = gateway.store_with(BUCKET, "secret", impatient());
    let content = pattern(100_000);
    let staged = stage(&store, &content).await;
    gateway.server.kill().unwrap();
    gateway.server.wait().unwrap();
    let digest = Digest::sha256(&content);
    let sealed = store.seal(&staged, &digest).await;
    assert!(
        matches!(sealed, Err(BlobStoreError::Unavailable { .. })),
        "{sealed:?}"
    );
    let probed = store.probe().await;
    assert!(
        matches!(probed, Err(BlobStoreError::Unavailable { .. })),
        "{probed:?}"
    );
}
