//! The audit log: one JSON object a line, for every write, every refusal of access and every
//! login.
//!
//! A line is handed to the system before its client is answered, so that it outlives the
//! process. What cannot be written is reported in the other log, and stops nobody.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write, stdout};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use oci_http::{Audit, AuditAction, AuditEntry};
use rustix::fs::{Access, AtFlags};
use serde::Serialize;

use crate::config::AuditConfig;

/// Something that was asked of the admin API.
#[derive(Debug, Serialize)]
pub(crate) struct AdminEntry<'a> {
    /// What was to be done.
    pub(crate) action: &'static str,
    /// The user whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<&'a str>,
    /// The account of this machine that asked, as far as the system knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uid: Option<u32>,
    /// What came of it.
    pub(crate) outcome: &'static str,
    /// The answer's status.
    pub(crate) status: u16,
}

#[derive(Serialize)]
struct AdminLine<'a> {
    time: String,
    event: &'static str,
    #[serde(flatten)]
    entry: &'a AdminEntry<'a>,
}

/// Writes the lines.
#[derive(Debug)]
pub(crate) struct AuditLog(Mutex<Sink>);

#[derive(Debug)]
enum Sink {
    Stdout,
    File(Rotating),
}

impl AuditLog {
    /// Opens the file that the settings name, if they name one.
    ///
    /// Blocks.
    pub(crate) fn open(config: &AuditConfig) -> Result<Self, String> {
        Ok(Self(Mutex::new(match config {
            AuditConfig::Stdout => Sink::Stdout,
            AuditConfig::File {
                path,
                max_bytes,
                keep,
            } => {
                let opened = Rotating::open(path.clone(), *max_bytes, *keep);
                Sink::File(opened.map_err(|error| format!("{}: {error}", path.display()))?)
            }
        })))
    }

    /// Whether the file could be written, as far as can be told without making one.
    ///
    /// Blocks.
    pub(crate) fn check(config: &AuditConfig) -> Result<(), String> {
        let AuditConfig::File { path, .. } = config else {
            return Ok(());
        };
        let named = |path: &Path, error: &dyn fmt::Display| format!("{}: {error}", path.display());
        if path.exists() {
            let opened = OpenOptions::new().append(true).open(path);
            return opened.map(drop).map_err(|error| named(path, &error));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(named(folder, &"there is no such folder"));
        }
        let wanted = Access::WRITE_OK | Access::EXEC_OK;
        let checked = rustix::fs::accessat(rustix::fs::CWD, folder, wanted, AtFlags::EACCESS);
        checked.map_err(|error| named(folder, &io::Error::from(error)))
    }

    /// Writes a line for something that was asked of the admin API.
    pub(crate) fn record_admin(&self, entry: &AdminEntry<'_>) {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let line = AdminLine {
            time,
            event: "admin",
            entry,
        };
        if let Err(error) = encode(&line).and_then(|line| self.write(&line)) {
            let action = entry.action;
            tracing::error!(action, %error, "could not write to the audit log");
        }
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *sink {
            Sink::Stdout => {
                let mut out = stdout().lock();
                out.write_all(line)?;
                out.flush()
            }
            Sink::File(file) => file.write(line),
        }
    }
}

impl Audit for AuditLog {
    fn record(&self, entry: &AuditEntry<'_>) {
        let written = encode(&Line::of(entry)).and_then(|line| self.write(&line));
        if let Err(error) = written {
            let request_id = entry.request_id;
            tracing::error!(request_id, %error, "could not write to the audit log");
        }
    }
}

/// A file that is put aside when it is full.
#[derive(Debug)]
struct Rotating {
    file: File,
    path: PathBuf,
    len: u64,
    max_bytes: u64,
    keep: u32,
}

impl Rotating {
    fn open(path: PathBuf, max_bytes: u64, keep: u32) -> io::Result<Self> {
        let file = append_to(&path)?;
        Ok(Self {
            len: file.metadata()?.len(),
            file,
            path,
            max_bytes,
            keep,
        })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.len > 0 && self.len + line.len() as u64 > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.len += line.len() as u64;
        Ok(())
    }

    /// `audit.log` becomes `audit.log.1`, which becomes `audit.log.2`; the last one is dropped.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.keep).rev() {
            match fs::rename(self.former(number), self.former(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.keep == 0 {
            self.file.set_len(0)?;
        } else {
            fs::rename(&self.path, self.former(1))?;
            self.file = append_to(&self.path)?;
        }
        self.len = 0;
        Ok(())
    }

    fn former(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: &'static str,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<std::net::IpAddr>,
    request_id: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Request {
        method: &'static str,
        route: &'static str,
        path: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        query: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        repository: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<&'a str>,
    },
    Login {
        by: &'static str,
    },
    Other {},
}

impl<'a> Line<'a> {
    fn of(entry: &AuditEntry<'a>) -> Self {
        let (event, what) = match entry.action {
            AuditAction::Request {
                verb,
                route,
                uri,
                repository,
                digest,
            } => (
                "request",
                What::Request {
                    method: verb.as_str(),
                    route: route.as_str(),
                    path: uri.path(),
                    query: uri.query(),
                    repository: repository.map(|name| name.as_str()),
                    digest,
                },
            ),
            AuditAction::Login { by } => ("login", What::Login { by: by.as_str() }),
            _ => ("other", What::Other {}),
        };
        Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            event,
            actor: entry.actor.to_string(),
            address: entry.address,
            request_id: entry.request_id,
            outcome: entry.outcome.as_str(),
            status: entry.status.map(|status| status.as_u16()),
            what,
        }
    }
}

fn encode(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let mut log = Rotating::open(path.clone(), 10, 2).unwrap();
        for line in ["first\n", "second\n", "third\n", "fourth\n"] {
            log.write(line.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).ok();
        assert_eq!(read("audit.log").as_deref(), Some("fourth\n"));
        assert_eq!(read("audit.log.1").as_deref(), Some("third\n"));
        assert_eq!(read("audit.log.2").as_deref(), Some("second\n"));
        assert_eq!(read("audit.log.3"), None);
        // What a former process wrote counts.
        let mut log = Rotating::open(path, 10, 2).unwrap();
        log.write(b"fifth\n").unwrap();
        assert_eq!(read("audit.log.1").as_deref(), Some("fourth\n"));
    }

    #[test]
    fn without_former_files_the_log_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let mut log = Rotating::open(path.clone(), 10, 0).unwrap();
        log.write(b"first\n").unwrap();
        log.write(b"second\n").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "second\n");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
