//! Which format a request accepts.

use hyper::HeaderMap;

use super::{Format, Kind};

/// The type of protocol buffers.
pub(super) const PROTOBUF: &str = "application/vnd.google.protobuf";

/// The message that is meant.
pub(super) const FAMILY: &str = "io.prometheus.client.MetricFamily";

const ESCAPINGS: [&str; 4] = ["underscores", "allow-utf-8", "dots", "values"];

/// One entry of an `Accept` header.
struct Clause<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f64,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameters = parameters.into_iter().map(|(name, value)| (name.trim(), value.trim().trim_matches('"')));
        let mut clause = Self { name, parameters: parameters.collect(), quality: 1.0 };
        clause.quality = clause.parameter("q").and_then(|q| q.parse().ok()).unwrap_or(1.0);
        clause
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(given, _)| *given == name).map(|(_, value)| *value)
    }

    fn kind(&self) -> Option<Kind> {
        let version = self.parameter("version");
        match self.name {
            PROTOBUF if self.parameter("proto") == Some(FAMILY) && self.parameter("encoding") == Some("delimited") => {
                Some(Kind::Delimited)
            }
            "text/plain" if matches!(version, None | Some("0.0.4" | "1.0.0")) => Some(Kind::Text),
            "application/openmetrics-text" => match version {
                None | Some("0.0.1") => Some(Kind::OpenMetrics("0.0.1")),
                Some("1.0.0") => Some(Kind::OpenMetrics("1.0.0")),
                Some(_) => None,
            },
            _ => None,
        }
    }
}

/// The first clause that names one of our formats, those of higher quality first. The escaping is the last one that was
/// asked for on the way to it.
pub(super) fn best(headers: &HeaderMap) -> Format {
    let given = headers.get_all("accept").iter().filter_map(|value| value.to_str().ok());
    let mut clauses: Vec<_> = given.flat_map(|value| value.split(',')).map(Clause::parse).collect();
    clauses.sort_by(|one, next| next.quality.total_cmp(&one.quality));
    let mut escaping = ESCAPINGS[0];
    for clause in clauses {
        let asked = ESCAPINGS.into_iter().find(|known| clause.parameter("escaping") == Some(known));
        escaping = asked.unwrap_or(escaping);
        if let Some(kind) = clause.kind() {
            return Format { kind, escaping };
        }
    }
    Format { kind: Kind::Text, escaping }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn asked(accept: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(accept));
        Format::negotiated(&headers).content_type().to_str().unwrap().to_owned()
    }

    #[test]
    fn formats_are_negotiated_as_in_the_reference() {
        let text = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        let open = |version: &str, escaping: &str| {
            format!("application/openmetrics-text; version={version}; charset=utf-8; escaping={escaping}")
        };
        for (accept, expected) in [
            ("", text.to_owned()),
            ("*/*", text.to_owned()),
            ("text/html", text.to_owned()),
            ("application/json", text.to_owned()),
            ("application/openmetrics-text; version=2.0.0", text.to_owned()),
            ("application/openmetrics-text", open("0.0.1", "underscores")),
            ("application/openmetrics-text; version=1.0.0", open("1.0.0", "underscores")),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9", text.to_owned()),
            // What Prometheus 3 asks for.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                open("1.0.0", "allow-utf-8"),
            ),
            ("text/plain;version=1.0.0;escaping=allow-utf-8", text.replace("underscores", "allow-utf-8")),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,\
                 application/openmetrics-text;version=1.0.0;q=0.6",
                format!("{PROTOBUF}; proto={FAMILY}; encoding=delimited; escaping=underscores"),
            ),
            (";=;q=x, , text/plain", text.to_owned()),
        ] {
            assert_eq!(asked(accept), expected, "{accept}");
        }
        assert_eq!(Format::negotiated(&HeaderMap::new()).content_type(), text);
    }
}
