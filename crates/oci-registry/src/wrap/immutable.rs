//! Tags that are made once.

use std::sync::Arc;

use async_trait::async_trait;
use oci_meta::{Ctx, RepoKey, Scope, TagGuard};
use oci_types::Digest;

use super::TagPattern;
use super::forward::{forward_list, forward_pull, forward_push};
use crate::{Delete, List, ManifestDelete, ManifestPush, Pull, Push, RegistryError, TagDelete};

/// Which tags of which repositories are immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImmutableRule {
    /// The repositories.
    pub repos: Scope,
    /// The tags.
    pub tags: Vec<TagPattern>,
}

/// A registry in which some tags can be made, and neither moved nor removed.
///
/// The rule travels with the operation into the metadata transaction: of two racing pushes of
/// one immutable tag, one wins. Pushing to such a tag what it already names is fine.
#[derive(Debug, Clone)]
pub struct ImmutableTags<R> {
    inner: R,
    rules: Arc<[ImmutableRule]>,
}

impl<R> ImmutableTags<R> {
    /// `inner` under these rules.
    pub fn new(inner: R, rules: impl Into<Arc<[ImmutableRule]>>) -> Self {
        Self {
            inner,
            rules: rules.into(),
        }
    }

    /// What the rules protect in `repo`, besides what `others` does.
    fn guard(&self, repo: &RepoKey, others: TagGuard) -> TagGuard {
        if !self
            .rules
            .iter()
            .any(|rule| rule.repos.contains(&repo.name))
        {
            return others;
        }
        let (rules, name) = (Arc::clone(&self.rules), repo.name.clone());
        others.or(TagGuard::new(move |tag| {
            rules
                .iter()
                .filter(|rule| rule.repos.contains(&name))
                .any(|rule| rule.tags.iter().any(|pattern| pattern.matches(tag)))
        }))
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
