//! Cells by index, in chunks, so that a cell never moves and memory grows with the actors alive.

use super::{Cell, State};
use crate::limits::{CHUNK, CHUNK_BITS, MAX_CELLS};

/// The cells of a lane, and the indices that may be granted.
#[derive(Debug, Default)]
pub struct Table {
    chunks: Vec<Box<[Cell; CHUNK]>>,
    /// Indices whose actor's end was dispatched.
    free: Vec<u32>,
    /// One past the highest index granted so far.
    next: u32,
}

/// Every index is in use.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Table {
    /// The cell of `index`, if there was ever one.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&Cell> {
        self.chunks.get((index >> CHUNK_BITS) as usize).map(|c| &c[index as usize & (CHUNK - 1)])
    }

    /// The cell of `index`, if there was ever one.
    #[inline(always)]
    pub fn get_mut(&mut self, index: u32) -> Option<&mut Cell> {
        self.chunks.get_mut((index >> CHUNK_BITS) as usize).map(|c| &mut c[index as usize & (CHUNK - 1)])
    }

    /// The cell of an index that came from the core itself.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, index: u32) -> &Cell {
        &self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    /// The cell of an index that came from the core itself.
    #[inline(always)]
    pub fn at_mut(&mut self, index: u32) -> &mut Cell {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize & (CHUNK - 1)]
    }

    /// Grants an index; its age is one higher than last time.
    ///
    /// # Errors
    /// [`Full`] when every index is in use.
    #[inline]
    pub fn grant(&mut self) -> Result<(u32, u32), Full> {
        // many are granted at a time, and their cells are cold: the shorter this is, the more of them are fetched at once
        let index = match self.free.pop() {
            Some(index) => index,
            None => self.extend()?,
        };
        let cell = self.at_mut(index);
        cell.age = cell.age.wrapping_add(1);
        Ok((index, cell.age))
    }

    /// An index that was never granted.
    #[inline(never)]
    fn extend(&mut self) -> Result<u32, Full> {
        let index = self.next;
        if index == MAX_CELLS {
            return Err(Full);
        }
        while self.chunks.len() <= (index >> CHUNK_BITS) as usize {
            // cells of a fresh chunk have age u32::MAX, so that the first grant makes it 0
            let fresh = Cell { age: u32::MAX, ..Cell::default() };
            // made on the heap: a chunk is too large for a stack
            let Ok(chunk) = vec![fresh; CHUNK].into_boxed_slice().try_into() else {
                return Err(Full);
            };
            self.chunks.push(chunk);
        }
        self.next += 1;
        Ok(index)
    }

    /// Takes an index back; it may be granted again.
    pub fn recycle(&mut self, index: u32) {
        debug_assert_eq!(self.at(index).state, State::Free);
        self.free.push(index);
    }

    /// Whether the ref `(index, age)` was ever granted.
    #[must_use]
    pub fn was_granted(&self, index: u32, age: u32) -> bool {
        self.get(index).is_some_and(|c| c.age != u32::MAX && age <= c.age)
    }

    /// One past the highest index in use so far.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.next
    }

    /// Whether no index was granted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Cell>() + self.free.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_comes_back_with_a_higher_age() {
        let mut t = Table::default();
        assert_eq!(t.grant(), Ok((0, 0)));
        assert_eq!(t.grant(), Ok((1, 0)));
        t.recycle(1);
        assert_eq!(t.grant(), Ok((1, 1)));
        assert!(t.was_granted(1, 0) && t.was_granted(1, 1) && !t.was_granted(1, 2) && !t.was_granted(2, 0));
        assert!(t.get(1 << 20).is_none());
    }
}
