//! Laws of retention rules.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
};

use super::{Broken, ONLY_GIVEN, ORDER_FREE, SAME_TWICE, answered, law};
use crate::{Block, Context, Deletion, Retention, Silent};

/// Checks a retention rule with one question, asked at `cx.now`: only given blocks, each once, with rule and reason,
/// order-free, the same answer twice.
///
/// # Errors
/// [`Broken`] with the first law that does not hold. Ids of the question's blocks must be unique.
pub fn retention(rule: &impl Retention, cx: &Context, blocks: &[Block]) -> Result<(), Broken> {
    let ask = |blocks: &[Block]| answered(rule.evaluate(cx, blocks, &mut Silent));
    let answer = ask(blocks)?;
    law(SAME_TWICE, ask(blocks)? == answer, || format!("{answer:?}"))?;
    let mut seen = BTreeSet::new();
    for Deletion { block, rule, reason } in &answer {
        let given = blocks.get(*block as usize).is_some() && seen.insert(*block);
        law(ONLY_GIVEN, given, || format!("position {block}"))?;
        let said = !rule.is_empty() && !reason.is_empty();
        law("a deletion has a rule and a reason", said, || format!("position {block}"))?;
    }
    let expected = by_name(blocks, &answer);
    let mut turned = blocks.to_vec();
    for turn in 0..2 {
        match turn {
            0 => turned.reverse(),
            _ => turned.rotate_left(blocks.len() / 2),
        }
        let other = ask(&turned)?;
        let other = by_name(&turned, &other);
        law(ORDER_FREE, other == expected, || format!("{expected:?} became {other:?}"))?;
    }
    Ok(())
}

/// What is said of each block, by its id.
fn by_name<'a>(blocks: &'a [Block], answer: &'a [Deletion]) -> BTreeMap<&'a str, (&'a str, &'a str)> {
    let name = |i: u32| blocks.get(i as usize).map_or("", |block| block.id.as_str());
    answer.iter().map(|one| (name(one.block), (one.rule.as_str(), one.reason.as_str()))).collect()
}
