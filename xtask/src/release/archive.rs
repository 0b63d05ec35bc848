//! Archives that come out the same, byte for byte, whoever makes them and when: entries in the
//! order of their names, owners and times as given, nothing of the machine. It writes the ustar
//! format; it reads none.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, bail, ensure};
use flate2::{Compression, GzBuilder};

use crate::Result;

/// The unit of the tar format, in bytes.
const BLOCK: usize = 512;
/// The checksum's place in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// A tree of files to be archived; folders above an entry come by themselves.
#[derive(Debug)]
pub(super) struct Archive {
    entries: BTreeMap<String, Entry>,
    /// What stands before each name, such as `./`.
    prefix: &'static str,
    /// The time of every entry, in seconds since 1970.
    epoch: u64,
}

#[derive(Debug)]
struct Entry {
    mode: u32,
    owner: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Folder,
    File(Vec<u8>),
}

impl Archive {
    /// An empty tree whose entries are of one time, in seconds since 1970.
    pub(super) fn new(epoch: u64) -> Archive {
        Archive {
            entries: BTreeMap::new(),
            prefix: "",
            epoch,
        }
    }

    /// Writes names with `./` before them, as Debian's packages do.
    pub(super) fn dotted(mut self) -> Archive {
        self.prefix = "./";
        self
    }

    /// Adds a file of root's. The path is relative, without dots.
    pub(super) fn file(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.add(
            path,
            Entry {
                mode,
                owner: 0,
                kind: Kind::File(bytes.into()),
            },
        );
    }

    /// Adds a folder of somebody's, given by number.
    pub(super) fn folder(&mut self, path: &str, mode: u32, owner: u32) {
        self.add(
            path,
            Entry {
                mode,
                owner,
                kind: Kind::Folder,
            },
        );
    }

    fn add(&mut self, path: &str, entry: Entry) {
        for (end, _) in path.match_indices('/') {
            let parent = || Entry {
                mode: 0o755,
                owner: 0,
                kind: Kind::Folder,
            };
            self.entries
                .entry(path[..end].to_owned())
                .or_insert_with(parent);
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// The paths of the files, in order.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let files = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.kind, Kind::File(_)));
        files.map(|(path, _)| path.as_str())
    }

    /// The bytes of all files together.
    pub(super) fn content_len(&self) -> usize {
        self.entries.values().map(Entry::len).sum()
    }

    /// The tree as a tar archive.
    ///
    /// # Errors
    /// When a name or a number does not fit the format.
    pub(super) fn tar(&self) -> Result<Vec<u8>> {
        let mut tar = Vec::new();
        for (path, entry) in &self.entries {
            let name = format!("{}{path}", self.prefix);
            let header = entry.header(&name, self.epoch);
            tar.extend_from_slice(&header.with_context(|| format!("{path} cannot be archived"))?);
            if let Kind::File(bytes) = &entry.kind {
                tar.extend_from_slice(bytes);
                tar.resize(tar.len().next_multiple_of(BLOCK), 0);
            }
        }
        // Two empty blocks end an archive.
        tar.resize(tar.len() + 2 * BLOCK, 0);
        Ok(tar)
    }

    /// The tree as a compressed tar archive.
    ///
    /// # Errors
    /// As for [`Archive::tar`].
    pub(super) fn tar_gz(&self) -> Result<Vec<u8>> {
        gzip(&self.tar()?)
    }
}

impl Entry {
    fn len(&self) -> usize {
        match &self.kind {
            Kind::Folder => 0,
            Kind::File(bytes) => bytes.len(),
        }
    }

