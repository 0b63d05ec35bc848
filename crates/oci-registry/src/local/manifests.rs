//! Storing manifests.

use oci_meta::{Ctx, Expect, PutManifest, RepoKey, TagWrite};
use oci_types::{Algorithm, Digest, Manifest, Reference, Tag};

use super::Inner;
use crate::{Event, ManifestPush, ManifestPushed, RegistryError};

/// From this size on, in bytes, a manifest is hashed and parsed off the async threads.
const LARGE_MANIFEST: usize = 128 << 10;

impl Inner {
    pub(super) async fn push_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        push: ManifestPush,
    ) -> Result<ManifestPushed, RegistryError> {
        let (digest, manifest, push) = if push.bytes.len() < LARGE_MANIFEST {
            read(push)?
        } else {
            let read = tokio::task::spawn_blocking(move || read(push));
            read.await.map_err(RegistryError::internal)??
        };
        let (subject, media_type) = (
            manifest.subject.as_ref().map(|subject| subject.digest),
            manifest.media_type.clone(),
        );
        let size = push.bytes.len() as u64;
        let mut tags = push.tags.clone();
        if let Reference::Tag(tag) = &push.reference {
            tags.insert(0, tag.clone());
        }
        let put = PutManifest {
            repo: repo.clone(),
            digest,
            manifest,
            bytes: push.bytes,
            tags: writes(&tags, |tag| push.protect.protects(tag)),
            existence: self.options.existence,
        };
        self.meta.put_manifest(ctx, put).await?;
        let event = Event::ManifestPushed {
            digest,
            media_type,
            tags,
            size,
        };
        self.observe(ctx, repo, &event);
        Ok(ManifestPushed {
            digest,
            subject,
            tags: push.tags,
        })
    }
}

/// Checks the digest and reads what the manifest says.
fn read(push: ManifestPush) -> Result<(Digest, Manifest, ManifestPush), RegistryError> {
    let expected = match &push.reference {
        Reference::Digest(digest) => Some(*digest),
        Reference::Tag(_) => None,
    };
    let algorithm = expected.map_or(Algorithm::Sha256, |digest| digest.algorithm());
    let actual = Digest::of(algorithm, &push.bytes);
    if let Some(expected) = expected.filter(|expected| *expected != actual) {
        return Err(RegistryError::DigestMismatch { expected, actual });
    }
    let manifest = Manifest::parse(push.content_type.as_ref(), &push.bytes)?;
    Ok((actual, manifest, push))
}

/// Each tag once, with what the rule for it expects.
fn writes(tags: &[Tag], protected: impl Fn(&Tag) -> bool) -> Vec<TagWrite> {
    let mut writes: Vec<TagWrite> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !writes.iter().any(|write| write.tag == *tag) {
            writes.push(TagWrite {
                tag: tag.clone(),
                expect: if protected(tag) {
                    Expect::AbsentOrSame
                } else {
                    Expect::Any
                },
            });
        }
    }
    writes
}
