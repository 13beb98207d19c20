//! Which path is answered by whom.
//!
//! Source: compactor specification 12; `cli/http` of the golden data.

use hyper::Method;

use super::answer::{self, Answer};

/// Where a request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Somebody answers.
    To(Handler),
    /// Somebody would, if the method were one of these.
    WrongMethod(&'static str),
    /// This path is meant.
    Moved(&'static str),
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
            Self::Healthy | Self::Ready | Self::Metrics | Self::Profile | Self::UnknownProfile => None,
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
            Self::Healthy | Self::Ready | Self::Metrics | Self::Profile | Self::UnknownProfile | Self::Page => false,
        }
    }
}

impl Route {
    /// Who answers, or the answer where nobody does.
    pub(super) fn handler(self) -> Result<Handler, Box<Answer>> {
        match self {
            Self::To(handler) => Ok(handler),
            Self::WrongMethod(allowed) => Err(Box::new(answer::wrong_method(allowed))),
            Self::Moved(to) => Err(Box::new(answer::redirect(to))),
            Self::Nowhere => Err(Box::new(answer::not_found())),
        }
    }
}

/// Finds who answers. Probes, metrics and profiles do not look at the method.
pub(super) fn route(method: &Method, path: &str, has_viewer: bool) -> Route {
    match path {
        "/-/healthy" => return Route::To(Handler::Healthy),
        "/-/ready" => return Route::To(Handler::Ready),
        "/metrics" => return Route::To(Handler::Metrics),
        "/debug/pprof/profile" => return Route::To(Handler::Profile),
        _ if path.starts_with(PROFILES) => return Route::To(Handler::UnknownProfile),
        _ if has_viewer => {}
        _ => return Route::Nowhere,
    }
    if method == Method::OPTIONS && path.starts_with("/api/v1/") {
        return Route::To(Handler::Options);
    }
    let page = PAGES.iter().map(|page| (*page, Handler::Page));
    for (known, handler) in page.chain(API) {
        let marks = handler == Handler::Mark;
        let (allowed, methods) = if marks { (Method::POST, "OPTIONS, POST") } else { (Method::GET, "GET, OPTIONS") };
        if path == known {
            return if *method == allowed { Route::To(handler) } else { Route::WrongMethod(methods) };
        }
        // A slash too many is forgiven, as in the reference.
        if path.strip_suffix('/') == Some(known) && *method == Method::GET {
            return Route::Moved(known);
        }
    }
    Route::Nowhere
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_viewer_there_are_probes_metrics_and_profiles_only() {
        for path in ["/-/healthy", "/-/ready", "/metrics", "/debug/pprof/profile", "/debug/pprof/heap"] {
            assert!(matches!(route(&Method::DELETE, path, false), Route::To(_)), "{path}");
        }
        for path in ["/", "/loaded", "/api/v1/blocks", "/debug/pprof", "/debug/fgprof", "/-/healthy/"] {
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
        assert_eq!(route(&Method::GET, "/blocks/", true), Route::Moved("/blocks"));
        assert_eq!(route(&Method::GET, "//", true), Route::Moved("/"));
        assert_eq!(route(&Method::GET, "/api/v1/nonsense", true), Route::Nowhere);
    }
}