    fn header(&self, path: &str, epoch: u64) -> Result<[u8; BLOCK]> {
        let (path, flag) = match self.kind {
            Kind::Folder => (format!("{path}/"), b'5'),
            Kind::File(_) => (path.to_owned(), b'0'),
        };
        let (prefix, name) = split(&path)?;
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        octal(&mut header[100..108], self.mode.into())?;
        octal(&mut header[108..116], self.owner.into())?;
        octal(&mut header[116..124], self.owner.into())?;
        octal(&mut header[124..136], self.len() as u64)?;
        octal(&mut header[136..148], epoch)?;
        header[156] = flag;
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[345..345 + prefix.len()].copy_from_slice(prefix.as_bytes());
        // The checksum counts its own place as spaces.
        header[CHECKSUM].fill(b' ');
        let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
        octal(&mut header[CHECKSUM.start..CHECKSUM.end - 1], sum)?;
        Ok(header)
    }
}

/// A path as the two fields that hold it: 155 bytes before a slash, and 100 after it.
fn split(path: &str) -> Result<(&str, &str)> {
    if path.len() <= 100 {
        return Ok(("", path));
    }
    let fits = |&(at, _): &(usize, &str)| at <= 155 && path.len() - at - 1 <= 100;
    match path.match_indices('/').find(fits) {
        Some((at, _)) => Ok((&path[..at], &path[at + 1..])),
        None => bail!("the path is too long"),
    }
}

/// Writes a number in octal digits that fill a field up to the zero byte at its end.
fn octal(field: &mut [u8], number: u64) -> Result<()> {
    let digits = format!("{number:0width$o}", width = field.len() - 1);
    ensure!(
        digits.len() < field.len(),
        "the number {number} is too large"
    );
    field[..digits.len()].copy_from_slice(digits.as_bytes());
    Ok(())
}

/// Compresses without a name and a time.
///
/// # Errors
/// Never in practice: memory is written to.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // 255 stands for an unknown system.
    let mut writer = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn sample(order: &[&str]) -> Archive {
        let mut archive = Archive::new(1_700_000_000);
        for &path in order {
            archive.file(path, 0o644, path.as_bytes());
        }
        archive.folder("state", 0o750, 65532);
        archive
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let one = sample(&["a/b/c", "a-b", "z"]);
        let other = sample(&["z", "a-b", "a/b/c"]);
        assert_eq!(one.tar_gz().unwrap(), other.tar_gz().unwrap());
        assert_ne!(
            one.tar_gz().unwrap(),
            sample(&["z", "a-b"]).tar_gz().unwrap()
        );
    }

    #[test]
    fn another_program_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sample.tar.gz");
        let long = format!("{}/{}", "long".repeat(30), "name".repeat(20));
        let mut archive = sample(&["a/b/c", "a-b", &long]);
        archive.file("program", 0o755, vec![7; 1000]);
        std::fs::write(&file, archive.tar_gz().unwrap()).unwrap();

        let mut list = Command::new("tar");
        list.env("LC_ALL", "C")
            .env("TZ", "UTC")
            .arg("--numeric-owner")
            .arg("-tvzf")
            .arg(&file);
        let listed = list.output().unwrap();
        assert!(listed.status.success());
        assert!(listed.stderr.is_empty());
        let listed = String::from_utf8(listed.stdout).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = listed.lines().map(words).collect();
        let expected = [
            "drwxr-xr-x 0/0 0 2023-11-14 22:13 a/",
            "-rw-r--r-- 0/0 3 2023-11-14 22:13 a-b",
            "drwxr-xr-x 0/0 0 2023-11-14 22:13 a/b/",
            "-rw-r--r-- 0/0 5 2023-11-14 22:13 a/b/c",
            &format!("drwxr-xr-x 0/0 0 2023-11-14 22:13 {}/", "long".repeat(30)),
            &format!("-rw-r--r-- 0/0 201 2023-11-14 22:13 {long}"),
            "-rwxr-xr-x 0/0 1000 2023-11-14 22:13 program",
            "drwxr-x--- 65532/65532 0 2023-11-14 22:13 state/",
        ];
        assert_eq!(lines, expected);

        let mut unpack = Command::new("tar");
        unpack
            .arg("-xzf")
            .arg(&file)
            .arg("-C")
            .arg(folder.path())
            .arg("program")
            .arg(&long);
        assert!(unpack.status().unwrap().success());
        assert_eq!(
            std::fs::read(folder.path().join("program")).unwrap(),
            [7; 1000]
        );
        assert_eq!(
            std::fs::read(folder.path().join(&long)).unwrap(),
            long.as_bytes()
        );
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        assert!(sample(&["x".repeat(101).as_str()]).tar().is_err());
        assert!(
            sample(&[format!("{}/x", "x".repeat(156)).as_str()])
                .tar()
                .is_err()
        );
    }

    #[test]
    fn compressed_bytes_name_no_time_and_no_system() {
        let packed = gzip(b"text").unwrap();
        assert_eq!(packed[4..8], [0; 4]);
        assert_eq!(packed[9], 255);
    }
}
