//! Drives the clients that people use against this workspace's server: each with a server, a home
//! and, where it needs one, a daemon of its own, and each asked for the same operations. With
//! `--auth` they have to log in, in each way that there is.

mod authority;
mod bench;
mod client;
mod clients;
mod image;
mod login;
mod mode;
mod operation;
pub(crate) mod recipes;
mod registry;
mod relay;
mod report;
mod site;
mod ticket;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use self::bench::Bench;
use self::client::{Cannot, Desk};
use self::clients::{CLIENTS, Entry};
use self::image::Images;
use self::mode::Mode;
use self::operation::Operation;
use self::report::{Cell, Missing, Outcome, Row};
use self::site::Site;
use crate::Result;
use crate::process;
use crate::server;
use crate::tools;
use crate::workspace;

/// How long a client may take to tell its version.
const VERSION_LIMIT: Duration = Duration::from_secs(30);
/// How many clients run side by side.
const SIDE_BY_SIDE: usize = 2;

/// What `cargo xtask interop` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these clients
    #[arg(long, value_name = "CLIENT", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these operations
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    operation: Vec<String>,
    /// Against servers to which one has to log in
    #[arg(long)]
    auth: bool,
    /// Only these ways to log in
    #[arg(long, value_name = "MODE", value_delimiter = ',', requires = "auth")]
    mode: Vec<String>,
    /// Fail where a client is missing that must be there
    #[arg(long)]
    mandatory: bool,
    /// Size of the large layer in MiB
    #[arg(long, value_name = "MIB", default_value_t = 300)]
    large: u64,
}

/// Runs the clients and prints the table.
///
/// # Errors
/// When a client does not work or, with `--mandatory`, is not there.
pub(crate) fn run(args: &Args) -> Result<()> {
    let operations = operations(args)?;
    let modes = modes(args)?;
    let entries = entries(args)?;
    let binary = server::binary()?;
    let folder = tempfile::Builder::new().prefix("interop-").tempdir()?;
    let is_asked = operations.contains(&Operation::Large);
    let large = if is_asked { args.large << 20 } else { 0 };
    let images = Images::make(&folder.path().join("images"), large)?;
    let hall = Hall {
        args,
        operations,
        modes,
        binary,
        folder: folder.path(),
        images,
    };
    let rows = hall.all(entries);
    print!("{}", report::table(&rows, &hall.operations));
    let target = workspace::target_dir()?.join("interop");
    std::fs::create_dir_all(&target)?;
    let name = if args.auth {
        "junit-auth.xml"
    } else {
        "junit.xml"
    };
    std::fs::write(target.join(name), report::junit(&rows))?;
    println!("the report: {}", target.join(name).display());
    let counts = report::counts(&rows);
    println!("{counts}");
    ensure!(!process::interrupted(), "interrupted");
    ensure!(counts.failed == 0, "not every client works");
    Ok(())
}

fn operations(args: &Args) -> Result<Vec<Operation>> {
    let all = if args.auth {
        Operation::GUARDED
    } else {
        Operation::OPEN
    };
    for name in &args.operation {
        let known = all.iter().any(|operation| operation.name() == name);
        ensure!(known, "there is no operation {name}");
    }
    let asked = |operation: &&Operation| {
        args.operation.is_empty() || args.operation.iter().any(|name| name == operation.name())
    };
    Ok(all.iter().filter(asked).copied().collect())
}

/// The ways to log in; one that is none where nobody has to.
fn modes(args: &Args) -> Result<Vec<Option<Mode>>> {
    if !args.auth {
        return Ok(vec![None]);
    }
    for name in &args.mode {
        let known = Mode::ALL.iter().any(|mode| mode.name() == name);
        ensure!(known, "there is no mode {name}");
    }
    let asked =
        |mode: &Mode| args.mode.is_empty() || args.mode.iter().any(|name| name == mode.name());
    Ok(Mode::ALL.into_iter().filter(asked).map(Some).collect())
}

fn entries(args: &Args) -> Result<Vec<&'static Entry>> {
    for name in &args.only {
        let known = CLIENTS.iter().any(|entry| entry.name == name);
        ensure!(known, "there is no client {name}");
    }
    let asked =
        |entry: &&Entry| args.only.is_empty() || args.only.iter().any(|name| name == entry.name);
    Ok(CLIENTS.iter().filter(asked).collect())
}

/// Where clients work.
struct Hall<'a> {
    args: &'a Args,
    operations: Vec<Operation>,
    modes: Vec<Option<Mode>>,
    binary: PathBuf,
    folder: &'a Path,
    images: Images,
}

