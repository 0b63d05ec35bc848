//! The command line.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::checks;
use crate::client::{Credentials, TlsOptions, Url};
use crate::context::GivenContent;
use crate::level::Level;
use crate::report::terminal::{Progress, Style};
use crate::report::{self, Report};
use crate::runner::{Observer, Options, RunError, run};
use crate::selection::Selection;

/// Asks an OCI registry, over HTTP only, whether it conforms to the distribution specification.
///
/// Exits with 0 if every MUST is met, with 1 if one is not, and with 2 if nothing could be asked.
#[derive(Debug, Parser)]
#[command(name = "oci-conformance", version, max_term_width = 100)]
pub struct Arguments {
    /// The registry's address, such as http://127.0.0.1:5000
    url: Option<String>,
    /// Run several registries and print one table; repeatable
    #[arg(long, value_name = "URL=NAME")]
    compare: Vec<String>,
    /// Only these checks: names, groups (`pull`) or patterns (`*digest*`)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these checks
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    skip: Vec<String>,
    /// Only these levels: MUST, SHOULD, MAY, draft, client
    #[arg(long, value_name = "LEVEL", value_delimiter = ',')]
    level: Vec<Level>,
    /// List the selected checks and stop
    #[arg(long)]
    list: bool,
    /// How many checks run at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// Namespace below which repositories are made
    #[arg(long, default_value = "conformance")]
    namespace: String,
    /// Leave in the registry what the checks have made
    #[arg(long)]
    keep: bool,
    /// How long one exchange may take, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    content: Content,
    #[command(flatten)]
    output: Output,
    /// Run an official suite's binary beside the checks; repeatable
    #[arg(
        long,
        value_name = "PATH",
        env = "OCI_CONFORMANCE_OFFICIAL",
        value_delimiter = ':'
    )]
    official: Vec<PathBuf>,
}

/// How to get in.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Access")]
struct Access {
    /// User name, for Basic and for token endpoints
    #[arg(long, env = "OCI_CONFORMANCE_USERNAME", requires = "password")]
    username: Option<String>,
    /// Password
    #[arg(
        long,
        env = "OCI_CONFORMANCE_PASSWORD",
        requires = "username",
        hide_env_values = true
    )]
    password: Option<String>,
    /// Bearer token that is sent with every request
    #[arg(
        long,
        env = "OCI_CONFORMANCE_TOKEN",
        conflicts_with = "username",
        hide_env_values = true
    )]
    token: Option<String>,
    /// File of PEM certificates to trust beside the platform's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust any certificate
    #[arg(long)]
    insecure: bool,
}

/// What to read where nothing may be written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Registries that must not be written to")]
struct Content {
    /// Only read, from the content named below
    #[arg(long, requires = "repository", requires = "tag")]
    read_only: bool,
    /// Repository to read from
    #[arg(long, value_name = "NAME", requires = "read_only")]
    repository: Option<String>,
    /// Tag of an image in it
    #[arg(long, requires = "read_only")]
    tag: Option<String>,
    /// Digest of a manifest in it; by default that of the tag
    #[arg(long, value_name = "DIGEST", requires = "read_only")]
    manifest: Option<String>,
    /// Digest of a blob in it; by default the manifest's last one
    #[arg(long, value_name = "DIGEST", requires = "read_only")]
    blob: Option<String>,
}

/// Where results go.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Reports")]
struct Output {
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the comparison as Markdown tables
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Print only the table of a comparison, or only the last line of a report
    #[arg(long)]
    quiet: bool,
}

