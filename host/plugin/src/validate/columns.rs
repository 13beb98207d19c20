//! What a downsampler may answer: for each run that it was given, rows inside of that run.
//!
//! Source: `wit/0.1.0/downsampler.wit`, `policies.md` 4, design.md 4 (NaN).

use std::ptr;

use lithify_block::columns::{self, Aggregates, HistogramAggregates, HistogramColumn};

use super::histograms::histogram_column;
use crate::wire;

/// The bits of every NaN that is stored: what arithmetic on x86-64 leaves behind.
const NAN: f64 = f64::from_bits(0xfff8_0000_0000_0000);

/// Where the runs of a question begin and end, in rows and in time.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    offsets: &'a [u32],
    timestamps: &'a [i64],
}

impl Given<'_> {
    /// Whether they are the very same runs.
    fn is(self, other: Given<'_>) -> bool {
        ptr::eq(self.offsets, other.offsets) && ptr::eq(self.timestamps, other.timestamps)
    }
}

impl<'a> From<&'a columns::Column> for Given<'a> {
    fn from(column: &'a columns::Column) -> Self {
        Self { offsets: &column.offsets, timestamps: &column.timestamps }
    }
}

impl<'a> From<&'a HistogramColumn> for Given<'a> {
    fn from(column: &'a HistogramColumn) -> Self {
        Self { offsets: &column.offsets, timestamps: &column.timestamps }
    }
}

/// The answer to a question about raw floats.
pub(crate) fn of_raw(answer: wire::Aggregates, rows: &columns::Column) -> Result<Aggregates, String> {
    let given = Given::from(rows);
    aggregates(answer, [given; 5])
}

/// The answer to a question about aggregates: each column is measured by the same column of the question.
pub(crate) fn of_aggregates(answer: wire::Aggregates, rows: &Aggregates) -> Result<Aggregates, String> {
    let Aggregates { count, sum, min, max, counter } = rows;
    aggregates(answer, [count, sum, min, max, counter].map(Given::from))
}

/// The answer to a question about raw histograms.
pub(crate) fn of_raw_histograms(
    answer: wire::HistogramAggregates,
    rows: &HistogramColumn,
) -> Result<HistogramAggregates, String> {
    histogram_aggregates(answer, [Given::from(rows); 3])
}

/// The answer to a question about histogram aggregates.
pub(crate) fn of_histogram_aggregates(
    answer: wire::HistogramAggregates,
    rows: &HistogramAggregates,
) -> Result<HistogramAggregates, String> {
    histogram_aggregates(answer, [(&rows.count).into(), (&rows.sum).into(), (&rows.counter).into()])
}

fn aggregates(answer: wire::Aggregates, given: [Given<'_>; 5]) -> Result<Aggregates, String> {
    let [of_count, sum, min, max, counter] = given;
    let count = samples("count", answer.count, of_count)?;
    // Mostly all have the same times, and to see that they are the same is cheaper than to look at them again.
    let column = |name, answer: wire::Column, given: Given<'_>| {
        let same = given.is(of_count) && answer.offsets == count.offsets && answer.timestamps == count.timestamps;
        column(name, answer, (!same).then_some(given))
    };
    let (sum, min) = (column("sum", answer.sum, sum)?, column("min", answer.min, min)?);
    let (max, counter) = (column("max", answer.max, max)?, column("counter", answer.counter, counter)?);
    Ok(Aggregates { count, sum, min, max, counter })
}

fn histogram_aggregates(
    answer: wire::HistogramAggregates,
    given: [Given<'_>; 3],
) -> Result<HistogramAggregates, String> {
    let [count, sum, counter] = given;
    Ok(HistogramAggregates {
        count: samples("count", answer.count, count)?,
        sum: histogram_column("sum", answer.sum, sum)?,
        counter: histogram_column("counter", answer.counter, counter)?,
    })
}

/// A column that says how many samples there were.
fn samples(name: &str, answer: wire::Column, given: Given<'_>) -> Result<columns::Column, String> {
    let is_count = |count: &f64| (0.0..=f64::MAX).contains(count);
    // Without an exit inside, so that many are looked at at once.
    let all = answer.values.iter().fold(true, |all, count| all & is_count(count));
    if !all && let Some(row) = answer.values.iter().position(|count| !is_count(count)) {
        let count = answer.values.get(row).copied().unwrap_or(NAN);
        let run = answer.offsets.partition_point(|offset| *offset as usize <= row).saturating_sub(1);
        return Err(format!("column {name}, run {run}: a count of samples is {count}"));
    }
    column(name, answer, Some(given))
}

/// Without `given` the rows are known to be right.
fn column(name: &str, answer: wire::Column, given: Option<Given<'_>>) -> Result<columns::Column, String> {
    let wire::Column { offsets, timestamps, mut values } = answer;
    if values.len() != timestamps.len() {
        return Err(format!("column {name} has {} timestamps and {} values", timestamps.len(), values.len()));
    }
    if let Some(given) = given {
        rows(name, &offsets, &timestamps, given)?;
    }
    canonical(&mut values);
    Ok(columns::Column { offsets, timestamps, values })
}

/// Each NaN gets the same bits.
pub(super) fn canonical(values: &mut [f64]) {
    for value in values {
        *value = if value.is_nan() { NAN } else { *value };
    }
}

/// As many runs as given; each with at least one row if it had any, no more than it had, in its time and in order.
pub(super) fn rows(name: &str, offsets: &[u32], timestamps: &[i64], given: Given<'_>) -> Result<(), String> {
    if offsets.len() != given.offsets.len() {
        let (found, asked) = (offsets.len(), given.offsets.len());
        return Err(format!("column {name} has {found} offsets; the question has {asked}, one more than runs"));
    }
    let end = offsets.last().map_or(0, |end| *end as usize);
    if offsets.first().is_some_and(|first| *first != 0) || end != timestamps.len() {
        let rows = timestamps.len();
        return Err(format!("column {name} has {rows} rows, but its offsets do not lead from 0 to {rows}"));
    }
    let asked = given.offsets.iter().zip(given.offsets.iter().skip(1));
    for (run, ((start, end), asked)) in offsets.iter().zip(offsets.iter().skip(1)).zip(asked).enumerate() {
        let Some(found) = timestamps.get(*start as usize..*end as usize) else {
            return Err(format!("column {name}, run {run}: its offsets fall from {start} to {end}"));
        };
        let asked = given.timestamps.get(*asked.0 as usize..*asked.1 as usize).unwrap_or_default();
        one_run(found, asked).map_err(|error| format!("column {name}, run {run}: {error}"))?;
    }
    Ok(())
}

fn one_run(found: &[i64], asked: &[i64]) -> Result<(), String> {
    if found.len() > asked.len() {
        return Err(format!("{} rows; it was given {}", found.len(), asked.len()));
    }
    let (Some(first), Some(last), Some(least), Some(most)) = (found.first(), found.last(), asked.first(), asked.last())
    else {
        return if asked.is_empty() { Ok(()) } else { Err(format!("no rows; it was given {}", asked.len())) };
    };
    if !found.is_sorted() {
        return Err("its timestamps fall".into());
    }
    if first < least || most < last {
        return Err(format!("its rows lie in {first} to {last}; it was given {least} to {most}"));
    }
    Ok(())
}
