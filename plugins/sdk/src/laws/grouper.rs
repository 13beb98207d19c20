//! Laws of groupers.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{Broken, ONLY_GIVEN, ORDER_FREE, SAME_TWICE, answered, context, law};
use crate::{Assignment, Block, Grouper, Silent};

/// Checks a grouper with one question: only given blocks, one resolution and one set of labels a key, order-free, the same
/// answer twice.
///
/// # Errors
/// [`Broken`] with the first law that does not hold. Ids of the question's blocks must be unique.
pub fn grouper(grouper: &impl Grouper, blocks: &[Block]) -> Result<(), Broken> {
    let groups = ask(grouper, blocks)?;
    law(SAME_TWICE, ask(grouper, blocks)? == groups, || format!("{groups:?}"))?;
    let (mut seen, mut keys) = (BTreeSet::new(), BTreeMap::new());
    for assignment in &groups {
        let block = blocks.get(assignment.block as usize);
        let given = block.is_some() && seen.insert(assignment.block);
        law(ONLY_GIVEN, given, || format!("position {}", assignment.block))?;
        let group = (block.map(|block| block.resolution), &assignment.labels);
        let known = keys.entry(&assignment.key).or_insert(group);
        law("one key has one resolution and one set of labels", *known == group, || assignment.key.clone())?;
    }
    let turned: Vec<Block> = blocks.iter().rev().cloned().collect();
    let (expected, other) = (by_name(blocks, &groups), by_name(&turned, &ask(grouper, &turned)?));
    law(ORDER_FREE, expected == other, || format!("{expected:?} became {other:?}"))
}

fn ask(grouper: &impl Grouper, blocks: &[Block]) -> Result<Vec<Assignment>, Broken> {
    answered(grouper.group(&context(), blocks, &mut Silent))
}

fn by_name<'a>(blocks: &'a [Block], groups: &[Assignment]) -> BTreeMap<&'a str, String> {
    let name = |i: u32| blocks.get(i as usize).map_or("", |block| block.id.as_str());
    groups.iter().map(|assignment| (name(assignment.block), assignment.key.clone())).collect()
}
