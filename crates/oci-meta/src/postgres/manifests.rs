//! Manifests and tags.

use async_trait::async_trait;
use bytes::Bytes;
use oci_types::{Digest, Reference, Tag};
use tokio_postgres::Row;

use super::PostgresMeta;
use super::codec::{Key, Stored, Text, storable, upstream, value};
use crate::references::{self, Needed};
use crate::{
    Ctx, DeletedManifest, DeletedTag, Existence, Expect, ManifestRecord, Manifests, MetaError,
    PutManifest, PutOutcome, RepoKey, TagGuard, TagOutcome,
};

const BY_DIGEST: &str = "SELECT m.digest, m.media_type, m.payload
    FROM repositories r
    JOIN manifests m ON m.repository = r.id AND m.digest = $3
    WHERE r.upstream = $1 AND r.name = $2";
const BY_TAG: &str = "SELECT m.digest, m.media_type, m.payload
    FROM repositories r
    JOIN tags t ON t.repository = r.id AND t.name = $3
    JOIN manifests m ON m.id = t.manifest
    WHERE r.upstream = $1 AND r.name = $2";
const HAS_TAG: &str = "SELECT 1 FROM repositories r
    JOIN tags t ON t.repository = r.id AND t.name = $3
    WHERE r.upstream = $1 AND r.name = $2";
const PUT: &str = "SELECT created, previous, refused_tag, refused_by, missing
    FROM put_manifest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18)";
const DELETE: &str = "SELECT deleted, tags FROM delete_manifest($1, $2, $3, $4, $5, $6, $7)";
const DELETE_TAG: &str = "SELECT delete_tag($1, $2, $3, $4, $5, $6)";

/// How often the tags of a manifest are looked at that is to be deleted, while others add to them.
const MAX_LOOKS: usize = 100;

#[async_trait]
impl Manifests for PostgresMeta {
    async fn put_manifest(&self, ctx: &Ctx, put: PutManifest) -> Result<PutOutcome, MetaError> {
        const OP: &str = "store a manifest";
        let row = Put::new(&put)?.call(self, ctx, OP).await?;
        if let Some(Text(tag)) = value(OP, &row, 2)? {
            let Stored(current) = value(OP, &row, 3)?;
            return Err(MetaError::TagConflict { tag, current });
        }
        if let Some(missing) = value::<Option<Vec<Stored<Digest>>>>(OP, &row, 4)? {
            let missing = missing.into_iter().map(|digest| digest.0).collect();
            return Err(MetaError::MissingReferences { missing });
        }
        let previous: Vec<Option<Stored<Digest>>> = value(OP, &row, 1)?;
        let tags = put.tags.into_iter().zip(previous);
        Ok(PutOutcome {
            created: value(OP, &row, 0)?,
            tags: tags
                .map(|(write, previous)| TagOutcome {
                    tag: write.tag,
                    previous: previous.map(|digest| digest.0),
                })
                .collect(),
        })
    }

    async fn manifest(
        &self,
        repo: &RepoKey,
        reference: &Reference,
    ) -> Result<Option<ManifestRecord>, MetaError> {
        const OP: &str = "read a manifest";
        let (upstream, name) = (upstream(repo), repo.name.as_str());
        let client = &self.client;
        let row = match reference {
            Reference::Digest(digest) => {
                let key = Key::of(digest);
                client.row(OP, BY_DIGEST, &[&upstream, &name, &key]).await?
            }
            Reference::Tag(tag) => {
                let tag = tag.as_str();
                client.row(OP, BY_TAG, &[&upstream, &name, &tag]).await?
            }
        };
        row.map(|row| read(OP, &row)).transpose()
    }

    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        guard: &TagGuard,
    ) -> Result<Option<DeletedManifest>, MetaError> {
        const OP: &str = "delete a manifest";
        let mut allowed = Vec::new();
        for _ in 0..MAX_LOOKS {
            let (deleted, tags) = self.delete_within(ctx, repo, digest, &allowed, OP).await?;
            match tags {
                None => return Ok(None),
                Some(tags) if deleted => return Ok(Some(DeletedManifest { tags })),
                Some(tags) => {
                    if let Some(tag) = tags.iter().find(|tag| guard.protects(tag)) {
                        return Err(MetaError::TagProtected { tag: tag.clone() });
                    }
                    allowed = tags;
                }
            }
        }
        Err(MetaError::Unavailable {
            op: OP,
            source: "others tag the manifest all the time".into(),
        })
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        tag: &Tag,
        guard: &TagGuard,
    ) -> Result<Option<DeletedTag>, MetaError> {
        const OP: &str = "delete a tag";
        let (upstream, name, text) = (upstream(repo), repo.name.as_str(), tag.as_str());
        if guard.protects(tag) {
            let found = self
                .client
                .row(OP, HAS_TAG, &[&upstream, &name, &text])
                .await?;
            let tag = tag.clone();
            return found.map_or(Ok(None), |_| Err(MetaError::TagProtected { tag }));
        }
        let (actor, request_id) = who(ctx);
        let row = self
            .client
            .call(
                OP,
                DELETE_TAG,
                &[&upstream, &name, &text, &ctx.now, &actor, &request_id],
            )
            .await?;
        let digest: Option<Stored<Digest>> = value(OP, &row, 0)?;
        Ok(digest.map(|digest| DeletedTag { digest: digest.0 }))
    }
}

