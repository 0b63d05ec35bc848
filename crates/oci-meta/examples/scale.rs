//! Does an operation cost more in a large registry? Fills a database with 1,000,000 tags in one
//! repository and 100,000 repositories, and compares it with one that holds ten of each.
//!
//! ```text
//! cargo run --release -p oci-meta --example scale [TAGS] [REPOSITORIES]
//! ```
//!
//! Prints the median of each operation in both databases and their ratio, taken in turns. A tree
//! of a million entries is a few pages deeper than one of ten, which is microseconds; it fails
//! where a ratio exceeds 1.5 and the difference would show in a request, at 10 microseconds.

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oci_meta::{
    Ctx, Existence, Expect, Lists, Manifests, PutManifest, RepoKey, Scope, SqliteMeta, TagWrite,
    Timestamp,
};
use oci_types::{Descriptor, Digest, Manifest, MediaType, Reference, Tag};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many tags one push of the filling writes.
const TAGS_PER_PUSH: usize = 100;

/// How many pushes fill at once.
const CLIENTS: usize = 64;

const ROUNDS: usize = 7;
const MAX_RATIO: f64 = 1.5;
const MAX_DIFFERENCE: Duration = Duration::from_micros(10);

/// A database and what it was filled with.
struct Filled {
    path: PathBuf,
    tags: usize,
    repositories: usize,
    /// How many tags and manifests were added since.
    added: usize,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (tags, repositories) = (number(1_000_000)?, number(100_000)?);
    let folder = tempfile::tempdir_in(".")?;
    let mut small = fill(&folder.path().join("small.db"), 10, 10).await?;
    let started = Instant::now();
    let mut large = fill(&folder.path().join("large.db"), tags, repositories).await?;
    println!(
        "filled {tags} tags and {repositories} repositories in {:.1?}",
        started.elapsed()
    );
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((measure(&mut small).await?, measure(&mut large).await?));
    }
    Ok(report(&rounds))
}

fn report(rounds: &[(Measured, Measured)]) -> ExitCode {
    let mut exit = ExitCode::SUCCESS;
    println!(
        "{:<32}{:>12}{:>12}{:>8}",
        "median", "small", "large", "ratio"
    );
    for (i, (name, _)) in rounds[0].0.iter().enumerate() {
        let small = median(rounds.iter().map(|(small, _)| small[i].1));
        let large = median(rounds.iter().map(|(_, large)| large[i].1));
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!("{name:<32}{small:>12.1?}{large:>12.1?}{ratio:>8.2}");
        if ratio > MAX_RATIO && large > small + MAX_DIFFERENCE {
            exit = ExitCode::FAILURE;
        }
    }
    exit
}

async fn fill(path: &Path, tags: usize, repositories: usize) -> Result<Filled> {
    let store = SqliteMeta::open(path)?;
    let mut pushes = JoinSet::new();
    let all_tags = (0..tags).step_by(TAGS_PER_PUSH).map(|first| {
        let names = first..tags.min(first + TAGS_PER_PUSH);
        push(
            &one_repository()?,
            first,
            names.map(tag).collect::<Result<Vec<_>>>()?,
        )
    });
    let all_repositories = (0..repositories).map(|i| push(&repository(i)?, 0, vec![tag(i)?]));
    for put in all_tags.chain(all_repositories) {
        if pushes.len() == CLIENTS
            && let Some(done) = pushes.join_next().await
        {
            done??;
        }
        let (store, put) = (store.clone(), put?);
        pushes.spawn(async move { store.put_manifest(&ctx(), put).await.map(drop) });
    }
    while let Some(done) = pushes.join_next().await {
        done??;
    }
    Ok(Filled {
        path: path.to_owned(),
        tags,
        repositories,
        added: 0,
    })
}

fn ctx() -> Ctx {
    Ctx::system("scale", Timestamp::now())
}

fn one_repository() -> Result<RepoKey> {
    Ok(RepoKey::local("one".parse()?))
}

fn repository(i: usize) -> Result<RepoKey> {
    let name = format!("many/{:03}/r{i}", i % 1_000);
    Ok(RepoKey::local(name.parse()?))
}

/// Tags that are pushed in order and are not sorted in that order.
fn tag(i: usize) -> Result<Tag> {
    let scattered = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    Ok(format!("v{scattered:011x}-{i}").parse()?)
}

