//! Fills a page and knows when it is full.

use crate::Page;

/// What the items of a page may weigh together, in bytes; one item always fits.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// A page being filled with items that come in order.
#[derive(Debug)]
pub(crate) struct PageBuilder<T> {
    items: Vec<T>,
    limit: usize,
    bytes: usize,
    more: bool,
}

impl<T> PageBuilder<T> {
    /// An empty page for at most `limit` items.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            items: Vec::new(),
            limit,
            bytes: 0,
            more: false,
        }
    }

    /// Adds an item of `bytes` bytes, or answers false: the page is full, and the item is behind it.
    pub(crate) fn add(&mut self, item: T, bytes: usize) -> bool {
        let bytes = self.bytes.saturating_add(bytes);
        if self.limit == 0 {
            return false;
        }
        if self.items.len() == self.limit || (bytes > MAX_BYTES && !self.items.is_empty()) {
            self.more = true;
            return false;
        }
        self.bytes = bytes;
        self.items.push(item);
        true
    }

    /// Adds items until the page is full.
    #[cfg(feature = "memory")]
    pub(crate) fn fill(mut self, items: impl IntoIterator<Item = (T, usize)>) -> Page<T> {
        for (item, bytes) in items {
            if !self.add(item, bytes) {
                break;
            }
        }
        self.finish()
    }

    /// The page.
    pub(crate) fn finish(self) -> Page<T> {
        Page {
            items: self.items,
            more: self.more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(limit: usize, sizes: &[usize]) -> (usize, bool) {
        let mut page = PageBuilder::new(limit);
        for (i, size) in sizes.iter().enumerate() {
            if !page.add(i, *size) {
                break;
            }
        }
        let page = page.finish();
        (page.items.len(), page.more)
    }

    #[test]
    fn a_page_ends_by_count_or_by_weight() {
        assert_eq!(fill(2, &[1, 1]), (2, false));
        assert_eq!(fill(2, &[1, 1, 1]), (2, true));
        assert_eq!(fill(0, &[1]), (0, false));
        assert_eq!(fill(9, &[MAX_BYTES, 1]), (1, true));
        assert_eq!(fill(9, &[MAX_BYTES + 1]), (1, false));
        assert_eq!(fill(9, &[1, usize::MAX]), (1, true));
    }
}
