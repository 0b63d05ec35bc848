//! Bytes of a part that is not full yet.

use std::mem;

use bytes::{Bytes, BytesMut};

/// How much is copied into one piece of memory, in bytes.
const SEGMENT: usize = 256 << 10;

/// Copies of what was written, in order. What is given out shares their memory.
///
/// Copying costs little beside sending, and it bounds what is held: slices of a sender's receive
/// buffers would pin all of them.
#[derive(Debug, Default)]
pub(super) struct Filling {
    segments: Vec<Bytes>,
    /// Bytes behind the segments, fewer than one.
    open: BytesMut,
    len: usize,
}

impl Filling {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.open.capacity() == 0 && self.len >= SEGMENT {
                // What is long needs memory of one size only, which is used again as it is.
                self.open.reserve(SEGMENT);
            }
            let (now, rest) = data.split_at(data.len().min(SEGMENT - self.open.len()));
            self.open.extend_from_slice(now);
            self.len += now.len();
            data = rest;
            if self.open.len() == SEGMENT {
                self.segments.push(mem::take(&mut self.open).freeze());
            }
        }
    }

    /// Everything behind the first `skip` bytes; it stays here too.
    pub(super) fn share(&mut self, mut skip: usize) -> Vec<Bytes> {
        if !self.open.is_empty() {
            // What comes next goes to memory of its own.
            self.segments.push(mem::take(&mut self.open).freeze());
        }
        let mut shared = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            let cut = skip.min(segment.len());
            skip -= cut;
            if cut < segment.len() {
                shared.push(segment.slice(cut..));
            }
        }
        shared
    }

    /// Everything that was shared before; it stays here too.
    pub(super) fn view(&self) -> Vec<Bytes> {
        self.segments.clone()
    }

    /// Everything; nothing stays.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        let all = self.share(0);
        *self = Self::default();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_what_was_pushed() {
        let content: Vec<u8> = (0..3 * SEGMENT + 5).map(|n| (n % 251) as u8).collect();
        let mut filling = Filling::default();
        let mut pushed = 0;
        for size in [0, 1, SEGMENT - 1, 7, SEGMENT, SEGMENT - 2] {
            filling.push(&content[pushed..pushed + size]);
            pushed += size;
            assert_eq!(filling.len(), pushed);
            for skip in [0, 1, pushed / 2, pushed] {
                let skip = skip.min(pushed);
                assert_eq!(filling.share(skip).concat(), content[skip..pushed]);
            }
        }
        assert_eq!(filling.view().concat(), content[..pushed]);
        assert_eq!(filling.take().concat(), content[..pushed]);
        assert_eq!((filling.len(), filling.take().len()), (0, 0));
    }
}
