//! The generator of the original suite: numbers from 0 to 65,535.

#[derive(Clone, Copy)]
pub(super) struct Random(u32);

impl Random {
    pub(super) fn new(seed: u32) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_309).wrapping_add(13_849) & 65_535;
        self.0
    }

    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }
}
