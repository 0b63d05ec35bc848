//! Reading a pushed manifest: what it is first, then what it refers to.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fields::{self, Path};
use super::json::{self, Object};
use super::{FieldError, Manifest, ManifestError, ManifestKind};
use crate::text::excerpt;
use crate::{Annotations, Descriptor, MediaKind, MediaType};

/// The members of a manifest that any reader gives a meaning to.
const MANIFEST_MEMBERS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "blobs",
    "manifests",
    "fsLayers",
    "subject",
    "annotations",
];

/// Reads a manifest: see [`Manifest::parse`].
pub(super) fn manifest(
    content_type: Option<&MediaType>,
    bytes: &[u8],
) -> Result<Manifest, ManifestError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ManifestError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    if !json::is_shallow(text) {
        let limit = json::MAX_DEPTH;
        return Err(ManifestError::TooDeep { limit });
    }
    let object = Object::parse(text).map_err(|source| match source.classify() {
        serde_json::error::Category::Data => ManifestError::NotAnObject,
        _ => ManifestError::Json { source },
    })?;
    fields::refuse_clash(&object, MANIFEST_MEMBERS, Path::ROOT)?;
    let media_type = media_type(content_type, &object)?;
    let kind = ManifestKind::of(&media_type).ok_or(ManifestError::DockerSchema1)?;
    Document::new(kind, object).read(media_type)
}

/// Decides on the media type to store, from the request's and the document's.
fn media_type(
    content_type: Option<&MediaType>,
    object: &Object<'_>,
) -> Result<MediaType, ManifestError> {
    let declared = declared_media_type(object)?;
    let content_type = content_type.filter(|sent| sent.kind() != MediaKind::Generic);
    match (content_type, declared) {
        (Some(sent), None) => Ok(sent.clone()),
        (Some(sent), Some(declared)) if *sent == declared => Ok(sent.clone()),
        (Some(sent), Some(declared)) => Err(ManifestError::TypeMismatch {
            content_type: sent.clone(),
            declared,
        }),
        (None, Some(declared)) if declared.kind() == MediaKind::DockerSchema1 => Ok(declared),
        (None, Some(declared)) if declared.is_manifest() => Ok(declared),
        (None, Some(declared)) => Err(ManifestError::UnconfirmedType { declared }),
        (None, None) if object.names("fsLayers") => Err(ManifestError::DockerSchema1),
        (None, None) => Err(ManifestError::unknown_type(object.names("manifests"))),
    }
}

/// The document's `mediaType`; an empty one counts as none, as it does for
/// readers that know no difference.
fn declared_media_type(object: &Object<'_>) -> Result<Option<MediaType>, ManifestError> {
    const NAME: &str = "mediaType";
    let Some(value) = object.member(NAME) else {
        return Ok(None);
    };
    match fields::string(value).as_deref() {
        Ok("") => Ok(None),
        Ok(text) => MediaType::parse(text).map(Some).map_err(FieldError::from),
        Err(problem) => Err(problem.clone()),
    }
    .map_err(|problem| Path::ROOT.error(NAME, problem))
}

/// Which members the documents of a kind have.
struct Shape {
    /// Those that hold descriptors and are read.
    read: &'static [&'static str],
    /// Those of them that must be there.
    required: &'static [&'static str],
    /// Those that would make it another kind.
    refused: &'static [&'static str],
}

impl Shape {
    const fn of(kind: ManifestKind) -> Shape {
        match kind {
            ManifestKind::Image => Shape {
                read: &["config", "layers"],
                required: &["config", "layers"],
                refused: &["manifests"],
            },
            ManifestKind::Index => Shape {
                read: &["manifests"],
                required: &["manifests"],
                refused: &["config", "layers"],
            },
            ManifestKind::Artifact => Shape {
                read: &["blobs"],
                required: &[],
                refused: &["config", "layers", "manifests"],
            },
            ManifestKind::Other => Shape {
                read: &["config", "layers", "blobs", "manifests"],
                required: &[],
                refused: &[],
            },
        }
    }
}

/// A document whose kind is known.
struct Document<'a> {
    kind: ManifestKind,
    shape: Shape,
    object: Object<'a>,
}

impl<'a> Document<'a> {
    fn new(kind: ManifestKind, object: Object<'a>) -> Self {
        let shape = Shape::of(kind);
        Document {
            kind,
            shape,
            object,
        }
    }

