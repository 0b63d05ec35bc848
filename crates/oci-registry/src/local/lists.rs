//! Listing content.

use async_trait::async_trait;
use oci_meta::{Ctx, Page, RepoKey, Scope};
use oci_types::{Descriptor, Digest, RepositoryName, Tag};

use super::LocalRegistry;
use crate::{List, PageRequest, RegistryError};

#[async_trait]
impl List for LocalRegistry {
    async fn tags(
        &self,
        _ctx: &Ctx,
        repo: &RepoKey,
        page: PageRequest<String>,
    ) -> Result<Page<Tag>, RegistryError> {
        let meta = &self.inner.meta;
        let tags = meta.tags(repo, page.after.as_deref(), page.limit).await?;
        tags.ok_or_else(|| RegistryError::RepositoryUnknown { repo: repo.clone() })
    }

    async fn referrers(
        &self,
        _ctx: &Ctx,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: PageRequest<Digest>,
    ) -> Result<Page<Descriptor>, RegistryError> {
        let meta = &self.inner.meta;
        let referrers = meta.referrers(
            repo,
            subject,
            artifact_type,
            page.after.as_ref(),
            page.limit,
        );
        Ok(referrers.await?)
    }

    async fn repositories(
        &self,
        _ctx: &Ctx,
        scope: &Scope,
        page: PageRequest<String>,
    ) -> Result<Page<RepositoryName>, RegistryError> {
        let meta = &self.inner.meta;
        let names = meta.repositories(scope, page.after.as_deref(), page.limit);
        Ok(names.await?)
    }
}
