//! Laws of selectors.

use alloc::{format, vec::Vec};

use super::{Broken, ORDER_FREE, SAME_TWICE, answered, context, law};
use crate::{LabelSet, Selector, Silent};

/// Checks a selector with one question: one answer a set, labels sorted, each set judged for itself, the same answer
/// twice.
///
/// # Errors
/// [`Broken`] with the first law that does not hold.
pub fn selector(selector: &impl Selector, sets: &[LabelSet]) -> Result<(), Broken> {
    let ask = |sets: Vec<LabelSet>| answered(selector.select(&context(), sets, &mut Silent));
    let answer = ask(sets.to_vec())?;
    law(SAME_TWICE, ask(sets.to_vec())? == answer, || format!("{answer:?}"))?;
    law("there is one answer a set", answer.len() == sets.len(), || format!("{} for {}", answer.len(), sets.len()))?;
    for set in answer.iter().flatten() {
        let sorted = set.labels.is_sorted_by(|a, b| a.name < b.name);
        law("labels are sorted, names unique", sorted, || format!("{set:?}"))?;
    }
    let mut turned = ask(sets.iter().rev().cloned().collect())?;
    turned.reverse();
    law(ORDER_FREE, turned == answer, || format!("{answer:?} became {turned:?}"))
}
