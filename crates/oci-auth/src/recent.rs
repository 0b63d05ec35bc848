//! A map that remembers what was used of late, within a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// Two generations: what is used moves to the young one, and once that is full the old one is
/// dropped as a whole. At most `limit` entries, of which at least half are the latest used.
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half: (limit / 2).max(1),
        }
    }

    pub(crate) fn find(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_the_latest() {
        let mut recent = Recent::new(10);
        recent.insert(0, 0);
        for key in 1..1_000 {
            recent.insert(key, key);
            assert!(recent.len() <= 10, "{}", recent.len());
            assert_eq!(recent.find(&0), Some(&mut 0), "used all the time");
            assert_eq!(recent.find(&key), Some(&mut key.clone()));
        }
        assert_eq!(recent.find(&500), None);
        recent.remove(&999);
        assert_eq!(recent.find(&999), None);
    }
}
