//! The members of manifests and descriptors, one by one, with the path of the
//! one that is at fault.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::json::{self, Clash, Object};
use super::{FieldError, ManifestError};
use crate::Descriptor;
use crate::text::excerpt;

/// The members of a descriptor.
const DESCRIPTOR_MEMBERS: &[&str] = &[
    "mediaType",
    "digest",
    "size",
    "artifactType",
    "annotations",
    "urls",
    "data",
    "platform",
];

/// The path of an object within a manifest: itself, `config` or `layers[3]`.
#[derive(Clone, Copy)]
pub(super) struct Path {
    member: &'static str,
    index: Option<usize>,
}

impl Path {
    /// The manifest itself.
    pub(super) const ROOT: Path = Path::of("");

    /// A member of the manifest.
    pub(super) const fn of(member: &'static str) -> Path {
        Path {
            member,
            index: None,
        }
    }

    /// An item of a list in the manifest.
    pub(super) const fn item(member: &'static str, index: usize) -> Path {
        Path {
            member,
            index: Some(index),
        }
    }

    /// The error that says what is wrong with a member of the object.
    pub(super) fn error(self, member: &str, problem: FieldError) -> ManifestError {
        ManifestError::Field {
            path: self.join(member),
            problem,
        }
    }

    fn join(self, member: &str) -> String {
        if self.member.is_empty() {
            member.to_owned()
        } else {
            format!("{self}.{member}")
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.member)?;
        match self.index {
            Some(index) => write!(f, "[{index}]"),
            None => Ok(()),
        }
    }
}

/// Refuses an object with members that readers may take for one another.
pub(super) fn refuse_clash(
    object: &Object<'_>,
    known: &[&'static str],
    path: Path,
) -> Result<(), ManifestError> {
    match object.clash(known) {
        None => Ok(()),
        Some(Clash::Duplicate(name)) => Err(ManifestError::DuplicateMember {
            path: path.join(&excerpt(name)),
        }),
        Some(Clash::Misspelled(name, known)) => Err(ManifestError::MisspelledMember {
            path: path.join(&excerpt(name)),
            known,
        }),
    }
}

/// Reads a descriptor.
pub(super) fn descriptor(object: &Object<'_>, path: Path) -> Result<Descriptor, ManifestError> {
    refuse_clash(object, DESCRIPTOR_MEMBERS, path)?;
    let size = required(object, path, "size", size)?;
    let media_type = required(object, path, "mediaType", parsed)?;
    let digest = required(object, path, "digest", parsed)?;
    Ok(Descriptor {
        artifact_type: optional(object, path, "artifactType", "a string")?,
        annotations: optional(object, path, "annotations", "an object of strings")?,
        urls: optional(object, path, "urls", "a list of strings")?.unwrap_or_default(),
        data: optional(object, path, "data", "a string")?,
        platform: optional(object, path, "platform", "a platform")?,
        ..Descriptor::new(media_type, digest, size)
    })
}

/// Reads a member that must be there.
fn required<T>(
    object: &Object<'_>,
    path: Path,
    name: &str,
    read: impl Fn(&RawValue) -> Result<T, FieldError>,
) -> Result<T, ManifestError> {
    let value = object.member(name).ok_or(FieldError::Missing);
    value
        .and_then(read)
        .map_err(|problem| path.error(name, problem))
}

/// Reads a member that may be absent; `expected` names its type.
pub(super) fn optional<T: DeserializeOwned>(
    object: &Object<'_>,
    path: Path,
    name: &str,
    expected: &'static str,
) -> Result<Option<T>, ManifestError> {
    let Some(value) = object.member(name) else {
        return Ok(None);
    };
    serde_json::from_str(value.get())
        .map(Some)
        .map_err(|_| path.error(name, FieldError::WrongType { expected }))
}

/// The value as a string.
pub(super) fn string(value: &RawValue) -> Result<Cow<'_, str>, FieldError> {
    let expected = "a string";
    json::text(value).ok_or(FieldError::WrongType { expected })
}

/// The value as a string that parses.
fn parsed<T>(value: &RawValue) -> Result<T, FieldError>
where
    T: FromStr,
    FieldError: From<T::Err>,
{
    Ok(string(value)?.parse()?)
}

/// The value as a size in bytes.
fn size(value: &RawValue) -> Result<u64, FieldError> {
    let size = serde_json::from_str(value.get()).ok();
    size.filter(|size| *size <= Descriptor::MAX_SIZE)
        .ok_or(FieldError::Size)
}
