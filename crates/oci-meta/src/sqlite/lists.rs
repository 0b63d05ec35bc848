//! Lists, each page from an index.

use async_trait::async_trait;
use oci_types::{Descriptor, Digest, RepositoryName, Tag};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, Rows};

use super::SqliteMeta;
use super::codec::{Json, Key, NO_UPSTREAM, Text, rows};
use super::failure::Fault;
use super::repositories;
use super::statements::statements;
use crate::pages::PageBuilder;
use crate::ranges::name_ranges;
use crate::{Lists, MetaError, Page, RepoKey, Scope};

statements! {
    TAGS = "SELECT name FROM tags WHERE repository = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    REFERRERS = "SELECT descriptor FROM referrers
        WHERE repository = ?1 AND subject = ?2 AND digest > ?3
        ORDER BY digest LIMIT ?4";
    REFERRERS_OF_TYPE = "SELECT descriptor FROM referrers
        WHERE repository = ?1 AND subject = ?2 AND digest > ?3 AND artifact_type = ?5
        ORDER BY digest LIMIT ?4";
    REPOSITORIES = "SELECT name FROM repositories
        WHERE upstream = ?1 AND name >= ?2 AND name < ?3
        ORDER BY name LIMIT ?4";
}

#[async_trait]
impl Lists for SqliteMeta {
    async fn tags(
        &self,
        repo: &RepoKey,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<Tag>>, MetaError> {
        let (repo, after) = (repo.clone(), after.unwrap_or_default().to_owned());
        let read = move |conn: &Connection| {
            let Some(repository) = repositories::find(conn, &repo)? else {
                return Ok(None);
            };
            let mut page = PageBuilder::new(limit);
            let mut statement = conn.prepare_cached(TAGS)?;
            let row_limit = rows(limit).saturating_add(1);
            fill(
                &mut page,
                statement.query((repository, after, row_limit))?,
                text,
            )?;
            Ok(Some(page.finish()))
        };
        self.readers().read_rows("list tags", limit, read).await
    }

    async fn referrers(
        &self,
        repo: &RepoKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<Descriptor>, MetaError> {
        let query = Referrers {
            repo: repo.clone(),
            subject: Key::of(subject),
            artifact_type: artifact_type.map(str::to_owned),
            after: after.map(Key::of),
            limit,
        };
        self.readers()
            .read_rows("list referrers", limit, move |conn| query.read(conn))
            .await
    }

    async fn repositories(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetaError> {
        let ranges = name_ranges(scope, after);
        let rows_read = limit.saturating_add(ranges.len());
        let read = move |conn: &Connection| {
            let mut page = PageBuilder::new(limit);
            let mut statement = conn.prepare_cached(REPOSITORIES)?;
            let row_limit = rows(limit).saturating_add(1);
            for range in ranges {
                let bounds = (NO_UPSTREAM, range.start, range.end, row_limit);
                if !fill(&mut page, statement.query(bounds)?, text)? {
                    break;
                }
            }
            Ok(page.finish())
        };
        let readers = self.readers();
        readers
            .read_rows("list repositories", rows_read, read)
            .await
    }
}

struct Referrers {
    repo: RepoKey,
    subject: Key,
    artifact_type: Option<String>,
    after: Option<Key>,
    limit: usize,
}

impl Referrers {
    fn read(self, conn: &Connection) -> Result<Page<Descriptor>, Fault> {
        let mut page = PageBuilder::new(self.limit);
        let Some(repository) = repositories::find(conn, &self.repo)? else {
            return Ok(page.finish());
        };
        let after = self.after.unwrap_or(Key::FIRST);
        let row_limit = rows(self.limit).saturating_add(1);
        match self.artifact_type {
            None => {
                let mut statement = conn.prepare_cached(REFERRERS)?;
                let params = (repository, self.subject, after, row_limit);
                fill(&mut page, statement.query(params)?, json)?;
            }
            Some(of_type) => {
                let mut statement = conn.prepare_cached(REFERRERS_OF_TYPE)?;
                let params = (repository, self.subject, after, row_limit, of_type);
                fill(&mut page, statement.query(params)?, json)?;
            }
        }
        Ok(page.finish())
    }
}

/// Adds rows of one column of text; answers whether the page took them all.
fn fill<T>(
    page: &mut PageBuilder<T>,
    mut rows: Rows<'_>,
    item: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<bool, Fault> {
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_bytes().map_or(0, <[u8]>::len);
        if !page.add(item(row)?, bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn text<T>(row: &Row<'_>) -> rusqlite::Result<T>
where
    Text<T>: FromSql,
{
    row.get::<_, Text<T>>(0).map(|text| text.0)
}

fn json(row: &Row<'_>) -> rusqlite::Result<Descriptor> {
    row.get::<_, Json<Descriptor>>(0).map(|json| json.0)
}
