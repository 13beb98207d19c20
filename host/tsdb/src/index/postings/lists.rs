//! Postings while they are gathered: small, because they are all that a merge keeps for each series.
//!
//! Ids of a list ascend, so the differences are kept as uvarints, in slices of one arena that are linked and grow:
//!
//! ```text
//! list -> [16 bytes: differences …, u32 next] -> [32 bytes: differences …, u32 next] -> … up to 4096 bytes
//! ```
//!
//! The arena is made of pages, so that it grows without a copy; a slice never crosses the end of a page.

use std::collections::HashMap;

use crate::Error;

/// Bytes of the link at the end of a slice.
const LINK_BYTES: u32 = 4;
/// Size of a list's first slice, bytes.
const FIRST_SLICE_BYTES: u32 = 16;
/// Slices grow up to this size, bytes.
const LAST_SLICE_BYTES: u32 = 4096;
/// Bytes of a page, a power of two.
const PAGE_BYTES: u32 = 256 << 10;
/// Links have 32 bits.
const ARENA_LIMIT_BYTES: u64 = u32::MAX as u64;
const NO_PAIR: u32 = u32::MAX;

/// The ids of one list.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    first: u32,
    last: u32,
    count: u32,
    /// Where the next difference goes.
    at: u32,
    /// Where the present slice's link is; equal to `at` when the slice is full or there is none.
    end: u32,
    /// The first slice.
    head: u32,
    /// Size of the present slice; 0 when there is none.
    slice: u32,
}

/// A label pair by symbol numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pair {
    name: u32,
    value: u32,
}

/// The lists of all label pairs and of all series.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    all: List,
    pairs: Vec<Pair>,
    lists: Vec<List>,
    /// By value: the first pair that was seen with it. Most values belong to one name.
    by_value: Vec<u32>,
    /// The pairs whose value was seen with another name before.
    others: HashMap<Pair, u32>,
    arena: Arena,
    /// [`ARENA_LIMIT_BYTES`]; tests use a smaller one.
    limit: u64,
    /// Labels of the series before and the positions of its pairs: neighbours share most of them.
    before: Vec<(Pair, u32)>,
}

impl Lists {
    pub(crate) fn new(symbols: usize) -> Self {
        Self { by_value: vec![NO_PAIR; symbols], limit: ARENA_LIMIT_BYTES, ..Self::default() }
    }

    /// Files a series under all its pairs. Ids must ascend.
    pub(crate) fn add(&mut self, id: u32, labels: &[u32]) -> Result<(), Error> {
        // A series can need one slice a pair, one for the list of all, and the rest of a page.
        let size = self.arena.size() + (labels.len() as u64 + 2) * u64::from(LAST_SLICE_BYTES);
        if size > self.limit {
            return Err(Error::Limit { what: "postings in memory", size, limit: self.limit });
        }
        self.all.push(id, &mut self.arena);
        for (position, pair) in labels.chunks_exact(2).enumerate() {
            let &[name, value] = pair else { continue };
            let pair = Pair { name, value };
            let number = match self.before.get(position) {
                Some((before, number)) if *before == pair => *number,
                _ => self.number(pair, position),
            };
            if let Some(list) = self.lists.get_mut(number as usize) {
                list.push(id, &mut self.arena);
            }
        }
        Ok(())
    }

    /// The position of the pair's list, which is made where there is none; remembered for `position`.
    fn number(&mut self, pair: Pair, position: usize) -> u32 {
        let next = u32::try_from(self.pairs.len()).unwrap_or(NO_PAIR);
        let number = match self.by_value.get_mut(pair.value as usize) {
            Some(first) if *first == NO_PAIR => {
                *first = next;
                next
            }
            Some(first) if self.pairs.get(*first as usize) == Some(&pair) => *first,
            _ => *self.others.entry(pair).or_insert(next),
        };
        if number == next {
            self.pairs.push(pair);
            self.lists.push(List::default());
        }
        match self.before.get_mut(position) {
            Some(before) => *before = (pair, number),
            None => self.before.push((pair, number)),
        }
        number
    }

    /// The list of all series.
    pub(crate) fn all(&self) -> Ids<'_> {
        self.all.ids(&self.arena)
    }

    /// Positions of the pairs' lists, by name and value.
    pub(crate) fn in_order(&self) -> Vec<u32> {
        let count = u32::try_from(self.pairs.len()).unwrap_or(NO_PAIR);
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|number| self.pairs.get(*number as usize).copied());
        order
    }

    /// Name, value and ids of the list at a position that [`Lists::in_order`] gave.
    pub(crate) fn list(&self, position: u32) -> Option<(u32, u32, Ids<'_>)> {
        let pair = self.pairs.get(position as usize)?;
        let list = self.lists.get(position as usize)?;
        Some((pair.name, pair.value, list.ids(&self.arena)))
    }
}

/// Bytes by position, in pages.
#[derive(Debug, Default)]
struct Arena {
    pages: Vec<Box<[u8]>>,
    /// What is not allocated yet begins here.
    free: u32,
}

impl Arena {
    /// Bytes of all pages.
    fn size(&self) -> u64 {
        self.pages.len() as u64 * u64::from(PAGE_BYTES)
    }

    /// Room for `bytes`, at most [`LAST_SLICE_BYTES`]; callers keep the arena below [`ARENA_LIMIT_BYTES`].
    fn allocate(&mut self, bytes: u32) -> u32 {
        let left_in_page = self.free.next_multiple_of(PAGE_BYTES) - self.free;
        if left_in_page < bytes {
            self.free += left_in_page;
            self.pages.push(vec![0; PAGE_BYTES as usize].into_boxed_slice());
        }
        let start = self.free;
        self.free += bytes;
        start
    }

