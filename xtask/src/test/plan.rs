//! What `cargo xtask test` runs, in which order, and what waits for what.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::server;
use crate::tools;
use crate::workspace;

/// How long a part may take before it counts as hung.
const LIMIT: Duration = Duration::from_secs(1200);

/// One command of the plan.
#[derive(Debug)]
pub(super) struct Part {
    /// A short name, to choose it by.
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// The parts that must have succeeded before.
    pub(super) needs: &'static [&'static str],
    /// The parts that must have ended before, in whatever way.
    pub(super) after: &'static [&'static str],
    pub(super) limit: Duration,
    program: Program,
}

#[derive(Debug)]
enum Program {
    /// cargo with these arguments.
    Cargo(Vec<&'static str>),
    /// A task of this program.
    Own(Vec<&'static str>),
}

/// Parts that run one after the other, beside the other lanes.
pub(super) type Lane = Vec<Part>;

/// How a part is told where what others have built is.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    release: PathBuf,
    install: bool,
    mandatory: bool,
}

impl Setting {
    /// The setting of a run: whether to install what is missing, and whether to insist on it.
    ///
    /// # Errors
    /// When the target folder is not known.
    pub(super) fn new(install: bool, mandatory: bool) -> Result<Setting> {
        let release = workspace::target_dir()?.join("release");
        Ok(Setting {
            release,
            install,
            mandatory,
        })
    }
}

impl Part {
    /// The command to run.
    pub(super) fn command(&self, setting: &Setting) -> Command {
        let mut command = match &self.program {
            Program::Cargo(arguments) => {
                let mut cargo = workspace::cargo();
                cargo.args(arguments);
                cargo
            }
            Program::Own(arguments) => {
                let mut own = Command::new(own_program());
                own.args(arguments).current_dir(workspace::root());
                own
            }
        };
        self.adapt(&mut command, setting);
        command
    }

    fn adapt(&self, command: &mut Command, setting: &Setting) {
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("RUSTDOCFLAGS", "-D warnings");
        command.env(server::BINARY, setting.release.join("oci-server"));
        command.env(server::RUNNER, setting.release.join("oci-conformance"));
        if let Some(program) = tools::find(tools::S3_SERVER) {
            command.env("OCI_TEST_VERSITYGW", program);
        }
        match self.name {
            SETUP if !setting.install => command.arg("--no-install"),
            "interop" | "interop-auth" | "recipes" if setting.mandatory => {
                command.arg("--mandatory")
            }
            "prove" => command
                .arg("--server")
                .arg(setting.release.join("oci-server")),
            _ => command,
        };
    }
}

/// This program, also after cargo has put a newer one in its place.
fn own_program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return running.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("xtask"))
}

/// The name of the part that builds the server and the runner.
const SERVER: &str = "server";
/// The name of the part that makes sure of other programs.
const SETUP: &str = "setup";

/// Everything. The first lane is what cargo does, which would only wait for its own locks side by
/// side; the second is what the machine and the server do.
pub(super) fn lanes() -> Vec<Lane> {
    vec![cargo_lane(), machine_lane()]
}

/// Leaves only the named parts, and what they need.
pub(super) fn keep(lanes: &mut Vec<Lane>, names: &[String]) {
    let named = |part: &&Part| names.iter().any(|name| name == part.name);
    let chosen = lanes.iter().flatten().filter(named);
    let needed: Vec<_> = chosen.flat_map(|part| part.needs).copied().collect();
    for lane in lanes {
        lane.retain(|part| named(&part) || needed.contains(&part.name));
    }
}

fn cargo_lane() -> Lane {
    let mut lane = vec![
        cargo("format", "the code is formatted", "fmt --all --check"),
        own("tidy", "the tree is tidy", "tidy"),
        cargo(
            SERVER,
            "the server builds in release mode",
            "build --release --locked -p oci-server-bin -p oci-conformance",
        ),
        cargo(
            "clippy",
            "clippy finds nothing",
            "clippy --workspace --all-targets --all-features --locked -- -D warnings",
        ),
        Part {
            after: &[SETUP],
            ..cargo(
                "tests",
                "the tests of all crates, in code and in documentation",
                "test --workspace --all-features --locked --no-fail-fast",
            )
        },
        cargo(
            "rustdoc",
            "documentation has no warnings",
            "doc --workspace --no-deps --all-features --locked",
        ),
    ];
    lane.extend(
        FEATURES
            .iter()
            .map(|(name, title, line)| cargo(name, title, line)),
    );
    lane
}

