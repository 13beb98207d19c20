//! Deletions: the tombstones file of a block, and sets of intervals of time.
//!
//! Source: Prometheus `tsdb/tombstones/tombstones.go`.

use std::collections::BTreeMap;

use crate::varint::{Fields, put_uvarint, put_varint};

const MAGIC: u32 = 0x0130_ba30;
const VERSION: u8 = 1;
/// Magic and version before the entries.
const HEADER: usize = 5;
/// The checksum behind them.
const CHECKSUM: usize = 4;

/// A closed interval of time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// The first millisecond inside.
    pub min: i64,
    /// The last millisecond inside.
    pub max: i64,
}

impl Interval {
    /// Whether the millisecond is inside.
    #[must_use]
    pub fn contains(self, timestamp: i64) -> bool {
        self.min <= timestamp && timestamp <= self.max
    }

    /// Whether the two share a millisecond.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }
}

/// Intervals in ascending order that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// Adds an interval, which swallows those that it overlaps or touches. One that ends before it starts adds nothing.
    ///
    /// The reference dies where the interval reaches to the end of time, one lies before it and another touches it; here
    /// they are joined as it means to.
    pub fn add(&mut self, new: Interval) {
        if new.min > new.max {
            return;
        }
        // Saturating, as there is nothing before or behind the ends to touch.
        let first = self.0.partition_point(|old| old.max < new.min.saturating_sub(1));
        let behind = self.0.partition_point(|old| old.min <= new.max.saturating_add(1));
        let touched = self.0.get(first..behind).unwrap_or_default();
        let joined = Interval {
            min: touched.first().map_or(new.min, |old| old.min.min(new.min)),
            max: touched.last().map_or(new.max, |old| old.max.max(new.max)),
        };
        self.0.splice(first..behind.max(first), [joined]);
    }

    /// The intervals.
    #[must_use]
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether one single interval holds all of `range`.
    #[must_use]
    pub fn covers(&self, range: Interval) -> bool {
        self.overlapping(range).first().is_some_and(|first| first.contains(range.min) && first.contains(range.max))
    }

    /// The intervals that share a millisecond with `range`.
    #[must_use]
    pub fn overlapping(&self, range: Interval) -> &[Interval] {
        let first = self.0.partition_point(|old| old.max < range.min);
        let behind = self.0.partition_point(|old| old.min <= range.max);
        self.0.get(first..behind).unwrap_or_default()
    }

    /// Whether the millisecond is in one of the intervals.
    #[must_use]
    pub fn contains(&self, timestamp: i64) -> bool {
        !self.overlapping(Interval { min: timestamp, max: timestamp }).is_empty()
    }
}

impl FromIterator<Interval> for Intervals {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        // Sorted first, so that each is added at the end, however many there are.
        let mut sorted: Vec<Interval> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut set = Self::default();
        sorted.into_iter().for_each(|interval| set.add(interval));
        set
    }
}

/// Why a tombstones file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TombstonesError {
    /// The file cannot hold magic number, version and checksum.
    #[error("tombstones have {length} bytes, an empty file has 9")]
    TooShort {
        /// Bytes at hand.
        length: usize,
    },
    /// The file begins with something else.
    #[error("tombstones begin with {found:#010x}, expected 0x0130ba30")]
    Magic {
        /// The first four bytes.
        found: u32,
    },
    /// The file has a later format.
    #[error("tombstones have version {found}, expected 1")]
    Version {
        /// The fifth byte.
        found: u8,
    },
    /// The entries were damaged.
    #[error("tombstones have checksum {computed:#010x}, expected {stored:#010x}")]
    Checksum {
        /// The checksum behind the entries.
        stored: u32,
        /// The checksum of the entries.
        computed: u32,
    },
    /// An entry is cut off, or a number in it does not fit 64 bits.
    #[error("tombstones have a broken entry at byte {byte}")]
    Entry {
        /// Where the entry begins in the file.
        byte: usize,
    },
}

/// What is deleted from the series of one block, by the ids that the block's own postings use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones {
    series: BTreeMap<u64, Intervals>,
}