    #[inline]
    fn get(&self, at: u32) -> u8 {
        let page = self.pages.get((at / PAGE_BYTES) as usize);
        page.and_then(|page| page.get((at % PAGE_BYTES) as usize)).copied().unwrap_or_default()
    }

    #[inline]
    fn put(&mut self, at: u32, byte: u8) {
        let page = self.pages.get_mut((at / PAGE_BYTES) as usize);
        if let Some(target) = page.and_then(|page| page.get_mut((at % PAGE_BYTES) as usize)) {
            *target = byte;
        }
    }
}

impl List {
    #[inline]
    fn push(&mut self, id: u32, arena: &mut Arena) {
        self.count += 1;
        if self.count == 1 {
            (self.first, self.last) = (id, id);
            return;
        }
        let mut difference = id.wrapping_sub(self.last);
        self.last = id;
        while difference >= 0x80 {
            self.push_byte((difference & 0x7f) as u8 | 0x80, arena);
            difference >>= 7;
        }
        self.push_byte((difference & 0x7f) as u8, arena);
    }

    #[inline]
    fn push_byte(&mut self, byte: u8, arena: &mut Arena) {
        if self.at == self.end {
            self.grow(arena);
        }
        arena.put(self.at, byte);
        self.at += 1;
    }

    #[cold]
    fn grow(&mut self, arena: &mut Arena) {
        let slice = if self.slice == 0 { FIRST_SLICE_BYTES } else { (self.slice * 2).min(LAST_SLICE_BYTES) };
        let start = arena.allocate(slice);
        if self.slice == 0 {
            self.head = start;
        } else {
            for (at, byte) in (self.end..).zip(start.to_le_bytes()) {
                arena.put(at, byte);
            }
        }
        self.slice = slice;
        self.at = start;
        self.end = start + self.slice - LINK_BYTES;
    }

    fn ids<'a>(&self, arena: &'a Arena) -> Ids<'a> {
        let slice = FIRST_SLICE_BYTES;
        let end = self.head + slice - LINK_BYTES;
        Ids { arena, count: self.count, left: self.count, last: self.first, at: self.head, end, slice }
    }
}

/// Goes through the ids of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'a> {
    arena: &'a Arena,
    count: u32,
    left: u32,
    last: u32,
    at: u32,
    end: u32,
    slice: u32,
}

impl Ids<'_> {
    /// How many ids the whole list has.
    pub(crate) fn total(&self) -> u32 {
        self.count
    }

    #[inline]
    fn byte(&mut self) -> u8 {
        if self.at == self.end {
            let byte = |at| self.arena.get(self.end + at);
            self.at = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]);
            self.slice = (self.slice * 2).min(LAST_SLICE_BYTES);
            self.end = self.at + self.slice - LINK_BYTES;
        }
        let byte = self.arena.get(self.at);
        self.at += 1;
        byte
    }
}

impl Iterator for Ids<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.left == self.count {
            self.left = self.left.checked_sub(1)?;
            return Some(self.last);
        }
        self.left = self.left.checked_sub(1)?;
        let (mut difference, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            difference |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        self.last = self.last.wrapping_add(difference);
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_than_links_can_reach_is_refused() {
        let mut lists = Lists { limit: 2 * u64::from(PAGE_BYTES), ..Lists::new(2) };
        let failed = (1..10_000_000).find_map(|id| lists.add(id * 1000, &[0, 1]).err());
        assert!(matches!(failed, Some(Error::Limit { what: "postings in memory", .. })));
        assert!(lists.arena.size() <= lists.limit);
    }

    #[test]
    fn a_value_of_many_names_has_a_list_for_each() {
        let mut lists = Lists::new(9);
        lists.add(1, &[1, 8, 2, 8, 3, 8]).unwrap();
        lists.add(2, &[2, 8, 3, 8]).unwrap();
        let order = lists.in_order();
        let got: Vec<_> =
            order.into_iter().filter_map(|at| lists.list(at)).map(|(n, v, i)| (n, v, i.total())).collect();
        assert_eq!(got, [(1, 8, 1), (2, 8, 2), (3, 8, 2)]);
    }

    proptest! {
        #[test]
        fn lists_hold_what_was_filed(series in prop::collection::vec(
            (1..100_000_u32, prop::collection::vec((0..3_u32, 0..6_u32), 0..5)), 0..300)) {
            let mut lists = Lists::new(6);
            let mut want = BTreeMap::<(u32, u32), Vec<u32>>::new();
            let mut all = Vec::new();
            let mut id = 0;
            for (step, pairs) in series {
                id += step;
                all.push(id);
                let labels: Vec<u32> = pairs.iter().flat_map(|(name, value)| [*name, *value]).collect();
                lists.add(id, &labels).unwrap();
                for pair in pairs {
                    want.entry(pair).or_default().push(id);
                }
            }
            prop_assert_eq!(lists.all().collect::<Vec<_>>(), all);
            let got: Vec<((u32, u32), Vec<u32>)> = lists.in_order().into_iter().map(|position| {
                let (name, value, ids) = lists.list(position).unwrap();
                ((name, value), ids.collect())
            }).collect();
            prop_assert_eq!(got, want.into_iter().collect::<Vec<_>>());
        }
    }
}
