//! Which path is answered by whom.
//!
//! Source: compactor specification 12; `cli/http` of the golden data.

use hyper::{Method, StatusCode};

use super::{
    answer::{self, Answer},
    page::clean,
};

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Somebody answers.
    To(Handler),
    /// Somebody would, if the method were one of these.
    WrongMethod(&'static str),
    /// The question is which methods there are.
    Methods(Option<&'static str>),
    /// This path is meant: status and whether the answer is a page.
    Moved(String, StatusCode, bool),
    /// Nobody answers.
    Nowhere,
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
        }
    }
}

/// Finds who answers. Probes, metrics and profiles do not look at the method.
pub(super) fn route(method: &Method, path: &str, has_viewer: bool) -> Route {
    let is_page = *method == Method::GET;
    if path == "*" && *method == Method::OPTIONS {
        return Route::Methods(None);
    }
    let cleaned = cleaned(path);
    if cleaned != path {
        return Route::Moved(cleaned, StatusCode::TEMPORARY_REDIRECT, is_page);
    }
    match path {
        "/-/healthy" => Route::To(Handler::Healthy),
        "/-/ready" => Route::To(Handler::Ready),
        "/metrics" => Route::To(Handler::Metrics),
        "/debug/pprof/profile" => Route::To(Handler::Profile),
        PROFILES => Route::To(Handler::Profiles),
        "/debug/pprof" => Route::Moved(PROFILES.to_owned(), StatusCode::TEMPORARY_REDIRECT, is_page),
        _ if path.starts_with(PROFILES) => Route::To(Handler::UnknownProfile),
        _ if has_viewer => viewed(method, path),
        _ => Route::Nowhere,
    }
}

/// Finds who answers among pages and API.
fn viewed(method: &Method, path: &str) -> Route {
    if *method == Method::OPTIONS && path.starts_with("/api/v1/") {
        return Route::To(Handler::Options);
    }
    let page = PAGES.iter().map(|page| (*page, Handler::Page));
    for (known, handler) in page.chain(API) {
        let marks = handler == Handler::Mark;
        let (allowed, methods) = if marks { (Method::POST, "OPTIONS, POST") } else { (Method::GET, "GET, OPTIONS") };
        if path == known {
            return match method {
                _ if *method == allowed => Route::To(handler),
                &Method::OPTIONS => Route::Methods(Some(methods)),
                _ => Route::WrongMethod(methods),
            };
        }
        // A slash too many and wrong capitals are forgiven, as in the reference.
        if path.strip_suffix('/').unwrap_or(path).eq_ignore_ascii_case(known) && *method == allowed {
            let is_page = *method == Method::GET;
            let status = if is_page { StatusCode::MOVED_PERMANENTLY } else { StatusCode::TEMPORARY_REDIRECT };
            return Route::Moved(known.to_owned(), status, is_page);
        }
    }
    Route::Nowhere
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
            (Method::OPTIONS, "/nonsense", Route::Nowhere),
        ] {
            assert_eq!(route(&method, path, true), methods, "{path}");
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
        ] {
            let is_page = method == Method::GET;
            let moved = Route::Moved(to.to_owned(), StatusCode::from_u16(status).unwrap(), is_page);
            assert_eq!(route(&method, path, true), moved, "{path}");
        }
    }
}
