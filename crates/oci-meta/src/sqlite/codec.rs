//! The registry's types as SQLite's values.

use std::error::Error;
use std::str::FromStr;

use bytes::Bytes;
use oci_types::Digest;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::Timestamp;
pub(super) use crate::keys::{Key, NO_UPSTREAM, upstream};

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_bytes()))
    }
}

/// A type that is stored as its bytes or its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<T>(pub(super) T);

impl FromSql for Stored<Digest> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Key::digest(value.as_blob()?).map(Stored).map_err(other)
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
    fn numbers_beyond_the_stored_range_are_errors() {
        assert!(Count(i64::MAX as u64).to_sql().is_ok());
        assert!(Count(i64::MAX as u64 + 1).to_sql().is_err());
        assert!(Count::column_result(ValueRef::Integer(-1)).is_err());
    }
}
