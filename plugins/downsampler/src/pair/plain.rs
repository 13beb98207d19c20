//! Pairs for targets whose compiler finds its registers itself.

/// Two floats.
#[derive(Clone, Copy)]
pub(crate) struct Pair(f64, f64);

impl Pair {
    #[inline]
    pub(crate) fn new(first: f64, second: f64) -> Self {
        Self(first, second)
    }

    #[inline]
    pub(crate) fn both(float: f64) -> Self {
        Self(float, float)
    }

    #[inline]
    pub(crate) fn of(floats: &[f64; 2]) -> Self {
        Self(floats[0], floats[1])
    }

    #[inline]
    pub(crate) fn put(self, floats: &mut [f64; 2]) {
        *floats = [self.0, self.1];
    }

    #[inline]
    pub(crate) fn first(self) -> f64 {
        self.0
    }

    #[inline]
    pub(crate) fn second(self) -> f64 {
        self.1
    }

    /// Place by place, `other` where it is lower, else `self`.
    #[inline]
    pub(crate) fn lower(self, other: Self) -> Self {
        let lower = |a: f64, b: f64| if b < a { b } else { a };
        Self(lower(self.0, other.0), lower(self.1, other.1))
    }

    /// Place by place, `other` where it is higher, else `self`.
    #[inline]
    pub(crate) fn higher(self, other: Self) -> Self {
        let higher = |a: f64, b: f64| if a < b { b } else { a };
        Self(higher(self.0, other.0), higher(self.1, other.1))
    }

    #[inline]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    /// The first of `self` and the first of `other`.
    #[inline]
    pub(crate) fn firsts(self, other: Self) -> Self {
        Self(self.0, other.0)
    }

    /// The second of `self` and the second of `other`.
    #[inline]
    pub(crate) fn seconds(self, other: Self) -> Self {
        Self(self.1, other.1)
    }

    /// Place by place what `self` adds to a counter: the value itself after a drop, else the difference to `before`.
    #[inline]
    pub(crate) fn step(self, before: Self) -> Self {
        let step = |value: f64, before: f64| value - if value < before { 0.0 } else { before };
        Self(step(self.0, before.0), step(self.1, before.1))
    }

    #[inline]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0, self.1 - other.1)
    }

    /// `self`, but `other` at the places that were not chosen.
    #[inline]
    pub(crate) fn chosen(self, places: Places, other: Self) -> Self {
        Self(if places.0 { self.0 } else { other.0 }, if places.1 { self.1 } else { other.1 })
    }

    /// `self`, but `float` in the place of NaN.
    #[inline]
    pub(crate) fn or(self, float: f64) -> Self {
        Self(if self.0.is_nan() { float } else { self.0 }, if self.1.is_nan() { float } else { self.1 })
    }

    /// `self`, but `before` where that is NaN already.
    #[inline]
    pub(crate) fn unless_nan(self, before: Self) -> Self {
        let one = |now: f64, before: f64| if before.is_nan() { before } else { now };
        Self(one(self.0, before.0), one(self.1, before.1))
    }

    /// Whether one is NaN where `before` is not.
    #[inline]
    pub(crate) fn became_nan(self, before: Self) -> bool {
        (self.0.is_nan() & !before.0.is_nan()) | (self.1.is_nan() & !before.1.is_nan())
    }

    /// Whether one of them is.
    #[inline]
    pub(crate) fn has_nan(self) -> bool {
        self.0.is_nan() | self.1.is_nan()
    }
}

/// Some of two places.
#[derive(Clone, Copy)]
pub(crate) struct Places(bool, bool);

impl Places {
    #[inline]
    pub(crate) fn new(first: bool, second: bool) -> Self {
        Self(first, second)
    }
}

/// Whether a number of `a` is below the one in its place of `b`.
#[inline]
pub(crate) fn any_below(a: &[f64; 16], b: &[f64; 16]) -> bool {
    a.iter().zip(b).fold(false, |below, (a, b)| below | (a < b))
}

/// Whether a number of `a` is not the one in its place of `b`.
#[inline]
pub(crate) fn any_differs(a: &[i64; 16], b: &[i64; 16]) -> bool {
    a.iter().zip(b).fold(false, |differs, (a, b)| differs | (a != b))
}

/// Whether one of the numbers is NaN.
#[inline]
pub(crate) fn any_nan(numbers: &[f64; 16]) -> bool {
    numbers.iter().fold(false, |nan, number| nan | number.is_nan())
}
