//! The shapes of answers: text, HTML, JSON, redirects, and what gzip makes of them.
//!
//! Source: compactor specification 12; thanos pkg/api/api.go.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::gzip::gzip;

/// An answer whose body is in memory.
pub(super) type Answer = Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Plain text that went well.
pub(super) fn text(text: &'static str) -> Answer {
    typed(StatusCode::OK, TEXT, Bytes::from_static(text.as_bytes()))
}

/// A page.
pub(super) fn html(text: String) -> Answer {
    typed(StatusCode::OK, HTML, Bytes::from(text))
}

/// Bytes of some other type.
pub(super) fn typed(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::from(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// Plain text that tells of an error, as Go's `http.Error` writes it.
pub(super) fn error(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    unsniffed(typed(status, TEXT, text))
}

/// Tells browsers to believe the content type.
pub(super) fn unsniffed(mut answer: Answer) -> Answer {
    let name = HeaderName::from_static("x-content-type-options");
    answer.headers_mut().insert(name, HeaderValue::from_static("nosniff"));
    answer
}

/// There is nothing here.
pub(super) fn not_found() -> Answer {
    error(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// Nobody can make sense of the request.
pub(super) fn bad_request(text: &'static str) -> Answer {
    typed(StatusCode::BAD_REQUEST, TEXT, text)
}

/// There is something here, but not for this method.
pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Something else is meant, for good or for once. Only who asks for a page gets a link to it.
pub(super) fn redirect(status: StatusCode, to: &str, is_page: bool) -> Answer {
    // Browsers take two backslashes, or one behind a slash, for the name of another host.
    let to = &to.replace('\\', "%5C");
    let Ok(location) = HeaderValue::from_str(to) else { return not_found() };
    let reason = status.canonical_reason().unwrap_or_default();
    let mut answer = match is_page {
        true => typed(status, HTML, format!("<a href=\"{}\">{reason}</a>.\n\n", escaped(to))),
        false => no_content(),
    };
    *answer.status_mut() = status;
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// What may be asked here; `None` for the server as a whole.
pub(super) fn options(allowed: Option<&'static str>) -> Answer {
    let mut answer = Response::new(Full::default());
    answer.headers_mut().extend(allowed.map(|allowed| (ALLOW, HeaderValue::from_static(allowed))));
    answer
}

/// Bytes that browsers save under `name`.
pub(super) fn download(name: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = unsniffed(typed(StatusCode::OK, HeaderValue::from_static("application/octet-stream"), body));
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).expect("plain ASCII");
    answer.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    answer
}

/// There is no profile, told so that `go tool pprof` prints the reason.
pub(super) fn no_profile(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = error(status, text);
    answer.headers_mut().insert(HeaderName::from_static("x-go-pprof"), HeaderValue::from_static("1"));
    answer
}

/// Done, and nothing to say.
pub(super) fn no_content() -> Answer {
    empty(StatusCode::NO_CONTENT)
}

/// No words at all.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// The API's envelope around `data`, which is JSON already.
pub(super) fn success(data: &str) -> Answer {
    typed(StatusCode::OK, JSON, format!("{{\"status\":\"success\",\"data\":{data}}}"))
}

/// The API's envelope around an error of the only type that this API knows.
pub(super) fn bad_data(message: &str) -> Answer {
    let body = format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{}}}", quoted(message));
    let mut answer = typed(StatusCode::BAD_REQUEST, JSON, body);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// `text` as JSON writes it, with the escapes of the reference.
pub(super) fn quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    // These stand for themselves in JSON, but not in HTML and not in JavaScript.
    let escapes =
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    escapes.iter().fold(quoted, |text, (c, escape)| text.replace(*c, escape))
}

/// Text as it may stand in HTML: headers and paths come from outside.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Whether the client names gzip as something that it takes.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let given = headers.get_all("accept-encoding").iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused =
            parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f64>().is_ok_and(|q| q <= 0.0)));
        name.eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Replaces the body by its compressed form.
pub(super) fn zipped(head: Answer, body: &[u8]) -> Answer {
    let (mut head, _) = head.into_parts();
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(head, Full::from(gzip(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_for_who_asks_for_it() {
        for (given, takes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", HeaderValue::from_static(given));
            assert_eq!(takes_gzip(&headers), takes, "{given}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn texts_are_escaped_as_the_reference_escapes() {
        assert_eq!(quoted("<a> & \"b\"\n\u{2028}"), r#""\u003ca\u003e \u0026 \"b\"\n\u2028""#);
    }
}
