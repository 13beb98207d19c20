//! Which path is answered by whom.
//!
//! Source: compactor specification 12; `cli/http` of the golden data.

use hyper::{Method, StatusCode};

use super::{
    answer::{self, Answer},
    path::{clean, decoded},
};

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Somebody answers.
    To(Handler),
    /// The server as a whole is meant, by a method that makes no sense of it.
    Senseless,
    /// Somebody would, if the method were one of these.
    WrongMethod(&'static str),
    /// The question is which methods there are.
    Methods(Option<&'static str>),
    /// This path is meant: status and whether the answer is a page.
    Moved(String, StatusCode, bool),
    /// Nobody answers.
    Nowhere,
    /// This is no path.
    Broken,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handler {
    Healthy,
    Ready,
    Metrics,
    Profile,
    Profiles,
    UnknownProfile,
    Page,
    Blocks,
    Mark,
    Flags,
    Runtime,
    Build,
    Options,
}

/// The pages of the viewer; one page answers for all of them.
const PAGES: [&str; 14] = [
    "/",
    "/alerts",
    "/blocks",
    "/config",
    "/flags",
    "/global",
    "/graph",
    "/loaded",
    "/rules",
    "/service-discovery",
    "/status",
    "/stores",
    "/targets",
    "/tsdb-status",
];

const API: [(&str, Handler); 5] = [
    ("/api/v1/blocks", Handler::Blocks),
    ("/api/v1/blocks/mark", Handler::Mark),
    ("/api/v1/status/flags", Handler::Flags),
    ("/api/v1/status/runtimeinfo", Handler::Runtime),
    ("/api/v1/status/buildinfo", Handler::Build),
];

const PROFILES: &str = "/debug/pprof/";

/// Below this, anybody may ask for the methods.
const BELOW: &str = "/api/v1/";

impl Handler {
    /// What HTTP metrics call it; `None` if its requests are not counted.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Healthy | Self::Ready | Self::Metrics | Self::Profile | Self::Profiles | Self::UnknownProfile => None,
            Self::Page => Some("react-static"),
            Self::Blocks => Some("blocks"),
            Self::Mark => Some("blocks_mark"),
            Self::Flags => Some("status_flags"),
            Self::Runtime => Some("status_runtime"),
            Self::Build => Some("status_build"),
            Self::Options => Some("options"),
        }
    }

    /// Whether it belongs to the API, whose answers carry headers of their own.
    pub(super) fn is_api(self) -> bool {
        match self {
            Self::Blocks | Self::Mark | Self::Flags | Self::Runtime | Self::Build | Self::Options => true,
            Self::Healthy
            | Self::Ready
            | Self::Metrics
            | Self::Profile
            | Self::Profiles
            | Self::UnknownProfile
            | Self::Page => false,
        }
    }
}

impl Route {
    /// Who answers, or the answer where nobody does. A redirection keeps the query.
    pub(super) fn handler(self, query: Option<&str>) -> Result<Handler, Box<Answer>> {
        match self {
            Self::To(handler) => Ok(handler),
            Self::WrongMethod(allowed) => Err(Box::new(answer::wrong_method(allowed))),
            Self::Methods(allowed) => Err(Box::new(answer::options(allowed))),
            Self::Moved(path, status, is_page) => {
                let to = query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
                Err(Box::new(answer::redirect(status, &to, is_page)))
            }
            Self::Nowhere => Err(Box::new(answer::not_found())),
            Self::Senseless => Err(Box::new(answer::empty(StatusCode::BAD_REQUEST))),
            Self::Broken => Err(Box::new(answer::bad_request("400 Bad Request"))),
        }
    }
}

