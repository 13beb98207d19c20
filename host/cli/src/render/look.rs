//! How wide, with which characters, and whether with colours.

use crate::flags::path_or_content::Environment;

/// Columns where no terminal says how wide it is.
const COLUMNS_DEFAULT: usize = 100;

/// Narrower than this nothing can be drawn.
const COLUMNS_MIN: usize = 40;

/// How text for people is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in columns, at least 40.
    pub columns: usize,
    /// Whether text that is wider than that is folded. A file or a pipe gets whole lines.
    pub folds: bool,
    /// Whether box-drawing characters are known, otherwise ASCII.
    pub unicode: bool,
    /// Whether colours are used.
    pub color: bool,
}

/// A colour or weight of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As the terminal has it.
    Plain,
    /// For headings.
    Bold,
    /// For what matters less.
    Dim,
    /// For what is new.
    Green,
    /// For what goes.
    Yellow,
    /// For names.
    Cyan,
    /// For errors.
    Red,
}

impl Look {
    /// The look of a terminal `columns` wide, or of a file or pipe when that is `None`. `color` says whether the user
    /// wants colours at all; `NO_COLOR` and `TERM=dumb` have a say as well. ASCII is used where the locale says that it
    /// is not UTF-8; without a locale it is taken to be.
    ///
    /// Source: no-color.org.
    #[must_use]
    pub fn new(columns: Option<usize>, color: bool, environment: Environment<'_>) -> Self {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or("UTF-8".to_owned());
        let locale = locale.to_ascii_lowercase();
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            columns: columns.unwrap_or(COLUMNS_DEFAULT).max(COLUMNS_MIN),
            folds: columns.is_some(),
            unicode: (locale.contains("utf-8") || locale.contains("utf8")) && !dumb,
            color: color && columns.is_some() && set("NO_COLOR").is_none() && !dumb,
        }
    }

    /// `text` in a colour, if there are colours.
    #[must_use]
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        match (self.color, paint.code()) {
            (true, Some(code)) if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }

    /// A paragraph of text from anywhere: one line, or several where it is folded, those after the first indented by
    /// two columns. Ends with a newline.
    #[must_use]
    pub fn paragraph(&self, paint: Paint, text: &str) -> String {
        self.paint(paint, &self.fold(&clean(text), 2)) + "\n"
    }

    /// `text` on as many lines as it takes, those after the first indented by `hang` columns. Broken between words only:
    /// an id or a set of labels that is wider than the terminal stays in one piece.
    #[must_use]
    pub fn fold(&self, text: &str, hang: usize) -> String {
        if !self.folds {
            return text.to_owned();
        }
        let mut folded = String::new();
        let mut column = 0;
        for (position, word) in text.split(' ').enumerate() {
            let width = word.chars().count();
            if position > 0 && column > hang && column + 1 + width > self.columns {
                folded.truncate(folded.trim_end_matches(' ').len());
                folded.push('\n');
                folded.push_str(&" ".repeat(hang));
                column = hang;
            } else if position > 0 {
                folded.push(' ');
                column += 1;
            }
            folded.push_str(word);
            column += width;
        }
        folded
    }
}

/// `text` with a blank for each control character: labels and reasons come from outside, and nothing in them may move
/// the cursor.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Paint {
    /// The number of the terminal's attribute (ECMA-48, SGR).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Green => Some("32"),
            Self::Yellow => Some("33"),
            Self::Cyan => Some("36"),
            Self::Red => Some("31"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(columns: Option<usize>, color: bool, set: &[(&str, &str)]) -> Look {
        let environment =
            |name: &str| set.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        Look::new(columns, color, &environment)
    }

    #[test]
    fn colours_need_a_terminal_and_nobody_who_objects() {
        assert!(look(Some(80), true, &[]).color);
        assert!(look(Some(80), true, &[("NO_COLOR", "")]).color);
        assert!(!look(Some(80), true, &[("NO_COLOR", "1")]).color);
        assert!(!look(Some(80), true, &[("TERM", "dumb")]).color);
        assert!(!look(Some(80), false, &[]).color);
        assert!(!look(None, true, &[]).color);
    }

    #[test]
    fn characters_follow_the_locale() {
        assert!(look(None, true, &[]).unicode);
        assert!(look(None, true, &[("LANG", "en_GB.UTF-8")]).unicode);
        assert!(look(None, true, &[("LANG", "C.utf8")]).unicode);
        assert!(!look(None, true, &[("LANG", "C")]).unicode);
        assert!(!look(None, true, &[("LC_ALL", "POSIX"), ("LANG", "en_GB.UTF-8")]).unicode);
    }

    #[test]
    fn the_width_has_a_default_and_a_least_value() {
        assert_eq!(look(None, true, &[]).columns, 100);
        assert_eq!(look(Some(7), true, &[]).columns, 40);
    }

    #[test]
    fn text_is_folded_between_words_where_a_terminal_shows_it() {
        let text = "a block of two days and of many words, 01JN84MHR04YBZBA82BD4X333E-01JN84MHR04YBZBA82BD4X333E, goes";
        let piped = look(None, true, &[]);
        assert_eq!(piped.paragraph(Paint::Plain, text), format!("{text}\n"));
        assert_eq!(
            look(Some(40), true, &[("NO_COLOR", "1")]).paragraph(Paint::Red, text),
            "a block of two days and of many words,\n  01JN84MHR04YBZBA82BD4X333E-01JN84MHR04YBZBA82BD4X333E,\n  goes\n"
        );
    }

    #[test]
    fn paint_costs_nothing_without_colours() {
        let plain = look(None, true, &[]);
        assert_eq!(plain.paint(Paint::Red, "x"), "x");
        assert_eq!(Look { color: true, ..plain }.paint(Paint::Red, "x"), "\u{1b}[31mx\u{1b}[0m");
    }
}
