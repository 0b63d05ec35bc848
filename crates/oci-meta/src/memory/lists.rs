//! Lists.

use std::ops::Bound;

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, RepositoryName, Tag};

use super::{MemoryMeta, Referrers, Repository};
use crate::pages::PageBuilder;
use crate::ranges::name_ranges;
use crate::{Lists, MetaError, Page, RepoKey, Scope};

#[async_trait]
impl Lists for MemoryMeta {
    async fn tags(
        &self,
        repo: &RepoKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<Tag>>, MetaError> {
        let state = self.state();
        let Some(repository) = state.repository(repo) else {
            return Ok(None);
        };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tags = repository.tags.range::<str, _>((start, Bound::Unbounded));
        let items = tags.map(|(tag, _)| (tag.clone(), tag.as_str().len()));
        Ok(Some(PageBuilder::new(limit).fill(items)))
    }

    async fn referrers(
        &self,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<Descriptor>, MetaError> {
        let state = self.state();
        let page = PageBuilder::new(limit);
        let referrers = state
            .repository(repo)
            .and_then(|repository| repository.referrers.get(subject));
        let Some(referrers) = referrers else {
            return Ok(page.finish());
        };
        let behind = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        Ok(match artifact_type {
            None => page.fill(referrers.all.range(behind).map(|(_, d)| weighed(d))),
            Some(of_type) => {
                let digests = referrers.by_type.get(of_type).into_iter();
                let digests = digests.flat_map(|digests| digests.range(behind));
                page.fill(digests.filter_map(|d| referrers.all.get(d)).map(weighed))
            }
        })
    }

    async fn repositories(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetaError> {
        let state = self.state();
        let ranges = name_ranges(scope, after);
        let local = state.repositories.get(&None);
        let names = ranges.iter().flat_map(|range| {
            let bounds = (
                Bound::Included(range.start.as_str()),
                Bound::Excluded(range.end.as_str()),
            );
            let names = local.into_iter();
            names.flat_map(move |names| names.range::<str, _>(bounds))
        });
        let items = names.map(|(name, _)| (name.clone(), name.as_str().len()));
        Ok(PageBuilder::new(limit).fill(items))
    }
}

fn weighed(descriptor: &Descriptor) -> (Descriptor, usize) {
    let annotations = descriptor.annotations.iter().flatten();
    let bytes = annotations
        .map(|(key, value)| key.len() + value.len())
        .sum();
    (descriptor.clone(), bytes)
}

impl Referrers {
    pub(super) fn insert(&mut self, descriptor: Descriptor) {
        if let Some(of_type) = &descriptor.artifact_type {
            let digests = self.by_type.entry(of_type.clone()).or_default();
            digests.insert(descriptor.digest);
        }
        self.all.insert(descriptor.digest, descriptor);
    }

    fn remove(&mut self, digest: &Digest) {
        let removed = self.all.remove(digest);
        let Some(of_type) = removed.and_then(|descriptor| descriptor.artifact_type) else {
            return;
        };
        if let Some(digests) = self.by_type.get_mut(&of_type) {
            digests.remove(digest);
            if digests.is_empty() {
                self.by_type.remove(&of_type);
            }
        }
    }
}

impl Repository {
    pub(super) fn remove_referrer(&mut self, subject: &Digest, digest: &Digest) {
        if let Some(referrers) = self.referrers.get_mut(subject) {
            referrers.remove(digest);
            if referrers.all.is_empty() {
                self.referrers.remove(subject);
            }
        }
    }
}
