//! One thread that writes, and folds the operations that are waiting into one commit.
//!
//! Each operation runs in a savepoint, so that its refusal undoes it alone. Nobody is answered
//! before the commit: also a refusal may rest on what an earlier operation of the same commit
//! wrote. If the commit fails, all of them fail.

mod job;
mod wal;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::job::{Job, Operation};
use self::wal::Wal;
#[cfg(unix)]
pub(super) use self::wal::log_path;
use super::failure::{Failure, Fault};
use crate::MetaError;

/// How many operations wait in the queue before their callers wait for a place in it.
const MAX_QUEUED: usize = 1024;

/// How many operations one commit takes.
const MAX_OPERATIONS: usize = 256;

/// For how long a commit takes on further operations.
const MAX_GATHERING: Duration = Duration::from_millis(20);

/// The writer thread's end of a database.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while it is being dropped.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

/// What is known of a writer from outside.
#[derive(Debug, Default)]
struct State {
    /// The last commit that tried to write something failed.
    failing: AtomicBool,
    /// How many commits there were, to show that operations share them.
    commits: AtomicU64,
}

impl Writer {
    /// Starts the thread that writes through `conn` to the database at `path`.
    pub(super) fn start(name: &str, conn: Connection, path: &Path) -> Result<Self, MetaError> {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        let state = Arc::new(State::default());
        let worker = Worker {
            wal: Wal::of(path),
            written: conn.total_changes(),
            conn,
            queue,
            state: Arc::clone(&state),
        };
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || worker.work())
            .map_err(|e| MetaError::backend("start the database writer", e))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            state,
        })
    }

    /// Runs `work` in a transaction and answers once it is committed.
    ///
    /// Cancel-safe: a dropped call was never begun, or goes on without its caller.
    pub(super) async fn run<T, F>(&self, op: &'static str, work: F) -> Result<T, MetaError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let stopped =
            || MetaError::backend(op, io::Error::other("the database writer has stopped"));
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Operation::new(op, work, reply));
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Begins and ends a transaction; executes `write` in it if the last write failed.
    pub(super) async fn probe(
        &self,
        op: &'static str,
        write: &'static str,
    ) -> Result<(), MetaError> {
        let state = Arc::clone(&self.state);
        let probe = move |conn: &Connection| {
            if state.failing.load(Ordering::Relaxed) {
                conn.prepare_cached(write)?.execute([])?;
            }
            Ok(())
        };
        self.run(op, probe).await
    }

    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.state.commits.load(Ordering::Relaxed)
    }

    /// How many operations are in the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let jobs = self.jobs.as_ref();
        jobs.map_or(0, |jobs| jobs.max_capacity() - jobs.capacity())
    }
}

impl Drop for Writer {
    /// Waits for what was begun and for the database to be closed.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The thread has reported its own panic.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Worker {
    conn: Connection,
    queue: mpsc::Receiver<Box<dyn Job>>,
    state: Arc<State>,
    wal: Wal,
    /// The connection's count of changed rows at the last commit.
    written: u64,
}

impl Worker {
    fn work(mut self) {
        while let Some(job) = self.queue.blocking_recv() {
            let mut jobs = Vec::new();
            let done = self.transaction(job, &mut jobs);
            match done {
                Ok(()) => jobs.into_iter().for_each(|job| job.answer()),
                Err(failure) => self.fail(jobs, &failure),
            }
            self.wal.keep_short(&self.conn);
        }
    }

    /// Runs `first` and what else is waiting, and commits. Moves what it ran to `jobs`.
    fn transaction(
        &mut self,
        first: Box<dyn Job>,
        jobs: &mut Vec<Box<dyn Job>>,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let mut next = Some(first);
        let begun = self.execute("BEGIN IMMEDIATE");
        while let Some(job) = next.take() {
            jobs.push(job);
            if let Some(job) = jobs.last_mut().filter(|_| begun.is_ok()) {
                job.run(&self.conn)?;
            }
            if jobs.len() < MAX_OPERATIONS && started.elapsed() < MAX_GATHERING {
                next = self.queue.try_recv().ok();
            }
        }
        begun?;
        self.execute("COMMIT")?;
        self.committed();
        Ok(())
    }

    fn committed(&mut self) {
        let written = self.conn.total_changes();
        if written != self.written {
            self.written = written;
            self.state.failing.store(false, Ordering::Relaxed);
            self.state.commits.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fail(&mut self, jobs: Vec<Box<dyn Job>>, failure: &Failure) {
        // SQLite has rolled back by itself where it could not go on.
        if !self.conn.is_autocommit()
            && let Err(again) = self.execute("ROLLBACK")
        {
            tracing::error!(error = ?again, "could not roll back");
        }
        self.written = self.conn.total_changes();
        self.state.failing.store(true, Ordering::Relaxed);
        for job in jobs {
            job.fail(failure);
        }
    }

    fn execute(&self, sql: &str) -> Result<(), Failure> {
        execute(&self.conn, sql)
    }
}

/// Executes a statement without parameters or rows.
fn execute(conn: &Connection, sql: &str) -> Result<(), Failure> {
    let done = conn.prepare_cached(sql).and_then(|mut s| s.execute([]));
    done.map(drop).map_err(|e| Failure::new(e, conn))
}
