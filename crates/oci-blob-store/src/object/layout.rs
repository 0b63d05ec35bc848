//! Which key is whose.

use object_store::path::Path;
use uuid::Uuid;

use super::record::{Tail, TailPlace};
use crate::Locator;

/// The keys below one prefix.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    prefix: Path,
}

impl Layout {
    pub(super) fn new(prefix: &str) -> Self {
        // Empty segments, as of a slash at the end, are dropped.
        Self {
            prefix: Path::from(prefix),
        }
    }

    fn below(&self, parts: &[&str]) -> Path {
        let mut path = self.prefix.clone();
        for part in parts {
            path = path.join(*part);
        }
        path
    }

    pub(super) fn blobs(&self) -> Path {
        self.below(&["blobs"])
    }

    pub(super) fn staging(&self) -> Path {
        self.below(&["staging"])
    }

    pub(super) fn probe(&self) -> Path {
        self.below(&["probe"])
    }

    /// The key of a sealed object; `None` for a locator that is not of this store's making.
    pub(super) fn object(&self, locator: &Locator) -> Option<Path> {
        let (shard, name) = locator.as_str().split_once('/')?;
        (shard.len() == 2 && name.len() == 32 && name.starts_with(shard) && is_hex(name))
            .then(|| self.below(&["blobs", shard, name]))
    }

    /// The key of the object that is sealed as `key`.
    pub(super) fn object_of(&self, key: Uuid) -> Path {
        let name = key.simple().to_string();
        self.below(&["blobs", &name[..2], &name])
    }

    /// The locator of a key, if it is one of a sealed object.
    pub(super) fn locator(&self, path: &Path) -> Option<Locator> {
        let blobs = self.blobs();
        let mut parts = path.prefix_match(&blobs)?;
        let (shard, name) = (parts.next()?, parts.next()?);
        let locator: Locator = format!("{}/{}", shard.as_ref(), name.as_ref())
            .parse()
            .ok()?;
        (parts.next().is_none() && self.object(&locator).is_some()).then_some(locator)
    }

    /// The key of a tail of the area `id`; `None` for one that is in the record.
    pub(super) fn tail(&self, id: Uuid, tail: &Tail) -> Option<Path> {
        let TailPlace::Object(key) = &tail.at else {
            return None;
        };
        let (id, key) = (id.simple().to_string(), key.simple());
        let name = format!("{}-{}.{key}", tail.offset, tail.len);
        Some(self.below(&["staging", &id, &name]))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_locators_name_each_other() {
        for prefix in ["", "a", "/a/b/", "a b"] {
            let layout = Layout::new(prefix);
            let key = Uuid::new_v4();
            let locator = Locator::of_key(key);
            let path = layout.object(&locator).unwrap();
            assert_eq!(path, layout.object_of(key));
            assert_eq!(layout.locator(&path), Some(locator));
        }
    }

    #[test]
    fn other_keys_are_not_objects() {
        let layout = Layout::new("p");
        let name = "ab".repeat(16);
        for other in [
            "x",
            "ab",
            "a/b/c/d",
            &format!("ab/{name}0"),
            &format!("ba/{name}"),
        ] {
            assert_eq!(layout.object(&other.parse().unwrap()), None, "{other}");
            let path = Path::from(format!("p/blobs/{other}"));
            assert_eq!(layout.locator(&path), None, "{other}");
        }
        let foreign = Path::from(format!("q/blobs/ab/{name}"));
        assert_eq!(layout.locator(&foreign), None);
    }
}
