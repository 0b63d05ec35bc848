//! Runs the conformance runner against this workspace's server, started for the purpose, or against
//! any other registry. The runner makes the reports; this starts servers, names files and counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::Result;
use crate::process;
use crate::server::{self, Server};
use crate::test::Counts;
use crate::workspace;

/// How long one run may take, official suites included.
const LIMIT: Duration = Duration::from_secs(1800);
/// Stores that forget.
const IN_MEMORY: &[&str] = &["--metadata", "memory:", "--blobs", "memory:"];

/// What `cargo xtask conformance` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask this registry, instead of a server that is started for the purpose
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Run three times: fresh, again after a restart on the same data, and with stores in memory
    #[arg(long, conflicts_with = "url")]
    restart: bool,
    /// Fail unless every check is green, at every level
    #[arg(long)]
    strict: bool,
    /// Options of the runner, such as --only, --level, --official PATH, --compare URL=NAME, --list;
    /// `-- --help` shows all
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "RUNNER OPTIONS"
    )]
    rest: Vec<String>,
}

/// Runs the runner, once or three times.
///
/// # Errors
/// When a MUST is not met or, with `--strict`, any check is not green.
pub(crate) fn run(args: &Args) -> Result<()> {
    let args = args.gathered()?;
    let runner = match std::env::var_os(server::RUNNER) {
        Some(path) => PathBuf::from(path),
        None => server::built(&["--package", "oci-conformance"])?,
    };
    let asks = |what: &[&str]| {
        args.rest
            .iter()
            .any(|option| what.contains(&option.as_str()))
    };
    if asks(&["--list", "--help", "-h", "--version", "-V"]) {
        let mut command = Command::new(runner);
        let status = process::run_shown(command.args(&args.rest), LIMIT)?;
        ensure!(status.success(), "the runner ended with {status}");
        return Ok(());
    }
    let mut session = Session::new(&args, runner)?;
    match &args.url {
        Some(url) => session.ask(url, "")?,
        None => session.ask_own()?,
    }
    session.end()
}

impl Args {
    /// The same with this task's own options taken out of the runner's, so that their order does
    /// not matter.
    fn gathered(&self) -> Result<Args> {
        let (mut url, mut restart, mut strict) = (self.url.clone(), self.restart, self.strict);
        let mut rest = Vec::new();
        let mut given = self.rest.iter();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--url" => url = Some(given.next().context("--url takes a URL")?.clone()),
                "--restart" => restart = true,
                "--strict" => strict = true,
                // It has done its work when it comes before the runner's options.
                "--" => {}
                other => match other.strip_prefix("--url=") {
                    Some(value) => url = Some(value.to_owned()),
                    None => rest.push(option.clone()),
                },
            }
        }
        ensure!(
            url.is_none() || !restart,
            "--restart needs a server that this task starts"
        );
        Ok(Args {
            url,
            restart,
            strict,
            rest,
        })
    }
}

/// Runs of the runner, and what they came to.
struct Session<'a> {
    args: &'a Args,
    runner: PathBuf,
    reports: PathBuf,
    counts: Counts,
    conforms: bool,
}

impl Session<'_> {
    fn new(args: &Args, runner: PathBuf) -> Result<Session<'_>> {
        let reports = workspace::target_dir()?.join("conformance");
        Ok(Session {
            args,
            runner,
            reports,
            counts: Counts::default(),
            conforms: true,
        })
    }

    /// Asks servers of this workspace.
    fn ask_own(&mut self) -> Result<()> {
        let binary = server::binary()?;
        let folder = tempfile::tempdir()?;
        let server = Server::start(&binary, folder.path(), &[])?;
        if !self.args.restart {
            self.ask(&server.url(), "")?;
            return server.stop();
        }
        self.ask(&server.url(), "fresh")?;
        let server = server.restart()?;
        self.ask(&server.url(), "restarted")?;
        server.stop()?;
        let folder = tempfile::tempdir()?;
        let server = Server::start(&binary, folder.path(), IN_MEMORY)?;
        self.ask(&server.url(), "memory")?;
        server.stop()
    }

    /// Runs the runner once, with its reports in a folder of that name.
    fn ask(&mut self, url: &str, name: &str) -> Result<()> {
        let folder = self.reports.join(name);
        std::fs::create_dir_all(&folder)?;
        let json = folder.join("report.json");
        // What an earlier run left must not pass for this one's result.
        if json.exists() {
            std::fs::remove_file(&json)?;
        }
        let status = process::run_shown(&mut self.command(url, &folder, &json), LIMIT)?;
        let report = first_report(&json, status)?;
        report.print_bad();
        self.counts += report.counts();
        self.conforms &= status.success();
        println!(
            "{} report: {}",
            if name.is_empty() { "the" } else { name },
            folder.display()
        );
        Ok(())
    }

    fn command(&self, url: &str, folder: &Path, json: &Path) -> Command {
        let mut command = Command::new(&self.runner);
        let compares = |option: &String| option == "--compare" || option.starts_with("--compare=");
        if self.args.url.is_none() && self.args.rest.iter().any(compares) {
            command.arg("--compare").arg(format!("{url}=oci-server"));
        } else {
            command.arg(url);
        }
        command.args(&self.args.rest);
        command.arg("--json").arg(json);
        command.arg("--junit").arg(folder.join("junit.xml"));
        command.arg("--html").arg(folder.join("report.html"));
        command
    }

    fn end(self) -> Result<()> {
        println!("{}", self.counts);
        if !self.conforms {
            bail!("a MUST is not met");
        }
        if self.args.strict && self.counts.failed > 0 {
            bail!("not every check is green");
        }
        Ok(())
    }
}