    /// Reads everything, once it is sure that no one reads it as another kind.
    fn read(&self, media_type: MediaType) -> Result<Manifest, ManifestError> {
        self.refuse_ambiguity()?;
        if !self.is_foreign() {
            self.refuse_other_schema(&media_type)?;
        }
        let mut layers = self.list("layers")?;
        layers.append(&mut self.list("blobs")?);
        let annotations: Option<Annotations> = self.own("annotations", "an object of strings")?;
        Ok(Manifest {
            kind: self.kind,
            media_type,
            config: self.config()?,
            layers,
            manifests: self.list("manifests")?,
            subject: self.single("subject")?,
            artifact_type: self.own("artifactType", "a string")?,
            annotations: annotations.unwrap_or_default(),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.object.member(name).is_some()
    }

    /// Refuses what some readers take for an index and others for an image.
    fn refuse_ambiguity(&self) -> Result<(), ManifestError> {
        let beside = ["config", "layers"].into_iter().find(|name| self.has(name));
        match beside {
            Some(beside) if self.has("manifests") => Err(ManifestError::Ambiguous { beside }),
            _ => Ok(()),
        }
    }

    /// Refuses a known manifest of another kind or version than its type says.
    fn refuse_other_schema(&self, media_type: &MediaType) -> Result<(), ManifestError> {
        if self.has("fsLayers") {
            return Err(ManifestError::DockerSchema1);
        }
        let version = self.object.member("schemaVersion").map(RawValue::get);
        if let Some(found) = version.filter(|version| *version != "2") {
            let found = excerpt(found);
            return Err(ManifestError::SchemaVersion { found });
        }
        let mut refused = self.shape.refused.iter();
        match refused.find(|name| self.has(name)) {
            Some(member) => Err(ManifestError::UnexpectedMember {
                media_type: media_type.clone(),
                member,
            }),
            None => Ok(()),
        }
    }

    /// Whether members of another shape are someone else's business.
    fn is_foreign(&self) -> bool {
        self.kind == ManifestKind::Other
    }

    fn config(&self) -> Result<Option<Descriptor>, ManifestError> {
        const NAME: &str = "config";
        if !self.shape.read.contains(&NAME) {
            return Ok(None);
        }
        if self.shape.required.contains(&NAME) && !self.has(NAME) {
            return Err(Path::ROOT.error(NAME, FieldError::Missing));
        }
        self.single(NAME)
    }

    /// A member that holds one descriptor.
    fn single(&self, name: &'static str) -> Result<Option<Descriptor>, ManifestError> {
        match self.object.member(name) {
            Some(value) => self.descriptor(value, Path::of(name)),
            None => Ok(None),
        }
    }

    /// A member that holds a list of descriptors; `null` is an empty one.
    fn list(&self, name: &'static str) -> Result<Vec<Descriptor>, ManifestError> {
        if !self.shape.read.contains(&name) {
            return Ok(Vec::new());
        }
        if self.shape.required.contains(&name) && !self.object.names(name) {
            return Err(Path::ROOT.error(name, FieldError::Missing));
        }
        let Some(value) = self.object.member(name) else {
            return Ok(Vec::new());
        };
        let items: Vec<&RawValue> = match serde_json::from_str(value.get()) {
            Ok(items) => items,
            Err(_) if self.is_foreign() => return Ok(Vec::new()),
            Err(_) => {
                let expected = "a list of descriptors";
                return Err(Path::ROOT.error(name, FieldError::WrongType { expected }));
            }
        };
        let mut descriptors = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            descriptors.extend(self.descriptor(item, Path::item(name, index))?);
        }
        Ok(descriptors)
    }

    /// A descriptor; none where a foreign document has something else there.
    fn descriptor(
        &self,
        value: &RawValue,
        path: Path,
    ) -> Result<Option<Descriptor>, ManifestError> {
        match Object::parse(value.get()) {
            Ok(object) if !self.is_foreign() || object.names("digest") => {
                fields::descriptor(&object, path).map(Some)
            }
            Err(_) if !self.is_foreign() => {
                let path = path.to_string();
                let expected = "a descriptor, which is an object";
                let problem = FieldError::WrongType { expected };
                Err(ManifestError::Field { path, problem })
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// A member of the manifest itself.
    fn own<T: DeserializeOwned>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ManifestError> {
        match fields::optional(&self.object, Path::ROOT, name, expected) {
            Err(_) if self.is_foreign() => Ok(None),
            value => value,
        }
    }
}