impl PostgresMeta {
    /// Deletes a manifest that has no tags but the `allowed` ones; answers whether it did, and
    /// the tags, as long as there is one.
    ///
    /// A guard looks at nothing but names, so what it has said of them holds in the transaction.
    async fn delete_within(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
        allowed: &[Tag],
        op: &'static str,
    ) -> Result<(bool, Option<Vec<Tag>>), MetaError> {
        let (actor, request_id) = who(ctx);
        let allowed: Vec<&str> = allowed.iter().map(Tag::as_str).collect();
        let row = self
            .client
            .call(
                op,
                DELETE,
                &[
                    &upstream(repo),
                    &repo.name.as_str(),
                    &Key::of(digest),
                    &allowed,
                    &ctx.now,
                    &actor,
                    &request_id,
                ],
            )
            .await?;
        let tags: Option<Vec<Text<Tag>>> = value(op, &row, 1)?;
        let tags = tags.map(|tags| tags.into_iter().map(|tag| tag.0).collect());
        Ok((value(op, &row, 0)?, tags))
    }
}

fn read(op: &'static str, row: &Row) -> Result<ManifestRecord, MetaError> {
    Ok(ManifestRecord {
        digest: value::<Stored<Digest>>(op, row, 0)?.0,
        media_type: value::<Text<_>>(op, row, 1)?.0,
        bytes: value::<Stored<Bytes>>(op, row, 2)?.0,
    })
}

/// The actor and the request id, as the history has them.
fn who(ctx: &Ctx) -> (String, String) {
    let actor = ctx.actor.to_string();
    (
        storable(&actor).into_owned(),
        storable(&ctx.request_id).into_owned(),
    )
}

/// A put, as the arrays that the function takes.
struct Put<'a> {
    put: &'a PutManifest,
    tags: Vec<&'a str>,
    guarded: Vec<bool>,
    needed: Vec<Key>,
    needed_blob: Vec<bool>,
    needed_manifest: Vec<bool>,
    targets: Vec<Key>,
    kinds: Vec<i16>,
    referrer: Option<Referrer>,
}

/// An entry of the referrers list.
struct Referrer {
    subject: Key,
    artifact_type: Option<Key>,
    descriptor: String,
}

impl<'a> Put<'a> {
    fn new(put: &'a PutManifest) -> Result<Self, MetaError> {
        let needed: Vec<(Digest, Needed)> = match put.existence {
            Existence::Lax => Vec::new(),
            Existence::Strict => references::needed(&put.manifest).collect(),
        };
        let edges = references::edges(&put.manifest);
        Ok(Self {
            put,
            tags: put.tags.iter().map(|write| write.tag.as_str()).collect(),
            guarded: put
                .tags
                .iter()
                .map(|write| write.expect == Expect::AbsentOrSame)
                .collect(),
            needed: needed.iter().map(|(digest, _)| Key::of(digest)).collect(),
            needed_blob: needed.iter().map(|(_, n)| *n != Needed::Manifest).collect(),
            needed_manifest: needed.iter().map(|(_, n)| *n != Needed::Blob).collect(),
            targets: edges.iter().map(|(digest, _)| Key::of(digest)).collect(),
            kinds: edges.iter().map(|(_, kind)| *kind as i16).collect(),
            referrer: Referrer::of(put)?,
        })
    }

    async fn call(
        &self,
        store: &PostgresMeta,
        ctx: &Ctx,
        op: &'static str,
    ) -> Result<Row, MetaError> {
        let (actor, request_id) = who(ctx);
        let referrer = self.referrer.as_ref();
        store
            .client
            .call(
                op,
                PUT,
                &[
                    &upstream(&self.put.repo),
                    &self.put.repo.name.as_str(),
                    &Key::of(&self.put.digest),
                    &self.put.manifest.media_type.as_str(),
                    &&*self.put.bytes,
                    &self.tags,
                    &self.guarded,
                    &self.needed,
                    &self.needed_blob,
                    &self.needed_manifest,
                    &self.targets,
                    &self.kinds,
                    &referrer.map(|r| r.subject),
                    &referrer.and_then(|r| r.artifact_type),
                    &referrer.map(|r| r.descriptor.as_str()),
                    &ctx.now,
                    &actor,
                    &request_id,
                ],
            )
            .await
    }
}

impl Referrer {
    fn of(put: &PutManifest) -> Result<Option<Self>, MetaError> {
        let Some(subject) = &put.manifest.subject else {
            return Ok(None);
        };
        let descriptor = put
            .manifest
            .referrer_descriptor(put.digest, put.bytes.len() as u64);
        let json = serde_json::to_string(&descriptor)
            .map_err(|e| MetaError::backend("describe a referrer", e))?;
        Ok(Some(Self {
            subject: Key::of(&subject.digest),
            artifact_type: descriptor.artifact_type.as_deref().map(type_key),
            descriptor: json,
        }))
    }
}

/// What stands for an artifact type: it is as long as somebody likes, an index entry is not.
pub(super) fn type_key(artifact_type: &str) -> Key {
    Key::of(&Digest::sha256(artifact_type.as_bytes()))
}