/// The combinations of features that somebody can ask for and that the rest does not build.
/// Examples in documentation use the default ones.
const FEATURES: &[(&str, &str, &str)] = &[
    (
        "types-alone",
        "oci-types builds alone",
        "check --locked -p oci-types",
    ),
    (
        "http-alone",
        "oci-http builds without its helpers",
        "check --locked -p oci-http",
    ),
    (
        "blobs-bare",
        "oci-blob-store builds without a backend",
        "check --locked -p oci-blob-store --no-default-features",
    ),
    (
        "blobs-fs",
        "oci-blob-store over files alone",
        "test --locked --lib --tests -p oci-blob-store --no-default-features --features fs",
    ),
    (
        "blobs-memory",
        "oci-blob-store over memory alone",
        "test --locked --lib --tests -p oci-blob-store --no-default-features --features memory",
    ),
    (
        "blobs-object",
        "oci-blob-store over object stores alone",
        "check --locked -p oci-blob-store --no-default-features --features gcs,azure",
    ),
    (
        "meta-bare",
        "oci-meta builds without a backend",
        "check --locked -p oci-meta --no-default-features",
    ),
    (
        "meta-sqlite",
        "oci-meta over SQLite alone",
        "test --locked --lib --tests -p oci-meta --no-default-features --features sqlite",
    ),
    (
        "meta-memory",
        "oci-meta over memory alone",
        "test --locked --lib --tests -p oci-meta --no-default-features --features memory",
    ),
    (
        "meta-postgres",
        "oci-meta over PostgreSQL alone",
        "check --locked -p oci-meta --no-default-features --features postgres",
    ),
];

fn machine_lane() -> Lane {
    vec![
        own(
            SETUP,
            "the programs that the tests drive are there",
            "setup",
        ),
        Part {
            needs: &[SERVER],
            ..own(
                "conformance",
                "the server conforms",
                "conformance --strict --every-configuration --quiet",
            )
        },
        Part {
            needs: &[SERVER],
            ..own("interop", "real clients work", "interop")
        },
        Part {
            needs: &[SERVER],
            ..own("interop-auth", "real clients log in", "interop --auth")
        },
        Part {
            needs: &[SERVER],
            ..own("recipes", "the recipes work as they stand", "recipes")
        },
        // Ratios of times mean nothing beside a compiler.
        Part {
            needs: &[SERVER],
            after: &["meta-postgres"],
            ..own("prove", "the promises hold, in short", "prove all --quick")
        },
    ]
}

fn cargo(name: &'static str, title: &'static str, line: &'static str) -> Part {
    let program = Program::Cargo(line.split(' ').collect());
    Part {
        name,
        title,
        needs: &[],
        after: &[],
        limit: LIMIT,
        program,
    }
}

fn own(name: &'static str, title: &'static str, line: &'static str) -> Part {
    let program = Program::Own(line.split(' ').collect());
    Part {
        name,
        title,
        needs: &[],
        after: &[],
        limit: LIMIT,
        program,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Part, keep, lanes};

    /// Whichever part can go on goes on, until all have been; none is left that waits.
    #[test]
    fn the_plan_comes_to_an_end() {
        let lanes = lanes();
        let names: Vec<_> = lanes.iter().flatten().map(|part| part.name).collect();
        let unique: HashSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        let mut left: Vec<_> = lanes.iter().map(|lane| lane.iter().peekable()).collect();
        let mut done = HashSet::new();
        loop {
            let before = done.len();
            for lane in &mut left {
                let ready = |part: &&Part| {
                    let mut others = part.needs.iter().chain(part.after);
                    others.all(|other| done.contains(other))
                };
                if let Some(part) = lane.next_if(ready) {
                    done.insert(part.name);
                }
            }
            if done.len() == before {
                break;
            }
        }
        assert_eq!(done.len(), names.len(), "only {done:?} come to their turn");
    }

    #[test]
    fn a_chosen_part_brings_what_it_needs() {
        let mut lanes = lanes();
        keep(&mut lanes, &["interop".to_owned(), "tidy".to_owned()]);
        let names: Vec<_> = lanes.iter().flatten().map(|part| part.name).collect();
        assert_eq!(names, ["tidy", "server", "interop"]);
    }
}
