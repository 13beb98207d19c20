//! Layouts under numbers: rows of equal number have the same layout.

use alloc::{vec, vec::Vec};

use super::{
    CUSTOM, Layout, Span,
    bounds::{bound, is_exponential},
    reduce::Reduction,
};
use crate::{Refused, window::position};

/// The layouts of a question.
pub(super) struct Shapes<'a> {
    pub(super) layouts: &'a [Layout],
    /// A number for each layout, that of the first layout that is the same.
    pub(super) numbers: Vec<u32>,
    /// Leading buckets of both sides that the zero bucket covers, for each layout.
    pub(super) covered: Vec<(usize, usize)>,
    /// Buckets of both sides, for each layout.
    pub(super) sizes: Vec<(usize, usize)>,
}

impl<'a> Shapes<'a> {
    /// # Errors
    /// [`Refused`] if a layout is none.
    pub(super) fn new(layouts: &'a [Layout]) -> Result<Self, Refused> {
        let mut numbers: Vec<u32> = Vec::with_capacity(layouts.len());
        let mut sizes = Vec::with_capacity(layouts.len());
        for (i, layout) in layouts.iter().enumerate() {
            sizes.push(check(layout)?);
            // Layouts repeat at the beginning of each chunk, so what is the same is not far.
            let near = (i.saturating_sub(4)..i).rev().find(|j| layouts[*j].same(layout));
            numbers.push(near.map_or(position(i), |j| numbers[j]));
        }
        Ok(Self { layouts, numbers, covered: layouts.iter().map(covered).collect(), sizes })
    }
}

/// Buckets on both sides of a layout that can be computed with.
fn check(layout: &Layout) -> Result<(usize, usize), Refused> {
    if !(-9..=8).contains(&layout.schema) && layout.schema != CUSTOM {
        return Err(Refused::because("the schema of a histogram is not one of -9 to 8 and -53"));
    }
    Ok((side(&layout.positive)?, side(&layout.negative)?))
}

/// How many buckets; their indexes rise and fit 32 bits.
fn side(spans: &[Span]) -> Result<usize, Refused> {
    let mut buckets = 0_usize;
    let mut index = 0_i64;
    for (i, span) in spans.iter().enumerate() {
        if i > 0 && span.offset < 0 {
            return Err(Refused::because("the spans of a histogram go back"));
        }
        index = index + i64::from(span.offset) + i64::from(span.length);
        buckets = buckets.checked_add(span.length as usize).ok_or(Refused::INDEX)?;
    }
    i32::try_from(index).map(|_| buckets).map_err(|_| Refused::INDEX)
}

/// Leading buckets of both sides that end inside the zero bucket.
pub(super) fn covered(layout: &Layout) -> (usize, usize) {
    if !is_exponential(layout.schema) {
        return (0, 0);
    }
    let side = |spans: &[Span]| {
        // Only as many are looked at as there are below the threshold, and one.
        let indexes = spans.iter().scan(0_i64, |end, span| {
            let start = *end + i64::from(span.offset);
            *end = start + i64::from(span.length);
            Some(start..*end)
        });
        indexes.flatten().take_while(|index| bound(layout.schema, *index) <= layout.zero_threshold).count()
    };
    (side(&layout.positive), side(&layout.negative))
}

/// Coarser views of layouts, made when they are first needed.
pub(super) struct Reductions {
    /// For each layout the last one that was made.
    of: Vec<Option<Reduction>>,
    /// Numbers of shapes that were given out.
    shapes: u32,
}

impl Reductions {
    pub(super) fn new(shapes: &Shapes<'_>) -> Self {
        Self { of: vec![None; shapes.layouts.len()], shapes: position(shapes.layouts.len()) }
    }

    /// How rows of layout `i` look at `schema`.
    ///
    /// # Errors
    /// [`Refused`] if they cannot be reduced.
    pub(super) fn get(&mut self, shapes: &Shapes<'_>, i: usize, schema: i32) -> Result<&Reduction, Refused> {
        if shapes.layouts[i].schema == CUSTOM || schema == CUSTOM {
            return Err(Refused::MIXED);
        }
        let i = shapes.numbers[i] as usize;
        let made = self.of[i].take().filter(|made| made.layout.schema == schema);
        let made = match made {
            Some(made) => made,
            None => {
                self.shapes = self.shapes.checked_add(1).ok_or(Refused::INDEX)?;
                Reduction::new(&shapes.layouts[i], schema, self.shapes)?
            }
        };
        Ok(self.of[i].insert(made))
    }
}
