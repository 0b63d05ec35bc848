//! Reading files and streams whose end comes too early.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use oci_blob_store::{BlobContent, BlobRead, BlobStoreError};

fn file_read(len: usize, offset: u64, claimed: u64) -> BlobRead {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; len]).unwrap();
    BlobRead {
        len: claimed,
        content: BlobContent::File {
            file: Arc::new(File::open(file.path()).unwrap()),
            offset,
        },
    }
}

fn assert_early_end<T: std::fmt::Debug>(result: Result<T, BlobStoreError>) {
    match result {
        Err(BlobStoreError::Io { source, .. }) => {
            assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_ends_early_is_an_error_once() {
    const MIB: usize = 1 << 20;
    for (len, claimed, whole_chunks) in [
        (0, 1, 0),
        (MIB - 1, MIB, 0),
        (MIB - 1, 5 * MIB, 0),
        (MIB, 2 * MIB, 1),
    ] {
        let mut stream = file_read(len, 0, claimed as u64).into_stream();
        for _ in 0..whole_chunks {
            assert_eq!(stream.next().await.unwrap().unwrap().len(), MIB);
        }
        assert_early_end(stream.next().await.unwrap());
        assert!(stream.next().await.is_none(), "the stream ends");
        assert_early_end(file_read(len, 0, claimed as u64).into_bytes().await);
    }
}

#[tokio::test]
async fn an_offset_behind_the_end_is_an_error() {
    assert_early_end(file_read(10, 11, 1).into_bytes().await);
    let mut stream = file_read(10, u64::MAX - 1, 1).into_stream();
    assert!(stream.next().await.unwrap().is_err());
}

#[tokio::test]
async fn a_read_of_nothing_yields_no_chunk() {
    assert!(file_read(10, 10, 0).into_stream().next().await.is_none());
    let empty = BlobRead {
        len: 0,
        content: BlobContent::Bytes(Bytes::new()),
    };
    assert!(empty.into_stream().next().await.is_none());
}

#[tokio::test]
async fn a_stream_must_have_its_length() {
    let chunks = || stream::iter([&b"abc"[..], b"de"]).map(|c| Ok(Bytes::from_static(c)));
    let read = |len| BlobRead {
        len,
        content: BlobContent::Stream(Box::pin(chunks())),
    };
    assert_eq!(read(5).into_bytes().await.unwrap(), "abcde");
    assert_early_end(read(4).into_bytes().await);
    assert_early_end(read(6).into_bytes().await);
}

#[tokio::test]
async fn the_error_of_a_stream_is_passed_on() {
    let failing = stream::iter([Ok(Bytes::from_static(b"a")), Err(BlobStoreError::Busy)]);
    let read = BlobRead {
        len: 2,
        content: BlobContent::Stream(Box::pin(failing)),
    };
    let result = read.into_bytes().await;
    assert!(matches!(result, Err(BlobStoreError::Busy)), "{result:?}");
}
