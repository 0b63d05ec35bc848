//! Who may read the files.

use std::fmt;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{folder, open, put, read};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Takes down the warnings, each with its fields.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0 += &format!("{field}={value:?} ");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is warned of while `work` runs on this thread.
fn warnings<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let warnings = Warnings::default();
    let done = tracing::subscriber::with_default(warnings.clone(), work);
    let texts = warnings.0.lock().unwrap().clone();
    (done, texts)
}

#[tokio::test]
async fn new_files_are_for_their_owner_alone() {
    let folder = folder();
    let (store, warnings) = warnings(|| open(&folder));
    assert_eq!(warnings, [""; 0]);
    put(&store, 1).await.unwrap();
    let mut files = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "lock")
        {
            continue;
        }
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    // Two databases, each with a log and its index.
    assert_eq!(files, 6);
}

#[tokio::test]
async fn a_file_that_others_may_read_is_left_so_and_named() {
    let folder = folder();
    put(&open(&folder), 1).await.unwrap();
    let path = folder.path().join("meta.db");
    for readable in [0o640, 0o604, 0o620] {
        set_mode(&path, readable);
        let (store, warnings) = warnings(|| open(&folder));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in [
            format!("path={} ", path.display()),
            format!("mode=0{readable:o}"),
        ] {
            assert!(warnings[0].contains(&part), "{warnings:?}");
        }
        assert!(read(&store, 1).await.is_some());
        assert_eq!(mode(&path), readable);
        drop(store);
    }
    set_mode(&path, 0o600);
    let (_store, warnings) = warnings(|| open(&folder));
    assert_eq!(warnings, [""; 0]);
}

#[tokio::test]
async fn a_log_that_was_left_behind_is_looked_at_too() {
    let folder = folder();
    let store = open(&folder);
    put(&store, 1).await.unwrap();
    let killed = self::folder();
    for file in ["meta.db", "meta.db-wal"] {
        fs::copy(folder.path().join(file), killed.path().join(file)).unwrap();
    }
    let log = killed.path().join("meta.db-wal");
    set_mode(&log, 0o644);
    let (_store, warnings) = warnings(|| open(&killed));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains(&log.display().to_string()),
        "{warnings:?}"
    );
}
