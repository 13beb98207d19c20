//! JSON as the reference writes and reads it: tabs, its escapes, member names without regard to case.
//!
//! Source: `tsdb-format.md` 1.2 and 1.3.

use alloc::string::String;
use core::fmt::Write as _;

use serde_json::{Map, Value};

/// A member of `object` by `name`: the exact name first, else any spelling that differs in case only. `null` counts as
/// absent.
pub(crate) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .filter(|value| !value.is_null())
}

/// Writes indented JSON: one tab a level, each element on its own line.
pub(crate) struct Writer {
    pub(crate) text: String,
    depth: usize,
    empty: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { text: String::new(), depth: 0, empty: true }
    }

    /// An object whose members `body` writes; `{}` if it writes none.
    pub(crate) fn object(&mut self, body: impl FnOnce(&mut Self)) {
        self.nested('{', '}', body);
    }

    /// A list whose elements `body` writes; `[]` if it writes none.
    pub(crate) fn list(&mut self, body: impl FnOnce(&mut Self)) {
        self.nested('[', ']', body);
    }

    /// Starts the member `name`; its value follows.
    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.element();
        self.string(name);
        self.text.push_str(": ");
        self
    }

    /// Starts an element of a list; its value follows.
    pub(crate) fn element(&mut self) -> &mut Self {
        if !self.empty {
            self.text.push(',');
        }
        self.empty = false;
        self.line();
        self
    }

    pub(crate) fn number(&mut self, number: impl core::fmt::Display) {
        write!(self.text, "{number}").expect("writing to a string never fails");
    }

    pub(crate) fn string(&mut self, string: &str) {
        quote(&mut self.text, string);
    }

    /// Any JSON value; numbers as 64-bit floats, as the reference holds them.
    pub(crate) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(flag) => self.number(flag),
            Value::Number(number) => float(&mut self.text, number.as_f64().unwrap_or_default()),
            Value::String(string) => self.string(string),
            Value::Array(values) => self.list(|w| values.iter().for_each(|value| w.element().value(value))),
            Value::Object(map) => self.object(|w| map.iter().for_each(|(name, value)| w.key(name).value(value))),
        }
    }

    fn nested(&mut self, open: char, close: char, body: impl FnOnce(&mut Self)) {
        self.text.push(open);
        self.depth += 1;
        self.empty = true;
        body(self);
        self.depth -= 1;
        if !self.empty {
            self.line();
        }
        self.empty = false;
        self.text.push(close);
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(core::iter::repeat_n('\t', self.depth));
    }
}

/// Appends `string` in quotes, escaped as the reference escapes.
pub(crate) fn quote(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(text, "\\u{:04x}", u32::from(c)).expect("writing to a string never fails");
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Appends a float as the reference prints it: exponents below 1e-6 and from 1e21 on.
fn float(text: &mut String, x: f64) {
    let size = x.abs();
    let printed = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let printed = alloc::format!("{x:e}");
        match printed.split_once('e') {
            Some((digits, power)) if !power.starts_with('-') => alloc::format!("{digits}e+{power}"),
            _ => printed,
        }
    } else {
        alloc::format!("{x}")
    };
    text.push_str(&printed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(json: &str) -> String {
        let mut writer = Writer::new();
        writer.value(&serde_json::from_str(json).unwrap());
        writer.text
    }

    #[test]
    fn objects_and_lists_are_indented_with_tabs_and_empty_ones_are_not_opened() {
        assert_eq!(
            print(r#"{"b":[1,{"c":{}}],"a":[]}"#),
            "{\n\t\"a\": [],\n\t\"b\": [\n\t\t1,\n\t\t{\n\t\t\t\"c\": {}\n\t\t}\n\t]\n}"
        );
    }

    #[test]
    fn numbers_are_printed_as_64_bit_floats() {
        let printed = [
            ("1", "1"),
            ("1.50", "1.5"),
            ("1e21", "1e+21"),
            ("123456789012345678901", "123456789012345680000"),
            ("0.0000001", "1e-7"),
            ("0.000001", "0.000001"),
            ("-0", "-0"),
            ("1.5e300", "1.5e+300"),
        ];
        for (json, expected) in printed {
            assert_eq!(print(json), expected);
        }
    }

    #[test]
    fn markup_and_line_separators_are_escaped_and_other_text_is_not() {
        assert_eq!(print(r#""<a>&\u2028\u0001é\"\\\n""#), r#""\u003ca\u003e\u0026\u2028\u0001é\"\\\n""#);
    }

    #[test]
    fn members_are_found_without_regard_to_case_but_the_exact_name_wins() {
        let object = serde_json::from_str::<Value>(r#"{"MINTIME":1,"minTime":2,"MaxTIME":3,"level":null}"#).unwrap();
        let object = object.as_object().unwrap();
        assert_eq!(member(object, "minTime"), Some(&Value::from(2)));
        assert_eq!(member(object, "maxTime"), Some(&Value::from(3)));
        assert_eq!(member(object, "level"), None);
    }
}
