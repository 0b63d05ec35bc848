//! The media types of the image specification and of Docker that a registry
//! meets.

use super::MediaKind;

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The empty JSON object `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The withdrawn OCI artifact manifest.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// An uncompressed OCI layer.
pub const OCI_LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// A gzip-compressed OCI layer.
pub const OCI_LAYER_TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A zstd-compressed OCI layer.
pub const OCI_LAYER_TAR_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// An uncompressed OCI layer that its licence keeps out of registries.
pub const OCI_LAYER_NONDISTRIBUTABLE_TAR: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
/// A gzip-compressed OCI layer that its licence keeps out of registries.
pub const OCI_LAYER_NONDISTRIBUTABLE_TAR_GZIP: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// A zstd-compressed OCI layer that its licence keeps out of registries.
pub const OCI_LAYER_NONDISTRIBUTABLE_TAR_ZSTD: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
/// A Docker image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker image manifest of schema 1.
pub const DOCKER_MANIFEST_V1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// A signed Docker image manifest of schema 1.
pub const DOCKER_MANIFEST_V1_SIGNED: &str =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// A Docker image configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A Docker plugin configuration.
pub const DOCKER_PLUGIN_CONFIG: &str = "application/vnd.docker.plugin.v1+json";
/// An uncompressed Docker layer.
pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// A gzip-compressed Docker layer.
pub const DOCKER_LAYER_TAR_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// A zstd-compressed Docker layer.
pub const DOCKER_LAYER_TAR_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
/// An uncompressed Docker layer that is fetched from elsewhere.
pub const DOCKER_LAYER_FOREIGN_TAR: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";
/// A gzip-compressed Docker layer that is fetched from elsewhere.
pub const DOCKER_LAYER_FOREIGN_TAR_GZIP: &str =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// Bytes of no stated type.
pub const OCTET_STREAM: &str = "application/octet-stream";
/// JSON of no stated type.
pub const JSON: &str = "application/json";

/// Every media type that this crate knows, with what it is.
pub(super) const KNOWN: &[(&str, MediaKind)] = &[
    (OCI_MANIFEST, MediaKind::ImageManifest),
    (OCI_INDEX, MediaKind::ImageIndex),
    (OCI_LAYER_TAR_GZIP, MediaKind::Layer),
    (OCI_CONFIG, MediaKind::Config),
    (OCI_EMPTY, MediaKind::Empty),
    (DOCKER_MANIFEST, MediaKind::ImageManifest),
    (DOCKER_MANIFEST_LIST, MediaKind::ImageIndex),
    (DOCKER_LAYER_TAR_GZIP, MediaKind::Layer),
    (DOCKER_CONFIG, MediaKind::Config),
    (OCTET_STREAM, MediaKind::Generic),
    (JSON, MediaKind::Generic),
    (OCI_LAYER_TAR, MediaKind::Layer),
    (OCI_LAYER_TAR_ZSTD, MediaKind::Layer),
    (OCI_ARTIFACT, MediaKind::ArtifactManifest),
    (
        OCI_LAYER_NONDISTRIBUTABLE_TAR,
        MediaKind::NonDistributableLayer,
    ),
    (
        OCI_LAYER_NONDISTRIBUTABLE_TAR_GZIP,
        MediaKind::NonDistributableLayer,
    ),
    (
        OCI_LAYER_NONDISTRIBUTABLE_TAR_ZSTD,
        MediaKind::NonDistributableLayer,
    ),
    (DOCKER_MANIFEST_V1, MediaKind::DockerSchema1),
    (DOCKER_MANIFEST_V1_SIGNED, MediaKind::DockerSchema1),
    (DOCKER_PLUGIN_CONFIG, MediaKind::Config),
    (DOCKER_LAYER_TAR, MediaKind::Layer),
    (DOCKER_LAYER_TAR_ZSTD, MediaKind::Layer),
    (DOCKER_LAYER_FOREIGN_TAR, MediaKind::NonDistributableLayer),
    (
        DOCKER_LAYER_FOREIGN_TAR_GZIP,
        MediaKind::NonDistributableLayer,
    ),
];
