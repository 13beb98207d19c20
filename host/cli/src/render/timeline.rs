//! Blocks drawn on a time line, by group and level.

use lithify_block::{TimeRange, Timestamp};

use super::look::{Look, Paint, clean};
use super::units;
use crate::calendar::for_people;

/// One state of a bucket, for example before or after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What is shown.
    pub title: String,
    /// Groups in the order of drawing.
    pub groups: Vec<Group>,
}

/// Blocks that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How people know the group: its labels and resolution.
    pub name: String,
    /// Its blocks in any order.
    pub blocks: Vec<Bar>,
}

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bar {
    /// Compaction level.
    pub level: i64,
    /// What it covers.
    pub range: TimeRangeKey,
    /// What becomes of it.
    pub fate: Fate,
}

/// A range of time that can be ordered.
pub type TimeRangeKey = (Timestamp, Timestamp);

/// What becomes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing.
    Stays,
    /// It was made by the run.
    New,
    /// It is marked for deletion.
    Marked,
}

/// Groups drawn in one picture; what is left out is counted.
const GROUPS_MAX: usize = 20;

/// Columns left of the time line.
const MARGIN: usize = 11;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Columns that a time below the line takes, with a gap.
const TICK_COLUMNS: usize = 18;

/// Draws `pictures` below each other over one time axis; an empty text when there is not a single block.
#[must_use]
pub fn draw(pictures: &[Picture], look: &Look) -> String {
    let blocks = || pictures.iter().flat_map(|picture| &picture.groups).flat_map(|group| &group.blocks);
    let (Some(min), Some(max)) = (blocks().map(|bar| bar.range.0).min(), blocks().map(|bar| bar.range.1).max()) else {
        return String::new();
    };
    let axis = Axis { min, span_ms: max.since(min).max(1), columns: look.columns.saturating_sub(MARGIN).max(1) };
    let mut text = String::new();
    let mut crowded = false;
    for picture in pictures {
        text.push_str(&look.paint(Paint::Bold, &picture.title));
        text.push('\n');
        for group in picture.groups.iter().take(GROUPS_MAX) {
            text.push_str(&format!("  {}\n", look.paint(Paint::Cyan, &clean(&group.name))));
            for (head, lane) in rows(group, &axis) {
                crowded |= lane.iter().any(Stretch::is_crowded);
                text.push_str(&format!("{head:<MARGIN$}{}\n", draw_lane(&lane, look)));
            }
        }
        if let Some(more) = picture.groups.len().checked_sub(GROUPS_MAX).filter(|more| *more > 0) {
            text.push_str(&format!("  and {more} more groups\n"));
        }
        text.push_str(&axis.draw(look));
        text.push('\n');
    }
    for (fate, words) in [(Fate::New, "new"), (Fate::Marked, "marked for deletion")] {
        if blocks().any(|bar| bar.fate == fate) {
            let strokes = Strokes::of(fate, look.unicode);
            let sample: String = [strokes.left, strokes.line, strokes.line, strokes.right].iter().collect();
            text.push_str(&format!("{} {words}\n", look.paint(fate.paint(), &sample)));
        }
    }
    if crowded {
        text.push_str("a digit counts short blocks (* is 10+)\n");
    }
    text
}

/// The rows of a group and what stands left of them, highest level first: sediment lies below what settles on it.
fn rows(group: &Group, axis: &Axis) -> Vec<(String, Vec<Stretch>)> {
    let mut bars = group.blocks.clone();
    bars.sort_by_key(|bar| (-bar.level, bar.range, bar.fate));
    let mut rows = Vec::new();
    for level in bars.chunk_by(|a, b| a.level == b.level) {
        let number = level.first().map_or(0, |bar| bar.level);
        for (row, lane) in lanes(level).iter().enumerate() {
            let head = if row == 0 { format!("  level {number}") } else { String::new() };
            rows.push((head, stretches(lane, axis)));
        }
    }
    rows
}

/// Puts blocks that overlap on different rows: each goes to the first row that is free at its start.
fn lanes(bars: &[Bar]) -> Vec<Vec<Bar>> {
    let mut lanes: Vec<Vec<Bar>> = Vec::new();
    for bar in bars {
        let free = lanes.iter_mut().find(|lane| lane.last().is_none_or(|last| last.range.1 <= bar.range.0));
        match free {
            Some(lane) => lane.push(*bar),
            None => lanes.push(vec![*bar]),
        }
    }
    lanes
}

/// The columns that each block of a row takes.
fn stretches(lane: &[Bar], axis: &Axis) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for bar in lane {
        let start = axis.column(bar.range.0).min(axis.columns - 1);
        let end = axis.column(bar.range.1).max(start + 1);
        match stretches.last_mut() {
            // Blocks too short for a column of their own are counted in it.
            Some(last) if end <= last.end => last.blocks += 1,
            last => {
                let free = last.map_or(0, |last| last.end);
                stretches.push(Stretch { start: start.max(free), end, bar: *bar, blocks: 1 });
            }
        }
    }
    stretches
}

