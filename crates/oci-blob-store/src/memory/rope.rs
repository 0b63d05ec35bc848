//! Bytes in segments that are shared, never copied once they are there.

use std::ops::Range;

use bytes::Bytes;

/// Bytes in order, in segments none of which is empty.
#[derive(Clone, Default)]
pub(super) struct Rope {
    segments: Vec<Bytes>,
    len: u64,
}

impl Rope {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn push(&mut self, segment: Bytes) {
        if !segment.is_empty() {
            self.len += segment.len() as u64;
            self.segments.push(segment);
        }
    }

    /// Cuts off what is beyond `len` bytes.
    pub(super) fn truncate(&mut self, len: u64) {
        if len < self.len {
            self.segments = self.slice(0..len);
            self.len = len;
        }
    }

    /// The bytes of a half-open range, as far as they are there.
    pub(super) fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut start = 0;
        let mut slices = Vec::new();
        for segment in &self.segments {
            let len = segment.len() as u64;
            let from = range.start.saturating_sub(start).min(len);
            let to = range.end.saturating_sub(start).min(len);
            if from < to {
                // Both are at most the segment's length.
                slices.push(segment.slice(from as usize..to as usize));
            }
            start += len;
        }
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slice_equals_that_of_the_joined_bytes() {
        let mut rope = Rope::default();
        let whole = b"abcdefghij";
        for part in [&whole[..3], b"", &whole[3..4], &whole[4..]] {
            rope.push(Bytes::from_static(part));
        }
        assert_eq!(rope.len(), 10);
        for start in 0..=10 {
            for end in start..=10 {
                let slice = rope.slice(start..end).concat();
                assert_eq!(slice, whole[start as usize..end as usize]);
            }
        }
        for len in (0..=10).rev() {
            rope.truncate(len);
            assert_eq!(rope.len(), len);
            assert_eq!(rope.slice(0..10).concat(), whole[..len as usize]);
        }
    }
}
