//! Choices that a seed repeats.

/// A xorshift generator.
pub struct Random(u64);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        // Neighbouring seeds differ in few bits, and 0 would stay 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    /// One of them, taken out.
    pub fn take<T>(&mut self, from: &mut Vec<T>) -> T {
        let index = self.below(from.len());
        from.swap_remove(index)
    }
}
