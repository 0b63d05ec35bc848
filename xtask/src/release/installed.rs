//! The Debian package tried for real, as far as that is possible without changing this machine: it
//! is installed into a folder with its scripts, its unit is read by systemd's own checker, and the
//! server is started by the unit's `ExecStart`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::steps::Steps;
use crate::Result;
use crate::process;
use crate::server::Server;
use crate::tools;

const LIMIT: Duration = Duration::from_secs(60);
const UNIT: &str = "usr/lib/systemd/system/oci-server.service";
/// How exposed systemd may find the service, in tenths: 10 is safest, 100 is naked.
const EXPOSURE: &str = "15";

/// Tries the package; what cannot be tried here is said.
///
/// # Errors
/// When the package does not work.
pub(super) fn check(package: &Path, version: &str, folder: &Path, steps: &mut Steps) -> Result<()> {
    if tools::find("dpkg").is_none() {
        steps.skip("Debian package: install", "there is no dpkg");
        return Ok(());
    }
    let root = folder.join("system");
    steps.run("Debian package: install", || install(package, &root))?;
    if tools::find("systemd-analyze").is_some() {
        steps.run("Debian package: check the unit", || verify(&root))?;
    } else {
        steps.skip(
            "Debian package: check the unit",
            "there is no systemd-analyze",
        );
    }
    steps.run("Debian package: start the service", || {
        serve(&root, version, folder)
    })?;
    steps.run("Debian package: purge", || purge(&root))
}

fn dpkg(root: &Path) -> Command {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("--root").arg(root);
    // The folder has no shell and no other packages; scripts run outside and write into it.
    dpkg.args([
        "--force-not-root",
        "--force-depends",
        "--force-script-chrootless",
    ]);
    dpkg.env("LC_ALL", "C").env("PATH", path());
    dpkg
}

/// dpkg insists on programs of an administrator's path.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")
}

fn install(package: &Path, root: &Path) -> Result<()> {
    let database = root.join("var/lib/dpkg");
    for folder in ["info", "updates", "triggers"] {
        std::fs::create_dir_all(database.join(folder))?;
    }
    for file in ["status", "available"] {
        std::fs::write(database.join(file), "")?;
    }
    process::run(dpkg(root).arg("--install").arg(package), LIMIT)?.ok()?;
    let status = std::fs::read_to_string(database.join("status"))?;
    ensure!(
        status.contains("Status: install ok installed"),
        "dpkg says {status}"
    );
    ensure!(
        status.contains("\n /etc/oci-server/config.toml "),
        "the settings are no conffile"
    );
    let users = std::fs::read_to_string(root.join("etc/passwd")).context("no user was made")?;
    ensure!(users.contains("oci-server:"), "no user was made");
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    ensure!(
        !wants.exists(),
        "the service was enabled without being asked"
    );
    Ok(())
}

fn verify(root: &Path) -> Result<()> {
    let mut verify = Command::new("systemd-analyze");
    verify
        .arg("verify")
        .arg("--root")
        .arg(root)
        .args(["--man=no", "--recursive-errors=no"]);
    verify.arg("oci-server.service");
    let said = process::run(&mut verify, LIMIT)?;
    let findings = said.said();
    said.ok()?;
    ensure!(findings.is_empty(), "systemd-analyze says: {findings}");
    let mut security = Command::new("systemd-analyze");
    security.args([
        "security",
        "--offline=yes",
        "--no-pager",
        "--threshold",
        EXPOSURE,
    ]);
    process::run(security.arg(root.join(UNIT)), LIMIT)?.ok()?;
    Ok(())
}

fn serve(root: &Path, version: &str, folder: &Path) -> Result<()> {
    let unit = std::fs::read_to_string(root.join(UNIT))?;
    let (program, arguments) = exec_start(&unit, root)?;
    let said = process::run(Command::new(&program).arg("--version"), LIMIT)?.ok()?;
    ensure!(said == format!("oci-server {version}"), "it says {said}");
    let home = folder.join("service");
    std::fs::create_dir_all(&home)?;
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let server = Server::start(&program, &home, &arguments)?;
    let answer = ureq::get(format!("{}/v2/", server.url())).call()?;
    ensure!(answer.status() == 200, "it answers {}", answer.status());
    server.stop()
}

/// The unit's command, with each absolute path below `root`.
fn exec_start(unit: &str, root: &Path) -> Result<(PathBuf, Vec<String>)> {
    let line = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let mut words = line
        .context("the unit has no ExecStart")?
        .split_whitespace()
        .map(|word| {
            let inside = word.strip_prefix('/').map(|path| root.join(path));
            inside.map_or(word.to_owned(), |path| path.display().to_string())
        });
    let program = words.next().context("ExecStart is empty")?;
    Ok((program.into(), words.collect()))
}

fn purge(root: &Path) -> Result<()> {
    let state = root.join("var/lib/oci-server");
    std::fs::create_dir_all(&state)?;
    std::fs::write(state.join("pushed"), "")?;
    process::run(dpkg(root).args(["--purge", "oci-server"]), LIMIT)?.ok()?;
    for gone in ["usr/bin/oci-server", "etc/oci-server/config.toml", UNIT] {
        ensure!(!root.join(gone).exists(), "{gone} is still there");
    }
    ensure!(state.join("pushed").exists(), "what was pushed is gone");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_command_is_taken_into_the_folder() {
        let unit = "[Service]\nType=exec\nExecStart=/usr/bin/one --config /etc/two --three\n";
        let (program, arguments) = exec_start(unit, Path::new("/root-folder")).unwrap();
        assert_eq!(program, Path::new("/root-folder/usr/bin/one"));
        assert_eq!(arguments, ["--config", "/root-folder/etc/two", "--three"]);
        assert!(exec_start("[Service]\n", Path::new("/")).is_err());
    }
}