impl Hall<'_> {
    /// Runs clients side by side; answers their rows in the order of the list.
    fn all(&self, entries: Vec<&'static Entry>) -> Vec<Row> {
        let order: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        let waiting = Mutex::new(VecDeque::from(entries));
        let rows = Mutex::new(Vec::new());
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
        };
        std::thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                scope.spawn(|| {
                    while let Some(entry) = next() {
                        for &mode in &self.modes {
                            let row = self.one(entry, mode);
                            rows.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(row);
                        }
                    }
                });
            }
        });
        let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.sort_by_key(|row| order.iter().position(|name| *name == row.client));
        rows
    }

    fn one(&self, entry: &Entry, mode: Option<Mode>) -> Row {
        let mut row = Row {
            client: entry.name,
            mode,
            version: String::new(),
            missing: None,
            cells: Vec::new(),
        };
        if let Some(reason) = obstacle(entry) {
            let mandatory = self.args.mandatory && entry.mandatory;
            row.missing = Some(Missing { reason, mandatory });
            return row;
        }
        match self.perform(entry, mode, &mut row) {
            Ok(()) => {}
            Err(error) => {
                let reason = format!("{error:#}");
                row.missing = Some(Missing {
                    reason,
                    mandatory: true,
                });
            }
        }
        row
    }

    fn perform(&self, entry: &Entry, mode: Option<Mode>, row: &mut Row) -> Result<()> {
        // podman takes no long paths.
        let number = self.modes.iter().position(|other| *other == mode);
        let folder = self.folder.join(entry.name);
        let folder = folder.join(number.unwrap_or_default().to_string());
        let data = folder.join("server");
        std::fs::create_dir_all(&data)?;
        let (server, site) = match mode {
            None => Site::open(&self.binary, &data)?,
            Some(mode) => Site::guarded(mode, entry.knows_alias, &self.binary, &data)?,
        };
        let desk = Desk::new(&folder, &site)?;
        row.version = version(entry, &desk)?;
        let client =
            (entry.start)(desk).with_context(|| format!("{} does not start", entry.name))?;
        let mut bench = Bench::new(client.as_ref(), &self.images, server, site)?;
        for &operation in &self.operations {
            ensure!(!process::interrupted(), "interrupted");
            if operation == Operation::Trust && !mode.is_some_and(Mode::tls) {
                continue;
            }
            let cell = cell(&mut bench, operation);
            print_cell(row, &cell);
            row.cells.push(cell);
        }
        bench.end()?;
        drop(client);
        // Hundreds of megabytes each, which need not wait for the last client.
        std::fs::remove_dir_all(&folder).context("the client's folder cannot be removed")
    }
}

fn cell(bench: &mut Bench<'_>, operation: Operation) -> Cell {
    let clock = Instant::now();
    let outcome = match bench.perform(operation) {
        Ok(remark) => Outcome::Ok(remark),
        Err(error) => match error.downcast_ref::<Cannot>() {
            Some(Cannot(reason)) => Outcome::NotApplicable((*reason).to_owned()),
            None => Outcome::Failed(format!("{error:#}")),
        },
    };
    let elapsed = clock.elapsed();
    Cell {
        operation,
        outcome,
        elapsed,
    }
}

fn print_cell(row: &Row, cell: &Cell) {
    println!(
        "{:<4} {} {} ({:.1} s)",
        cell.outcome.word(),
        row.name(),
        cell.operation.name(),
        cell.elapsed.as_secs_f64()
    );
}

/// Why a client cannot run here.
fn obstacle(entry: &Entry) -> Option<String> {
    if process::interrupted() {
        return Some("interrupted".to_owned());
    }
    let missing = entry
        .programs()
        .find(|program| tools::find(program).is_none());
    if let Some(program) = missing {
        return Some(format!(
            "{program} is not installed; cargo xtask setup names what it takes"
        ));
    }
    let root = rustix::process::geteuid().is_root();
    (entry.privileged && !root).then(|| "its daemon takes root".to_owned())
}

/// The version that is built here, or else the first number with dots in what the program says.
fn version(entry: &Entry, desk: &Desk) -> Result<String> {
    if let Some(version) = tools::built_version(entry.name) {
        return Ok(version.to_owned());
    }
    let mut command = desk.command(entry.name);
    let said = process::run(command.args(entry.version), VERSION_LIMIT)?.said();
    let mut words = said.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let number = words.find(|word| word.contains('.') && word.len() > 2);
    Ok(number.unwrap_or_default().trim_matches('.').to_owned())
}