/// Finds who answers. Probes, metrics and profiles do not look at the method.
///
/// As in the reference there are two stages: the first takes the path apart at its slashes and decodes the parts, so
/// that an encoded slash is none; the second, which has pages and API, decodes the path as a whole.
pub(super) fn route(method: &Method, path: &str, has_viewer: bool) -> Route {
    if path == "*" {
        return if *method == Method::OPTIONS { Route::Methods(None) } else { Route::Senseless };
    }
    let parts: Option<Vec<_>> = path.split('/').map(decoded).collect();
    let Some(parts) = parts.filter(|_| path.starts_with('/')) else { return Route::Broken };
    let cleaned = cleaned(path);
    if cleaned != path {
        return Route::Moved(cleaned, StatusCode::TEMPORARY_REDIRECT, is_page(method));
    }
    let path = parts.join("/");
    let machine = if parts.iter().any(|part| part.contains('/')) { "" } else { path.as_str() };
    match machine {
        "/-/healthy" => Route::To(Handler::Healthy),
        "/-/ready" => Route::To(Handler::Ready),
        "/metrics" => Route::To(Handler::Metrics),
        "/debug/pprof/profile" => Route::To(Handler::Profile),
        PROFILES => Route::To(Handler::Profiles),
        "/debug/pprof" => Route::Moved(PROFILES.to_owned(), StatusCode::TEMPORARY_REDIRECT, is_page(method)),
        _ if parts.starts_with(&["".into(), "debug".into(), "pprof".into()]) => Route::To(Handler::UnknownProfile),
        _ if has_viewer => viewed(method, &path),
        _ => Route::Nowhere,
    }
}

/// Finds who answers among pages and API.
fn viewed(method: &Method, path: &str) -> Route {
    if *method == Method::OPTIONS && path.starts_with(BELOW) {
        return Route::To(Handler::Options);
    }
    for (known, handler) in known() {
        let (allowed, methods) = methods(handler);
        if path == known {
            return match method {
                _ if *method == allowed => Route::To(handler),
                &Method::OPTIONS => Route::Methods(Some(methods)),
                _ => Route::WrongMethod(methods),
            };
        }
    }
    meant(method, path).map_or(Route::Nowhere, |path| {
        let status =
            if *method == Method::GET { StatusCode::MOVED_PERMANENTLY } else { StatusCode::TEMPORARY_REDIRECT };
        Route::Moved(path, status, is_page(method))
    })
}

/// The path that is meant: a slash too many, dots and wrong capitals are forgiven, as in the reference.
fn meant(method: &Method, path: &str) -> Option<String> {
    let path = cleaned(path);
    let nearly = path.strip_suffix('/').unwrap_or(&path);
    if *method == Method::OPTIONS {
        let (start, rest) = path.split_at_checked(BELOW.len()).unwrap_or((&path, ""));
        let is_below = start.eq_ignore_ascii_case(BELOW) || nearly.eq_ignore_ascii_case(BELOW.trim_end_matches('/'));
        return if is_below { Some(format!("{BELOW}{rest}")) } else { (path == "/").then_some(path) };
    }
    let mut near = known().filter(|(known, handler)| {
        methods(*handler).0 == *method && nearly.eq_ignore_ascii_case(known.trim_end_matches('/'))
    });
    let near = near.next().map(|(known, _)| known.to_owned());
    near.or_else(|| (*method == Method::POST && path == "/").then_some(path))
}

fn known() -> impl Iterator<Item = (&'static str, Handler)> {
    PAGES.iter().map(|page| (*page, Handler::Page)).chain(API)
}

/// The method that a handler is there for, and all that its path knows.
fn methods(handler: Handler) -> (Method, &'static str) {
    if handler == Handler::Mark { (Method::POST, "OPTIONS, POST") } else { (Method::GET, "GET, OPTIONS") }
}

