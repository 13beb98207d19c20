//! Points in time and ranges of it, in milliseconds.

use core::fmt;

/// A point in time: milliseconds since the Unix epoch, may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds from `earlier` to `self`; saturates at the ends of `i64`.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds since the epoch, rounded towards the past: the unit of marks.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A half-open range of time, `[min, max)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeRange {
    /// The first millisecond inside.
    pub min: Timestamp,
    /// The first millisecond behind the range.
    pub max: Timestamp,
}

impl TimeRange {
    /// A range from milliseconds `min` (inside) to `max` (outside).
    #[must_use]
    pub fn new(min: i64, max: i64) -> Self {
        Self { min: Timestamp(min), max: Timestamp(max) }
    }

    /// Length in milliseconds; saturates.
    #[must_use]
    pub fn length_ms(self) -> i64 {
        self.max.since(self.min)
    }

    /// Whether the two share a millisecond. Ranges that only touch do not overlap.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.min < other.max && other.min < self.max
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_do_not_overlap() {
        assert!(!TimeRange::new(0, 2).overlaps(TimeRange::new(2, 4)));
        assert!(TimeRange::new(0, 3).overlaps(TimeRange::new(2, 4)));
        assert!(TimeRange::new(0, 9).overlaps(TimeRange::new(2, 4)));
    }

    #[test]
    fn seconds_round_towards_the_past() {
        assert_eq!(Timestamp(-1).seconds(), -1);
        assert_eq!(Timestamp(1999).seconds(), 1);
    }

    #[test]
    fn the_widest_range_has_a_length() {
        assert_eq!(TimeRange::new(i64::MIN, i64::MAX).length_ms(), i64::MAX);
    }
}
