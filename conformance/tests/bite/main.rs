//! The runner against faults: a faithful registry in memory passes every check, and each of many
//! seeded faults makes a check fail, the one that is there for it.
//!
//! A fault sits in front of the registry's operations ([`registry`]), in the requests before it
//! reads them ([`requests`]), or in the answers before a client does ([`answers`]). Nothing here
//! judges a registry: that is the runner's, which is used as anybody uses it.
//!
//! `cargo test -p oci-conformance --test bite -- --nocapture` prints which checks caught what.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod answers;
mod fault;
mod http;
mod registry;
mod requests;
mod serve;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oci_conformance::report::{Outcome, Report};
use oci_conformance::{Options, Silent, checks, run};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use fault::Fault;
use serve::Server;

/// How many faulty registries are examined at once: each run has parallel checks of its own.
const AT_ONCE: usize = 4;

/// Checks that push megabytes, and take most of a run's time. Leaving them out where it is not
/// they who are there for a fault makes it harder to catch, never easier.
const HEAVY: &[&str] = &[
    "chunk.large",
    "chunk.many",
    "hostile.survives",
    "hostile.urls-not-fetched",
    "manifest.4-megabytes",
    "manifest.too-large",
    "manifest.too-large-chunked",
    "pull.blob-large",
    "range.resume-interrupted-pull",
    "referrers.large",
];

/// What does not apply to a registry in memory that knows no users.
const SKIPPED: &[&str] = &[
    "auth",
    "chunk.minimum-length",
    "error.deletion-disabled",
    "ns.header",
    "observed.challenges",
    "observed.retry-after",
    "observed.warning-*",
    "session.too-many",
];

async fn examine(fault: Option<&'static Fault>) -> Report {
    let server = Server::start(fault).await;
    let mut options = Options::new(server.url.parse().unwrap());
    if let Some(fault) = fault {
        let heavy = HEAVY.iter().filter(|name| **name != fault.caught_by);
        options.selection.skip = heavy.map(|name| (*name).to_owned()).collect();
    }
    options.timeout = Duration::from_secs(10);
    run(&options, &Silent).await.unwrap()
}

fn names(report: &Report, outcome: Outcome) -> BTreeSet<&'static str> {
    let results = report.results.iter();
    let found = results.filter(|result| result.outcome == outcome);
    found.map(|result| result.name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faithful_registry_passes() {
    let report = examine(None).await;
    let bad = report
        .results
        .iter()
        .filter(|result| result.outcome.is_bad());
    let bad: Vec<_> = bad.map(|result| (result.name, &result.sentence)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let applies = |name: &&&str| {
        let excused = |pattern: &&str| oci_conformance::selection::matches(pattern, name);
        !SKIPPED.iter().any(excused)
    };
    let skipped = names(&report, Outcome::Skipped);
    let skipped: Vec<_> = skipped.iter().filter(applies).collect();
    assert!(skipped.is_empty(), "skipped without need: {skipped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_caught() {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for fault in fault::all() {
        let permits = Arc::clone(&permits);
        running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (fault, names(&examine(Some(fault)).await, Outcome::Failed))
        });
    }
    let mut found = running.join_all().await;
    found.sort_by_key(|(fault, _)| fault.what);
    for (fault, caught) in &found {
        println!("{}", line(fault, caught));
    }
    let missed = |(fault, caught): &&(&Fault, BTreeSet<_>)| !caught.contains(fault.caught_by);
    let missed: Vec<_> = found
        .iter()
        .filter(missed)
        .map(|(fault, _)| fault)
        .collect();
    assert!(
        missed.is_empty(),
        "not caught by the check that is there for them: {missed:#?}"
    );
}

/// A line of the table: the fault, the check that is there for it, and the others that noticed.
fn line(fault: &Fault, caught: &BTreeSet<&str>) -> String {
    let mark = if caught.contains(fault.caught_by) {
        ' '
    } else {
        '!'
    };
    let others: Vec<_> = caught
        .iter()
        .filter(|name| **name != fault.caught_by)
        .copied()
        .collect();
    let shown = others[..others.len().min(4)].join(" ");
    let more = match others.len() {
        0..=4 => String::new(),
        count => format!(" and {} more", count - 4),
    };
    format!(
        "{mark} {:56} {:42} {shown}{more}",
        fault.what, fault.caught_by
    )
}

#[test]
fn faults_are_told_apart_and_name_checks() {
    let known: BTreeSet<_> = checks::all().map(|check| check.name).collect();
    for name in fault::all()
        .map(|fault| fault.caught_by)
        .chain(HEAVY.iter().copied())
    {
        assert!(known.contains(name), "{name} is no check");
    }
    let whats: BTreeSet<_> = fault::all().map(|fault| fault.what).collect();
    assert_eq!(whats.len(), fault::all().count());
    assert!(whats.len() >= 24);
}
