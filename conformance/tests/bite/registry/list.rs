//! Defects of listing.

use async_trait::async_trait;
use oci_registry::{Ctx, List, Page, PageRequest, RegistryError, RepoKey, Scope};
use oci_types::{Descriptor, Digest, RepositoryName, Tag};

use super::{Defect, Faulty};

#[async_trait]
impl List for Faulty {
    async fn tags(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        page: PageRequest<String>,
    ) -> Result<Page<Tag>, RegistryError> {
        let after = page.after.clone();
        let listed = self.inner.tags(ctx, repo, page).await;
        if let (Err(RegistryError::RepositoryUnknown { .. }), Defect::UnknownIsEmpty) =
            (&listed, self.defect)
        {
            return Ok(Page {
                items: Vec::new(),
                more: false,
            });
        }
        let mut page = listed?;
        match (self.defect, after) {
            (Defect::TagsUnsorted, _) => page.items.reverse(),
            (Defect::PageSkipsOne, Some(_)) => drop(page.items.drain(..page.items.len().min(1))),
            (Defect::PageRepeatsLast, Some(after)) => {
                page.items.splice(..0, after.parse());
            }
            (Defect::NestedTags, _) => page.items.extend(self.nested_tags(ctx, repo).await?),
            _ => {}
        }
        Ok(page)
    }

    async fn referrers(
        &self,
        ctx: &Ctx,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: PageRequest<Digest>,
    ) -> Result<Page<Descriptor>, RegistryError> {
        let filter = artifact_type.filter(|_| !self.has(Defect::FilterClaimed));
        let mut page = self
            .inner
            .referrers(ctx, repo, subject, filter, page)
            .await?;
        match self.defect {
            Defect::ReferrersStay => self.recall(subject, &mut page, |home| home == repo),
            Defect::ReferrersLeak => self.recall(subject, &mut page, |_| true),
            Defect::NoAnnotations => page
                .items
                .iter_mut()
                .for_each(|item| item.annotations = None),
            Defect::NoArtifactType => page
                .items
                .iter_mut()
                .for_each(|item| item.artifact_type = None),
            _ => {}
        }
        Ok(page)
    }

    async fn repositories(
        &self,
        ctx: &Ctx,
        scope: &Scope,
        page: PageRequest<String>,
    ) -> Result<Page<RepositoryName>, RegistryError> {
        let mut page = self.inner.repositories(ctx, scope, page).await?;
        if self.has(Defect::CatalogUnsorted) {
            page.items.reverse();
        }
        Ok(page)
    }
}

impl Faulty {
    /// The tags of the repositories whose names continue that of `repo`.
    async fn nested_tags(&self, ctx: &Ctx, repo: &RepoKey) -> Result<Vec<Tag>, RegistryError> {
        let all = || PageRequest {
            after: None,
            limit: 10_000,
        };
        let names = self
            .inner
            .repositories(ctx, &Scope::All, all())
            .await?
            .items;
        let below = format!("{}/", repo.name);
        let mut tags = Vec::new();
        for name in names
            .into_iter()
            .filter(|name| name.as_str().starts_with(&below))
        {
            tags.extend(
                self.inner
                    .tags(ctx, &RepoKey::local(name), all())
                    .await?
                    .items,
            );
        }
        Ok(tags)
    }

    /// Adds the referrers that once were, in the repositories that `counts` names.
    fn recall(
        &self,
        subject: &Digest,
        page: &mut Page<Descriptor>,
        counts: impl Fn(&RepoKey) -> bool,
    ) {
        for (home, known, referrer) in &self.memory().referrers {
            let listed = page.items.iter().any(|item| item.digest == referrer.digest);
            if known == subject && counts(home) && !listed {
                page.items.push(referrer.clone());
            }
        }
    }
}