fn draw_lane(lane: &[Stretch], look: &Look) -> String {
    let mut text = String::new();
    let mut column = 0;
    for stretch in lane {
        text.push_str(&" ".repeat(stretch.start - column));
        let drawn = match stretch.blocks {
            _ if !stretch.is_crowded() => draw_bar(stretch.bar, stretch.end - stretch.start, look.unicode),
            blocks @ 0..10 => blocks.to_string(),
            _ => "*".to_owned(),
        };
        text.push_str(&look.paint(stretch.bar.fate.paint(), &drawn));
        column = stretch.end;
    }
    text
}

/// Columns that are taken by one block, or one column taken by many.
struct Stretch {
    start: usize,
    end: usize,
    bar: Bar,
    blocks: usize,
}

impl Stretch {
    /// Whether many blocks share one column.
    fn is_crowded(&self) -> bool {
        self.blocks > 1 && self.end - self.start == 1
    }
}

fn draw_bar(bar: Bar, columns: usize, unicode: bool) -> String {
    let strokes = Strokes::of(bar.fate, unicode);
    if columns < 2 {
        return strokes.single.to_string();
    }
    let inner = columns - 2;
    let label = units::length(bar.range.1.since(bar.range.0));
    let label = if label.len() + 4 <= inner { format!(" {label} ") } else { String::new() };
    let before = (inner - label.len()) / 2;
    let line = |length: usize| std::iter::repeat_n(strokes.line, length).collect::<String>();
    format!("{}{}{label}{}{}", strokes.left, line(before), line(inner - label.len() - before), strokes.right)
}

impl Fate {
    fn paint(self) -> Paint {
        match self {
            Self::Stays => Paint::Plain,
            Self::New => Paint::Green,
            Self::Marked => Paint::Dim,
        }
    }
}

/// The characters of a bar.
struct Strokes {
    left: char,
    line: char,
    right: char,
    single: char,
}

impl Strokes {
    fn of(fate: Fate, unicode: bool) -> Self {
        let (left, line, right, single) = match (fate, unicode) {
            (Fate::Stays, true) => ('├', '─', '┤', '│'),
            (Fate::New, true) => ('┣', '━', '┫', '┃'),
            (Fate::Marked, true) => ('├', '┄', '┤', '┆'),
            (Fate::Stays, false) => ('[', '-', ']', '|'),
            (Fate::New, false) => ('[', '=', ']', '#'),
            (Fate::Marked, false) => ('[', '.', ']', ':'),
        };
        Self { left, line, right, single }
    }
}

/// Where a time stands.
struct Axis {
    min: Timestamp,
    /// At least 1.
    span_ms: i64,
    /// At least 1.
    columns: usize,
}

impl Axis {
    /// The column of a time, 0 to `columns`.
    fn column(&self, at: Timestamp) -> usize {
        let distance = i128::from(at.since(self.min).clamp(0, self.span_ms));
        let column = distance * self.columns as i128 / i128::from(self.span_ms);
        usize::try_from(column).unwrap_or(self.columns)
    }

    /// A line with ticks and, below it, the time at each of them.
    fn draw(&self, look: &Look) -> String {
        let (stroke, tick) = if look.unicode { ('─', '┬') } else { ('-', '+') };
        let mut line = vec![stroke; self.columns];
        let mut times = String::new();
        let days_only = self.ticks().all(|at| at.0.rem_euclid(DAY_MS) == 0);
        for at in self.ticks() {
            let time = for_people(at);
            let time = time.strip_suffix(" 00:00").filter(|_| days_only).unwrap_or(&time);
            let column = self.column(at).min(self.columns - 1);
            // The last time is moved to the left as far as it takes to be read.
            let start = column.min(self.columns.saturating_sub(time.len()));
            let gap = start.checked_sub(times.len()).filter(|gap| *gap > 1 || times.is_empty());
            if let (Some(place), Some(gap)) = (line.get_mut(column), gap) {
                *place = tick;
                times.push_str(&" ".repeat(gap));
                times.push_str(time);
            }
        }
        let margin = " ".repeat(MARGIN);
        let line: String = line.into_iter().collect();
        format!("{margin}{}\n{margin}{}\n", look.paint(Paint::Dim, &line), look.paint(Paint::Dim, &times))
    }

    /// Round times, no more than fit.
    fn ticks(&self) -> impl Iterator<Item = Timestamp> {
        let fit = i64::try_from(self.columns / TICK_COLUMNS).unwrap_or(1).max(1);
        let steps = [1, 2, 4, 6, 8, 12, 24, 48, 96, 168, 336, 672, 1344, 2688, 5376, 8760, 17_520, 87_600];
        let step = steps.iter().map(|hours| hours * HOUR_MS).find(|step| self.span_ms / step <= fit);
        // Longer than all of them: blocks of hundreds of years, where only the start can be told.
        let step = step.unwrap_or(i64::MAX);
        let first = self.min.0.div_euclid(step).saturating_mul(step);
        let first = if first < self.min.0 { first.saturating_add(step) } else { first };
        let last = self.min.0.saturating_add(self.span_ms);
        let next = move |at: &i64| at.checked_add(step);
        std::iter::successors(Some(first), next).take_while(move |at| *at <= last).map(Timestamp)
    }
}

impl Bar {
    /// A block of a level over a range.
    #[must_use]
    pub fn new(level: i64, range: TimeRange, fate: Fate) -> Self {
        Self { level, range: (range.min, range.max), fate }
    }
}

#[cfg(test)]
mod tests;
