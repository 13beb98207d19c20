//! Tables with aligned columns.

use super::look::{Look, Paint, clean};

/// Between two cells.
const GAP: &str = "  ";

/// How far what stands below its row is indented, columns.
const INDENT: usize = 4;

/// What the last column must have of the terminal to begin in its row, columns.
const ROOM: usize = 24;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// A table; every row has as many cells as there are columns, missing ones are empty.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row at the end.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A line break in a cell would tear the table.
        self.rows.push(cells.into_iter().take(self.columns.len()).map(|cell| clean(&cell)).collect());
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table, each line ended; columns without a word are left out, and a last column on the left is not padded. Cells are never cut. Where the table is wider
    /// than the terminal, words go to an indented line below their row: the last column first, then the widest.
    #[must_use]
    pub fn draw(&self, look: &Look) -> String {
        self.without_empty_columns().draw_all(look)
    }

    fn without_empty_columns(&self) -> Self {
        let is_used = |at: usize| self.rows.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty()));
        let used: Vec<usize> = (0..self.columns.len()).filter(|at| is_used(*at)).collect();
        let cells = |row: &Vec<String>| used.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect();
        let columns = used.iter().filter_map(|at| self.columns.get(*at).copied());
        Self { columns: columns.collect(), rows: self.rows.iter().map(cells).collect() }
    }

    fn draw_all(&self, look: &Look) -> String {
        let heads: Vec<String> = self.columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let width = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| self.rows.iter().chain([&heads]).map(|row| width(row, at)).max().unwrap_or(0))
            .collect();
        let below = self.below(&widths, look);
        let mut text = look.paint(Paint::Bold, &self.lines(&heads, &widths, &below, look)) + "\n";
        for row in &self.rows {
            text.push_str(&self.lines(row, &widths, &below, look));
            text.push('\n');
        }
        text
    }

    /// Which columns go below their rows. The last one only needs room to begin in: a long cell of it goes below alone.
    fn below(&self, widths: &[usize], look: &Look) -> Vec<bool> {
        let last = self.columns.len().saturating_sub(1);
        let is_words = |at: usize| at > 0 && self.columns.get(at).is_some_and(|(_, align)| *align == Align::Left);
        let room = |at: usize, width: usize| if at == last && is_words(at) { width.min(ROOM) } else { width };
        let mut below = vec![false; widths.len()];
        loop {
            let kept = || widths.iter().enumerate().filter(|(at, _)| below.get(*at) == Some(&false));
            let needed: usize = kept().map(|(at, width)| room(at, *width) + GAP.len()).sum();
            let is_too_wide = look.folds && needed > look.columns + GAP.len();
            let next = kept().filter(|(at, _)| is_words(*at)).max_by_key(|(at, width)| (*at == last, **width, *at));
            match next.map(|(at, _)| at).and_then(|at| below.get_mut(at)).filter(|_| is_too_wide) {
                Some(goes) => *goes = true,
                None => return below,
            }
        }
    }

    /// A row, without its last newline.
    fn lines(&self, row: &[String], widths: &[usize], below: &[bool], look: &Look) -> String {
        let mut line = String::new();
        let mut rest: Vec<&str> = Vec::new();
        let last = self.columns.len().saturating_sub(1);
        for (at, (((_, align), width), below)) in self.columns.iter().zip(widths).zip(below).enumerate() {
            let cell = row.get(at).map_or("", String::as_str);
            let gap = if at > 0 { GAP } else { "" };
            let reaches = line.chars().count() + gap.len() + cell.chars().count();
            if *below || at == last && at > 0 && look.folds && *align == Align::Left && reaches > look.columns {
                rest.push(cell);
                continue;
            }
            line.push_str(gap);
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        line.truncate(line.trim_end().len());
        rest.retain(|cell| !cell.is_empty());
        if !rest.is_empty() {
            let indent = " ".repeat(INDENT);
            let joined = rest.join(GAP);
            // What does not fit side by side stands one below the other.
            let parts = if INDENT + joined.chars().count() <= look.columns { vec![joined.as_str()] } else { rest };
            for part in parts {
                line.push('\n');
                line.push_str(&look.fold(&format!("{indent}{part}"), INDENT));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const LOOK: Look = Look { columns: 100, folds: false, unicode: true, color: false };

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new(&[("BLOCK", Align::Left), ("SIZE", Align::Right), ("REASON", Align::Left)]);
        table.row(["01JN".to_owned(), "292 MiB".to_owned(), "a full range".to_owned()]);
        table.row(["µ".to_owned(), "1 B".to_owned()]);
        expect![[r#"
            BLOCK     SIZE  REASON
            01JN   292 MiB  a full range
            µ          1 B
        "#]]
        .assert_eq(&table.draw(&LOOK));
    }

    #[test]
    fn control_characters_and_cells_too_many_do_not_tear_the_table() {
        let mut table = Table::new(&[("A", Align::Left)]);
        table.row(["x\n\u{1b}[2J".to_owned(), "too many".to_owned()]);
        assert_eq!(table.draw(&LOOK), "A\nx  [2J\n");
    }

    #[test]
    fn only_the_heading_is_painted() {
        let mut table = Table::new(&[("A", Align::Left)]);
        assert!(table.is_empty());
        table.row(["x".to_owned()]);
        assert_eq!(table.draw(&Look { color: true, ..LOOK }), "\u{1b}[1mA\u{1b}[0m\nx\n");
    }

    fn wide() -> Table {
        let mut table = Table::new(&[
            ("BLOCK", Align::Left),
            ("LABELS", Align::Left),
            ("SIZE", Align::Right),
            ("BY", Align::Left),
            ("WHY", Align::Left),
        ]);
        for why in ["late", "tenant a keeps its raw samples for thirty days and not an hour longer than that"] {
            table.row([
                "01JN84MHR04YBZBA82BD4X333E".to_owned(),
                "{cluster=\"eu1\", tenant=\"a\"} raw".to_owned(),
                "292 MiB".to_owned(),
                "acme".to_owned(),
                why.to_owned(),
            ]);
        }
        table
    }

    #[test]
    fn on_a_wide_terminal_only_a_long_reason_stands_below_its_row() {
        expect![[r#"
            BLOCK                       LABELS                              SIZE  BY    WHY
            01JN84MHR04YBZBA82BD4X333E  {cluster="eu1", tenant="a"} raw  292 MiB  acme  late
            01JN84MHR04YBZBA82BD4X333E  {cluster="eu1", tenant="a"} raw  292 MiB  acme
                tenant a keeps its raw samples for thirty days and not an hour longer than that
        "#]]
        .assert_eq(&wide().draw(&Look { columns: 120, folds: true, ..LOOK }));
    }

    #[test]
    fn on_a_narrow_terminal_words_stand_below_their_rows_and_nothing_is_cut() {
        expect![[r#"
            BLOCK                          SIZE  BY
                LABELS  WHY
            01JN84MHR04YBZBA82BD4X333E  292 MiB  acme
                {cluster="eu1", tenant="a"} raw  late
            01JN84MHR04YBZBA82BD4X333E  292 MiB  acme
                {cluster="eu1", tenant="a"} raw
                tenant a keeps its raw samples for thirty days and not
                an hour longer than that
        "#]]
        .assert_eq(&wide().draw(&Look { columns: 60, folds: true, ..LOOK }));
    }

    #[test]
    fn a_pipe_gets_whole_rows() {
        assert_eq!(wide().draw(&Look { columns: 60, ..LOOK }).lines().count(), 3);
    }
}
