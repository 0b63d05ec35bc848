//! One operation on its way through the writer.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::execute;
use crate::MetaError;
use crate::sqlite::failure::{Failure, Fault};

/// An operation whatever it answers.
pub(super) trait Job: Send {
    /// Runs it in a savepoint of the open transaction.
    ///
    /// # Errors
    /// The transaction as a whole cannot go on.
    fn run(&mut self, conn: &Connection) -> Result<(), Failure>;

    /// Tells the caller what came of it, now that it is committed.
    fn answer(self: Box<Self>);

    /// Tells the caller that nothing came of it.
    fn fail(self: Box<Self>, failure: &Failure);
}

/// An operation that answers a `T`.
pub(super) struct Operation<T, F> {
    op: &'static str,
    work: Option<F>,
    outcome: Option<Result<T, MetaError>>,
    reply: oneshot::Sender<Result<T, MetaError>>,
}

impl<T, F> Operation<T, F> {
    pub(super) fn new(
        op: &'static str,
        work: F,
        reply: oneshot::Sender<Result<T, MetaError>>,
    ) -> Self {
        Self {
            op,
            work: Some(work),
            outcome: None,
            reply,
        }
    }
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Fault> + Send,
{
    fn run(&mut self, conn: &Connection) -> Result<(), Failure> {
        let Some(work) = self.work.take().filter(|_| !self.reply.is_closed()) else {
            return Ok(());
        };
        execute(conn, "SAVEPOINT operation")?;
        // Nothing that `work` changes is seen after a panic: it is rolled back.
        let outcome = match panic::catch_unwind(AssertUnwindSafe(|| work(conn))) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Fault::Sqlite(error))) => {
                let failure = Failure::new(error, conn);
                if conn.is_autocommit() {
                    return Err(failure);
                }
                Err(failure.error(self.op))
            }
            Ok(Err(Fault::Refused(error))) => Err(error),
            Err(payload) => Err(MetaError::backend(self.op, panicked(&*payload))),
        };
        if outcome.is_err() {
            execute(conn, "ROLLBACK TO operation")?;
        }
        execute(conn, "RELEASE operation")?;
        self.outcome = Some(outcome);
        Ok(())
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A caller that has gone is not told.
            let _ = self.reply.send(outcome);
        }
    }

    fn fail(self: Box<Self>, failure: &Failure) {
        let _ = self.reply.send(Err(failure.error(self.op)));
    }
}

fn panicked(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("the operation panicked: {}", text.unwrap_or("no message"))
}
