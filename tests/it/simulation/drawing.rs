//! Blocks as text: a line for each stream and compaction level, time to the right.
//!
//! A block of two columns or more is drawn as `[--]`. Of shorter ones a column says how many begin there: `|` for one, a
//! digit for several, `+` for ten or more. What shares a column with a block that is drawn is a `#`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use lithify_block::{Meta, Timestamp};

use super::{
    ledger::Ledger,
    sidecar::{DAY, FIRST_DAY, HOUR, hour},
};

/// A stretch of time.
struct Panel {
    title: String,
    from: i64,
    column_ms: i64,
    columns: usize,
}

/// The bucket as it is on `now`: the year so far, four weeks of it, four days of it, for the first so many tenants.
pub(super) fn draw(ledger: &Ledger, now: Timestamp, tenants: usize) -> String {
    let (live, all) = (ledger.live().count(), ledger.blocks.len());
    let since = now.0 - FIRST_DAY.0;
    let (day, minutes) = (since.div_euclid(DAY), since.rem_euclid(DAY) / 60_000);
    let mut text = format!(
        "day {day}, {:02}:{:02}: {live} blocks, {} others are marked for deletion\n",
        minutes / 60,
        minutes % 60,
        all - live
    );
    for panel in panels(now) {
        let lines = panel.lines(ledger, tenants);
        if !lines.is_empty() {
            let _ = write!(text, "\n{}\n{}", panel.title, lines.concat());
        }
    }
    text
}

fn panels(now: Timestamp) -> [Panel; 3] {
    // The first window of 14 days begins 13 days before the first day.
    let year = hour(-13 * 24).0;
    let windows_since = |length: i64| now.0.div_euclid(length) * length;
    let (weeks, days) = (windows_since(14 * DAY) - 14 * DAY, windows_since(2 * DAY) - 2 * DAY);
    let title = |what: &str, column: &str, from: i64| {
        format!("{what}, {column} a column, from day {}", (from - FIRST_DAY.0).div_euclid(DAY))
    };
    [
        Panel { title: title("the year", "3.5 days", year), from: year, column_ms: 84 * HOUR, columns: 108 },
        Panel { title: title("four weeks", "8 hours", weeks), from: weeks, column_ms: 8 * HOUR, columns: 84 },
        Panel { title: title("four days", "1 hour", days), from: days, column_ms: HOUR, columns: 96 },
    ]
}

impl Panel {
    fn lines(&self, ledger: &Ledger, tenants: usize) -> Vec<String> {
        let streams = ledger.streams();
        let all: BTreeSet<String> = streams.keys().map(|(tenant, _)| tenant.clone()).collect();
        let drawn: BTreeSet<&String> = all.iter().take(tenants).collect();
        let mut rows: BTreeMap<(String, i64, i64), Vec<char>> = BTreeMap::new();
        for ((tenant, resolution), blocks) in streams.into_iter().filter(|((tenant, _), _)| drawn.contains(tenant)) {
            for meta in blocks.iter().filter(|meta| self.shows(meta)) {
                let row = rows.entry((tenant.clone(), resolution, meta.compaction.level));
                self.put(row.or_insert_with(|| vec![' '; self.columns]), meta);
            }
        }
        let line = |((tenant, resolution, level), cells): ((String, i64, i64), Vec<char>)| {
            let name = format!("{tenant} {} level {level}", resolution_name(resolution));
            let cells: String = cells.into_iter().collect();
            format!("{name:<16} {}\n", cells.trim_end())
        };
        rows.into_iter().map(line).collect()
    }

    fn shows(&self, meta: &Meta) -> bool {
        meta.range.max.0 > self.from && self.column(meta.range.min) < self.columns
    }

    /// The column that begins closest to this time; columns beyond either end are none.
    fn column(&self, time: Timestamp) -> usize {
        let column = (time.0 - self.from + self.column_ms / 2).div_euclid(self.column_ms);
        usize::try_from(column).unwrap_or_default().min(self.columns)
    }

    fn put(&self, row: &mut [char], meta: &Meta) {
        let first = usize::try_from((meta.range.min.0 - self.from).div_euclid(self.column_ms)).unwrap_or_default();
        let (from, until) = (self.column(meta.range.min), self.column(meta.range.max));
        if until < from + 2 {
            let cell = &mut row[first.min(self.columns - 1)];
            *cell = one_more(*cell);
            return;
        }
        for (place, cell) in row.iter_mut().enumerate().take(until).skip(from) {
            let drawn = if place == from {
                '['
            } else if place + 1 == until {
                ']'
            } else {
                '-'
            };
            *cell = if *cell == ' ' { drawn } else { '#' };
        }
    }
}

fn one_more(cell: char) -> char {
    match cell {
        ' ' => '|',
        '|' => '2',
        '2'..='8' => char::from_digit(cell.to_digit(10).unwrap_or_default() + 1, 10).unwrap_or('+'),
        '9' | '+' => '+',
        _ => '#',
    }
}

fn resolution_name(resolution: i64) -> &'static str {
    match resolution {
        0 => "raw",
        300_000 => "5m",
        _ => "1h",
    }
}

/// How many live blocks each tenant has, by resolution and level, one line for tenants that are alike.
pub(super) fn count(ledger: &Ledger) -> String {
    let mut tenants: BTreeMap<&str, BTreeMap<(i64, i64), usize>> = BTreeMap::new();
    for meta in ledger.live() {
        let kinds = tenants.entry(meta.thanos.labels.get("tenant").unwrap()).or_default();
        *kinds.entry((meta.thanos.resolution, meta.compaction.level)).or_default() += 1;
    }
    let mut alike: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (tenant, kinds) in tenants {
        let kind = |((resolution, level), count): (&(i64, i64), &usize)| {
            format!("{} level {level}: {count}", resolution_name(*resolution))
        };
        alike.entry(kinds.iter().map(kind).collect::<Vec<_>>().join(", ")).or_default().insert(tenant);
    }
    let line = |(kinds, tenants): (&String, &BTreeSet<&str>)| {
        format!("{kinds}\n    {}\n", tenants.iter().copied().collect::<Vec<_>>().join(" "))
    };
    alike.iter().map(line).collect()
}
