//! Sealed objects: making, opening, listing and removing them. Everything here blocks, though
//! [`open`] only for as long as two system calls on a local disk take.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use oci_types::{Algorithm, Digest};

use super::layout::{self, Layout};
use super::staging::StagingFile;
use crate::{BlobStoreError, Locator, Staged, StoredObject};

const SEAL: &str = "seal staged bytes";

/// Renames a staging file to its object. Its bytes were synced by the checkpoint that answered
/// `staged`; what is left to make durable is the name.
pub(super) fn seal(
    layout: &Layout,
    staged: &Staged,
    digest: &Digest,
) -> Result<Locator, BlobStoreError> {
    let locator = Locator::of_object(digest, staged.id);
    let shard = layout
        .shard(digest)
        .map_err(|e| BlobStoreError::io(SEAL, e))?;
    let staging = layout.staging(staged.id);
    let target = layout.object(&locator).ok_or_else(|| missing(&locator))?;

    let mut file = StagingFile::lock(&staging, false)?;
    if file.is_none() {
        if is_sealed(&target, &locator, staged)? {
            sync(&shard)?;
            return Ok(locator);
        }
        if staged.is_empty() {
            file = StagingFile::lock(&staging, true)?;
        }
    }
    let Some(mut file) = file else {
        return Err(lost(staged));
    };
    file.cut_to(staged)?;
    if staged.is_empty() {
        // No checkpoint synced a file without bytes.
        file.sync_all()?;
    }
    place(&file, &target, &locator, staged)?;
    if let Err(e) = sync(&shard) {
        // Nobody knows of the object yet, and a second sync would not tell the truth.
        if let Err(e) = fs::remove_file(&target) {
            tracing::error!(%locator, error = %e, "an object that was not sealed could not be removed");
        }
        return Err(e);
    }
    Ok(locator)
}

/// Moves the locked `file` to `target`, unless an object is there: those are never replaced.
fn place(
    file: &StagingFile,
    target: &Path,
    locator: &Locator,
    staged: &Staged,
) -> Result<(), BlobStoreError> {
    // Only who holds the lock makes this name, so that it stays free until the rename.
    let moved = if is_sealed(target, locator, staged)? {
        file.remove()
    } else {
        file.rename(target)
    };
    moved.map_err(|e| match file.is_named() {
        Ok(false) => lost(staged),
        _ => BlobStoreError::io(SEAL, e),
    })
}

/// Whether the object is there already; one of another length is damaged.
fn is_sealed(target: &Path, locator: &Locator, staged: &Staged) -> Result<bool, BlobStoreError> {
    match fs::symlink_metadata(target) {
        Ok(found) if found.len() == staged.len => Ok(true),
        Ok(found) => Err(BlobStoreError::Damaged {
            locator: locator.clone(),
            recorded: staged.len,
            found: found.len(),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(BlobStoreError::io(SEAL, e)),
    }
}

fn sync(shard: &File) -> Result<(), BlobStoreError> {
    shard
        .sync_all()
        .map_err(|e| BlobStoreError::io("sync the folder of an object", e))
}

/// Opens an object and answers its length in bytes.
pub(super) fn open(layout: &Layout, locator: &Locator) -> Result<(File, u64), BlobStoreError> {
    let path = layout.object(locator).ok_or_else(|| missing(locator))?;
    let opened = File::open(path).and_then(|file| {
        let len = file.metadata()?.len();
        Ok((file, len))
    });
    opened.map_err(|e| or_missing("open an object", locator, e))
}

/// The length of an object in bytes.
pub(super) fn size(layout: &Layout, locator: &Locator) -> Result<u64, BlobStoreError> {
    let path = layout.object(locator).ok_or_else(|| missing(locator))?;
    fs::metadata(path)
        .map(|found| found.len())
        .map_err(|e| or_missing("look at an object", locator, e))
}

pub(super) fn remove(layout: &Layout, locator: &Locator) -> Result<(), BlobStoreError> {
    let Some(path) = layout.object(locator) else {
        return Ok(());
    };
    remove_file(&path).map_err(|e| BlobStoreError::io("remove an object", e))
}

/// Removes a file that need not be there.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A page of objects. The names of one folder, 1 in 256 of all, are in memory at a time.
pub(super) fn list(
    layout: &Layout,
    after: Option<&Locator>,
    limit: usize,
) -> io::Result<Vec<StoredObject>> {
    let mut page = Vec::new();
    for algorithm in Algorithm::ALL {
        let folder = layout.algorithm(algorithm);
        for shard in names(&folder, |name| {
            name.len() == 2 && layout::is_lower_hex(name)
        })? {
            if page.len() >= limit {
                return Ok(page);
            }
            let prefix = format!("{algorithm}/{shard}/");
            if after.is_some_and(|after| is_before(&prefix, after)) {
                continue;
            }
            list_shard(&folder.join(&shard), &prefix, after, limit, &mut page)?;
        }
    }
    Ok(page)
}

fn list_shard(
    folder: &Path,
    prefix: &str,
    after: Option<&Locator>,
    limit: usize,
    page: &mut Vec<StoredObject>,
) -> io::Result<()> {
    let behind =
        |name: &str| after.is_none_or(|after| format!("{prefix}{name}").as_str() > after.as_str());
    for name in names(folder, behind)? {
        if page.len() >= limit {
            break;
        }
        let Ok(locator) = format!("{prefix}{name}").parse::<Locator>() else {
            continue;
        };
        if !layout::is_object(&locator) {
            continue;
        }
        match fs::symlink_metadata(folder.join(&name)) {
            Ok(found) if found.is_file() => page.push(StoredObject {
                locator,
                size: found.len(),
            }),
            Ok(_) => {}
            // Removed since the folder was read.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Whether everything that starts with `prefix` comes before `after`.
fn is_before(prefix: &str, after: &Locator) -> bool {
    let after = after.as_str();
    prefix < &after[..prefix.len().min(after.len())]
}

/// The names in a folder that `wanted` takes, in order; what is not UTF-8 is not ours.
fn names(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string()
            && wanted(&name)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn lost(staged: &Staged) -> BlobStoreError {
    BlobStoreError::StagedLost {
        recorded: staged.len,
        found: 0,
    }
}

fn missing(locator: &Locator) -> BlobStoreError {
    BlobStoreError::NotFound {
        locator: locator.clone(),
    }
}

fn or_missing(op: &'static str, locator: &Locator, source: io::Error) -> BlobStoreError {
    if source.kind() == io::ErrorKind::NotFound {
        missing(locator)
    } else {
        BlobStoreError::io(op, source)
    }
}
