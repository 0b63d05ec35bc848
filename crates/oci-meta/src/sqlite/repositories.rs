//! The keys of repositories.

use rusqlite::{Connection, OptionalExtension};

use super::codec::upstream;
use super::statements::statements;
use crate::RepoKey;

statements! {
    FIND = "SELECT id FROM repositories WHERE upstream = ?1 AND name = ?2";
    CREATE = "INSERT INTO repositories (upstream, name) VALUES (?1, ?2)";
}

/// The row of a repository.
pub(super) type RepositoryId = i64;

pub(super) fn find(conn: &Connection, repo: &RepoKey) -> rusqlite::Result<Option<RepositoryId>> {
    let mut statement = conn.prepare_cached(FIND)?;
    let key = (upstream(repo), repo.name.as_str());
    statement.query_row(key, |row| row.get(0)).optional()
}

pub(super) fn find_or_create(conn: &Connection, repo: &RepoKey) -> rusqlite::Result<RepositoryId> {
    if let Some(id) = find(conn, repo)? {
        return Ok(id);
    }
    let mut statement = conn.prepare_cached(CREATE)?;
    statement.insert((upstream(repo), repo.name.as_str()))
}
