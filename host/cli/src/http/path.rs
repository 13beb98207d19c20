//! Paths of requests: without dots, and decoded.

use std::borrow::Cow;

/// `/a/../b//c/` is `/b/c`; nothing is nothing.
pub(super) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.iter().map(|part| format!("/{part}")).collect()
}

/// `%2F` is `/`. What is no UTF-8 then is replaced: no path of ours looks like that. `None` if an escape is broken.
pub(super) fn decoded(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut parts = path.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_are_none() {
        for (path, text) in [
            ("/a", Some("/a")),
            ("/%61%2f%C3%BC%25", Some("/a/ü%")),
            ("/%ff", Some("/\u{fffd}")),
            ("/%", None),
            ("/%6", None),
            ("/%+1", None),
            ("/%zz", None),
            ("/%6ü", None),
        ] {
            assert_eq!(decoded(path).as_deref(), text, "{path}");
        }
    }
}
