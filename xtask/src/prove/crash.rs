//! The server is killed in the midst of pushes, again and again.
//!
//! After each restart everything acknowledged has to be there and whole, what was not
//! acknowledged is there whole or not at all, and unfinished uploads go on from where they
//! stand.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use oci_types::{Digest, UploadRange};

use super::random::Random;
use super::target::{Client, Reply, Server, image};

/// Pushes in each round.
const PUSHES: usize = 200;
/// Clients that push at once.
const CLIENTS: usize = 8;
/// How long the server may take from its start to its ready line, however it ended before.
const START_LIMIT: Duration = Duration::from_secs(1);

/// One blob with its manifest, and how far the server said that it is.
#[derive(Debug)]
struct Push {
    repo: String,
    tag: String,
    data: Vec<u8>,
    digest: String,
    /// The session's URL, once it was opened.
    session: Option<String>,
    /// How many bytes the session was said to have.
    offset: usize,
    blob_acknowledged: bool,
    manifest_acknowledged: bool,
}

impl Push {
    fn random(round: usize, number: usize, random: &mut Random) -> Self {
        let size = match random.below(4) {
            0 => random.below(5_000),
            1 => random.below(200_000),
            _ => random.below(2_000_000),
        };
        let data = random.bytes(usize::try_from(size).unwrap_or(0));
        Self {
            repo: format!("crash/r{}", number % 7),
            tag: format!("t{round}-{number}"),
            digest: Digest::sha256(&data).to_string(),
            data,
            session: None,
            offset: 0,
            blob_acknowledged: false,
            manifest_acknowledged: false,
        }
    }

    fn manifest(&self) -> String {
        image(&self.digest, self.data.len(), &self.tag)
    }

    /// Pushes until it is done or the server is gone.
    fn drive(&mut self, client: &Client, random: &mut Random) -> Result<()> {
        if random.below(3) == 0 {
            client.push_blob(&self.repo, &self.digest, &self.data)?;
        } else {
            self.upload(client, random)?;
        }
        self.blob_acknowledged = true;
        client.push_manifest(&self.repo, &self.tag, &self.manifest())?;
        self.manifest_acknowledged = true;
        Ok(())
    }

    fn upload(&mut self, client: &Client, random: &mut Random) -> Result<()> {
        let path = format!("/v2/{}/blobs/uploads/", self.repo);
        let opened = client.send("POST", &path, &[], &[])?.expect(202)?;
        self.session = Some(opened.location()?);
        let chunks = 1 + random.below(4);
        let step = (self.data.len() / usize::try_from(chunks)?).max(1);
        while self.offset < self.data.len() {
            self.append(client, step)?;
        }
        self.finish(client)
    }

    fn append(&mut self, client: &Client, step: usize) -> Result<()> {
        let session = self.session.as_deref().context("no session")?;
        let end = (self.offset + step).min(self.data.len());
        let range = format!("{}-{}", self.offset, end - 1);
        let chunk = &self.data[self.offset..end];
        client
            .send("PATCH", session, &[("content-range", &range)], chunk)?
            .expect(202)?;
        self.offset = end;
        Ok(())
    }

    fn finish(&self, client: &Client) -> Result<()> {
        let session = self.session.as_deref().context("no session")?;
        let path = format!("{session}?digest={}", self.digest);
        client.send("PUT", &path, &[], &[])?.expect(201)?;
        Ok(())
    }

    /// Checks what the server has of this push after a restart.
    fn verify(&mut self, client: &Client) -> Result<()> {
        let blob = client.get(&format!("/v2/{}/blobs/{}", self.repo, self.digest))?;
        let whole = whole_or_absent(&blob, &self.data)?;
        ensure!(
            whole || !self.blob_acknowledged,
            "an acknowledged blob is gone"
        );
        let manifest = self.manifest();
        let digest = Digest::sha256(manifest.as_bytes()).to_string();
        for reference in [&self.tag, &digest] {
            let reply = client.get(&format!("/v2/{}/manifests/{reference}", self.repo))?;
            let whole = whole_or_absent(&reply, manifest.as_bytes())?;
            ensure!(
                whole || !self.manifest_acknowledged,
                "an acknowledged manifest is gone"
            );
        }
        if !whole && self.session.is_some() {
            self.resume(client)?;
        }
        Ok(())
    }

