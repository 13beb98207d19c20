//! The aggregates of histograms, and of their aggregates.
//!
//! Source: `downsampling.md` 2.9, 3.5; Thanos pkg/compact/downsample/downsample.go, `histogramAggregator`.

use super::{
    HistogramColumn, HistogramRows, Layout,
    column::Reader,
    shape::{Reductions, Shapes},
    state::State,
};
use crate::{Column, Refused, Rows, floats, window::Windows};

/// The aggregates of histograms, one row a window in each column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramAggregates<C, H> {
    /// How many samples, not observations.
    pub count: C,
    /// Their sum.
    pub sum: H,
    /// The histogram at the end of the window, resets added back, since the run's first one.
    pub counter: H,
}

/// Aggregates raw histograms: windows of `resolution` milliseconds, all columns with the same times.
///
/// # Errors
/// [`Refused`] if the columns do not fit together, or histograms of one run cannot be added; it names the run.
pub fn aggregate_raw_histograms(
    resolution: i64,
    rows: HistogramRows<'_>,
) -> Result<HistogramAggregates<Column, HistogramColumn>, Refused> {
    let windows = Windows::find(resolution, rows.offsets, rows.timestamps)?;
    let mut made = pass(rows, &windows, Wanted { sum: true, counter: true })?;
    let count = floats::lengths(&windows);
    for column in [&mut made.sum, &mut made.counter] {
        column.offsets.clone_from(&windows.offsets);
        column.timestamps.clone_from(&windows.times);
    }
    let count = Column { offsets: windows.offsets, timestamps: windows.times, values: count };
    Ok(HistogramAggregates { count, sum: made.sum, counter: made.counter })
}

/// Aggregates aggregates of a finer resolution. The columns have their own times.
///
/// # Errors
/// As [`aggregate_raw_histograms`].
pub fn aggregate_histogram_aggregates(
    resolution: i64,
    rows: &HistogramAggregates<Rows<'_>, HistogramRows<'_>>,
) -> Result<HistogramAggregates<Column, HistogramColumn>, Refused> {
    let runs = rows.count.offsets.len();
    if rows.sum.offsets.len() != runs || rows.counter.offsets.len() != runs {
        return Err(Refused::because("the aggregates are of different runs"));
    }
    let one = |rows: HistogramRows<'_>, wanted| {
        let windows = Windows::find(resolution, rows.offsets, rows.timestamps)?;
        let made = pass(rows, &windows, wanted)?;
        let made = if wanted.sum { made.sum } else { made.counter };
        Ok(HistogramColumn { offsets: windows.offsets, timestamps: windows.times, ..made })
    };
    Ok(HistogramAggregates {
        count: floats::counts(resolution, rows.count)?,
        sum: one(rows.sum, Wanted { sum: true, counter: false })?,
        counter: one(rows.counter, Wanted { sum: false, counter: true })?,
    })
}

/// Which aggregates. Both means that the rows are raw.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) sum: bool,
    pub(super) counter: bool,
}

/// Columns without times and offsets.
pub(super) struct Made {
    pub(super) sum: HistogramColumn,
    pub(super) counter: HistogramColumn,
}

/// One walk over all runs.
fn pass(rows: HistogramRows<'_>, windows: &Windows, wanted: Wanted) -> Result<Made, Refused> {
    let shapes = Shapes::new(rows.layouts)?;
    let mut reader = Reader::new(rows, &shapes)?;
    let mut reductions = Reductions::new(&shapes);
    let mut state = State::new(wanted);
    let room = |wanted: bool| if wanted { windows.ends.len() } else { 0 };
    let mut made = Made {
        sum: HistogramColumn::with_room(room(wanted.sum), &rows),
        counter: HistogramColumn::with_room(room(wanted.counter), &rows),
    };
    let mut row = 0;
    for (run, range) in (0..).zip(windows.offsets.windows(2)) {
        let ends = &windows.ends[range[0] as usize..range[1] as usize];
        let Some(end) = ends.last() else { continue };
        let in_run = |refused: Refused| Refused { run: Some(run), ..refused };
        let layouts = reader.layouts(row, *end as usize);
        let schema = coarsest(layouts).map_err(in_run)?;
        state.begin(layouts.windows(2).any(|pair| pair[0].custom_values != pair[1].custom_values));
        for end in ends {
            state.open();
            while row < *end as usize {
                let stretch = reader.stretch(row);
                if shapes.layouts[stretch].schema == schema && state.takes_blocks(Some(shapes.numbers[stretch])) {
                    let block = reader.block(row, *end as usize).map_err(in_run)?;
                    if let Some(taken) = state.add_block(&block) {
                        reader.skip(&taken);
                        row += taken.counts.len();
                        continue;
                    }
                }
                let sample = reader.row(row).map_err(in_run)?;
                let reduction = match sample.layout.schema == schema {
                    true => None,
                    false => Some(reductions.get(&shapes, reader.stretch(row), schema).map_err(in_run)?),
                };
                state.add(sample, reduction).map_err(in_run)?;
                row += 1;
            }
            state.close(&mut made).map_err(in_run)?;
        }
    }
    Ok(made)
}

/// The smallest schema of a run.
fn coarsest(layouts: &[Layout]) -> Result<i32, Refused> {
    let custom = layouts.iter().filter(|layout| layout.is_custom()).count();
    if custom != 0 && custom != layouts.len() {
        return Err(Refused::MIXED);
    }
    Ok(layouts.iter().map(|layout| layout.schema).min().unwrap_or_default())
}