/// Whether a redirection comes with a page.
fn is_page(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// The path without empty, `.` and `..` parts; a slash at its end stays.
fn cleaned(path: &str) -> String {
    let cleaned = clean(path);
    if cleaned.is_empty() || path.ends_with('/') { format!("{cleaned}/") } else { cleaned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_viewer_there_are_probes_metrics_and_profiles_only() {
        for path in ["/-/healthy", "/-/ready", "/metrics", "/debug/pprof/profile", "/debug/pprof/heap"] {
            assert!(matches!(route(&Method::DELETE, path, false), Route::To(_)), "{path}");
        }
        for path in ["/", "/loaded", "/api/v1/blocks", "/debug/fgprof", "/-/healthy/"] {
            assert_eq!(route(&Method::GET, path, false), Route::Nowhere, "{path}");
        }
    }

    #[test]
    fn each_path_has_its_methods() {
        assert_eq!(route(&Method::GET, "/api/v1/blocks", true), Route::To(Handler::Blocks));
        assert_eq!(route(&Method::POST, "/api/v1/blocks/mark", true), Route::To(Handler::Mark));
        assert_eq!(route(&Method::OPTIONS, "/api/v1/anything", true), Route::To(Handler::Options));
        assert_eq!(route(&Method::GET, "/loaded", true), Route::To(Handler::Page));
        assert_eq!(route(&Method::HEAD, "/api/v1/blocks", true), Route::WrongMethod("GET, OPTIONS"));
        assert_eq!(route(&Method::POST, "/loaded", true), Route::WrongMethod("GET, OPTIONS"));
        assert_eq!(route(&Method::GET, "/api/v1/blocks/mark", true), Route::WrongMethod("OPTIONS, POST"));
        assert_eq!(route(&Method::GET, "/api/v1/nonsense", true), Route::Nowhere);
        for (method, path, methods) in [
            (Method::OPTIONS, "/loaded", Route::Methods(Some("GET, OPTIONS"))),
            (Method::OPTIONS, "*", Route::Methods(None)),
            (Method::GET, "*", Route::Senseless),
            (Method::OPTIONS, "/nonsense", Route::Nowhere),
            (Method::OPTIONS, "/loaded/", Route::Nowhere),
            (Method::OPTIONS, "/api/v1/", Route::To(Handler::Options)),
        ] {
            assert_eq!(route(&method, path, true), methods, "{path}");
        }
    }

    #[test]
    fn encoded_paths_are_those_that_they_stand_for() {
        for (path, to) in [
            ("/%61pi/v1%2Fblocks", Route::To(Handler::Blocks)),
            ("/-/h%65althy", Route::To(Handler::Healthy)),
            ("/debug/pprof/x%2Fy", Route::To(Handler::UnknownProfile)),
            // An encoded slash parts nothing before pages and API.
            ("/-%2Fhealthy", Route::Nowhere),
            ("/debug%2Fpprof/", Route::Nowhere),
            ("/loaded%00", Route::Nowhere),
            ("/loaded%", Route::Broken),
            ("loaded", Route::Broken),
        ] {
            assert_eq!(route(&Method::GET, path, true), to, "{path}");
        }
    }

    #[test]
    fn paths_that_are_nearly_right_lead_to_the_right_one() {
        for (method, path, to, status) in [
            (Method::GET, "/blocks/", "/blocks", 301),
            (Method::GET, "/LOADED", "/loaded", 301),
            (Method::GET, "/api/v1/blocks/", "/api/v1/blocks", 301),
            (Method::POST, "/api/v1/blocks/mark/", "/api/v1/blocks/mark", 307),
            (Method::GET, "//", "/", 307),
            (Method::GET, "//loaded", "/loaded", 307),
            (Method::GET, "/../a/.././loaded/", "/loaded/", 307),
            (Method::GET, "//elsewhere.example/x", "/elsewhere.example/x", 307),
            (Method::GET, "/debug/pprof", "/debug/pprof/", 307),
            (Method::GET, "/%2Floaded", "/loaded", 301),
            (Method::GET, "/a/%2e%2e/loaded%2f", "/loaded", 301),
            (Method::GET, "/a//%2F", "/a/%2F", 307),
            (Method::POST, "/%2f", "/", 307),
            (Method::OPTIONS, "/api/v1", "/api/v1/", 307),
            (Method::OPTIONS, "/Api/V1/X", "/api/v1/X", 307),
        ] {
            let is_page = method == Method::GET;
            let moved = Route::Moved(to.to_owned(), StatusCode::from_u16(status).unwrap(), is_page);
            assert_eq!(route(&method, path, true), moved, "{path}");
        }
    }
}
