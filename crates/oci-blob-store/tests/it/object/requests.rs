//! Which requests are made, and what they leave.

use super::*;

/// Stages and seals `len` bytes in parts of 8 MiB, as one request does, and answers what sealing
/// asked of the store.
async fn finishing(bucket: &Bucket, len: usize) -> Vec<Request> {
    let store = store(bucket, 8 * MIB);
    let content = pattern(len);
    let staged = stage(&store, &content).await;
    bucket.take_requests();
    let locator = seal(&store, &staged, &content).await;
    let requests = bucket.take_requests();
    assert_holds(&store, &locator, &content).await;
    store.remove(&locator).await.unwrap();
    assert_eq!(bucket.keys().await, Vec::<String>::new());
    bucket.take_requests();
    requests
}

#[tokio::test]
async fn finishing_costs_the_same_for_10_mib_and_258() {
    let bucket = Bucket::new();
    let small = finishing(&bucket, 10 * MIB).await;
    assert_eq!(small, [Request::Complete, Request::Head, Request::Delete]);
    assert_eq!(finishing(&bucket, 258 * MIB).await, small);
    // Without a tail there is nothing to remove; one in the record is sent.
    let even = finishing(&bucket, 256 * MIB).await;
    assert_eq!(even, [Request::Complete, Request::Head]);
    let inline = finishing(&bucket, 8 * MIB + 1).await;
    assert_eq!(inline, [Request::Part, Request::Complete, Request::Head]);
}

#[tokio::test]
async fn nothing_is_created_before_it_has_to_be() {
    let bucket = Bucket::new();
    let store = store(&bucket, 8 * MIB);
    let staged = stage(&store, b"").await;
    assert_eq!(bucket.take_requests(), []);
    store.discard(&staged).await.unwrap();
    assert_eq!(bucket.take_requests(), []);

    let tiny = pattern(10_000);
    let staged = stage(&store, &tiny).await;
    assert_eq!(bucket.take_requests(), []);
    seal(&store, &staged, &tiny).await;
    assert_eq!(bucket.take_requests(), [Request::Put]);

    let small = pattern(MIB);
    let staged = stage(&store, &small).await;
    assert_eq!(bucket.take_requests(), [Request::Put]);
    seal(&store, &staged, &small).await;
    assert_eq!(
        bucket.take_requests(),
        [Request::Get, Request::Put, Request::Delete]
    );
}

#[tokio::test]
async fn a_large_upload_is_parts_and_one_tail() {
    let bucket = Bucket::new();
    let store = store(&bucket, 8 * MIB);
    stage(&store, &pattern(26 * MIB)).await;
    let mut requests = bucket.take_requests();
    requests.sort_unstable();
    let parts = [Request::Part; 4];
    assert_eq!(requests[..2], [Request::Put, Request::Create]);
    assert_eq!(requests[2..], parts, "three are full, one is the tail");
}

/// Chunks of 3 MiB, each from a store of its own: each adds one object at most, tails are read
/// once, and nothing is left at the end.
#[tokio::test]
async fn tails_are_read_once_and_removed() {
    let bucket = Bucket::new();
    let content = pattern(200 * MIB);
    let mut staged = store(&bucket, 8 * MIB).begin().await.unwrap();
    let mut all = Vec::new();
    for chunk in content.chunks(3 * MIB) {
        let store = store(&bucket, 8 * MIB);
        staged = extend(&store, &recorded(&staged), chunk).await.unwrap();
        let requests = bucket.take_requests();
        let count = |kind| requests.iter().filter(|r| **r == kind).count();
        assert!(count(Request::Put) <= 1, "{requests:?}");
        all.extend(requests);
        let staged = bucket.keys().await;
        assert!(staged.len() <= 6, "{staged:?}");
    }
    let count = |kind| all.iter().filter(|r| **r == kind).count();
    assert!(count(Request::Get) <= count(Request::Put));
    assert_eq!(count(Request::Create), 1);
    let store = store(&bucket, 8 * MIB);
    let locator = seal(&store, &staged, &content).await;
    assert_holds(&store, &locator, &content).await;
    assert_eq!(bucket.keys().await.len(), 1);
    assert_eq!(bucket.open_uploads(), 0);
}

/// One request that takes checkpoints on its way removes what only it knew of.
#[tokio::test]
async fn checkpoints_of_one_writer_do_not_pile_up() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let content = pattern(40 * MIB);
    let mut writer = store.append(&store.begin().await.unwrap()).await.unwrap();
    let mut staged = None;
    for chunk in content.chunks(MIB + 100_000) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        staged = Some(writer.checkpoint().await.unwrap());
        assert!(bucket.keys().await.len() <= 3);
    }
    assert!(
        !bucket.take_requests().contains(&Request::Get),
        "nothing is read"
    );
    drop(writer);
    let locator = seal(&store, &staged.unwrap(), &content).await;
    assert_holds(&store, &locator, &content).await;
    assert_eq!(bucket.keys().await.len(), 1);
}

#[tokio::test]
async fn discarding_leaves_nothing() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    for steps in [
        &[100][..],
        &[200_000, 200_000],
        &[3 * MIB, 500_000, 400_000],
    ] {
        let mut staged = store.begin().await.unwrap();
        for step in steps {
            staged = extend(&store, &staged, &pattern(*step)).await.unwrap();
        }
        store.discard(&staged).await.unwrap();
        assert_eq!(bucket.keys().await, Vec::<String>::new());
        assert_eq!(bucket.open_uploads(), 0);
    }
}

/// A request of a download is a GET, whatever its size; asking for the length is a HEAD.
#[tokio::test]
async fn reading_is_one_request() {
    let bucket = Bucket::new();
    let store = store(&bucket, MIB);
    let content = pattern(3 * MIB);
    let locator = seal(&store, &stage(&store, &content).await, &content).await;
    bucket.take_requests();
    assert_holds(&store, &locator, &content).await;
    assert_eq!(bucket.take_requests(), [Request::Get]);
    let range = Some(5..2 * MIB as u64);
    let part = store.open(&locator, content.len() as u64, range).await;
    let part = part.unwrap().into_bytes().await.unwrap();
    assert!(part == content[5..2 * MIB]);
    assert_eq!(bucket.take_requests(), [Request::Get]);
    store.size(&locator).await.unwrap();
    assert_eq!(bucket.take_requests(), [Request::Head]);
}
