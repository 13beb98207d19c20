//! Numbers that look random and are the same for the same seed: the demo's samples need no better ones.

/// A generator by the method of splitmix64.
#[derive(Clone, Copy, Debug)]
pub struct Noise(u64);

impl Noise {
    /// Starts from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to `limit - 1`; `limit` must be positive.
    pub fn below(&mut self, limit: i64) -> i64 {
        i64::try_from(self.bits() % limit.unsigned_abs()).unwrap_or_default()
    }
}
