//! Results whose index would be too large for its format: the largest source is marked and left out.
//!
//! Source: `thanos-compactor.md` 5.4.

use lithify_sdk::{Error, ErrorKind, text::decimal};

use crate::{Choice, InOrder, Marks, Tsdb, tsdb};

/// Plans until the indexes of the planned blocks together stay below 85 % of the limit.
pub(crate) fn plan(planner: &Tsdb, group: &InOrder<'_>, marks: &mut Marks) -> Result<Choice, Error> {
    loop {
        let choice = tsdb::plan(group, &marks.marked);
        match largest_of_too_much(planner, group, &choice)? {
            None => return Ok(choice),
            Some(i) => {
                // The words of the reference, so that its marks and ours are the same bytes.
                let details = [
                    "largeTotalIndexSizeFilter: Total compacted block's index size could exceed: ",
                    &decimal(planner.max_index_size_bytes),
                    " with this block. See https://github.com/thanos-io/thanos/issues/1424",
                ];
                marks.add(group, i, "index-size-exceeding", details.concat());
            }
        }
    }
}

/// The sum that a plan must stay below, in the reference's arithmetic.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the reference rounds as well; the product is not negative, and conversions saturate"
)]
fn limit(max_index_size_bytes: u64) -> u64 {
    (max_index_size_bytes as f64 * 0.85) as u64
}

/// As soon as the sum reaches the limit: the largest index so far, the first of equals.
fn largest_of_too_much(planner: &Tsdb, group: &InOrder<'_>, choice: &Choice) -> Result<Option<usize>, Error> {
    let limit = limit(planner.max_index_size_bytes);
    let (mut sum, mut largest) = (0_u64, None);
    for i in &choice.blocks {
        let block = group.blocks[*i].1;
        let size = block.index_size_bytes.ok_or_else(|| {
            let message = ["the size of the index of block ", &block.id, " is not known"].concat();
            Error::new(ErrorKind::InvalidInput, message)
        })?;
        sum = sum.saturating_add(size);
        if largest.is_none_or(|(_, known)| size > known) {
            largest = Some((*i, size));
        }
        if sum >= limit {
            return Ok(largest.map(|(i, _)| i));
        }
    }
    Ok(None)
}
