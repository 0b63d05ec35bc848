//! Runs the conformance runner against this workspace's server, started for the purpose, or against
//! any other registry. The runner makes the reports; this starts servers, names files and counts.

mod configurations;
mod tally;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use self::configurations::{CONFIGURATIONS, Configuration, Content, Data, PLAIN};
use self::tally::{NOT_APPLICABLE, Report, Tally};
use crate::Result;
use crate::process;
use crate::server::{self, Server};
use crate::workspace;

/// How long one run may take, official suites included.
const LIMIT: Duration = Duration::from_secs(1800);

/// What `cargo xtask conformance` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask this registry, instead of a server that is started for the purpose
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Run in every configuration of the server, and fail where a check that is expected not to
    /// apply does
    #[arg(long, conflicts_with = "url")]
    every_configuration: bool,
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

/// Runs the runner, once or in every configuration.
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
        Some(url) => session.ask(url, "", &[])?,
        None if args.every_configuration => session.ask_all(CONFIGURATIONS)?,
        None => session.ask_all(&[PLAIN])?,
    }
    session.end()
}

impl Args {
    /// The same with this task's own options taken out of the runner's, so that their order does
    /// not matter.
    fn gathered(&self) -> Result<Args> {
        let (mut url, mut every, mut strict) =
            (self.url.clone(), self.every_configuration, self.strict);
        let mut rest = Vec::new();
        let mut given = self.rest.iter();
        while let Some(option) = given.next() {
            match option.as_str() {
                "--url" => url = Some(given.next().context("--url takes a URL")?.clone()),
                "--every-configuration" => every = true,
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
            url.is_none() || !every,
            "--every-configuration needs servers that this task starts"
        );
        Ok(Args {
            url,
            every_configuration: every,
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
    tally: Tally,
    conforms: bool,
}

impl Session<'_> {
    fn new(args: &Args, runner: PathBuf) -> Result<Session<'_>> {
        let reports = workspace::target_dir()?.join("conformance");
        // What this server has not by its nature, another may have.
        let expected = if args.url.is_none() {
            NOT_APPLICABLE
        } else {
            &[]
        };
        Ok(Session {
            args,
            runner,
            reports,
            tally: Tally::expecting(expected),
            conforms: true,
        })
    }

    /// Asks servers of this workspace, one after the other.
    fn ask_all(&mut self, configurations: &[Configuration]) -> Result<()> {
        let binary = server::binary()?;
        let mut last: Option<Running> = None;
        for configuration in configurations {
            let running = match (configuration.data, last.take()) {
                (Data::OfTheRunBefore, Some(before)) => before.restart()?,
                (_, before) => {
                    before.map_or(Ok(()), Running::stop)?;
                    self.start(&binary, configuration)?
                }
            };
            let mut options = configuration.options.to_vec();
            if let Some(repository) = &running.given {
                options.extend(["--read-only", "--repository", repository, "--tag", "v1"]);
            }
            self.ask(&running.server.url(), configuration.name, &options)?;
            last = Some(running);
        }
        last.map_or(Ok(()), Running::stop)
    }

    fn start(&self, binary: &Path, configuration: &Configuration) -> Result<Running> {
        let folder = tempfile::tempdir()?;
        let given = match configuration.content {
            Content::OfTheChecks => None,
            Content::Given => Some(self.give(binary, folder.path())?),
        };
        // The server works in this folder, so that paths in it need no more than a name.
        let settings = ("settings.toml", configuration.settings);
        for (path, text) in configuration.files.iter().chain([&settings]) {
            std::fs::write(folder.path().join(path), text)?;
        }
        let mut arguments = vec!["--config", settings.0];
        arguments.extend(configuration.arguments);
        let server = Server::start(binary, folder.path(), &arguments)?;
        Ok(Running {
            server,
            given,
            _folder: folder,
        })
    }

    /// Has a check push an image and leave it there, and answers its repository.
    fn give(&self, binary: &Path, folder: &Path) -> Result<String> {
        const CHECK: &str = "pull.manifest-by-tag";
        let server = Server::start(binary, folder, &[])?;
        let json = folder.join("given.json");
        let mut command = Command::new(&self.runner);
        command.arg(server.url());
        command.args(["--only", CHECK, "--keep", "--quiet", "--json"]);
        let status = process::run_shown(command.arg(&json), LIMIT)?;
        ensure!(status.success(), "no image could be pushed: {status}");
        server.stop()?;
        Ok(format!("{}/{CHECK}", read(&json, status)?.namespace))
    }

    /// Runs the runner once, with its reports in a folder of that name.
    fn ask(&mut self, url: &str, name: &str, options: &[&str]) -> Result<()> {
        let folder = self.reports.join(name);
        std::fs::create_dir_all(&folder)?;
        let json = folder.join("report.json");
        // What an earlier run left must not pass for this one's result.
        if json.exists() {
            std::fs::remove_file(&json)?;
        }
        let mut command = self.command(url, &folder, &json);
        let status = process::run_shown(command.args(options), LIMIT)?;
        self.tally.add(name, read(&json, status)?);
        self.conforms &= status.success();
        let which = if name.is_empty() { "the" } else { name };
        println!("{which} report: {}", folder.display());
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
        let whole = self.args.every_configuration && self.args.rest.iter().all(|o| o == "--quiet");
        let counts = self.tally.print(whole);
        println!("{counts}");
        if !self.conforms {
            bail!("a MUST is not met");
        }
        if self.args.strict && counts.failed > 0 {
            bail!("not every check is green");
        }
        Ok(())
    }
}

/// A server in one configuration.
struct Running {
    server: Server,
    /// The repository of an image that was there before.
    given: Option<String>,
    _folder: tempfile::TempDir,
}

impl Running {
    fn restart(self) -> Result<Running> {
        let server = self.server.restart()?;
        Ok(Running { server, ..self })
    }

    fn stop(self) -> Result<()> {
        self.server.stop()
    }
}

/// The report of the only registry, or of the first of several.
fn read(json: &Path, status: ExitStatus) -> Result<Report> {
    let text = std::fs::read(json).with_context(|| format!("the runner ended with {status}"))?;
    let value: serde_json::Value = serde_json::from_slice(&text)?;
    let first = match value {
        serde_json::Value::Array(several) => several.into_iter().next().context("no report")?,
        one => one,
    };
    Ok(serde_json::from_value(first)?)
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(rest: &[&str]) -> Args {
        let rest = rest.iter().map(|&text| text.to_owned()).collect();
        Args {
            url: None,
            every_configuration: false,
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
        assert!(found.strict && !found.every_configuration);
        assert_eq!(found.rest, ["--only", "pull", "--jobs=2"]);
        assert!(args(&["--url"]).gathered().is_err());
        assert!(
            args(&["--url=http://x", "--every-configuration"])
                .gathered()
                .is_err()
        );
    }
}