impl Tombstones {
    /// Reads the whole file. A block without the file has no tombstones: use the default.
    ///
    /// Entries may come in any order. Entries that end before they start delete nothing and are left out.
    ///
    /// # Errors
    /// Any [`TombstonesError`].
    pub fn read(file: &[u8]) -> Result<Self, TombstonesError> {
        let too_short = TombstonesError::TooShort { length: file.len() };
        let (magic, rest) = file.split_first_chunk::<4>().ok_or(too_short)?;
        let found = u32::from_be_bytes(*magic);
        if found != MAGIC {
            return Err(TombstonesError::Magic { found });
        }
        let (version, rest) = rest.split_first().ok_or(too_short)?;
        let (entries, stored) = rest.split_last_chunk::<CHECKSUM>().ok_or(too_short)?;
        let (stored, computed) = (u32::from_be_bytes(*stored), crc32c::crc32c(entries));
        if stored != computed {
            return Err(TombstonesError::Checksum { stored, computed });
        }
        if *version != VERSION {
            return Err(TombstonesError::Version { found: *version });
        }
        read_entries(entries)
    }

    /// The file's bytes: series and intervals in ascending order.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut file = MAGIC.to_be_bytes().to_vec();
        file.push(VERSION);
        let mut entries = Vec::new();
        for (series, interval) in self.entries() {
            put_uvarint(&mut entries, series);
            put_varint(&mut entries, interval.min);
            put_varint(&mut entries, interval.max);
        }
        file.extend_from_slice(&entries);
        file.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
        file
    }

    /// Deletes an interval from a series.
    pub fn add(&mut self, series: u64, interval: Interval) {
        if interval.min <= interval.max {
            self.series.entry(series).or_default().add(interval);
        }
    }

    /// What is deleted from a series, if anything is.
    #[must_use]
    pub fn get(&self, series: u64) -> Option<&Intervals> {
        self.series.get(&series)
    }

    /// Whether nothing is deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Series and interval of each deletion, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (u64, Interval)> {
        self.series.iter().flat_map(|(series, set)| set.as_slice().iter().map(|interval| (*series, *interval)))
    }
}

