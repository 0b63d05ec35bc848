//! The order of system calls behind an acknowledgement.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use oci_types::Digest;

use super::target::{Server, image};

/// Every call that writes, syncs, renames or answers, with the paths of its descriptors.
const CALLS: &str = "write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,\
                     rename,renameat,renameat2,sendto,sendmsg";

/// One finished call: its name and the rest of its line.
#[derive(Debug)]
struct Call {
    name: String,
    text: String,
}

impl Call {
    fn writes(&self, path: &str) -> bool {
        self.name.contains("write") && self.text.contains(path)
    }

    fn syncs(&self, path: &str) -> bool {
        matches!(&*self.name, "fsync" | "fdatasync") && self.text.contains(path)
    }

    fn renames_into(&self, path: &str) -> bool {
        self.name.starts_with("rename") && self.text.contains(path)
    }

    fn answers_created(&self) -> bool {
        self.text.contains("HTTP/1.1 201")
    }
}

pub(super) fn prove(binary: &Path) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let trace = dir.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "64", "-e"])
        .arg(format!("trace={CALLS}"))
        .arg("-o")
        .arg(&trace)
        .arg(binary);
    let server = Server::run(command, &dir.path().join("data")).context("is strace installed?")?;
    let client = server.client();
    // One push that makes folders and warms everything up, so that the next is the usual case.
    client.push_blob("a", &Digest::sha256(b"first").to_string(), b"first")?;
    let (data, mark) = (vec![7; 300_000], "second");
    let digest = Digest::sha256(&data).to_string();
    client.push_blob("a", &digest, &data)?;
    client.push_manifest("a", mark, &image(&digest, data.len(), mark))?;
    server.stop()?;

    let calls = read(&std::fs::read_to_string(trace)?);
    let mut answers = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| call.answers_created())
        .map(|(at, _)| at);
    let mut next = || answers.next().context("a 201 is missing in the trace");
    let (first, blob, manifest) = (next()?, next()?, next()?);
    in_order(
        "a blob",
        &calls[first + 1..=blob],
        &[
            ("write to the staging file", &|c| c.writes("/uploads/")),
            ("sync of the staging file", &|c| c.syncs("/uploads/")),
            ("rename into place", &|c| c.renames_into("/blobs/sha256/")),
            ("sync of the folder", &|c| c.syncs("/blobs/sha256/")),
            ("write to the database's log", &|c| {
                c.writes("registry.db-wal")
            }),
            ("sync of the database's log", &|c| {
                c.syncs("registry.db-wal")
            }),
            ("201", &Call::answers_created),
        ],
    )?;
    in_order(
        "a manifest",
        &calls[blob + 1..=manifest],
        &[
            ("write to the database's log", &|c| {
                c.writes("registry.db-wal")
            }),
            ("sync of the database's log", &|c| {
                c.syncs("registry.db-wal")
            }),
            ("201", &Call::answers_created),
        ],
    )
}

/// A kind of call, and how to tell it.
type Step<'a> = (&'a str, &'a dyn Fn(&Call) -> bool);

/// Fails unless the last call of each kind comes before the last of the next.
fn in_order(what: &str, calls: &[Call], steps: &[Step<'_>]) -> Result<()> {
    let mut before = None;
    for (step, is) in steps {
        let at = calls.iter().rposition(is);
        let at = at.with_context(|| format!("{what}: no {step} in {calls:#?}"))?;
        ensure!(
            before < Some(at),
            "{what}: {step} comes too early in {calls:#?}"
        );
        println!(
            "order: {what}: {step}: {} {}",
            calls[at].name, calls[at].text
        );
        before = Some(at);
    }
    Ok(())
}

/// The calls of a trace in the order in which they returned; answers, in which they began.
fn read(trace: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: Vec<(&str, Call)> = Vec::new();
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(at) = unfinished.iter().position(|(owner, _)| *owner == pid) {
                calls.push(unfinished.remove(at).1);
            }
            continue;
        }
        let Some((name, text)) = rest.split_once('(') else {
            continue;
        };
        let call = Call {
            name: name.to_owned(),
            text: text.chars().take(160).collect(),
        };
        if rest.ends_with("<unfinished ...>") && !call.answers_created() {
            unfinished.push((pid, call));
        } else {
            calls.push(call);
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_when_they_return() {
        let trace = "\
1 fdatasync(3</d/uploads/x> <unfinished ...>
2 write(4</d/registry.db-wal>, \"x\", 1) = 1
1 <... fdatasync resumed>) = 0
2 writev(5<socket:[1]>, [{iov_base=\"HTTP/1.1 201 Created\"}], 1) = 20
";
        let calls = read(trace);
        let names: Vec<_> = calls.iter().map(|call| &*call.name).collect();
        assert_eq!(names, ["write", "fdatasync", "writev"]);
        assert!(calls[1].syncs("/uploads/"));
        assert!(calls[2].answers_created());
        let sync: Step<'_> = ("sync", &|c| c.syncs("/uploads/"));
        let answer: Step<'_> = ("201", &Call::answers_created);
        assert!(in_order("x", &calls, &[sync, answer]).is_ok());
        assert!(in_order("x", &calls, &[answer, sync]).is_err());
    }
}