/// Why the command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Neither an address nor a comparison was given.
    #[error("name a registry, such as http://127.0.0.1:5000, or --compare several")]
    NoRegistry,
    /// An address is none.
    #[error(transparent)]
    Address(#[from] crate::client::UrlError),
    /// `--compare` without a name.
    #[error("--compare takes URL=NAME, and got `{0}`")]
    Comparison(String),
    /// The run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A report could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs the program.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(&arguments, &Progress::new(), &mut io::stdout()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads the output has seen enough.
        Err(CliError::Write { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("oci-conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Carries out a parsed command line; whether every MUST is met everywhere.
///
/// # Errors
/// See [`CliError`].
pub async fn carry_out(
    arguments: &Arguments,
    observer: &dyn Observer,
    out: &mut (dyn Write + Send),
) -> Result<bool, CliError> {
    let printed = |source| CliError::Write {
        path: "standard output".into(),
        source,
    };
    if arguments.list {
        list(arguments, out).map_err(printed)?;
        return Ok(true);
    }
    let targets = arguments.targets()?;
    let mut reports = Vec::new();
    for options in &targets {
        let report = run(options, observer).await?;
        if !arguments.output.quiet {
            report::terminal::write(&report, Style::detect(), out).map_err(printed)?;
        }
        reports.push(report);
    }
    if reports.len() > 1 {
        write!(out, "\n{}", report::table(&reports)).map_err(printed)?;
    }
    arguments.output.write(&reports)?;
    Ok(reports.iter().all(Report::conforms))
}

fn list(arguments: &Arguments, out: &mut dyn Write) -> io::Result<()> {
    let selection = arguments.selection();
    for check in checks::all().filter(|check| selection.includes(check)) {
        writeln!(out, "{:<7} {:<45} {}", check.level, check.name, check.title)?;
    }
    Ok(())
}

impl Arguments {
    fn selection(&self) -> Selection {
        Selection {
            only: self.only.clone(),
            skip: self.skip.clone(),
            levels: self.level.clone(),
        }
    }

    /// The registries to run, each with its options.
    fn targets(&self) -> Result<Vec<Options>, CliError> {
        let mut targets = Vec::new();
        for pair in &self.compare {
            let (url, name) = pair.rsplit_once('=').unwrap_or((pair, ""));
            if name.is_empty() {
                return Err(CliError::Comparison(pair.clone()));
            }
            targets.push(Options {
                name: Some(name.to_owned()),
                ..self.options(url)?
            });
        }
        if let Some(url) = &self.url {
            targets.insert(0, self.options(url)?);
        }
        if targets.is_empty() {
            return Err(CliError::NoRegistry);
        }
        Ok(targets)
    }

    fn options(&self, url: &str) -> Result<Options, CliError> {
        Ok(Options {
            namespace: self.namespace.trim_matches('/').to_owned(),
            selection: self.selection(),
            credentials: self.access.credentials(),
            tls: TlsOptions {
                authority: self.access.ca.clone(),
                insecure: self.access.insecure,
            },
            jobs: usize::from(self.jobs),
            timeout: Duration::from_secs(u64::from(self.timeout)),
            read_only: self.content.given(),
            keep: self.keep,
            official: self.official.clone(),
            ..Options::new(address(url)?)
        })
    }
}

/// An address; without a scheme, this machine is asked over HTTP and any other over HTTPS.
fn address(text: &str) -> Result<Url, crate::client::UrlError> {
    if text.contains("://") {
        return text.parse();
    }
    let local = ["localhost", "127.", "[::1]"]
        .iter()
        .any(|host| text.starts_with(host));
    let scheme = if local { "http" } else { "https" };
    format!("{scheme}://{text}").parse()
}

impl Access {
    fn credentials(&self) -> Credentials {
        match (&self.username, &self.password, &self.token) {
            (_, _, Some(token)) => Credentials::Token(token.clone()),
            (Some(username), Some(password), None) => Credentials::Password {
                username: username.clone(),
                password: password.clone(),
            },
            _ => Credentials::Anonymous,
        }
    }
}

impl Content {
    fn given(&self) -> Option<GivenContent> {
        let (repository, tag) = (self.repository.clone()?, self.tag.clone()?);
        self.read_only.then(|| GivenContent {
            repository,
            tag,
            manifest: self.manifest.clone(),
            blob: self.blob.clone(),
        })
    }
}

impl Output {
    fn write(&self, reports: &[Report]) -> Result<(), CliError> {
        type Writer = fn(&[Report], &mut dyn Write) -> io::Result<()>;
        let markdown: Writer = |reports, out| write!(out, "{}", report::markdown(reports));
        let files: [(&Option<PathBuf>, Writer); 4] = [
            (&self.json, report::json::write),
            (&self.junit, report::junit::write),
            (&self.html, report::html::write),
            (&self.markdown, markdown),
        ];
        for (path, write) in files {
            if let Some(path) = path {
                write_file(path, reports, write).map_err(|source| CliError::Write {
                    path: path.display().to_string(),
                    source,
                })?;
            }
        }
        Ok(())
    }
}

fn write_file(
    path: &Path,
    reports: &[Report],
    write: fn(&[Report], &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = io::BufWriter::new(File::create(path)?);
    write(reports, &mut file)?;
    file.flush()
}
