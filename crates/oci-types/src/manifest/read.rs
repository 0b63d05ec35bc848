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
    refuse_foreign_shape(kind, &media_type, &object)?;
    Document { kind, object }.read(media_type)
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

/// Refuses what could be read as another kind of manifest.
fn refuse_foreign_shape(
    kind: ManifestKind,
    media_type: &MediaType,
    object: &Object<'_>,
) -> Result<(), ManifestError> {
    let has = |name: &&str| object.member(name).is_some();
    let beside = ["config", "layers"].into_iter().find(has);
    if let (true, Some(beside)) = (has(&"manifests"), beside) {
        return Err(ManifestError::Ambiguous { beside });
    }
    let unexpected: &[&'static str] = match kind {
        ManifestKind::Image => &["manifests"],
        ManifestKind::Index => &["config", "layers"],
        ManifestKind::Artifact => &["config", "layers", "manifests"],
        // Its schema is its own.
        ManifestKind::Other => return Ok(()),
    };
    if has(&"fsLayers") {
        return Err(ManifestError::DockerSchema1);
    }
    match object.member("schemaVersion").map(RawValue::get) {
        None | Some("2") => {}
        Some(found) => {
            let found = excerpt(found);
            return Err(ManifestError::SchemaVersion { found });
        }
    }
    match unexpected.iter().copied().find(has) {
        None => Ok(()),
        Some(member) => Err(ManifestError::UnexpectedMember {
            media_type: media_type.clone(),
            member,
        }),
    }
}

/// A document whose kind is known.
struct Document<'a> {
    kind: ManifestKind,
    object: Object<'a>,
}

impl Document<'_> {
    fn read(&self, media_type: MediaType) -> Result<Manifest, ManifestError> {
        let (config, layers, blobs, manifests) = match self.kind {
            ManifestKind::Image => (true, true, false, false),
            ManifestKind::Index => (false, false, false, true),
            ManifestKind::Artifact => (false, false, true, false),
            ManifestKind::Other => (true, true, true, true),
        };
        let list = |read: bool, name| {
            if read {
                self.list(name)
            } else {
                Ok(Vec::new())
            }
        };
        let mut layers = list(layers, "layers")?;
        layers.append(&mut list(blobs, "blobs")?);
        Ok(Manifest {
            kind: self.kind,
            media_type,
            config: if config { self.single("config")? } else { None },
            layers,
            manifests: list(manifests, "manifests")?,
            subject: self.single("subject")?,
            artifact_type: self.own("artifactType", "a string")?,
            annotations: self
                .own::<Annotations>("annotations", "an object of strings")?
                .unwrap_or_default(),
        })
    }

    /// Whether a document of this kind must have the member.
    fn requires(&self, name: &str) -> bool {
        match self.kind {
            ManifestKind::Image => matches!(name, "config" | "layers"),
            ManifestKind::Index => name == "manifests",
            ManifestKind::Artifact | ManifestKind::Other => false,
        }
    }

    /// Whether members of another shape are someone else's business.
    fn is_foreign(&self) -> bool {
        self.kind == ManifestKind::Other
    }

    /// A member that holds one descriptor.
    fn single(&self, name: &'static str) -> Result<Option<Descriptor>, ManifestError> {
        match self.object.member(name) {
            Some(value) => self.descriptor(value, Path::of(name)),
            None if self.requires(name) => Err(Path::ROOT.error(name, FieldError::Missing)),
            None => Ok(None),
        }
    }

    /// A member that holds a list of descriptors.
    fn list(&self, name: &'static str) -> Result<Vec<Descriptor>, ManifestError> {
        let Some(value) = self.object.member(name) else {
            if self.requires(name) && !self.object.names(name) {
                return Err(Path::ROOT.error(name, FieldError::Missing));
            }
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
