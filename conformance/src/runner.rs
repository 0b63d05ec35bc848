//! Runs checks side by side and gathers what they found.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::check::{Check, Finding, Mode, Stop, Verdict};
use crate::checks;
use crate::client::{
    Client, Credentials, Exchange, Request, Tls, TlsOptions, Transport, TransportError, Url,
};
use crate::context::{Cx, GivenContent, Shared};
use crate::official;
use crate::report::{CheckResult, Outcome, Report, timestamp};
use crate::selection::Selection;
use crate::watch::Watch;

/// How long one check may take, all its exchanges together.
const CHECK_LIMIT: Duration = Duration::from_secs(120);
/// How many exchanges of a passed check a report shows.
const SHOWN: usize = 4;

/// What to run against which registry.
#[derive(Clone, Debug)]
pub struct Options {
    /// The registry; only its origin is used.
    pub url: Url,
    /// What to call it in reports; its address if there is none.
    pub name: Option<String>,
    /// Below which namespace repositories are made.
    pub namespace: String,
    /// Which checks.
    pub selection: Selection,
    /// What to log in with.
    pub credentials: Credentials,
    /// Whom to trust.
    pub tls: TlsOptions,
    /// How many checks run at once, at least 1.
    pub jobs: usize,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// Content to read, for a registry that must not be written to.
    pub read_only: Option<GivenContent>,
    /// Whether to leave in the registry what the checks have made.
    pub keep: bool,
    /// Binaries of official suites to run afterwards.
    pub official: Vec<PathBuf>,
}

impl Options {
    /// The usual options for a registry.
    pub fn new(url: Url) -> Options {
        Options {
            url,
            name: None,
            namespace: "conformance".to_owned(),
            selection: Selection::default(),
            credentials: Credentials::Anonymous,
            tls: TlsOptions::default(),
            jobs: 8,
            timeout: Duration::from_secs(30),
            read_only: None,
            keep: false,
            official: Vec::new(),
        }
    }
}

/// Hears of a run while it goes on.
pub trait Observer: Send + Sync {
    /// So many checks will run.
    fn begin(&self, _total: usize) {}
    /// A check has ended.
    fn done(&self, _result: &CheckResult) {}
    /// An official suite begins.
    fn suite(&self, _name: &str) {}
    /// It has ended.
    fn suite_done(&self) {}
}

/// Hears of nothing.
pub struct Silent;
impl Observer for Silent {}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing answers at the address.
    #[error("no registry answers at {url}: {source}")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened.
        source: TransportError,
    },
    /// The registry lets nobody in without credentials, or not with these.
    #[error("{url} answers 401: give it --username and --password, or --token")]
    Unauthorized {
        /// The address.
        url: String,
    },
    /// The selection leaves no check.
    #[error("no check is selected; --list shows all of them")]
    NothingSelected,
}

/// Runs the selected checks against a registry.
///
/// # Errors
/// [`RunError`] when there is nothing to run or nothing to run it against. What checks find is in
/// the report, not here.
///
/// Dropping the future stops the run and leaves its content in the registry.
pub async fn run(options: &Options, observer: &dyn Observer) -> Result<Report, RunError> {
    let chosen = chosen(options);
    if chosen.is_empty() {
        return Err(RunError::NothingSelected);
    }
    let started = SystemTime::now();
    let clock = Instant::now();
    let seed = started
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
        ^ (u64::from(std::process::id()) << 40);
    let bench = Arc::new(Bench::new(options, seed));
    let software = bench.greet(options).await?;
    observer.begin(chosen.len());
    let (early, last): (Vec<_>, Vec<_>) = chosen
        .into_iter()
        .partition(|(_, check)| check.mode != Mode::Last);
    let mut results = run_all(&bench, early, options, observer).await;
    results.extend(run_all(&bench, last, options, observer).await);
    results.sort_by_key(|(place, result)| (result.section, *place));
    let mut report = Report {
        name: options
            .name
            .clone()
            .unwrap_or_else(|| options.url.origin.to_string()),
        url: options.url.origin.to_string(),
        software,
        namespace: bench.shared.namespace.clone(),
        started: timestamp(started),
        elapsed_ms: millis(clock.elapsed()),
        runner: env!("CARGO_PKG_VERSION"),
        results: results.into_iter().map(|(_, result)| result).collect(),
        suites: Vec::new(),
    };
    for binary in &options.official {
        let suite = official::run(binary, options, &report, observer).await;
        report.suites.push(suite);
    }
    Ok(report)
}

fn chosen(options: &Options) -> Vec<(usize, &'static Check)> {
    let possible = |check: &&Check| options.read_only.is_none() || check.mode != Mode::Writes;
    let chosen = checks::all().filter(possible);
    chosen
        .filter(|check| options.selection.includes(check))
        .enumerate()
        .collect()
}

/// What the checks of a run are made from.
struct Bench {
    transport: Arc<Transport>,
    base: Url,
    credentials: Credentials,
    shared: Arc<Shared>,
    seed: u64,
    keep: bool,
}

impl Bench {
    fn new(options: &Options, seed: u64) -> Bench {
        let transport = Transport::new(Tls::new(&options.tls), options.timeout);
        let id = crate::content::Uniques::new(seed).word();
        Bench {
            transport: Arc::new(transport),
            base: options.url.clone(),
            credentials: options.credentials.clone(),
            shared: Arc::new(Shared {
                namespace: format!("{}/{id}", options.namespace),
                given: options.read_only.clone(),
                watch: Arc::new(Watch::default()),
                refused: Default::default(),
            }),
            seed,
            keep: options.keep,
        }
    }

