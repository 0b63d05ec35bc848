//! Whether an object that a multipart upload was completed to is made of the parts on record.
//!
//! Some stores answer success to whoever completes an upload a second time, whatever parts are
//! named, even with the entity tag that these parts would have had. If two writers were at one
//! upload, that is success for the wrong bytes. The tag of the object itself tells: it is the MD5
//! of the parts' MD5s wherever the parts' tags are MD5s.

use std::fmt::Write;

use bytes::Bytes;
use futures_util::TryStreamExt;
use md5::{Digest as _, Md5};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::ObjectBlobStore;
use super::error::failed;
use crate::BlobStoreError;

const OP: &str = "compare a sealed object with its parts";

/// The MD5 of nothing.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// The tag that a part of these bytes has where tags are MD5s.
pub(super) fn tag_of(part: &[Bytes]) -> String {
    let mut hash = Md5::new();
    part.iter().for_each(|chunk| hash.update(chunk));
    hex(&hash.finalize())
}

/// Whether an object with this tag is made of parts with these tags for certain.
pub(super) fn is_tag_of(object: Option<&str>, parts: &[String]) -> bool {
    let (Some(object), Some(parts)) = (object, md5s(parts)) else {
        return false;
    };
    let whole = hex(&Md5::digest(parts.concat()));
    object.trim_matches('"') == format!("{whole}-{}", parts.len())
}

/// Whether the bytes of an object are those of parts with these tags, all but the last of them
/// `size` bytes long. For a store whose tags are made in another way, where only the object's
/// length can tell, this answers `true`.
///
/// Reads the whole object: it is asked where [`is_tag_of`] is in doubt, which on most stores is
/// never.
pub(super) async fn is_made_of(
    store: &ObjectBlobStore,
    path: &Path,
    parts: &[String],
    size: u64,
) -> Result<bool, BlobStoreError> {
    let Some(expected) = md5s(parts) else {
        return Ok(true);
    };
    let probe = store.layout().probe();
    let written = store.put(&probe, &PutPayload::new()).await;
    let tag = written.map_err(|e| failed(OP, e))?.e_tag;
    if tag.is_none_or(|tag| tag.trim_matches('"') != EMPTY) {
        return Ok(true);
    }
    tracing::warn!(%path, "the tag of a sealed object is not that of its parts, it is read");
    let found = read(store, path, size).await.map_err(|e| failed(OP, e))?;
    Ok(found == expected)
}

/// The tags as MD5s, if all of them may be.
fn md5s(tags: &[String]) -> Option<Vec<[u8; 16]>> {
    let plain = tags.iter().map(|tag| tag.trim_matches('"'));
    plain.map(unhex).collect()
}

/// The MD5 of every `size` bytes of an object.
async fn read(
    store: &ObjectBlobStore,
    path: &Path,
    size: u64,
) -> Result<Vec<[u8; 16]>, object_store::Error> {
    let mut chunks = store.bucket().get(path).await?.into_stream();
    let (mut found, mut hash, mut left) = (Vec::new(), Md5::new(), size);
    while let Some(mut chunk) = chunks.try_next().await? {
        while !chunk.is_empty() {
            if left == 0 {
                found.push(hash.finalize_reset().into());
                left = size;
            }
            let now = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
            hash.update(chunk.split_to(now));
            left -= now as u64;
        }
    }
    found.push(hash.finalize().into());
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    (text.len() == 32 && text.is_ascii()).then_some(())?;
    let mut bytes = [0; 16];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_of_an_object_follows_from_its_parts() {
        let tags = [
            "\"900150983cd24fb0d6963f7d28e17f72\"".to_owned(),
            "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        ];
        let whole = [
            unhex("900150983cd24fb0d6963f7d28e17f72").unwrap(),
            Md5::digest(b"").into(),
        ];
        assert_eq!(hex(&whole[0]), tag_of(&["a".into(), "bc".into()]));
        let tag = format!("\"{}-2\"", hex(&Md5::digest(whole.concat())));
        assert!(is_tag_of(Some(&tag), &tags));
        for other in [None, Some(tags[0].as_str()), Some("\"x-2\"")] {
            assert!(!is_tag_of(other, &tags), "{other:?}");
        }
        assert!(!is_tag_of(Some(&tag), &["etag-1".to_owned()]));
    }
}
