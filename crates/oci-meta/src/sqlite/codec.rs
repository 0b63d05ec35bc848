//! The registry's types as SQLite's values.

use std::error::Error;
use std::str::FromStr;

use bytes::Bytes;
use oci_types::{Algorithm, Digest};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{RepoKey, Timestamp};

/// What is stored for the upstream of this registry's own repositories.
pub(super) const NO_UPSTREAM: &str = "";

pub(super) fn upstream(repo: &RepoKey) -> &str {
    repo.upstream.as_ref().map_or(NO_UPSTREAM, |u| u.as_str())
}

/// A digest as one byte for the algorithm and the raw hash: sorted as [`Digest`] sorts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    bytes: [u8; 65],
    len: usize,
}

impl Key {
    /// Before every digest.
    pub(super) const FIRST: Self = Self {
        bytes: [0; 65],
        len: 0,
    };

    pub(super) fn of(digest: &Digest) -> Self {
        let hash = digest.as_bytes();
        let mut bytes = [0; 65];
        bytes[0] = match digest.algorithm() {
            Algorithm::Sha256 => 1,
            Algorithm::Sha512 => 2,
        };
        let len = 1 + hash.len();
        bytes[1..len].copy_from_slice(hash);
        Self { bytes, len }
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.bytes[..self.len]))
    }
}

/// A digest that was stored as a [`Key`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<T>(pub(super) T);

impl FromSql for Stored<Digest> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let algorithm = match bytes.first() {
            Some(1) => Algorithm::Sha256,
            Some(2) => Algorithm::Sha512,
            _ => return Err(other("the algorithm of a stored digest is unknown")),
        };
        Digest::from_bytes(algorithm, &bytes[1..])
            .map(Stored)
            .map_err(other)
    }
}

impl FromSql for Stored<Bytes> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Stored(Bytes::copy_from_slice(value.as_blob()?)))
    }
}

impl FromSql for Stored<Uuid> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Uuid::from_slice(value.as_blob()?)
            .map(Stored)
            .map_err(other)
    }
}

impl FromSql for Stored<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Timestamp::from_millis).map(Stored)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

/// A number of bytes or of things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = i64::try_from(self.0)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        Ok(number.into())
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number)
            .map(Count)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}

/// A type that is stored as its text.
#[derive(Clone, Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<T: FromStr<Err: Error + Send + Sync + 'static>> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Text).map_err(other)
    }
}

/// A type that is stored as JSON.
#[derive(Clone, Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Json)
            .map_err(other)
    }
}

/// `limit` as SQLite takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> FromSqlError {
    FromSqlError::Other(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_survive_and_sort_as_they_do() {
        let mut digests: Vec<Digest> = (0..64u8)
            .flat_map(|n| Algorithm::ALL.map(|algorithm| Digest::of(algorithm, &[n])))
            .collect();
        digests.sort();
        let keys: Vec<Key> = digests.iter().map(Key::of).collect();
        assert!(keys.is_sorted_by_key(|key| key.bytes[..key.len].to_vec()));
        for (digest, key) in digests.iter().zip(&keys) {
            let value = ValueRef::Blob(&key.bytes[..key.len]);
            assert_eq!(Stored::<Digest>::column_result(value).unwrap().0, *digest);
        }
    }

    #[test]
    fn a_damaged_digest_is_an_error() {
        for bytes in [&[][..], &[0; 33], &[3; 33], &[1; 32], &[2; 33]] {
            assert!(Stored::<Digest>::column_result(ValueRef::Blob(bytes)).is_err());
        }
    }

    #[test]
    fn numbers_beyond_the_stored_range_are_errors() {
        assert!(Count(i64::MAX as u64).to_sql().is_ok());
        assert!(Count(i64::MAX as u64 + 1).to_sql().is_err());
        assert!(Count::column_result(ValueRef::Integer(-1)).is_err());
    }
}