fn read_entries(entries: &[u8]) -> Result<Tombstones, TombstonesError> {
    let mut fields = Fields::new(entries);
    let mut raw: BTreeMap<u64, Vec<Interval>> = BTreeMap::new();
    while !fields.rest().is_empty() {
        let byte = HEADER + entries.len() - fields.rest().len();
        let mut entry = || Ok((fields.uvarint()?, Interval { min: fields.varint()?, max: fields.varint()? }));
        let (series, interval) = entry().map_err(|_: crate::Damage| TombstonesError::Entry { byte })?;
        if interval.min <= interval.max {
            raw.entry(series).or_default().push(interval);
        }
    }
    let series = raw.into_iter().map(|(series, intervals)| (series, intervals.into_iter().collect())).collect();
    Ok(Tombstones { series })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(min: i64, max: i64) -> Interval {
        Interval { min, max }
    }

    fn set(intervals: &[(i64, i64)]) -> Intervals {
        intervals.iter().map(|(min, max)| interval(*min, *max)).collect()
    }

    fn check(intervals: &[(i64, i64)], expected: &[(i64, i64)]) {
        let expected: Vec<Interval> = expected.iter().map(|(min, max)| interval(*min, *max)).collect();
        let mut one_by_one = Intervals::default();
        intervals.iter().for_each(|(min, max)| one_by_one.add(interval(*min, *max)));
        assert_eq!(one_by_one.as_slice(), expected, "{intervals:?}");
        assert_eq!(set(intervals).as_slice(), expected, "{intervals:?}");
    }

    #[test]
    fn intervals_that_overlap_or_touch_become_one() {
        check(&[(0, 40), (41, 100)], &[(0, 100)]);
        check(&[(0, 40), (42, 100)], &[(0, 40), (42, 100)]);
        check(&[(42, 100), (0, 40), (41, 41)], &[(0, 100)]);
        check(&[(10, 20), (30, 40), (50, 60), (15, 55)], &[(10, 60)]);
        check(&[(10, 20), (30, 40), (0, 100)], &[(0, 100)]);
        check(&[(10, 20), (12, 14)], &[(10, 20)]);
        check(&[(30, 40), (10, 20)], &[(10, 20), (30, 40)]);
    }

    #[test]
    fn the_ends_of_time_are_ordinary_milliseconds() {
        check(&[(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)], &[(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)]);
        check(&[(i64::MIN, -1), (0, i64::MAX)], &[(i64::MIN, i64::MAX)]);
        check(&[(5, 6), (i64::MIN, i64::MAX)], &[(i64::MIN, i64::MAX)]);
    }

    #[test]
    fn joining_at_the_end_of_time_behind_another_interval_works() {
        // Edge case 45 of the format's description: here the reference indexes out of range.
        check(&[(50, 60), (900, 950), (945, i64::MAX)], &[(50, 60), (900, i64::MAX)]);
    }

    #[test]
    fn an_interval_that_ends_before_it_starts_deletes_nothing() {
        check(&[(5, 4), (7, 8)], &[(7, 8)]);
        let mut file = Tombstones::default();
        file.add(1, interval(5, 4));
        assert!(file.is_empty());
    }

    #[test]
    fn only_a_single_interval_covers() {
        let set = set(&[(0, 40), (60, 100)]);
        assert!(set.covers(interval(0, 40)) && set.covers(interval(61, 99)));
        assert!(!set.covers(interval(0, 100)) && !set.covers(interval(50, 55)) && !set.covers(interval(30, 41)));
        assert_eq!(set.overlapping(interval(40, 59)), [interval(0, 40)]);
        assert!(set.contains(40) && !set.contains(41) && set.contains(60));
    }

    #[test]
    fn the_empty_file_has_nine_bytes() {
        let empty = [0x01, 0x30, 0xba, 0x30, 0x01, 0, 0, 0, 0];
        assert_eq!(Tombstones::default().write(), empty);
        assert_eq!(Tombstones::read(&empty), Ok(Tombstones::default()));
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let mut file = Tombstones::default();
        file.add(3, interval(1000, 2000));
        let good = file.write();
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            *bad.get_mut(at).unwrap() = byte;
            Tombstones::read(&bad)
        };
        assert!(matches!(with(0, 0xff), Err(TombstonesError::Magic { .. })));
        assert_eq!(with(4, 2), Err(TombstonesError::Version { found: 2 }));
        assert!(matches!(with(5, 9), Err(TombstonesError::Checksum { .. })));
        for length in 0..9 {
            let cut = good.get(..length).unwrap();
            assert!(matches!(Tombstones::read(cut), Err(TombstonesError::TooShort { .. })), "{length}");
        }
    }

    #[test]
    fn an_entry_that_is_cut_off_is_found_behind_a_good_checksum() {
        for entries in [vec![3, 2], vec![3, 2, 4, 0x80], vec![0x80], vec![0xff; 11]] {
            let start = if entries.len() == 4 { 8 } else { 5 };
            let mut file = [0x01, 0x30, 0xba, 0x30, 0x01].to_vec();
            file.extend_from_slice(&entries);
            file.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
            assert_eq!(Tombstones::read(&file), Err(TombstonesError::Entry { byte: start }), "{entries:?}");
        }
    }

    fn intervals() -> impl Strategy<Value = Vec<(i64, i64)>> {
        let edge = || prop_oneof![-40_i64..40, Just(i64::MIN), Just(i64::MIN + 1), Just(i64::MAX - 1), Just(i64::MAX)];
        proptest::collection::vec((edge(), edge()), 0..20)
    }

    proptest! {
        #[test]
        fn a_set_is_sorted_disjoint_and_the_union_in_any_order(list in intervals(), probe in -45_i64..45) {
            let mut one_by_one = Intervals::default();
            list.iter().for_each(|(min, max)| one_by_one.add(interval(*min, *max)));
            prop_assert_eq!(&one_by_one, &set(&list));
            let reversed: Vec<_> = list.iter().rev().copied().collect();
            let mut backwards = Intervals::default();
            reversed.iter().for_each(|(min, max)| backwards.add(interval(*min, *max)));
            prop_assert_eq!(&one_by_one, &backwards);
            let slice = one_by_one.as_slice();
            prop_assert!(slice.iter().all(|i| i.min <= i.max));
            prop_assert!(slice.iter().zip(slice.iter().skip(1)).all(|(a, b)| a.max < b.min && b.min - 1 > a.max));
            for time in [probe, i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
                let inside = list.iter().any(|(min, max)| interval(*min, *max).contains(time));
                prop_assert_eq!(one_by_one.contains(time), inside);
            }
        }

        #[test]
        fn files_survive(entries in proptest::collection::vec((any::<u64>(), any::<i64>(), any::<i64>()), 0..40)) {
            let mut tombstones = Tombstones::default();
            for (series, a, b) in entries {
                tombstones.add(series % 7, interval(a.min(b), a.max(b)));
                tombstones.add(series, interval(a.min(b), a.max(b)));
            }
            prop_assert_eq!(Tombstones::read(&tombstones.write()), Ok(tombstones));
        }

        #[test]
        fn any_bytes_are_read_or_refused(entries in proptest::collection::vec(any::<u8>(), 0..40), whole: bool) {
            let mut file = if whole { Vec::new() } else { vec![0x01, 0x30, 0xba, 0x30, 0x01] };
            file.extend_from_slice(&entries);
            if !whole {
                file.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
            }
            let _ = Tombstones::read(&file);
        }
    }
}
