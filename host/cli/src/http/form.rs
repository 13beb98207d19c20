//! Parameters of a request: those behind the `?`, those of a form, and those of a form in parts.
//!
//! What cannot be read is no parameter, as in the reference: the rest of them counts.
//!
//! Source: Go net/http (`Request.FormValue`), net/url (`ParseQuery`), mime/multipart; RFC 7578.

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;

/// Most parts that are looked at; the API has three parameters.
const PARTS_MAX: usize = 100;

/// Names and values, those first that come first.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters behind the `?`.
    pub(super) fn of_query(query: &str) -> Self {
        Self(pairs(query.as_bytes()).collect())
    }

    /// The parameters of a whole request. A form comes before the query, a form in parts after it.
    pub(super) fn of(query: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = given.split(';').next().unwrap_or_default().trim();
        let query = pairs(query.as_bytes());
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Self(pairs(body).chain(query).collect());
        }
        if kind.eq_ignore_ascii_case("multipart/form-data") {
            let in_parts = attribute(given, "boundary").and_then(|boundary| parts(body, &boundary));
            return Self(query.chain(in_parts.unwrap_or_default()).collect());
        }
        Self(query.collect())
    }

    /// The first value of this name, empty if there is none.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }
}

/// `a=b&c=d`, decoded. A pair with a broken escape or a semicolon is left out.
fn pairs(bytes: &[u8]) -> impl Iterator<Item = (String, String)> {
    let whole = bytes.split(|byte| *byte == b'&').filter(|pair| is_whole(pair));
    whole.flat_map(form_urlencoded::parse).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

fn is_whole(pair: &[u8]) -> bool {
    let mut escapes = pair.split(|byte| *byte == b'%').skip(1);
    let is_hex = |escape: &[u8]| escape.iter().take(2).filter(|byte| byte.is_ascii_hexdigit()).count() == 2;
    !pair.contains(&b';') && escapes.all(is_hex)
}

/// The parts of a form that are no files; `None` if the form does not keep to its boundary.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<(String, String)>> {
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter may stand at the very start.
    let body = [b"\r\n", body].concat();
    let (_, mut rest) = cut(&body, delimiter.as_bytes())?;
    let mut found = Vec::new();
    for _ in 0..PARTS_MAX {
        if rest.starts_with(b"--") {
            return Some(found);
        }
        let (part, after) = cut(rest.strip_prefix(b"\r\n")?, delimiter.as_bytes())?;
        let (head, content) = cut(part, b"\r\n\r\n")?;
        rest = after;
        let head = String::from_utf8_lossy(head);
        let disposition = head.lines().filter_map(|line| line.split_once(':'));
        let mut disposition = disposition.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
        let Some((_, disposition)) = disposition.next() else { continue };
        if let (Some(name), None) = (attribute(disposition, "name"), attribute(disposition, "filename")) {
            found.push((name, String::from_utf8_lossy(content).into_owned()));
        }
    }
    None
}

/// What stands before and after the first `needle`.
fn cut<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(needle.len()).position(|window| window == needle)?;
    let (before, rest) = bytes.split_at(at);
    Some((before, rest.strip_prefix(needle)?))
}

/// The value of `name=value` or `name="value"` behind a semicolon.
fn attribute(header: &str, name: &str) -> Option<String> {
    let given = header.split(';').skip(1).filter_map(|part| part.split_once('='));
    let value = given.into_iter().find(|(given, _)| given.trim().eq_ignore_ascii_case(name))?.1.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn of(kind: &'static str, query: &str, body: &str) -> Parameters {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Parameters::of(query, &headers, body.as_bytes())
    }

    #[test]
    fn values_are_decoded_and_the_first_one_counts() {
        let query = Parameters::of_query("detail=by+hand%21&detail=x&empty&view=loaded");
        assert_eq!([query.value("detail"), query.value("empty"), query.value("none")], ["by hand!", "", ""]);
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(of(kind, "id=q&action=a", "id=f").value("id"), "f");
        assert_eq!(of(kind, "id=q&action=a", "id=f").value("action"), "a");
        assert_eq!(of("text/plain", "id=q", "id=f").value("id"), "q");
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(of(kind, "id=q", "id=%zz").value("id"), "q");
        assert_eq!(of(kind, "id=q;x&action=%2", "").value("id"), "");
        assert_eq!(of(kind, "", "detail=100%25&id=%").value("detail"), "100%");
    }

    #[test]
    fn forms_may_come_in_parts() {
        let kind = "multipart/form-data; boundary=B";
        let part =
            |name: &str, value: &str| format!("--B\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n");
        let (id, action) = (part("name=\"id\"", "one"), part("name=action", "two\r\nlines"));
        let file = part("name=\"id\"; filename=\"x\"", "three");
        let form = of(kind, "", &format!("{file}{id}{action}--B--\r\n"));
        assert_eq!([form.value("id"), form.value("action")], ["one", "two\r\nlines"]);
        assert_eq!(of(kind, "id=q", &format!("{id}--B--")).value("id"), "q");
        for body in ["", "--B", "--B--", &id, &format!("{id}--Bx"), "--B\r\n\r\n--B--", "--C--"] {
            assert_eq!(of(kind, "", body), Parameters::default(), "{body}");
        }
        assert_eq!(of("multipart/form-data", "", &id), Parameters::default());
        assert_eq!(of(kind, "", &format!("{}--B--", id.repeat(PARTS_MAX + 1))), Parameters::default());
    }
}
