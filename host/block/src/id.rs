//! The name of a block: a ULID.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};

use ulid::Ulid;

use crate::Timestamp;

/// A block's id. Ordered by time of creation, then by its random part, which is the order of its text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(Ulid);

/// A text that is not the canonical form of a ULID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no ULID: want 26 characters of upper-case Crockford base 32, the first not above 7")]
pub struct InvalidBlockId {
    /// What was found, cut to 64 characters.
    pub text: String,
}

impl BlockId {
    /// The id with this 48-bit time of creation and these 80 random bits.
    #[must_use]
    pub fn from_parts(created: Timestamp, random: u128) -> Self {
        Self(Ulid::from_parts(created.0.cast_unsigned(), random))
    }

    /// Reads an id inside a file, where the reference takes lower case too.
    pub(crate) fn parse_any_case(text: &str) -> Option<Self> {
        // The ulid crate wraps texts above 7ZZZ… silently.
        Ulid::from_string(text).ok().filter(|_| text.as_bytes().first().is_some_and(|b| *b <= b'7')).map(Self)
    }

    /// When the block was made, by its id.
    #[must_use]
    pub fn created(self) -> Timestamp {
        Timestamp(self.0.timestamp_ms().cast_signed()) // 48 bits: never negative.
    }
}

impl FromStr for BlockId {
    type Err = InvalidBlockId;

    /// Takes the canonical text only: a directory of another spelling is not a block.
    ///
    /// Source: `thanos-compactor.md` 3.1, decision on strictness.
    fn from_str(text: &str) -> Result<Self, InvalidBlockId> {
        let invalid = || InvalidBlockId { text: text.chars().take(64).collect() };
        let id = Ulid::from_string(text).map_err(|_| invalid())?;
        let mut canonical = [0; ulid::ULID_LEN];
        if id.array_to_str(&mut canonical) != text {
            return Err(invalid());
        }
        Ok(Self(id))
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; ulid::ULID_LEN];
        f.pad(self.0.array_to_str(&mut text))
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_is_an_id() {
        let text = "01JN8BG9006V1WHJJWFFNSHB7N";
        assert_eq!(text.parse::<BlockId>().unwrap().to_string(), text);
        for bad in [
            "",
            "01JN8BG9006V1WHJJWFFNSHB7",
            "01jn8bg9006v1whjjwffnshb7n",
            "81JN8BG9006V1WHJJWFFNSHB7N",
            "O1JN8BG9006V1WHJJWFFNSHB7N",
            "01JN8BG9006V1WHJJWFFNSHB7U",
            "01JN8BG9006V1WHJJWFFNSHB7é",
        ] {
            assert!(bad.parse::<BlockId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_order_of_ids_is_the_order_of_their_texts() {
        let early = BlockId::from_parts(Timestamp(1), u128::MAX >> 48);
        let late = BlockId::from_parts(Timestamp(2), 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.created(), Timestamp(2));
    }
}