/// The runner's JSON report, as far as this counts it.
#[derive(Debug, Deserialize)]
struct Report {
    results: Vec<Case>,
    #[serde(default)]
    suites: Vec<Suite>,
}

#[derive(Debug, Deserialize)]
struct Suite {
    name: String,
    cases: Vec<Case>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    outcome: String,
    #[serde(alias = "message")]
    sentence: Option<String>,
}

/// The report of the only registry, or of the first of several.
fn first_report(json: &Path, status: ExitStatus) -> Result<Report> {
    let text = std::fs::read(json).with_context(|| format!("the runner ended with {status}"))?;
    let value: serde_json::Value = serde_json::from_slice(&text)?;
    let first = match value {
        serde_json::Value::Array(several) => several.into_iter().next().context("no report")?,
        one => one,
    };
    Ok(serde_json::from_value(first)?)
}

impl Report {
    fn cases(&self) -> impl Iterator<Item = &Case> {
        let official = self.suites.iter().flat_map(|suite| &suite.cases);
        self.results.iter().chain(official)
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for case in self.cases() {
            match case.outcome.as_str() {
                "passed" => counts.passed += 1,
                "skipped" => counts.skipped += 1,
                _ => counts.failed += 1,
            }
        }
        let broken = self.suites.iter().filter(|suite| suite.error.is_some());
        counts.failed += broken.count() as u64;
        counts
    }

    /// Says what failed, and what was left out by its reason, in a form that `cargo xtask test`
    /// shows.
    fn print_bad(&self) {
        let mut skipped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for case in self.cases() {
            let reason = case.sentence.as_deref().unwrap_or("no reason is given");
            match case.outcome.as_str() {
                "passed" => {}
                "skipped" => skipped.entry(reason).or_default().push(&case.name),
                outcome => println!("{outcome}: {}: {reason}", case.name),
            }
        }
        for (reason, names) in skipped {
            println!("skipped: {}: {reason}", names.join(", "));
        }
        for suite in &self.suites {
            if let Some(error) = &suite.error {
                println!("failed: {}: {error}", suite.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Args, Report};
    use crate::test::Counts;

    fn args(rest: &[&str]) -> Args {
        let rest = rest.iter().map(|&text| text.to_owned()).collect();
        Args {
            url: None,
            restart: false,
            strict: false,
            rest,
        }
    }

    #[test]
    fn own_options_may_stand_among_the_runners() {
        let options = [
            "--only", "pull", "--url", "http://x", "--strict", "--jobs=2",
        ];
        let found = args(&options).gathered().unwrap();
        assert_eq!(found.url.as_deref(), Some("http://x"));
        assert!(found.strict && !found.restart);
        assert_eq!(found.rest, ["--only", "pull", "--jobs=2"]);
        assert!(args(&["--url"]).gathered().is_err());
        assert!(args(&["--url=http://x", "--restart"]).gathered().is_err());
    }

    #[test]
    fn blocked_checks_and_broken_suites_count_as_failed() {
        let report = r#"{
            "results": [
                {"name": "a", "outcome": "passed", "sentence": null},
                {"name": "b", "outcome": "blocked", "sentence": "x"},
                {"name": "c", "outcome": "skipped", "sentence": "y"}
            ],
            "suites": [{
                "name": "s", "error": "gone",
                "cases": [{"name": "d", "outcome": "failed", "message": "z"}]
            }]
        }"#;
        let report: Report = serde_json::from_str(report).unwrap();
        assert_eq!(
            report.counts(),
            Counts {
                passed: 1,
                failed: 3,
                skipped: 1
            }
        );
    }
}
