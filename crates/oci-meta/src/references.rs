//! What a manifest's references mean to a store: shared by the backends, so that they agree.

use std::collections::{BTreeSet, HashSet};

use oci_types::{Descriptor, Digest, Manifest};

/// How many missing references a refusal names at most.
#[cfg(any(feature = "memory", feature = "sqlite", test))]
pub(crate) const MAX_MISSING: usize = 100;

/// In which role a manifest refers to a digest. The numbers are stored: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EdgeKind {
    Config = 1,
    Layer = 2,
    /// A manifest of an index.
    Child = 3,
    /// A child of an index whose media type is no manifest's: build caches list layers so.
    ChildBlob = 4,
    Subject = 5,
}

impl EdgeKind {
    /// The kinds that keep a blob from being deleted.
    #[cfg(any(feature = "memory", feature = "sqlite", test))]
    pub(crate) const OF_BLOBS: [Self; 3] = [Self::Config, Self::Layer, Self::ChildBlob];
}

/// A reference, once for each role that the manifest gives the digest, in the order of targets.
pub(crate) fn edges(manifest: &Manifest) -> BTreeSet<(Digest, EdgeKind)> {
    let config = manifest.config.iter().map(|d| (d.digest, EdgeKind::Config));
    let layers = manifest.layers.iter().map(|d| (d.digest, EdgeKind::Layer));
    let children = manifest.manifests.iter().map(|d| (d.digest, child_kind(d)));
    let subject = manifest
        .subject
        .iter()
        .map(|d| (d.digest, EdgeKind::Subject));
    config
        .chain(layers)
        .chain(children)
        .chain(subject)
        .collect()
}

fn child_kind(child: &Descriptor) -> EdgeKind {
    if child.media_type.is_manifest() {
        EdgeKind::Child
    } else {
        EdgeKind::ChildBlob
    }
}

/// What has to be in a repository for a reference to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    Blob,
    Manifest,
    /// The child's media type tells nothing: either will do.
    Either,
}

/// What [`Existence::Strict`](crate::Existence::Strict) asks for: each digest once, in the
/// manifest's order.
pub(crate) fn needed(manifest: &Manifest) -> impl Iterator<Item = (Digest, Needed)> {
    let blobs = manifest
        .config
        .iter()
        .chain(&manifest.layers)
        .filter(|d| !d.media_type.is_non_distributable())
        .map(|d| (d.digest, Needed::Blob));
    let children = manifest.manifests.iter().map(|d| match child_kind(d) {
        EdgeKind::Child => (d.digest, Needed::Manifest),
        _ => (d.digest, Needed::Either),
    });
    let mut seen = HashSet::new();
    blobs
        .chain(children)
        .filter(move |(digest, _)| seen.insert(*digest))
}
