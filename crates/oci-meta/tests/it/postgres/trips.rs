//! Counts round trips: what a client sends until it has to wait for an answer is one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use oci_meta::{
    Blobs, Expect, Health, Lists, Manifests, PostgresMeta, Scope, SessionLimits, SessionRecord,
    TagGuard, Timestamp, UploadSessions,
};
use oci_types::Reference;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use uuid::Uuid;

use super::cluster::{Cluster, Schema};
use super::support::{add_blob, connect, ctx, digest, image, repo, strict};

/// Stands between a store and the server and counts how often the direction turns.
#[derive(Clone, Debug, Default)]
struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    trips: AtomicUsize,
    awaits_answer: AtomicBool,
}

impl Counter {
    /// Listens for connections to the socket of the server.
    async fn listen(&self, socket: std::path::PathBuf) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counter = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(counter.clone().relay(client, server));
            }
        });
        address
    }

    async fn relay(self, mut client: TcpStream, mut server: UnixStream) {
        let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                // An answer that is there was sent before what is asked next.
                biased;
                read = server.read(&mut answered) => {
                    let Ok(n @ 1..) = read else { return };
                    self.0.awaits_answer.store(false, Ordering::SeqCst);
                    if client.write_all(&answered[..n]).await.is_err() { return }
                }
                read = client.read(&mut asked) => {
                    let Ok(n @ 1..) = read else { return };
                    if !self.0.awaits_answer.swap(true, Ordering::SeqCst) {
                        self.0.trips.fetch_add(1, Ordering::SeqCst);
                    }
                    if server.write_all(&asked[..n]).await.is_err() { return }
                }
            }
        }
    }

    /// The round trips of one operation.
    async fn of<T>(&self, operation: impl Future<Output = T>) -> usize {
        let before = self.0.trips.load(Ordering::SeqCst);
        operation.await;
        self.0.trips.load(Ordering::SeqCst) - before
    }
}

async fn counted(schema: &Schema<'_>) -> (PostgresMeta, Counter) {
    let counter = Counter::default();
    let address = counter.listen(schema.socket()).await;
    let url = schema.url_at("postgres", &address.to_string());
    let url = format!("{url}&sslmode=disable&pool_size=1");
    (connect(&url).await, counter)
}

/// On a connection that has prepared the statements. A statement that is new to a connection
/// costs a trip more, once.
#[tokio::test]
async fn operations_cost_few_round_trips() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let (store, trips) = counted(&schema).await;
    let (store, repo, now) = (&store, &repo("team/api"), &ctx());
    add_blob(store, repo, "{}", "config").await.unwrap();
    let push = async |layer: &str| {
        let put = strict(image(repo, layer, &["v1", "v2"], Expect::AbsentOrSame));
        store.put_manifest(now, put).await
    };
    let read = async |tag: &str| {
        let reference = Reference::Tag(tag.parse().unwrap());
        store.manifest(repo, &reference).await.unwrap()
    };
    add_blob(store, repo, "layer", "layer").await.unwrap();
    push("layer").await.unwrap();
    read("v1").await.unwrap();

    assert_eq!(trips.of(async { read("v2").await.unwrap() }).await, 1);
    assert_eq!(trips.of(read("absent")).await, 1);
    let again = trips.of(async { assert!(!push("layer").await.unwrap().created) });
    assert_eq!(again.await, 1);
    assert_eq!(
        trips.of(async { push("missing").await.unwrap_err() }).await,
        1
    );
    let first = trips.of(async { store.blob(repo, &digest("layer")).await.unwrap().unwrap() });
    assert_eq!(first.await, 2, "it is prepared");
    let blob = trips.of(async { store.blob(repo, &digest("layer")).await.unwrap().unwrap() });
    assert_eq!(blob.await, 1);
    let added = trips.of(async { add_blob(store, repo, "more", "more").await.unwrap() });
    assert_eq!(added.await, 1);
    for wanted in [2, 1] {
        assert_eq!(
            trips.of(async { store.probe().await.unwrap() }).await,
            wanted
        );
        let tags = trips.of(async { store.tags(repo, None, 10).await.unwrap().unwrap() });
        assert_eq!(tags.await, wanted);
        let all = trips.of(async { store.repositories(&Scope::All, None, 9).await.unwrap() });
        assert_eq!(all.await, wanted);
    }
}

/// New manifests cost no more than those that are there.
#[tokio::test]
async fn a_new_manifest_is_one_round_trip() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let (store, trips) = counted(&schema).await;
    let now = &ctx();
    for (round, wanted) in [(0, 2), (1, 1), (2, 1)] {
        // Also with the first content of a repository.
        let repo = &repo(&format!("team/api-{round}"));
        for (layer, wanted) in [("one", wanted), ("two", 1)] {
            let put = image(repo, layer, &["v1"], Expect::Any);
            let push = async { store.put_manifest(now, put).await.unwrap() };
            assert_eq!(trips.of(push).await, wanted);
        }
        let put = image(repo, "two", &[], Expect::Any);
        let guard = TagGuard::new(|_| false);
        let delete = store.delete_manifest(now, repo, &put.digest, &guard);
        let looked_and_deleted = 2;
        let cost = trips.of(async { delete.await.unwrap().unwrap() }).await;
        assert_eq!(cost, looked_and_deleted + usize::from(round == 0));
    }
}

/// Each change of an upload session is one.
#[tokio::test]
async fn a_change_of_a_session_is_one_round_trip() {
    const LIMITS: SessionLimits = SessionLimits {
        sessions: 10,
        bytes: 1000,
    };
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let schema = cluster.schema().await;
    let (store, trips) = counted(&schema).await;
    for wanted in [2, 1] {
        let mut record = SessionRecord {
            id: Uuid::new_v4(),
            repo: repo("team/api"),
            revision: 0,
            expires_at: Timestamp::from_millis(0),
            bytes: 0,
            state: "".into(),
        };
        let id = record.id;
        let create = store.create_session(record.clone(), &LIMITS);
        assert_eq!(trips.of(async { create.await.unwrap() }).await, wanted);
        assert_eq!(
            trips.of(async { store.session(id).await.unwrap() }).await,
            wanted
        );
        record.revision = 1;
        record.bytes = 9;
        let update = store.update_session(record, 0, &LIMITS);
        assert_eq!(trips.of(async { update.await.unwrap() }).await, wanted);
        let remove = store.remove_session(id, 1);
        assert_eq!(trips.of(async { remove.await.unwrap() }).await, wanted);
    }
}
