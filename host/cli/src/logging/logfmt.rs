//! `key=value` pairs, quoted where Go's logfmt library quotes.

use std::fmt::Write;

use super::Value;

/// One line with its newline.
pub(super) fn line(pairs: &[(&'static str, Value)]) -> String {
    let mut line = String::new();
    for (name, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        // A key cannot be quoted, so the library leaves out what it cannot write.
        line.extend(name.chars().filter(|c| *c > ' ' && !['=', '"', '\u{7f}', '\u{fffd}'].contains(c)));
        line.push('=');
        match value {
            Value::Text(text) => push_text(&mut line, text),
            Value::Integer(number) => push_plain(&mut line, number),
            Value::Unsigned(number) => push_plain(&mut line, number),
            Value::Float(number) => push_plain(&mut line, number),
            Value::Bool(truth) => push_plain(&mut line, truth),
        }
    }
    line.push('\n');
    line
}

fn push_plain(line: &mut String, value: &impl std::fmt::Display) {
    write!(line, "{value}").expect("writing to a string does not fail");
}

fn push_text(line: &mut String, text: &str) {
    let bare = !text.contains(|c: char| c <= ' ' || ['=', '"', '\u{7f}', '\u{fffd}'].contains(&c));
    if bare && text != "null" {
        line.push_str(text);
        return;
    }
    line.push('"');
    for c in text.chars() {
        match c {
            '\\' | '"' => line.extend(['\\', c]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            '\0'..=' ' | '\u{7f}' | '\u{fffd}' if c != ' ' => {
                write!(line, "\\u{:04x}", u32::from(c)).expect("writing to a string does not fail");
            }
            _ => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_the_library_quotes() {
        for (text, expected) in [
            ("", "k=\n"),
            ("plain", "k=plain\n"),
            ("a b", "k=\"a b\"\n"),
            ("a=b", "k=\"a=b\"\n"),
            ("say \"hi\"", "k=\"say \\\"hi\\\"\"\n"),
            ("back\\slash", "k=back\\slash\n"),
            ("back\\slash and blank", "k=\"back\\\\slash and blank\"\n"),
            ("line\nbreak\r\t", "k=\"line\\nbreak\\r\\t\"\n"),
            ("\u{1b}[2J\u{7f}", "k=\"\\u001b[2J\\u007f\"\n"),
            ("null", "k=\"null\"\n"),
            ("µ{é}", "k=µ{é}\n"),
            ("\u{fffd}", "k=\"\\ufffd\"\n"),
        ] {
            assert_eq!(line(&[("k", Value::Text(text.to_owned()))]), expected);
        }
    }

    #[test]
    fn numbers_and_switches_stand_bare_and_keys_lose_what_cannot_be_written() {
        let pairs = [("a b=", Value::Integer(-1)), ("f", Value::Float(0.25)), ("t", Value::Bool(true))];
        assert_eq!(line(&pairs), "ab=-1 f=0.25 t=true\n");
    }
}
