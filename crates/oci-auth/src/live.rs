//! Values that change while the program runs: rules, users, groups, keys.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};

/// A value that is replaced as a whole. Who holds it sees one state, be it the former.
#[derive(Debug, Default)]
pub struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// What it holds now. To be asked for anew by each request.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `value` in place of what it holds.
    pub fn replace(&self, value: T) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(value);
    }
}

/// A value that is read from a file, and again when the file changes.
///
/// A change that cannot be used leaves the former value in place. Nothing here looks at the file
/// by itself: call [`refresh`](Self::refresh) every second or so, and on a signal.
pub struct Reloading<T> {
    path: PathBuf,
    read: Box<Parse<T>>,
    live: Arc<Live<T>>,
    seen: Mutex<Seen>,
}

type Parse<T> = dyn Fn(&str) -> Result<T, BoxError> + Send + Sync;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// How long after a change the clock of a filesystem may still say the same.
const SETTLES_AFTER: Duration = Duration::from_secs(2);

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What it says cannot be used.
    #[error("{} cannot be used", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: BoxError,
    },
}

impl<T> Reloading<T> {
    /// Reads the file for the first time. `parse` makes the value of its text.
    ///
    /// Blocks.
    ///
    /// # Errors
    /// [`ReloadError`]: there is no former value to keep.
    pub fn open<E: Into<BoxError>>(
        path: impl Into<PathBuf>,
        parse: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, ReloadError> {
        let path = path.into();
        let read: Box<Parse<T>> = Box::new(move |text| parse(text).map_err(Into::into));
        let (text, seen) = read_file(&path)?;
        let value = match read(&text) {
            Ok(value) => value,
            Err(source) => return Err(ReloadError::Content { path, source }),
        };
        Ok(Self {
            path,
            read,
            live: Arc::new(Live::new(value)),
            seen: Mutex::new(seen),
        })
    }

    /// The cell with the value.
    #[must_use]
    pub fn live(&self) -> &Arc<Live<T>> {
        &self.live
    }

    /// The value.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        self.live.current()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the file, and reads it if it has changed; answers whether there is a new value.
    ///
    /// Blocks. The file is told to have changed by its size, times and number.
    ///
    /// # Errors
    /// [`ReloadError`]: the former value stays. Content that cannot be used is reported once; a
    /// file that cannot be read, as one that is gone, each time.
    pub fn refresh(&self) -> Result<bool, ReloadError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = Stamp::of(&self.path).map_err(|source| self.unreadable(source))?;
        if found == seen.stamp && seen.settled {
            return Ok(false);
        }
        let (text, now) = read_file(&self.path)?;
        let same = now.content == seen.content;
        *seen = now;
        if same {
            return Ok(false);
        }
        let value = (self.read)(&text).map_err(|source| ReloadError::Content {
            path: self.path.clone(),
            source,
        })?;
        self.live.replace(value);
        Ok(true)
    }

    fn unreadable(&self, source: io::Error) -> ReloadError {
        ReloadError::Read {
            path: self.path.clone(),
            source,
        }
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What is remembered of a file.
struct Seen {
    stamp: Stamp,
    /// Whether a later change is certain to change the stamp.
    settled: bool,
    content: [u8; 32],
}

#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&std::fs::metadata(path)?))
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let age = self.modified.and_then(|time| now.duration_since(time).ok());
        age.is_some_and(|age| age > SETTLES_AFTER)
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: (
                metadata.dev(),
                metadata.ino(),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ),
        }
    }
}

fn read_file(path: &Path) -> Result<(String, Seen), ReloadError> {
    let read = || {
        let file = File::open(path)?;
        let stamp = Stamp::from(&file.metadata()?);
        let settled = stamp.is_settled(SystemTime::now());
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("it has more than 64 MiB"));
        }
        let mut content = [0; 32];
        content.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        let seen = Seen {
            stamp,
            settled,
            content,
        };
        Ok((text, seen))
    };
    read().map_err(|source| ReloadError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn number(path: &Path) -> Reloading<u32> {
        Reloading::open(path, |text| text.trim().parse::<u32>()).unwrap()
    }

    /// Sets a file's time back, so that it counts as settled.
    fn settle(path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        let earlier = SystemTime::now() - Duration::from_secs(60);
        file.set_modified(earlier).unwrap();
    }

    #[test]
    fn a_change_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        fs::write(&path, "1").unwrap();
        let value = number(&path);
        assert!(!value.refresh().unwrap());
        fs::write(&path, "2").unwrap();
        let before = value.current();
        assert!(value.refresh().unwrap());
        assert_eq!((*before, *value.current()), (1, 2));
        assert!(!value.refresh().unwrap());
    }

    #[test]
    fn a_change_of_the_same_size_and_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        fs::write(&path, "1").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let value = number(&path);
        fs::write(&path, "2").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
        assert!(value.refresh().unwrap());
        assert_eq!(*value.current(), 2);
    }

    #[test]
    fn a_replaced_file_is_seen_though_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("number"), folder.path().join("other"));
        fs::write(&path, "1").unwrap();
        settle(&path);
        let value = number(&path);
        assert!(!value.refresh().unwrap());
        fs::write(&other, "2").unwrap();
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let file = File::options().write(true).open(&other).unwrap();
        file.set_modified(time).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(value.refresh().unwrap());
        assert_eq!(*value.current(), 2);
    }

    /// A filesystem's clock may stand still between two writes of the same size.
    #[test]
    fn a_file_that_has_just_changed_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        for (is_old, read_again) in [(false, true), (true, false)] {
            fs::write(&path, "1").unwrap();
            if is_old {
                settle(&path);
            }
            let value = number(&path);
            // As if the former content had been another one.
            value.seen.lock().unwrap().content = [0; 32];
            assert_eq!(value.refresh().unwrap(), read_again, "old: {is_old}");
        }
    }

    #[test]
    fn what_cannot_be_used_keeps_the_former_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        fs::write(&path, "1").unwrap();
        let value = number(&path);
        fs::write(&path, "one").unwrap();
        assert!(matches!(value.refresh(), Err(ReloadError::Content { .. })));
        assert!(!value.refresh().unwrap(), "reported once");
        fs::remove_file(&path).unwrap();
        assert!(matches!(value.refresh(), Err(ReloadError::Read { .. })));
        assert!(matches!(value.refresh(), Err(ReloadError::Read { .. })));
        assert_eq!(*value.current(), 1);
        fs::write(&path, "3").unwrap();
        assert!(value.refresh().unwrap());
        assert_eq!(*value.current(), 3);
    }

    #[test]
    fn the_first_value_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        let open = || Reloading::open(&path, str::parse::<u32>);
        assert!(matches!(open(), Err(ReloadError::Read { .. })));
        fs::write(&path, "x").unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, ReloadError::Content { .. }));
        assert!(error.to_string().ends_with("number cannot be used"));
        fs::write(&path, b"\xff").unwrap();
        assert!(matches!(open(), Err(ReloadError::Read { .. })));
    }
}