fn push(repo: &RepoKey, number: usize, tags: Vec<Tag>) -> Result<PutManifest> {
    let layer = descriptor(MediaType::oci_layer_tar(), number)?;
    let body = format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layer}]}}"#);
    put(repo, &MediaType::oci_manifest(), body, tags)
}

fn push_index(repo: &RepoKey, number: usize, children: usize) -> Result<PutManifest> {
    let child = |i| descriptor(MediaType::oci_manifest(), number * children + i);
    let children = (0..children).map(child).collect::<Result<Vec<_>>>()?;
    let body = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        children.join(",")
    );
    put(repo, &MediaType::oci_index(), body, Vec::new())
}

fn descriptor(media_type: MediaType, number: usize) -> Result<String> {
    let digest = Digest::sha256(&number.to_le_bytes());
    let descriptor = Descriptor::new(media_type, digest, 8);
    Ok(serde_json::to_string(&descriptor)?)
}

fn put(
    repo: &RepoKey,
    media_type: &MediaType,
    body: String,
    tags: Vec<Tag>,
) -> Result<PutManifest> {
    let bytes = Bytes::from(body);
    let write = |tag| TagWrite {
        tag,
        expect: Expect::AbsentOrSame,
    };
    Ok(PutManifest {
        repo: repo.clone(),
        digest: Digest::sha256(&bytes),
        manifest: Manifest::parse(Some(media_type), &bytes)?,
        bytes,
        tags: tags.into_iter().map(write).collect(),
        existence: Existence::Lax,
    })
}

type Measured = Vec<(&'static str, Duration)>;

async fn measure(filled: &mut Filled) -> Result<Measured> {
    let started = Instant::now();
    let store = SqliteMeta::open(&filled.path)?;
    let repo = one_repository()?;
    store.tags(&repo, None, 10).await?;
    let opened = started.elapsed();
    let calls = &Calls {
        store,
        repo,
        tags: filled.tags,
        repositories: filled.repositories,
        first: filled.added,
    };
    filled.added += 300;
    Ok(vec![
        ("open and read a page", opened),
        ("push a tag", each(300, |i| calls.push(i)).await?),
        (
            "parse and push 10,000 children",
            each(5, |i| calls.push_index(i)).await?,
        ),
        (
            "read a manifest by tag",
            each(20_000, |i| calls.read(i)).await?,
        ),
        (
            "read a page of tags",
            each(5_000, |i| calls.read_tags(i)).await?,
        ),
        (
            "read a page of the catalog",
            each(5_000, |i| calls.read_catalog(i)).await?,
        ),
    ])
}

/// The operations that are measured, each on another place of the database.
struct Calls {
    store: SqliteMeta,
    repo: RepoKey,
    tags: usize,
    repositories: usize,
    first: usize,
}

impl Calls {
    async fn push(&self, i: usize) -> Result<()> {
        let number = 1_000_000_000 + self.first + i;
        let put = push(&self.repo, number, vec![tag(number)?])?;
        self.store.put_manifest(&ctx(), put).await?;
        Ok(())
    }

    async fn push_index(&self, i: usize) -> Result<()> {
        let put = push_index(&self.repo, self.first + i, 10_000)?;
        self.store.put_manifest(&ctx(), put).await?;
        Ok(())
    }

    async fn read(&self, i: usize) -> Result<()> {
        let reference = Reference::Tag(tag(some(i, self.tags))?);
        let found = self.store.manifest(&self.repo, &reference).await?;
        found.ok_or("a tag is missing")?;
        Ok(())
    }

    async fn read_tags(&self, i: usize) -> Result<()> {
        let after = tag(some(i, self.tags))?;
        let after = Some(after.as_str());
        self.store.tags(&self.repo, after, 5).await?;
        Ok(())
    }

    async fn read_catalog(&self, i: usize) -> Result<()> {
        let after = repository(some(i, self.repositories))?;
        let after = Some(after.name.as_str());
        self.store.repositories(&Scope::All, after, 5).await?;
        Ok(())
    }
}

/// A number below `of`, scattered.
fn some(i: usize, of: usize) -> usize {
    i.wrapping_mul(0x9e37_79b1) % of
}

/// The median of `count` calls.
async fn each<F: Future<Output = Result<()>>>(
    count: usize,
    call: impl Fn(usize) -> F,
) -> Result<Duration> {
    let mut times = Vec::with_capacity(count);
    for i in 0..count {
        let started = Instant::now();
        call(i).await?;
        times.push(started.elapsed());
    }
    Ok(median(times))
}

fn median(times: impl IntoIterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort_unstable();
    times[times.len() / 2]
}
