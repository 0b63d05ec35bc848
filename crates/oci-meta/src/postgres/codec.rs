//! The registry's types as PostgreSQL's values.

use std::borrow::Cow;
use std::error::Error;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};
use oci_types::Digest;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use uuid::Uuid;

use super::failure::Fault;
pub(super) use crate::keys::{Key, NO_UPSTREAM, upstream};
use crate::{MetaError, Timestamp};

type Failure = Box<dyn Error + Sync + Send>;

/// A value of a row.
pub(super) fn value<'a, T: FromSql<'a>>(
    op: &'static str,
    row: &'a Row,
    index: usize,
) -> Result<T, MetaError> {
    row.try_get(index)
        .map_err(|e| Fault::from(e).into_error(op))
}

/// `text` without the one character that PostgreSQL cannot keep.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// `limit` as PostgreSQL takes it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A type that is stored as its bytes or its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored<T>(pub(super) T);

impl ToSql for Key {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.as_bytes().to_sql(ty, out)
    }

    accepts!(BYTEA);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Stored<Digest> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Stored(Key::digest(raw)?))
    }

    accepts!(BYTEA);
}

impl<'a> FromSql<'a> for Stored<Bytes> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Stored(Bytes::copy_from_slice(raw)))
    }

    accepts!(BYTEA);
}

impl<'a> FromSql<'a> for Stored<Uuid> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Stored(Uuid::from_slice(raw)?))
    }

    accepts!(BYTEA);
}

impl<'a> FromSql<'a> for Stored<Timestamp> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Stored(Timestamp::from_millis(i64::from_sql(ty, raw)?)))
    }

    accepts!(INT8);
}

impl ToSql for Timestamp {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.as_millis().to_sql(ty, out)
    }

    accepts!(INT8);
    to_sql_checked!();
}

/// A number of bytes or of things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        i64::try_from(self.0)?.to_sql(ty, out)
    }

    accepts!(INT8);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Count {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Count(u64::try_from(i64::from_sql(ty, raw)?)?))
    }

    accepts!(INT8);
}

/// A bound that may be higher than any stored number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(pub(super) u64);

impl ToSql for Limit {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        i64::try_from(self.0).unwrap_or(i64::MAX).to_sql(ty, out)
    }

    accepts!(INT8);
    to_sql_checked!();
}

/// A type that is stored as its text.
#[derive(Clone, Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<'a, T: FromStr<Err: Error + Send + Sync + 'static>> FromSql<'a> for Text<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Text(<&str>::from_sql(ty, raw)?.parse()?))
    }

    accepts!(TEXT);
}

/// A type that is stored as JSON in a text, with the length of the text in bytes.
#[derive(Clone, Debug)]
pub(super) struct Json<T>(pub(super) T, pub(super) usize);

impl<'a, T: DeserializeOwned> FromSql<'a> for Json<T> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Json(serde_json::from_slice(raw)?, raw.len()))
    }

    accepts!(TEXT);
}