    /// Goes on with an unfinished upload from where the server says that it stands.
    fn resume(&mut self, client: &Client) -> Result<()> {
        let session = self.session.clone().context("no session")?;
        let status = client.get(&session)?.expect(204)?;
        let range: UploadRange = status.header("range").context("no Range")?.parse()?;
        // `0-0` is said of no bytes and of one.
        let recorded = match range.last() {
            0 => self.offset.min(1),
            last => usize::try_from(last)? + 1,
        };
        ensure!(
            recorded >= self.offset && recorded <= self.data.len(),
            "the session had {} bytes and has {recorded} of {}",
            self.offset,
            self.data.len()
        );
        self.offset = recorded;
        if self.offset < self.data.len() {
            self.append(client, self.data.len())?;
        }
        self.finish(client)?;
        let blob = client.get(&format!("/v2/{}/blobs/{}", self.repo, self.digest))?;
        ensure!(
            whole_or_absent(&blob, &self.data)?,
            "a resumed blob is gone"
        );
        Ok(())
    }
}

/// Whether the content is there; anything but all of it or nothing is an error.
fn whole_or_absent(reply: &Reply, expected: &[u8]) -> Result<bool> {
    match reply.status {
        200 => {
            ensure!(reply.body == expected, "something half-written is visible");
            Ok(true)
        }
        404 => Ok(false),
        other => anyhow::bail!("answered {other}"),
    }
}

pub(super) fn prove(binary: &Path, rounds: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let seed = std::process::id().into();
    println!("crash: seed {seed}");
    let mut random = Random::new(seed);
    let (mut everything, mut counts) = (Vec::new(), [0; 3]);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let server = Server::start(binary, &data)?;
        slowest = slowest.max(server.started_in);
        let pushes = killed_midway(server, round, &mut random)?;
        for push in &pushes {
            counts[0] += usize::from(push.blob_acknowledged);
            counts[1] += usize::from(push.manifest_acknowledged);
            counts[2] += usize::from(push.session.is_some() && !push.blob_acknowledged);
        }
        everything.extend(pushes);
        let server = Server::start(binary, &data)?;
        slowest = slowest.max(server.started_in);
        let client = server.client();
        // What earlier rounds acknowledged has survived this kill too.
        for push in &mut everything {
            push.verify(&client).with_context(|| {
                let (repo, tag) = (&push.repo, &push.tag);
                format!(
                    "round {round}, push {repo}:{tag}, {} bytes",
                    push.data.len()
                )
            })?;
            // A resumed upload is an acknowledged blob from now on.
            push.blob_acknowledged |= push.session.is_some();
        }
        server.kill()?;
    }
    println!(
        "crash: {rounds} kills in the midst of {PUSHES} pushes: {} blobs and {} manifests \
         acknowledged, none lost; {} unfinished uploads resumed; slowest start {slowest:?}",
        counts[0], counts[1], counts[2]
    );
    ensure!(
        slowest < START_LIMIT,
        "a start took longer than {START_LIMIT:?}"
    );
    Ok(())
}

/// Pushes from many clients, and kills the server after a random number of them.
fn killed_midway(server: Server, round: usize, random: &mut Random) -> Result<Vec<Push>> {
    let pushes: Vec<_> = (0..PUSHES)
        .map(|number| Push::random(round, number, random))
        .collect();
    let kill_after = PUSHES / 8 + usize::try_from(random.below(PUSHES as u64 / 2))?;
    let queue = Arc::new(Mutex::new(pushes));
    let done = Arc::new(Mutex::new(Vec::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (queue, done, count) = (queue.clone(), done.clone(), count.clone());
            let (client, mut random) = (server.client(), Random::new(random.next()));
            thread::spawn(move || work(&queue, &done, &count, &client, &mut random))
        })
        .collect();
    let limit = Instant::now() + Duration::from_secs(60);
    while count.load(Ordering::Relaxed) < kill_after {
        ensure!(Instant::now() < limit, "the pushes do not get on");
        thread::sleep(Duration::from_micros(200));
    }
    server.kill()?;
    for worker in workers {
        worker
            .join()
            .map_err(|_| anyhow::anyhow!("a client panicked"))?;
    }
    let pushes = std::mem::take(&mut *lock(&done));
    ensure!(pushes.len() > kill_after, "nothing was under way");
    Ok(pushes)
}

fn work(
    queue: &Mutex<Vec<Push>>,
    done: &Mutex<Vec<Push>>,
    count: &AtomicUsize,
    client: &Client,
    random: &mut Random,
) {
    loop {
        let Some(mut push) = lock(queue).pop() else {
            return;
        };
        let driven = push.drive(client, random);
        lock(done).push(push);
        if driven.is_err() {
            return;
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