    fn client(&self) -> Client {
        Client::new(
            self.transport.clone(),
            self.base.clone(),
            self.credentials.clone(),
            self.shared.watch.clone(),
        )
    }

    /// Makes sure that somebody answers, and asks for the name.
    async fn greet(&self, options: &Options) -> Result<Option<String>, RunError> {
        let answer = self.client().send_unrecorded(&Request::get("/v2/")).await;
        match answer {
            Ok(answer) if answer.status == http::StatusCode::UNAUTHORIZED => {
                let url = options.url.origin.to_string();
                Err(RunError::Unauthorized { url })
            }
            Ok(answer) => {
                let server = answer
                    .headers
                    .get("Server")
                    .and_then(|value| value.to_str().ok());
                Ok(server.map(str::to_owned))
            }
            Err(source @ (TransportError::Connect { .. } | TransportError::TimedOut(_))) => {
                let url = options.url.origin.to_string();
                Err(RunError::Unreachable { url, source })
            }
            Err(_) => Ok(None),
        }
    }

    async fn examine(&self, place: usize, check: &'static Check) -> CheckResult {
        let clock = Instant::now();
        // Every check has content of its own in every run.
        let seed = self.seed.rotate_left(17) ^ ((place as u64 + 1) << 32);
        let cx = Cx::new(self.client(), self.shared.clone(), check.name, seed);
        let verdict = match tokio::time::timeout(CHECK_LIMIT, (check.run)(&cx)).await {
            Ok(verdict) => verdict,
            Err(_) => {
                let limit = CHECK_LIMIT.as_secs();
                Err(Stop::failed(
                    format!("Expected an end within {limit} seconds."),
                    None,
                ))
            }
        };
        let result = conclude(check, verdict, &cx, clock.elapsed());
        if !self.keep {
            cx.sweep().await;
        }
        result
    }
}

async fn run_all(
    bench: &Arc<Bench>,
    chosen: Vec<(usize, &'static Check)>,
    options: &Options,
    observer: &dyn Observer,
) -> Vec<(usize, CheckResult)> {
    let permits = Arc::new(Semaphore::new(options.jobs.max(1)));
    let mut running = JoinSet::new();
    let mut names = std::collections::HashMap::new();
    for (place, check) in chosen {
        let (bench, permits) = (bench.clone(), permits.clone());
        let task = running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (place, bench.examine(place, check).await)
        });
        names.insert(task.id(), (place, check));
    }
    let mut results = Vec::new();
    while let Some(outcome) = running.join_next_with_id().await {
        let (place, result) = match outcome {
            Ok((_, result)) => result,
            Err(error) => match names.get(&error.id()) {
                Some((place, check)) => (*place, broken(check, &error.to_string())),
                None => continue,
            },
        };
        observer.done(&result);
        results.push((place, result));
    }
    results
}

fn conclude(check: &'static Check, verdict: Verdict, cx: &Cx, elapsed: Duration) -> CheckResult {
    let (outcome, sentence, culprit) = match verdict {
        Ok(()) => (Outcome::Passed, None, None),
        Err(Stop::Skipped(reason)) => (Outcome::Skipped, Some(reason), None),
        Err(Stop::Failed(Finding { sentence, exchange })) => {
            (Outcome::Failed, Some(sentence), exchange)
        }
        Err(Stop::Blocked(Finding { sentence, exchange })) => {
            (Outcome::Blocked, Some(sentence), exchange)
        }
    };
    let (mut exchanges, mut left_out) = cx.client().exchanges();
    if !outcome.is_bad() && exchanges.len() > SHOWN {
        left_out += exchanges.len() - SHOWN;
        exchanges.truncate(SHOWN);
    }
    let culprit = culprit.map(|culprit| place_of(culprit, &mut exchanges));
    CheckResult {
        exchanges,
        left_out,
        culprit,
        outcome,
        sentence,
        elapsed_ms: millis(elapsed),
        ..blank(check)
    }
}

fn place_of(culprit: Arc<Exchange>, exchanges: &mut Vec<Arc<Exchange>>) -> usize {
    let found = exchanges
        .iter()
        .position(|exchange| Arc::ptr_eq(exchange, &culprit));
    found.unwrap_or_else(|| {
        exchanges.push(culprit);
        exchanges.len() - 1
    })
}

/// The result of a check that has not said anything yet.
fn blank(check: &'static Check) -> CheckResult {
    CheckResult {
        name: check.name,
        section: check.section,
        link: check.section.link(),
        level: check.level,
        title: check.title,
        basis: check.basis,
        outcome: Outcome::Passed,
        sentence: None,
        culprit: None,
        exchanges: Vec::new(),
        left_out: 0,
        elapsed_ms: 0,
    }
}

/// The result of a check that panicked: a fault of the runner, which must not pass for a pass.
fn broken(check: &'static Check, reason: &str) -> CheckResult {
    CheckResult {
        outcome: Outcome::Blocked,
        sentence: Some(format!("The check itself is at fault: {reason}.")),
        ..blank(check)
    }
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
