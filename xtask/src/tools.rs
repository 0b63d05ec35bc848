//! The programs that the tasks drive: where they are, and how to come by those that are missing.
//! Packages come from the system; clients that no system carries are built from their Go modules,
//! at the versions that stand here, into the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::Result;
use crate::process;
use crate::workspace;

/// How long fetching or building one of them may take.
const LIMIT: Duration = Duration::from_secs(1500);

/// A program of a system package.
#[derive(Debug)]
pub(crate) struct Packaged {
    pub(crate) program: &'static str,
    /// Debian packages, by the first of them that there is.
    pub(crate) packages: &'static [&'static str],
    pub(crate) purpose: &'static str,
}

/// What the tests drive beyond a Rust toolchain.
pub(crate) const PACKAGED: &[Packaged] = &[
    packaged("docker", &["docker-cli", "docker.io"], "interop: docker"),
    packaged("dockerd", &["docker.io"], "interop: docker"),
    packaged("podman", &["podman"], "interop: podman"),
    packaged("skopeo", &["skopeo"], "interop: skopeo"),
    packaged("buildah", &["buildah"], "interop: buildah"),
    packaged("containerd", &["containerd"], "interop: docker, ctr"),
    packaged("ctr", &["containerd"], "interop: ctr"),
    packaged("htpasswd", &["apache2-utils"], "recipes"),
    packaged("openssl", &["openssl"], "recipes"),
    packaged("curl", &["curl"], "recipes"),
    packaged("strace", &["strace"], "prove: the order of writes"),
    packaged("initdb", &["postgresql"], "tests: metadata in PostgreSQL"),
];

const fn packaged(
    program: &'static str,
    packages: &'static [&'static str],
    purpose: &'static str,
) -> Packaged {
    Packaged {
        program,
        packages,
        purpose,
    }
}

/// An S3 server over a folder.
pub(crate) const S3_SERVER: &str = "versitygw";

/// A program that is built from a Go module.
#[derive(Debug)]
pub(crate) struct GoTool {
    pub(crate) program: &'static str,
    pub(crate) module: &'static str,
    pub(crate) version: &'static str,
    /// The program's folder within the module.
    folder: &'static str,
}

/// What is built, quickest first.
pub(crate) const GO_TOOLS: &[GoTool] = &[
    go_tool(
        "crane",
        "github.com/google/go-containerregistry",
        "v0.22.1",
        "./cmd/crane",
    ),
    go_tool(
        "regctl",
        "github.com/regclient/regclient",
        "v0.11.7",
        "./cmd/regctl",
    ),
    go_tool(
        S3_SERVER,
        "github.com/versity/versitygw",
        "v1.8.0",
        "./cmd/versitygw",
    ),
    go_tool("oras", "oras.land/oras", "v1.3.2", "./cmd/oras"),
    go_tool("helm", "helm.sh/helm/v3", "v3.22.0", "./cmd/helm"),
    go_tool(
        "cosign",
        "github.com/sigstore/cosign/v2",
        "v2.6.5",
        "./cmd/cosign",
    ),
];

const fn go_tool(
    program: &'static str,
    module: &'static str,
    version: &'static str,
    folder: &'static str,
) -> GoTool {
    GoTool {
        program,
        module,
        version,
        folder,
    }
}

impl GoTool {
    /// What drives it.
    pub(crate) fn purpose(&self) -> String {
        match self.program {
            S3_SERVER => "tests: blobs in object stores".to_owned(),
            client => format!("interop: {client}"),
        }
    }

    /// Where it is once it was built.
    fn path(&self) -> Result<PathBuf> {
        let name = format!("{}-{}", self.program, self.version);
        Ok(workspace::target_dir()?
            .join("tools")
            .join(name)
            .join(self.program))
    }

    /// Builds it from its module's source, with the versions that the module itself pins.
    ///
    /// # Errors
    /// When the module cannot be fetched or does not build.
    pub(crate) fn build(&self) -> Result<()> {
        let path = self.path()?;
        let module = format!("{}@{}", self.module, self.version);
        let fetched: serde_json::Value = serde_json::from_str(&fetch(&module)?)?;
        let source = fetched["Dir"].as_str().context("go names no folder")?;
        // Linked beside its place first: what is there is whole.
        let unfinished = path.with_extension("part");
        let mut build = go();
        build.args([
            "build",
            "-C",
            source,
            "-buildvcs=false",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
        ]);
        build.arg(&unfinished).arg(self.folder);
        process::run(&mut build, LIMIT)?.ok()?;
        std::fs::rename(&unfinished, &path)?;
        Ok(())
    }
}

/// Fetches a module and answers what go says about it; a network may fail for a moment.
fn fetch(module: &str) -> Result<String> {
    let attempt = || {
        let mut fetch = go();
        fetch.args(["mod", "download", "-json", module]);
        process::run(&mut fetch, LIMIT)?.ok()
    };
    attempt().or_else(|_| attempt())
}

fn go() -> Command {
    let mut command = Command::new("go");
    command
        .env("CGO_ENABLED", "0")
        .env_remove("GOFLAGS")
        .current_dir(std::env::temp_dir());
    command
}

/// Where a program is: built into the target folder, or on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let built = GO_TOOLS.iter().find(|tool| tool.program == program);
    let built = built
        .and_then(|tool| tool.path().ok())
        .filter(|path| path.exists());
    built.or_else(|| on_path(program))
}

/// The version of a program that was built into the target folder.
pub(crate) fn built_version(program: &str) -> Option<&'static str> {
    let tool = GO_TOOLS.iter().find(|tool| tool.program == program)?;
    let built = tool.path().is_ok_and(|path| path.exists());
    built.then(|| tool.version.trim_start_matches('v'))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Daemons live where only root's path leads, and Debian keeps PostgreSQL's versions apart.
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
    let versions = versions
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"));
    let mut folders = std::env::split_paths(&path).chain(more).chain(versions);
    folders.find_map(|folder| executable(&folder.join(program)))
}

fn executable(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let found = std::fs::metadata(path).ok()?;
    let runs = found.is_file() && found.permissions().mode() & 0o111 != 0;
    runs.then(|| path.to_owned())
}

/// Whether the system's packages can be installed: by root, with apt.
pub(crate) fn can_install() -> bool {
    rustix::process::geteuid().is_root() && on_path("apt-get").is_some()
}

/// Installs the packages of programs that are missing.
///
/// # Errors
/// When apt fails.
pub(crate) fn install(missing: &[&Packaged]) -> Result<()> {
    let updated = apt(&["update"]).and_then(process::Finished::ok);
    let mut wanted: Vec<&str> = Vec::new();
    for packaged in missing {
        let Some(package) = packaged
            .packages
            .iter()
            .copied()
            .find(|name| is_known(name))
        else {
            let names = packaged.packages.join(", ");
            updated?;
            bail!("apt knows no package {names} for {}", packaged.program);
        };
        if !wanted.contains(&package) {
            wanted.push(package);
        }
    }
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(wanted);
    apt(&arguments)?.ok()?;
    Ok(())
}

fn apt(arguments: &[&str]) -> Result<process::Finished> {
    let mut command = Command::new("apt-get");
    command
        .args(["-q", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(&mut command, LIMIT)
}

fn is_known(package: &str) -> bool {
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions", package]);
    process::run(&mut command, LIMIT).is_ok_and(|shown| shown.status.success())
}
