//! Whether a histogram's counters have begun again.

use lithify_tsdb::chunk::Hint;

use super::{
    Result,
    histogram::{Hist, add},
};

/// Whether `next` shows that its counters began again after `previous`.
///
/// Source: D A.4.
pub(super) fn is_reset(next: &Hist, previous: &Hist) -> Result<bool> {
    match next.hint {
        Hint::CounterReset => return Ok(true),
        Hint::NotCounterReset => return Ok(false),
        Hint::Unknown | Hint::Gauge => {}
    }
    if next.count < previous.count {
        return Ok(true);
    }
    if next.is_custom() {
        if !previous.is_custom() {
            return Ok(true);
        }
        if next.custom != previous.custom {
            return Ok(custom_reset(next, previous));
        }
    }
    if next.schema > previous.schema || next.threshold < previous.threshold {
        return Ok(true);
    }
    let (zero, threshold) = previous.zero_for(next.threshold);
    if threshold != next.threshold || next.zero < zero {
        return Ok(true);
    }
    let merged = previous.reduced(next.schema)?;
    Ok(side_reset(next, &next.positive.indexed().collect::<Vec<_>>(), &merged.positive.indexed().collect::<Vec<_>>())
        || side_reset(
            next,
            &next.negative.indexed().collect::<Vec<_>>(),
            &merged.negative.indexed().collect::<Vec<_>>(),
        ))
}

/// Compares counts up to each bound that both have.
fn custom_reset(next: &Hist, previous: &Hist) -> bool {
    let mut common: Vec<f64> = next.custom.iter().copied().filter(|bound| previous.custom.contains(bound)).collect();
    common.push(f64::INFINITY);
    let (mut ours, mut theirs) = (next.positive.indexed().peekable(), previous.positive.indexed().peekable());
    common.into_iter().any(|bound| {
        let (mut our_sum, mut their_sum) = (0.0, 0.0);
        while let Some((_, count)) = ours.next_if(|(index, _)| next.bound(*index) <= bound) {
            our_sum = add(our_sum, count);
        }
        while let Some((_, count)) = theirs.next_if(|(index, _)| previous.bound(*index) <= bound) {
            their_sum = add(their_sum, count);
        }
        our_sum < their_sum
    })
}

/// Whether a bucket of one side shows it.
fn side_reset(next: &Hist, ours: &[(i64, f64)], theirs: &[(i64, f64)]) -> bool {
    let inside = |index: i64| next.threshold != 0.0 && next.is_exponential() && next.bound(index) <= next.threshold;
    let outside = |side: &[(i64, f64)]| -> Vec<(i64, f64)> {
        side.iter().copied().skip_while(|(index, _)| inside(*index)).collect()
    };
    let (ours, theirs) = (outside(ours), outside(theirs));
    let Some((_, first)) = theirs.first() else { return false };
    if ours.is_empty() {
        return *first != 0.0;
    }
    let mut place = 0;
    for (index, count) in theirs {
        while ours.get(place).is_some_and(|(found, _)| *found < index) {
            place += 1;
        }
        // Where ours ends, this bucket alone decides; the reference does not look at later ones.
        let Some((found, our_count)) = ours.get(place) else { return count != 0.0 };
        let reset = if *found > index { count != 0.0 } else { *our_count < count };
        if reset {
            return true;
        }
    }
    false
}
