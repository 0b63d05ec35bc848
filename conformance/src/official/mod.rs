//! Runs the official conformance suites beside this one and folds their results in.
//!
//! Both are programs that are set up by environment variables and leave a JUnit file behind: the
//! suite of v1.1, a Go test binary, and the one that was rewritten after it. Which of the two a
//! binary is shows in the texts that it contains.

mod junit;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::client::{Credentials, Scheme};
use crate::report::{Counts, Outcome, Report, SuiteReport};
use crate::runner::{Observer, Options};

/// How long a suite may run.
const LIMIT: Duration = Duration::from_secs(900);

/// The official suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// The suite of v1.1, built with `go test -c`.
    V1,
    /// The rewritten suite.
    Rewritten,
}

/// Why a suite gave no results.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// The file cannot be read or run.
    #[error("cannot run {path}: {source}")]
    Run {
        /// The binary.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no suite.
    #[error("{0} is neither the v1.1 nor the rewritten official suite")]
    Unknown(String),
    /// It did not end.
    #[error("it did not end within {} seconds", LIMIT.as_secs())]
    TimedOut,
    /// It left no results, or unreadable ones.
    #[error("it left no readable results: {0}")]
    Results(String),
}

impl Suite {
    /// What the suite is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Suite::V1 => "Official suite v1.1",
            Suite::Rewritten => "Official suite, rewritten",
        }
    }

    /// Finds out which suite a program is, from its content.
    pub fn detect(program: &[u8]) -> Option<Suite> {
        let text = String::from_utf8_lossy(program);
        // The rewritten suite still knows the old one's variables, so its own mark comes first.
        if text.contains("oci-conformance.yaml") && text.contains("OCI_CONFIGURATION") {
            Some(Suite::Rewritten)
        } else if text.contains("OCI_CROSSMOUNT_NAMESPACE") {
            Some(Suite::V1)
        } else {
            None
        }
    }

    /// The environment that makes the suite ask everything it knows.
    fn environment(
        self,
        options: &Options,
        report: &Report,
        results: &Path,
    ) -> Vec<(&'static str, String)> {
        let mut environment = match self {
            Suite::V1 => v1_environment(options, report),
            Suite::Rewritten => rewritten_environment(options, report),
        };
        let place = match self {
            Suite::V1 => "OCI_REPORT_DIR",
            Suite::Rewritten => "OCI_RESULTS_DIR",
        };
        environment.push((place, results.display().to_string()));
        if let Credentials::Password { username, password } = &options.credentials {
            environment.push(("OCI_USERNAME", username.clone()));
            environment.push(("OCI_PASSWORD", password.clone()));
        }
        if let Some(authority) = &options.tls.authority {
            environment.push(("SSL_CERT_FILE", authority.display().to_string()));
        }
        environment
    }
}

fn v1_environment(options: &Options, report: &Report) -> Vec<(&'static str, String)> {
    let namespace = &report.namespace;
    let mut environment = vec![
        ("OCI_ROOT_URL", options.url.origin.to_string()),
        ("OCI_NAMESPACE", format!("{namespace}/official-v1/one")),
        (
            "OCI_CROSSMOUNT_NAMESPACE",
            format!("{namespace}/official-v1/two"),
        ),
        ("OCI_HIDE_SKIPPED_WORKFLOWS", "0".into()),
    ];
    for workflow in [
        "OCI_TEST_PULL",
        "OCI_TEST_PUSH",
        "OCI_TEST_CONTENT_DISCOVERY",
        "OCI_TEST_CONTENT_MANAGEMENT",
    ] {
        environment.push((workflow, "1".into()));
    }
    if let Some(finds) = finds_blobs(report) {
        environment.push(("OCI_AUTOMATIC_CROSSMOUNT", finds.to_string()));
    }
    environment
}

fn rewritten_environment(options: &Options, report: &Report) -> Vec<(&'static str, String)> {
    let namespace = &report.namespace;
    vec![
        ("OCI_REGISTRY", options.url.origin.authority()),
        ("OCI_TLS", tls_mode(options).into()),
        ("OCI_REPO1", format!("{namespace}/official/one")),
        ("OCI_REPO2", format!("{namespace}/official/two")),
        ("OCI_VERSION", "dev".into()),
        ("OCI_DATA_SPARSE", "true".into()),
    ]
}

fn tls_mode(options: &Options) -> &'static str {
    match options.url.origin.scheme {
        Scheme::Http => "disabled",
        Scheme::Https if options.tls.insecure => "insecure",
        Scheme::Https => "enabled",
    }
}

/// Whether the registry mounts blobs without being told from where, if that was asked: the v1.1
/// suite must know, and leaves it out otherwise.
fn finds_blobs(report: &Report) -> Option<bool> {
    match report.result("mount.without-from-supported")?.outcome {
        Outcome::Passed => Some(true),
        Outcome::Skipped => Some(false),
        Outcome::Failed | Outcome::Blocked => None,
    }
}

/// Runs a suite's binary against the registry of a finished run. What goes wrong is part of the
/// result.
pub async fn run(
    binary: &Path,
    options: &Options,
    report: &Report,
    observer: &dyn Observer,
) -> SuiteReport {
    let clock = Instant::now();
    let mut result = SuiteReport {
        name: format!("Official suite ({})", binary.display()),
        counts: Counts::default(),
        cases: Vec::new(),
        error: None,
        elapsed_ms: 0,
    };
    match run_detected(binary, options, report, observer, &mut result).await {
        Ok(()) => {}
        Err(error) => result.error = Some(error.to_string()),
    }
    observer.suite_done();
    result.elapsed_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    result
}

async fn run_detected(
    binary: &Path,
    options: &Options,
    report: &Report,
    observer: &dyn Observer,
    result: &mut SuiteReport,
) -> Result<(), SuiteError> {
    let path = binary.display().to_string();
    let failed = |source| SuiteError::Run {
        path: path.clone(),
        source,
    };
    let program = std::fs::read(binary).map_err(failed)?;
    let suite = Suite::detect(&program).ok_or_else(|| SuiteError::Unknown(path.clone()))?;
    result.name = suite.name().to_owned();
    observer.suite(suite.name());
    let binary = binary.canonicalize().map_err(failed)?;
    let directory = tempfile::tempdir().map_err(failed)?;
    let mut command = Command::new(binary);
    // Settings of the caller's own must not leak in.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OCI_") {
            command.env_remove(name);
        }
    }
    command
        .envs(suite.environment(options, report, directory.path()))
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ended.map_err(|_| SuiteError::TimedOut)?.map_err(failed)?;
    // A suite that found failures exits non-zero, which is not an error here.
    let text = std::fs::read_to_string(directory.path().join("junit.xml")).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        SuiteError::Results(format!("{error}; {}; {last}", output.status))
    })?;
    (result.counts, result.cases) = junit::parse(&text).map_err(SuiteError::Results)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Suite;

    #[test]
    fn suites_are_told_apart_by_their_texts() {
        let old = b"\x7fELF\xff OCI_CROSSMOUNT_NAMESPACE onsi/ginkgo";
        let new = b"\x7fELF\xff OCI_CROSSMOUNT_NAMESPACE oci-conformance.yaml OCI_CONFIGURATION";
        assert_eq!(Suite::detect(old), Some(Suite::V1));
        assert_eq!(Suite::detect(new), Some(Suite::Rewritten));
        assert_eq!(Suite::detect(b"#!/bin/sh"), None);
    }
}
