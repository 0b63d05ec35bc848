//! Where things are below the root, and the folders that hold them.
//!
//! ```text
//! uploads/<uuid>                                    staged bytes
//! blobs/<algorithm>/<2 hex digits>/<hex>.<uuid>     sealed objects; the path is the locator
//! ```

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{self, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oci_types::{Algorithm, Digest};
use uuid::Uuid;

use crate::Locator;

/// The folders of one store.
#[derive(Debug)]
pub(super) struct Layout {
    blobs: PathBuf,
    uploads: PathBuf,
    /// The folders of sealed objects whose own entries are known to be durable. Finding a folder
    /// is not enough: another task may have made it and not have synced it yet.
    durable: Mutex<HashSet<(Algorithm, u8)>>,
}

impl Layout {
    /// Makes what is missing below `root`, readable by its owner only, and syncs it.
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        let root = path::absolute(root)?;
        let layout = Self {
            blobs: root.join("blobs"),
            uploads: root.join("uploads"),
            durable: Mutex::default(),
        };
        create_all(&root)?;
        create_dir(&layout.blobs)?;
        create_dir(&layout.uploads)?;
        for algorithm in Algorithm::ALL {
            create_dir(&layout.algorithm(algorithm))?;
        }
        // Unconditionally: an earlier process may have died between making and syncing.
        sync_dir(&layout.blobs)?;
        sync_dir(&root)?;
        if let Some(parent) = root.parent() {
            // Best effort: who may use a folder need not be allowed to read the one above.
            let _ = sync_dir(parent);
        }
        layout.check_one_filesystem()?;
        Ok(layout)
    }

    /// Sealing renames, which works within one filesystem only.
    fn check_one_filesystem(&self) -> io::Result<()> {
        let device = fs::metadata(&self.uploads)?.dev();
        for algorithm in Algorithm::ALL {
            if fs::metadata(self.algorithm(algorithm))?.dev() != device {
                return Err(io::ErrorKind::CrossesDevices.into());
            }
        }
        Ok(())
    }

    pub(super) fn uploads(&self) -> &Path {
        &self.uploads
    }

    pub(super) fn algorithm(&self, algorithm: Algorithm) -> PathBuf {
        self.blobs.join(algorithm.as_str())
    }

    pub(super) fn staging(&self, id: Uuid) -> PathBuf {
        self.uploads.join(id.to_string())
    }

    /// The file of a sealed object; `None` for what can not be the locator of one.
    pub(super) fn object(&self, locator: &Locator) -> Option<PathBuf> {
        is_object(locator).then(|| self.blobs.join(locator.as_str()))
    }

    /// The open folder that objects of `digest` belong to, made when missing, its entry durable.
    pub(super) fn shard(&self, digest: &Digest) -> io::Result<File> {
        let parent = self.algorithm(digest.algorithm());
        let first = digest.as_bytes()[0];
        let shard = parent.join(format!("{first:02x}"));
        let key = (digest.algorithm(), first);
        if self.lock_durable().contains(&key) {
            match File::open(&shard) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        create_dir(&shard)?;
        if let Err(e) = sync_dir(&parent) {
            // The next attempt has to make it anew; an error is reported by one sync only.
            let _ = fs::remove_dir(&shard);
            return Err(e);
        }
        self.lock_durable().insert(key);
        File::open(&shard)
    }

    fn lock_durable(&self) -> std::sync::MutexGuard<'_, HashSet<(Algorithm, u8)>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `locator` has the form that sealing gives it.
pub(super) fn is_object(locator: &Locator) -> bool {
    let mut segments = locator.as_str().split('/');
    let (Some(algorithm), Some(shard), Some(name), None) = (
        segments.next(),
        segments.next(),
        segments.next(),
        segments.next(),
    ) else {
        return false;
    };
    let Some((hex, id)) = name.split_once('.') else {
        return false;
    };
    Algorithm::ALL
        .iter()
        .any(|a| a.as_str() == algorithm && hex.len() == 2 * a.digest_len())
        && is_lower_hex(hex)
        && hex.get(..2) == Some(shard)
        && id.len() == uuid::fmt::Simple::LENGTH
        && is_lower_hex(id)
}

pub(super) fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Makes `folder` with those above it; what was made is synced.
fn create_all(folder: &Path) -> io::Result<()> {
    let (false, Some(parent)) = (folder.is_dir(), folder.parent()) else {
        return Ok(());
    };
    create_all(parent)?;
    create_dir(folder)?;
    sync_dir(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sealing_makes_is_an_object() {
        let digest = Digest::sha256(b"x");
        let locator = Locator::of_object(&digest, Uuid::new_v4());
        assert!(is_object(&locator), "{locator}");
        let long = Locator::of_object(&Digest::of(Algorithm::Sha512, b"x"), Uuid::new_v4());
        assert!(is_object(&long), "{long}");

        let text = locator.as_str();
        for other in [
            "sha256".to_owned(),
            text[..9].to_owned(),
            text.replacen("sha256", "sha512", 1),
            text.replacen("sha256", "md5", 1),
            text.replace('.', "-"),
            text.to_uppercase(),
            format!("{text}0"),
            format!("{text}/x"),
            format!("sha256/zz/{}", &text[10..]),
        ] {
            assert!(!is_object(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_root_that_is_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"").unwrap();
        assert!(Layout::create(&path).is_err());
    }

    #[test]
    fn a_folder_of_objects_that_vanished_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(dir.path()).unwrap();
        let digest = Digest::sha256(b"x");
        for _ in 0..2 {
            layout.shard(&digest).unwrap();
            let first = digest.as_bytes()[0];
            let shard = layout
                .algorithm(Algorithm::Sha256)
                .join(format!("{first:02x}"));
            fs::remove_dir(shard).unwrap();
        }
    }
}
