//! What a registry holds does not change what a request costs.
//!
//! Two servers run side by side, one with ten tags and ten repositories and one with very many.
//! Each operation is timed on both in turn, and the medians are compared.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use oci_types::Digest;

use super::target::{Client, Server, image};

/// By what factor the large registry may be slower.
const LIMIT: f64 = 1.5;
/// How often each operation is timed on each server.
const ROUNDS: usize = 400;
/// How often each server is started.
const STARTS: usize = 31;
const CLIENTS: usize = 8;
/// Tags written by one request while filling.
const TAGS_A_PUSH: usize = 100;

/// Measures, and fails where the ratio is over the limit.
pub(super) fn prove(binary: &Path, tags: usize, repositories: usize) -> Result<()> {
    let worst = measure(binary, tags, repositories)?;
    ensure!(
        worst <= LIMIT,
        "with {tags} tags and {repositories} repositories an operation takes {worst:.2} times \
         as long as with ten of each"
    );
    Ok(())
}

/// Measures, prints each ratio, and answers the worst.
pub(super) fn measure(binary: &Path, tags: usize, repositories: usize) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let small = Site::fill(binary, dir.path().join("small"), 10, 10)?;
    let large = Site::fill(binary, dir.path().join("large"), tags, repositories)?;
    let mut worst = starts(binary, &small, &large)?;
    let servers = [
        Server::start(binary, &small.data)?,
        Server::start(binary, &large.data)?,
    ];
    let clients = [servers[0].client(), servers[1].client()];
    for (name, operation) in OPERATIONS {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            for ((client, site), times) in clients.iter().zip([&small, &large]).zip(&mut times) {
                let began = Instant::now();
                operation(client, site, round).context(*name)?;
                times.push(began.elapsed());
            }
        }
        worst = worst.max(report(name, times));
    }
    Ok(worst)
}

/// What is timed: a request to a site in a round.
type Operation = fn(&Client, &Site, usize) -> Result<()>;

const OPERATIONS: &[(&str, Operation)] = &[
    ("push a tag", |client, site, round| {
        let json = image(EMPTY, 2, &format!("timed {round}"));
        let tag = format!("timed-{}", round % site.tags);
        client.push_manifest("many/tags", &tag, &json).map(drop)
    }),
    ("read a tag", |client, site, round| {
        let tag = tag(round * 7_919 % site.tags);
        let path = format!("/v2/many/tags/manifests/{tag}");
        client.get(&path)?.expect(200).map(drop)
    }),
    ("a page of tags", |client, site, round| {
        let last = tag(round * 7_919 % site.tags / 2);
        let path = format!("/v2/many/tags/tags/list?n=5&last={last}");
        client.get(&path)?.expect(200).map(drop)
    }),
    ("a page of the catalog", |client, site, round| {
        let last = repository(round * 7_919 % site.repositories / 2);
        let path = format!("/v2/_catalog?n=5&last={last}");
        client.get(&path)?.expect(200).map(drop)
    }),
    ("push to a repository", |client, site, round| {
        let repo = repository(round * 7_919 % site.repositories);
        let json = image(EMPTY, 2, &format!("again {round}"));
        client.push_manifest(&repo, "latest", &json).map(drop)
    }),
];

/// The digest of `{}`.
const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A server's data, and how much of it there is.
#[derive(Debug)]
struct Site {
    data: PathBuf,
    tags: usize,
    repositories: usize,
}

fn tag(number: usize) -> String {
    format!("tag-{number:07}")
}

fn repository(number: usize) -> String {
    format!("many/repos/r{number:06}")
}

impl Site {
    fn fill(binary: &Path, data: PathBuf, tags: usize, repositories: usize) -> Result<Self> {
        let began = Instant::now();
        let server = Server::start(binary, &data)?;
        let site = Self {
            data,
            tags,
            repositories,
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..CLIENTS)
                .map(|worker| {
                    let (client, site) = (server.client(), &site);
                    scope.spawn(move || site.fill_part(&client, worker))
                })
                .collect();
            workers.into_iter().try_for_each(|worker| {
                let filled = worker.join();
                filled.map_err(|_| anyhow::anyhow!("a client panicked"))?
            })
        })?;
        server.stop()?;
        println!(
            "scale: filled with {tags} tags and {repositories} repositories in {:.0?}",
            began.elapsed()
        );
        Ok(site)
    }

    fn fill_part(&self, client: &Client, worker: usize) -> Result<()> {
        for first in (0..self.tags)
            .step_by(TAGS_A_PUSH)
            .skip(worker)
            .step_by(CLIENTS)
        {
            let names: Vec<_> = (first..self.tags.min(first + TAGS_A_PUSH))
                .map(|number| format!("tag={}", tag(number)))
                .collect();
            let json = image(EMPTY, 2, &first.to_string());
            let digest = Digest::sha256(json.as_bytes());
            let reference = format!("{digest}?{}", names.join("&"));
            client.push_manifest("many/tags", &reference, &json)?;
        }
        for number in (worker..self.repositories).step_by(CLIENTS) {
            let repo = repository(number);
            client.push_manifest(&repo, "latest", &image(EMPTY, 2, "repository"))?;
        }
        Ok(())
    }
}

/// Times from start to ready line.
fn starts(binary: &Path, small: &Site, large: &Site) -> Result<f64> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..STARTS {
        for (site, times) in [small, large].into_iter().zip(&mut times) {
            let server = Server::start(binary, &site.data)?;
            times.push(server.started_in);
            server.stop()?;
        }
    }
    Ok(report("start to ready", times))
}

/// Prints the medians and answers their ratio.
fn report(name: &str, times: [Vec<Duration>; 2]) -> f64 {
    let [small, large] = times.map(median);
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!("scale: {name}: {small:.0?} with ten, {large:.0?} with many: {ratio:.2}");
    ratio
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
