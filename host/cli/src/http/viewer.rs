//! What the API and the pages are made from.

use std::sync::Arc;

use lithify_block::Rfc3339;
use lithify_bucket::Bucket;
use lithify_compactor::{Ambient, Views};

use super::metrics::HttpMetrics;

/// What the flags say about the viewer and its API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerConfig {
    /// `--bucket-web-label`: the label that titles a row; empty for running numbers.
    pub label: String,
    /// Whether blocks may be marked over HTTP; the opposite of `--disable-admin-operations`.
    pub admin: bool,
    /// Whether scripts of other origins may read the API; the opposite of `--web.disable-cors`.
    pub cors: bool,
    /// `--web.external-prefix`: path that a proxy puts in front; empty for none.
    pub external_prefix: String,
    /// `--web.prefix-header`: request header that tells such a path; empty for none.
    pub prefix_header: String,
    /// The flags of the command with their values, secrets masked, for `/api/v1/status/flags`.
    pub flags: Vec<(String, String)>,
}

/// Everything that the API needs.
pub struct Viewer {
    pub(super) config: ViewerConfig,
    pub(super) views: Arc<Views>,
    pub(super) bucket: Arc<dyn Bucket>,
    pub(super) ambient: Arc<dyn Ambient>,
    pub(super) metrics: HttpMetrics,
    pub(super) started_at: Rfc3339,
}

impl Viewer {
    /// The viewer of a run: `views` is what its syncs publish to, `bucket` takes the marks.
    #[must_use]
    pub fn new(
        config: ViewerConfig,
        views: Arc<Views>,
        bucket: Arc<dyn Bucket>,
        ambient: Arc<dyn Ambient>,
        metrics: HttpMetrics,
    ) -> Self {
        let started_at = ambient.now();
        Self { config, views, bucket, ambient, metrics, started_at }
    }
}
