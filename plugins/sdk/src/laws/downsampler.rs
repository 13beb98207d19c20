//! Laws of downsamplers.

use alloc::{format, vec::Vec};

use super::{Broken, SAME_TWICE, answered, context, law};
use crate::{Aggregates, Column, Downsampler};

/// Rows of a run: times and the bits of values.
type Run = Vec<(i64, u64)>;

/// Checks a downsampler with one question about raw floats: as many runs as were asked about, rows inside of their run and
/// no more than it had, runs that do not depend on each other, the same answer twice.
///
/// # Errors
/// [`Broken`] with the first law that does not hold. Offsets of the question must be in order.
pub fn downsampler(downsampler: &impl Downsampler, resolution: i64, rows: &Column) -> Result<(), Broken> {
    let ask = |rows: &Column| answered(downsampler.aggregate_raw(&context(), resolution, &[], rows)).map(each);
    let question = runs(rows);
    let answer = ask(rows)?;
    law(SAME_TWICE, ask(rows)? == answer, || format!("{answer:?}"))?;
    for (name, column) in &answer {
        let (asked, found) = (question.len(), column.len());
        law("there are as many runs as were asked about", asked == found, || format!("{name}: {found} for {asked}"))?;
        for (i, (given, found)) in question.iter().zip(column).enumerate() {
            let evidence = || format!("{name}, run {i}: {found:?} of {given:?}");
            let (first, last) = (given.first().map(|row| row.0), given.last().map(|row| row.0));
            let inside = found.iter().all(|(time, _)| first <= Some(*time) && Some(*time) <= last);
            law("rows lie inside of their run and in order", inside && found.is_sorted_by_key(|row| row.0), evidence)?;
            let few = found.len() <= given.len() && found.is_empty() == given.is_empty();
            law("a run has a row if it had one, and no more than it had", few, evidence)?;
        }
    }
    for (i, run) in question.iter().enumerate() {
        let alone = ask(&column(run))?;
        let same = answer.iter().zip(&alone).all(|((_, all), (_, alone))| all.get(i) == alone.first());
        law("runs do not depend on each other", same, || format!("run {i} alone: {alone:?}"))?;
    }
    Ok(())
}

/// The columns of an answer by name, run by run.
fn each(answer: Aggregates) -> [(&'static str, Vec<Run>); 5] {
    let Aggregates { count, sum, min, max, counter } = answer;
    [("count", count), ("sum", sum), ("min", min), ("max", max), ("counter", counter)]
        .map(|(name, column)| (name, runs(&column)))
}

/// Run by run; rows that do not exist are left out.
fn runs(column: &Column) -> Vec<Run> {
    let row = |i: u32| Some((*column.timestamps.get(i as usize)?, column.values.get(i as usize)?.to_bits()));
    let ends = column.offsets.iter().skip(1);
    column.offsets.iter().zip(ends).map(|(start, end)| (*start..*end).map_while(row).collect()).collect()
}

/// One run alone.
fn column(run: &Run) -> Column {
    Column {
        offsets: Vec::from([0, u32::try_from(run.len()).unwrap_or(u32::MAX)]),
        timestamps: run.iter().map(|row| row.0).collect(),
        values: run.iter().map(|row| f64::from_bits(row.1)).collect(),
    }
}
