//! Lists, each page from an index and in one round trip.

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, RepositoryName, Tag};
use tokio_postgres::types::ToSql;

use super::PostgresMeta;
use super::client::Params;
use super::codec::{Json, Key, NO_UPSTREAM, Text, rows, upstream, value};
use super::manifests::type_key;
use crate::pages::{self, PageBuilder};
use crate::ranges::name_ranges;
use crate::{Lists, MetaError, Page, RepoKey, Scope};

/// An empty repository is one row without a name.
const TAGS: &str = "SELECT page.name FROM repositories r
    LEFT JOIN LATERAL (
        SELECT t.name FROM tags t WHERE t.repository = r.id AND t.name > $3
            ORDER BY t.name LIMIT $4
    ) page ON true
    WHERE r.upstream = $1 AND r.name = $2
    ORDER BY page.name";

/// Rows end with the one that exceeds what a page may weigh ($6).
macro_rules! referrers {
    ($filter:literal) => {
        concat!(
            "SELECT weighed.descriptor FROM (
                SELECT page.digest, page.descriptor, octet_length(page.descriptor) AS weight,
                    sum(octet_length(page.descriptor)) OVER (ORDER BY page.digest) AS total
                FROM repositories r
                CROSS JOIN LATERAL (
                    SELECT f.digest, f.descriptor FROM referrers f
                        WHERE f.repository = r.id AND f.subject = $3 AND f.digest > $4",
            $filter,
            "ORDER BY f.digest LIMIT $5
                ) page
                WHERE r.upstream = $1 AND r.name = $2
            ) weighed
            WHERE weighed.total - weighed.weight <= $6
            ORDER BY weighed.digest"
        )
    };
}
const REFERRERS: &str = referrers!(" ");
const REFERRERS_OF_TYPE: &str = referrers!(" AND f.artifact_type = $7 ");

/// The ranges are disjoint and in order.
const REPOSITORIES: &str = "SELECT page.name
    FROM unnest($2::text[], $3::boolean[], $4::text[], $5::boolean[])
        AS span (low, low_out, high, high_in)
    CROSS JOIN LATERAL (
        SELECT r.name FROM repositories r
            WHERE r.upstream = $1
                AND r.name >= span.low AND (r.name > span.low OR NOT span.low_out)
                AND r.name <= span.high AND (r.name < span.high OR span.high_in)
            ORDER BY r.name LIMIT $6
    ) page
    ORDER BY page.name LIMIT $6";

#[async_trait]
impl Lists for PostgresMeta {
    async fn tags(
        &self,
        repo: &RepoKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<Tag>>, MetaError> {
        const OP: &str = "list tags";
        let (upstream, name) = (upstream(repo), repo.name.as_str());
        let after = Bound::of(after.unwrap_or_default()).text;
        let row_limit = rows(limit).saturating_add(1);
        let params: Params<'_> = &[&upstream, &name, &after, &row_limit];
        let found = self.client.rows(OP, TAGS, params).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut page = PageBuilder::new(limit);
        for row in &found {
            let Some(Text::<Tag>(tag)) = value(OP, row, 0)? else {
                break;
            };
            let weight = tag.as_str().len();
            if !page.add(tag, weight) {
                break;
            }
        }
        Ok(Some(page.finish()))
    }

    async fn referrers(
        &self,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<Descriptor>, MetaError> {
        const OP: &str = "list referrers";
        let (upstream, name, subject) = (upstream(repo), repo.name.as_str(), Key::of(subject));
        let after = after.map_or(Key::FIRST, Key::of);
        let row_limit = rows(limit).saturating_add(1);
        let max_weight = rows(pages::MAX_BYTES);
        let of_type = artifact_type.map(type_key);
        let mut params: Vec<&(dyn ToSql + Sync)> =
            vec![&upstream, &name, &subject, &after, &row_limit, &max_weight];
        let sql = match &of_type {
            None => REFERRERS,
            Some(of_type) => {
                params.push(of_type);
                REFERRERS_OF_TYPE
            }
        };
        let mut page = PageBuilder::new(limit);
        for row in self.client.rows(OP, sql, &params).await? {
            let Json(descriptor, weight) = value(OP, &row, 0)?;
            if !page.add(descriptor, weight) {
                break;
            }
        }
        Ok(page.finish())
    }

    async fn repositories(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetaError> {
        const OP: &str = "list repositories";
        let ranges = name_ranges(scope, after);
        let lows = ranges.iter().map(|range| Bound::of(&range.start));
        let (lows, lows_out): (Vec<&str>, Vec<bool>) = lows.map(Bound::parts).unzip();
        let highs = ranges.iter().map(|range| Bound::of(&range.end));
        let (highs, highs_in): (Vec<&str>, Vec<bool>) = highs.map(Bound::parts).unzip();
        let row_limit = rows(limit).saturating_add(1);
        let params: Params<'_> = &[
            &NO_UPSTREAM,
            &lows,
            &lows_out,
            &highs,
            &highs_in,
            &row_limit,
        ];
        let mut page = PageBuilder::new(limit);
        for row in self.client.rows(OP, REPOSITORIES, params).await? {
            let Text::<RepositoryName>(name) = value(OP, &row, 0)?;
            let weight = name.as_str().len();
            if !page.add(name, weight) {
                break;
            }
        }
        Ok(page.finish())
    }
}

/// A text to compare names with, which may have a NUL that PostgreSQL cannot take. No name has
/// one: so a name is greater than such a text if it is greater than what is before the NUL, and
/// else less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound<'a> {
    /// What is before the first NUL.
    text: &'a str,
    /// Whether there is one: `text` itself is then less than the bound.
    is_cut: bool,
}

impl<'a> Bound<'a> {
    fn of(text: &'a str) -> Self {
        match text.split_once('\0') {
            None => Self {
                text,
                is_cut: false,
            },
            Some((text, _)) => Self { text, is_cut: true },
        }
    }

    fn parts(self) -> (&'a str, bool) {
        (self.text, self.is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_bound_compares_as_the_whole_one_does() {
        let names = ["a", "a-", "a/b", "aa", "b"];
        for whole in ["a\0", "a\0zzz", "\0", "a/\0", "a"] {
            let Bound { text, is_cut } = Bound::of(whole);
            for name in names {
                let low = name >= text && (name > text || !is_cut);
                let high = name <= text && (name < text || is_cut);
                assert_eq!(low, name >= whole, "{name} {whole:?}");
                assert_eq!(high, name < whole, "{name} {whole:?}");
                if whole.contains('\0') {
                    assert_eq!(name > text, name > whole, "{name} {whole:?}");
                }
            }
        }
    }
}
