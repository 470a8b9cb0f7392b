//! Memory for the large bytes beside letters, used again and again.
//!
//! The sender allocates them and the receiver frees them. With most allocators that is the slow way: the memory of one
//! thread's heap is given back to the system by another one, and every page of it is faulted in again.

use crate::sync::{Mutex, lock};

/// Larger ones are not kept: they are lent to the isolate that reads them rather than copied.
const LARGEST: usize = 256 << 10;
/// The smallest class. Each has twice the size of the one before.
const SMALLEST: usize = 16 << 10;
const CLASSES: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;
/// How many bytes of each class are kept: a burst of sixteen of 64 KB allocates nothing.
const KEPT: usize = 1 << 20;

/// What the isolates of a system keep, for all of them.
#[derive(Debug, Default)]
pub struct Blocks([Mutex<Vec<Vec<u8>>>; CLASSES]);

impl Blocks {
    /// A copy of some bytes.
    #[must_use]
    pub fn copy(&self, bytes: &[u8]) -> Vec<u8> {
        let Some((class, size)) = class_of(bytes.len()) else { return bytes.to_vec() };
        let kept = lock(&self.0[class]).pop();
        let mut block = kept.unwrap_or_else(|| Vec::with_capacity(size));
        block.extend_from_slice(bytes);
        block
    }

    /// Takes one back that was read.
    pub fn put(&self, mut block: Vec<u8>) {
        let Some((class, size)) = class_of(block.capacity()).filter(|(_, size)| *size == block.capacity()) else {
            return;
        };
        block.clear();
        let mut kept = lock(&self.0[class]);
        if kept.len() < KEPT / size {
            kept.push(block);
        }
    }
}

/// The class that has room for so many bytes, and its size.
fn class_of(length: usize) -> Option<(usize, usize)> {
    if length > LARGEST {
        return None;
    }
    let size = length.max(SMALLEST).next_power_of_two();
    Some(((size / SMALLEST).ilog2() as usize, size))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_used_again_for_bytes_of_its_class() {
        let blocks = Blocks::default();
        let first = blocks.copy(&[1; 40_000]);
        assert_eq!((first.len(), first.capacity()), (40_000, 65_536));
        let at = first.as_ptr();
        blocks.put(first);
        let other = blocks.copy(&[2; 20_000]);
        assert_ne!(other.as_ptr(), at);
        let again = blocks.copy(&[3; 65_536]);
        assert_eq!((again.as_ptr(), again.len(), again[65_535]), (at, 65_536, 3));
    }

    #[test]
    fn no_more_than_a_megabyte_of_a_class_is_kept() {
        let blocks = Blocks::default();
        let many: Vec<_> = (0..40).map(|_| blocks.copy(&[1; 65_536])).collect();
        many.into_iter().for_each(|block| blocks.put(block));
        assert_eq!(blocks.0.iter().map(|class| lock(class).len()).sum::<usize>(), 16);
    }

    #[test]
    fn what_has_no_class_is_not_kept() {
        let blocks = Blocks::default();
        blocks.put(blocks.copy(&[1; LARGEST + 1]));
        blocks.put(vec![1; 1_000]);
        assert!(blocks.0.iter().all(|class| lock(class).is_empty()));
    }
}
