//! Tables with aligned columns.

use super::look::{Look, Paint, clean};

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

    /// The table, each line ended; a last column on the left is not padded. Cells are never cut: what is too wide for
    /// the terminal wraps there, and a pipe gets all of it.
    #[must_use]
    pub fn draw(&self, look: &Look) -> String {
        let heads: Vec<String> = self.columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let width = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| self.rows.iter().chain([&heads]).map(|row| width(row, at)).max().unwrap_or(0))
            .collect();
        let mut text = look.paint(Paint::Bold, &self.line(&heads, &widths)) + "\n";
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, ((_, align), width)) in self.columns.iter().zip(widths).enumerate() {
            let cell = row.get(at).map_or("", String::as_str);
            if at > 0 {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const LOOK: Look = Look { columns: 100, unicode: true, color: false };

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
}
