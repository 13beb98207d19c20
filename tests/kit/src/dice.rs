//! Choices made by bytes: the same for a property test, which shrinks them, and for a fuzzer, which breeds them.

/// Throws that come out as its bytes say, and as 0 when these are used up.
#[derive(Clone, Debug)]
pub struct Dice<'a> {
    bytes: &'a [u8],
}

impl<'a> Dice<'a> {
    /// Dice that fall as `bytes` say.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether all bytes are used up.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// True once in `times` throws; false when the bytes are used up.
    pub fn once_in(&mut self, times: u8) -> bool {
        self.below(times) == times - 1
    }

    /// One of these, the first when the bytes are used up.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let place = usize::from(self.byte()) % from.len();
        from[place].clone()
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }
}
