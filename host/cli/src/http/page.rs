//! The page at `/` and at the paths of the reference's viewer: what is served here, with links.
//!
//! Source: compactor specification 12.2.

use hyper::HeaderMap;

use super::answer::escaped;
use super::path::clean;
use super::viewer::ViewerConfig;

/// The page, its links behind the prefix that a proxy puts in front.
pub(super) fn page(config: &ViewerConfig, headers: &HeaderMap) -> String {
    let prefix = escaped(&prefix(config, headers));
    let mut links = String::new();
    for (path, what) in [
        ("/api/v1/blocks?view=loaded", "blocks that the compactor works on, as JSON"),
        ("/api/v1/blocks?view=global", "all blocks of the bucket, as JSON"),
        ("/api/v1/status/flags", "flags in use"),
        ("/api/v1/status/buildinfo", "what was built"),
        ("/metrics", "metrics"),
        ("/debug/pprof/", "profiles"),
        ("/-/healthy", "liveness probe"),
        ("/-/ready", "readiness probe"),
    ] {
        links.push_str(&format!("<li><a href=\"{prefix}{path}\">{path}</a> {what}</li>\n"));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Lithify compactor</title></head>\n<body>\n\
         <h1>Lithify compactor</h1>\n<ul>\n{links}</ul>\n</body>\n</html>\n"
    )
}

/// The page at `/debug/pprof/`: the one profile that there is.
pub(super) fn profiles() -> String {
    "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Profiles</title></head>\n<body>\n\
     <p><a href=\"profile?seconds=30\">profile</a> processor time, for <code>go tool pprof</code>; how many \
     <code>seconds</code> it takes is up to the request</p>\n</body>\n</html>\n"
        .to_owned()
}

/// The path that links begin with: that of the flag, else that of the header, without a slash at its end.
fn prefix(config: &ViewerConfig, headers: &HeaderMap) -> String {
    let given = match (config.external_prefix.as_str(), config.prefix_header.as_str()) {
        ("", "") => "",
        ("", name) => headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default(),
        (prefix, _) => prefix,
    };
    clean(path_of(given))
}

/// The path of an URL, or of what is a path already.
fn path_of(url: &str) -> &str {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| rest.get(slash..).unwrap_or_default()),
        None => url,
    };
    path.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn shown(flag: &str, header: &str, value: &'static str) -> String {
        let config = ViewerConfig {
            external_prefix: flag.to_owned(),
            prefix_header: header.to_owned(),
            ..ViewerConfig::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-prefix", HeaderValue::from_static(value));
        prefix(&config, &headers)
    }

    #[test]
    fn links_begin_with_the_flag_else_with_the_header() {
        assert_eq!(shown("/pre/fix/", "X-Prefix", "/a/b/"), "/pre/fix");
        assert_eq!(shown("", "X-Prefix", "/a/b/"), "/a/b");
        assert_eq!(shown("", "", "/a/b/"), "");
        assert_eq!(shown("https://host:1/a//b/../c?x", "", ""), "/a/c");
        assert_eq!(shown("", "X-Other", "/a"), "");
        assert_eq!(shown("", "not a header", "/a"), "");
    }

    #[test]
    fn a_header_cannot_put_a_script_into_the_page() {
        let config = ViewerConfig { prefix_header: "x".to_owned(), ..ViewerConfig::default() };
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_static("/\"><script>"));
        assert!(page(&config, &headers).contains("href=\"/&quot;&gt;&lt;script&gt;/metrics\""));
    }
}
