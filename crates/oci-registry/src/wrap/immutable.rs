//! Tags that are made once.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use oci_meta::{Ctx, RepoKey, TagGuard};
use oci_types::Digest;

use super::forward::{forward_list, forward_pull, forward_push};
use crate::{Delete, List, ManifestDelete, ManifestPush, Pull, Push, RegistryError, TagDelete};

/// A registry in which some tags can be made, and neither moved nor removed.
///
/// The rule travels with the operation into the metadata transaction: of two racing pushes of
/// one immutable tag, one wins. Pushing to such a tag what it already names is fine.
#[derive(Clone)]
pub struct ImmutableTags<R> {
    inner: R,
    rule: Arc<Rule>,
}

type Rule = dyn Fn(&RepoKey) -> TagGuard + Send + Sync;

impl<R> ImmutableTags<R> {
    /// `inner`, where `rule` says which tags of a repository are immutable. It is asked with each
    /// push and deletion, so that what it answers may change.
    pub fn new(inner: R, rule: impl Fn(&RepoKey) -> TagGuard + Send + Sync + 'static) -> Self {
        let rule = Arc::new(rule);
        Self { inner, rule }
    }

    /// What the rule protects in `repo`, besides what `others` does.
    fn guard(&self, repo: &RepoKey, others: TagGuard) -> TagGuard {
        others.or((self.rule)(repo))
    }
}

impl<R: fmt::Debug> fmt::Debug for ImmutableTags<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImmutableTags")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

forward_pull!([R: Pull] ImmutableTags<R>, this => this.inner);
forward_list!([R: List] ImmutableTags<R>, this => this.inner);

forward_push!(
    [R: Push] ImmutableTags<R>, this => this.inner,
    (repo, push) => ManifestPush {
        protect: this.guard(repo, push.protect.clone()),
        ..push
    }
);

#[async_trait]
impl<R: Delete> Delete for ImmutableTags<R> {
    async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: ManifestDelete,
    ) -> Result<(), RegistryError> {
        let protect = self.guard(repo, delete.protect);
        let delete = ManifestDelete { protect, ..delete };
        self.inner.delete_manifest(ctx, repo, delete).await
    }

    async fn delete_tag(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        delete: TagDelete,
    ) -> Result<(), RegistryError> {
        let protect = self.guard(repo, delete.protect);
        let delete = TagDelete { protect, ..delete };
        self.inner.delete_tag(ctx, repo, delete).await
    }

    async fn delete_blob(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        self.inner.delete_blob(ctx, repo, digest).await
    }
}
