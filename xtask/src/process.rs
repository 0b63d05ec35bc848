//! Other programs: run within a time limit, or kept running beside the task and ended by it.
//!
//! Each gets a process group of its own, so that ending it ends what it has started; SIGINT and
//! SIGTERM to the task are heard here, end what runs, and let temporary folders be removed.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::Result;

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(30);
/// How much of what a failed program said goes into an error.
const TAIL: usize = 2000;

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Turns SIGINT and SIGTERM into errors of what runs.
///
/// # Errors
/// When the handlers cannot be set.
pub(crate) fn hear_signals() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Default::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, flag.clone()).context("no signal handler")?;
    }
    Ok(())
}

/// Whether the task was asked to end.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// What ran, for messages.
    pub(crate) line: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The standard output, without the white space around it.
    ///
    /// # Errors
    /// When the program failed; the error holds the end of what it said.
    pub(crate) fn ok(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout.trim().to_owned());
        }
        bail!(
            "`{}` ended with {}: {}",
            self.line,
            self.status,
            self.said()
        );
    }

    /// The end of what the program said, standard error last.
    pub(crate) fn said(&self) -> String {
        let all = format!("{}\n{}", self.stdout.trim(), self.stderr.trim());
        tail(all.trim(), TAIL).to_owned()
    }
}

/// The last `most` bytes of a text, or a little less.
pub(crate) fn tail(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The command as somebody would type it.
pub(crate) fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Runs a program to its end and gathers what it says.
///
/// # Errors
/// When it does not start, or does not end within the limit; a failing program is no error here.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    run_reading(Stdio::null(), command, limit)
}

/// The same for a program that reads something from its standard input.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_fed(input: &str, command: &mut Command, limit: Duration) -> Result<Finished> {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile()?;
    file.write_all(input.as_bytes())?;
    file.rewind()?;
    run_reading(file.into(), command, limit)
}

fn run_reading(input: Stdio, command: &mut Command, limit: Duration) -> Result<Finished> {
    let line = line(command);
    // Files, not pipes: whatever the program leaves running can hold a pipe open for ever.
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(input);
    command.stdout(out.try_clone()?).stderr(err.try_clone()?);
    let status = wait(&mut Running::spawn(command)?, limit);
    let (stdout, stderr) = (text(&mut out)?, text(&mut err)?);
    let status = status.with_context(|| {
        let said = format!("{}\n{}", stdout.trim(), stderr.trim());
        format!("`{line}`: {}", tail(&said, TAIL))
    })?;
    Ok(Finished {
        line,
        status,
        stdout,
        stderr,
    })
}

/// Runs a program to its end, with all that it says in one file.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_into(command: &mut Command, log: &File, limit: Duration) -> Result<ExitStatus> {
    command.stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    wait(&mut Running::spawn(command)?, limit)
}

/// Runs a program to its end, with what it says shown as it says it.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_shown(command: &mut Command, limit: Duration) -> Result<ExitStatus> {
    command.stdin(Stdio::null());
    wait(&mut Running::spawn(command)?, limit)
}

fn text(file: &mut File) -> Result<String> {
    use std::io::Seek;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn wait(running: &mut Running, limit: Duration) -> Result<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = running.child.try_wait()? {
            return Ok(status);
        }
        if interrupted() {
            bail!("interrupted");
        }
        if Instant::now() > end {
            bail!("still running after {} s", limit.as_secs());
        }
        sleep(LOOK);
    }
}

/// A process with its group; dropped, it is asked to end, and what is left of the group is killed.
#[derive(Debug)]
struct Running {
    child: Child,
}

impl Running {
    fn spawn(command: &mut Command) -> Result<Running> {
        let child = command.process_group(0).spawn();
        let child = child.with_context(|| format!("`{}` does not start", line(command)))?;
        Ok(Running { child })
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = id {
            // An error says that nobody is left, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Running {
    /// Asks the process to end, so that it can end what it has started elsewhere; answers its
    /// status, or nothing if it is still there after a while.
    fn end(&mut self) -> Result<Option<ExitStatus>> {
        self.signal(Signal::TERM);
        let end = Instant::now() + GRACE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.end();
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A program that runs beside the task, until it is stopped or dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    running: Running,
    name: String,
    log: PathBuf,
}

impl Daemon {
    /// Starts a program with all that it says appended to `log`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Daemon> {
        let file = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let running = Running::spawn(command)?;
        Ok(Daemon {
            running,
            name: name.to_owned(),
            log: log.to_owned(),
        })
    }

    /// Waits until `ready` answers something.
    ///
    /// # Errors
    /// When the program ends, or is not ready within the limit; the error holds the end of its log.
    pub(crate) fn await_ready<T>(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + limit;
        loop {
            if let Some(answer) = ready() {
                return Ok(answer);
            }
            if let Some(status) = self.running.child.try_wait()? {
                bail!("{} ended with {status}: {}", self.name, self.said());
            }
            if Instant::now() > end || interrupted() {
                bail!(
                    "{} is not ready after {} s: {}",
                    self.name,
                    limit.as_secs(),
                    self.said()
                );
            }
            sleep(LOOK);
        }
    }

    /// Asks the program to end, waits for that, and answers its status.
    ///
    /// # Errors
    /// When it does not end in time; then it is killed.
    pub(crate) fn stop(mut self) -> Result<ExitStatus> {
        let ended = self.running.end()?;
        ended.with_context(|| format!("{} does not end: {}", self.name, self.said()))
    }

    /// What the program has said so far.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn said(&self) -> String {
        tail(self.log().trim(), TAIL).to_owned()
    }
}
