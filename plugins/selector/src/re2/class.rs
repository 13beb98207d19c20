//! Sets of characters.

use alloc::vec::Vec;

use super::unicode;

/// The largest code point.
const LAST: u32 = 0x0010_ffff;

/// Ranges of code points, both ends included. After [`Class::tidy`] sorted and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Class {
    ranges: Vec<(u32, u32)>,
}

impl Class {
    pub(super) fn of(ranges: &[(u8, u8)]) -> Self {
        Self { ranges: ranges.iter().map(|(low, high)| (u32::from(*low), u32::from(*high))).collect() }
    }

    pub(super) fn add(&mut self, low: u32, high: u32) {
        self.ranges.push((low, high));
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
    }

    /// Sorts, and joins what touches.
    pub(super) fn tidy(&mut self) {
        self.ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.ranges.len());
        for (low, high) in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => joined.push((low, high)),
            }
        }
        self.ranges = joined;
    }

    /// Everything else.
    pub(super) fn negated(mut self) -> Self {
        self.tidy();
        let mut other = Self::default();
        let mut start = 0;
        for (low, high) in &self.ranges {
            if *low > start {
                other.add(start, low - 1);
            }
            start = high + 1;
        }
        if start <= LAST {
            other.add(start, LAST);
        }
        other
    }

    /// With what differs in case only, if `fold` says so.
    pub(super) fn folded(mut self, fold: bool) -> Self {
        self.tidy();
        if fold {
            unicode::fold(&mut self);
        }
        self
    }

    /// Whether a tidy class holds a code point.
    pub(super) fn contains(&self, point: u32) -> bool {
        let at = self.ranges.partition_point(|(_, high)| *high < point);
        self.ranges.get(at).is_some_and(|(low, _)| *low <= point)
    }

    /// The only code point of a tidy class, if there is one only.
    pub(super) fn single(&self) -> Option<u32> {
        match self.ranges[..] {
            [(low, high)] if low == high => Some(low),
            _ => None,
        }
    }
}

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0c, b'\r'), (b' ', b' ')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// The class of `\d`, `\s`, `\w` and their opposites: ASCII only.
pub(super) fn perl(letter: char, fold: bool) -> Option<Class> {
    let class = match letter {
        'd' | 'D' => DIGIT,
        's' | 'S' => SPACE,
        'w' | 'W' => WORD,
        _ => return None,
    };
    let class = Class::of(class).folded(fold);
    Some(if letter.is_ascii_uppercase() { class.negated() } else { class })
}

/// The class of `[:name:]`, where a name may start with `^`.
pub(super) fn posix(name: &str, fold: bool) -> Option<Class> {
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let ranges: &[(u8, u8)] = match name {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => DIGIT,
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => WORD,
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    };
    let class = Class::of(ranges).folded(fold);
    Some(if negated { class.negated() } else { class })
}
