//! Bytes on their way to a file, collected until a write is worth its system call.

use bytes::{Bytes, BytesMut};

/// Chunks shorter than this are copied together. It bounds how many chunks a buffer holds, and
/// how much memory of a sender's receive buffers short slices can pin.
const COPY_BELOW: usize = 16 << 10;

/// Chunks in order. Long ones are kept as they came.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    chunks: Vec<Bytes>,
    /// Short chunks behind the last one of `chunks`.
    tail: BytesMut,
    len: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, data: Bytes) {
        self.len += data.len();
        if data.len() < COPY_BELOW {
            self.tail.extend_from_slice(&data);
        } else {
            self.close_tail();
            self.chunks.push(data);
        }
    }

    /// What was collected; the buffer is empty afterwards.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.len = 0;
        std::mem::take(&mut self.chunks)
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_short_chunks_are_joined() {
        let mut buffer = Buffer::default();
        let long = Bytes::from(vec![7; COPY_BELOW]);
        for chunk in [&b"a"[..], b"", b"b", &long, b"c", b"d"] {
            buffer.push(Bytes::copy_from_slice(chunk));
        }
        buffer.push(long.clone());
        assert_eq!(buffer.len(), 2 * COPY_BELOW + 4);
        assert_eq!(buffer.take(), [&b"ab"[..], &long, b"cd", &long]);
        assert_eq!(buffer.len(), 0);
        assert!(buffer.take().is_empty());
    }

    #[test]
    fn long_chunks_are_not_copied() {
        let mut buffer = Buffer::default();
        let long = Bytes::from(vec![7; COPY_BELOW]);
        buffer.push(long.clone());
        assert_eq!(buffer.take()[0].as_ptr(), long.as_ptr());
    }

    #[test]
    fn a_megabyte_of_single_bytes_is_one_chunk() {
        let mut buffer = Buffer::default();
        for byte in 0..1 << 20 {
            buffer.push(Bytes::copy_from_slice(&[byte as u8]));
        }
        assert_eq!(buffer.take().len(), 1);
    }
}
