//! The files of a database are for their owner alone: they hold private keys.

use std::path::Path;

use crate::MetaError;

/// Creates the database at `path` readable and writable for its owner alone, where there is
/// none. SQLite gives its own files beside a database the database's mode.
///
/// A file that is there keeps its mode; where others may read or write it, the log says so.
///
/// To be called before this process opens the database: closing any handle of a file gives up
/// the locks that SQLite holds on it.
#[cfg(unix)]
pub(super) fn restrict(path: &Path) -> Result<(), MetaError> {
    use std::fs::{self, File};
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

    let failed = |e| MetaError::backend("open the database", e);
    let mut options = File::options();
    let options = options.create(true).truncate(false).write(true).mode(0o600);
    let database = options.open(path).map_err(failed)?;
    let database = database.metadata().map_err(failed)?;
    let log = super::writer::log_path(path);
    // A killed process leaves its log behind.
    let log_left = fs::metadata(&log).ok();
    for (path, file) in [(path, Some(database)), (&log, log_left)] {
        let mode = file.map_or(0, |file| file.permissions().mode() & 0o777);
        if mode & 0o066 != 0 {
            tracing::warn!(
                path = %path.display(),
                mode = %format_args!("{mode:04o}"),
                "users other than its owner have access to a file of the database, \
                 which holds private keys: chmod it to 0600"
            );
        }
    }
    Ok(())
}

/// Elsewhere a file has the permissions that its folder hands down.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the other systems' signature")]
pub(super) fn restrict(_: &Path) -> Result<(), MetaError> {
    Ok(())
}
