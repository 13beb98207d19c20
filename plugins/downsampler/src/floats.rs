//! The five aggregates of floats, and of their aggregates.
//!
//! Sum and counter are chains: one addition waits for the one before it, because the order of rounding is part of the
//! result. So all aggregates of a window are computed in one pass, in the shadow of these two.
//!
//! Source: `downsampling.md` 2.6 to 2.8, 3.3, 3.4 step 4, 7; Thanos pkg/compact/downsample/downsample.go, `floatAggregator`.

mod abreast;
mod chains;
mod two;

use alloc::vec::Vec;

use crate::{Column, Refused, Rows, window::Windows};

/// The aggregates of floats, one row a window in each column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aggregates<C> {
    /// How many samples.
    pub count: C,
    /// Their sum.
    pub sum: C,
    /// The smallest; `f64::MAX` if there is nothing below it.
    pub min: C,
    /// The largest; `f64::MIN` if there is nothing above it.
    pub max: C,
    /// The counter at the end of the window, drops added back, since the run's first value.
    pub counter: C,
}

/// Aggregates raw samples: windows of `resolution` milliseconds, all five columns with the same times.
///
/// The counter comes without the two extra samples of a chunk, which the host adds.
///
/// # Errors
/// [`Refused`] if the columns do not fit together.
pub fn aggregate_raw(resolution: i64, rows: Rows<'_>) -> Result<Aggregates<Column>, Refused> {
    rows.check()?;
    let windows = Windows::find(resolution, rows.offsets, rows.timestamps)?;
    let lengths = lengths(&windows);
    let values = abreast::all(&windows, rows.values);
    Ok(Aggregates {
        count: column(&windows, lengths),
        sum: column(&windows, values.sum),
        min: column(&windows, values.min),
        max: column(&windows, values.max),
        counter: Column { offsets: windows.offsets, timestamps: windows.times, values: values.counter },
    })
}

/// Aggregates aggregates of a finer resolution. The columns have their own times; one without rows in a run gets none.
///
/// # Errors
/// [`Refused`] if the columns do not fit together.
pub fn aggregate_aggregates(resolution: i64, rows: &Aggregates<Rows<'_>>) -> Result<Aggregates<Column>, Refused> {
    let columns = [rows.count, rows.sum, rows.min, rows.max, rows.counter];
    if columns.iter().any(|column| column.offsets.len() != rows.count.offsets.len()) {
        return Err(Refused::because("the aggregates are of different runs"));
    }
    rows.count.check()?;
    let windows = Windows::find(resolution, rows.count.offsets, rows.count.timestamps)?;
    // All but the counter mostly have the same times.
    let again = |rows: Rows<'_>, aggregate: fn(&Windows, &[f64]) -> Vec<f64>| {
        rows.check()?;
        if rows.are_at_times_of(columns[0]) {
            return Ok(column(&windows, aggregate(&windows, rows.values)));
        }
        one(resolution, rows, aggregate)
    };
    let sum = again(rows.sum, chains::sums)?;
    let min = again(rows.min, chains::minima)?;
    let max = again(rows.max, chains::maxima)?;
    let counter = again(rows.counter, chains::counters)?;
    let count = chains::sums(&windows, rows.count.values);
    let count = Column { offsets: windows.offsets, timestamps: windows.times, values: count };
    Ok(Aggregates { count, sum, min, max, counter })
}

/// One column, into windows of its own.
fn one(resolution: i64, rows: Rows<'_>, aggregate: impl Fn(&Windows, &[f64]) -> Vec<f64>) -> Result<Column, Refused> {
    rows.check()?;
    let windows = Windows::find(resolution, rows.offsets, rows.timestamps)?;
    let values = aggregate(&windows, rows.values);
    Ok(Column { offsets: windows.offsets, timestamps: windows.times, values })
}

/// The sums of the counts in each window.
///
/// # Errors
/// [`Refused`] if the columns do not fit together.
pub(crate) fn counts(resolution: i64, rows: Rows<'_>) -> Result<Column, Refused> {
    one(resolution, rows, chains::sums)
}

/// How many rows each window has.
pub(crate) fn lengths(windows: &Windows) -> Vec<f64> {
    let mut start = 0;
    let length = |end: &u32| {
        let length = end - start;
        start = *end;
        f64::from(length)
    };
    windows.ends.iter().map(length).collect()
}

fn column(windows: &Windows, values: Vec<f64>) -> Column {
    Column { offsets: windows.offsets.clone(), timestamps: windows.times.clone(), values }
}
