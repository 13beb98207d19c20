//! The HTTP server beside a run: it starts before the first sync and ends after the last.
//!
//! Source: compactor specification 2.1.

use std::sync::Arc;

use lithify_compactor::{Context, Refresh, Views};
use prometheus::Registry;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::{HttpConfig, WebConfig};
use crate::http::{Gate, HttpMetrics, ListenError, Server, Site, Viewer, ViewerConfig, WebFileError};
use crate::probe::Probe;
use crate::traces::Tracer;

/// The server of a run that is going on.
pub struct Serving {
    probe: Arc<Probe>,
    shut_down: oneshot::Sender<()>,
    server: JoinHandle<()>,
    refresher: Option<JoinHandle<()>>,
}

/// The server cannot start.
#[derive(Debug, Error)]
pub enum ServingError {
    /// Two families of one name.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The file of `--http.config`.
    #[error(transparent)]
    WebFile(#[from] WebFileError),
    /// The address.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Serving {
    /// Listens, answers from now on, and says that the process is ready. With a viewer the syncs of `cx` publish what
    /// they learn, and the whole bucket is looked at now and then until `cx` is told to stop. Requests to the API are
    /// traced by `tracer`.
    ///
    /// # Errors
    /// [`ServingError`]; the process then ends with status 1.
    pub async fn start(
        config: &HttpConfig,
        cx: &mut Context,
        registry: Registry,
        tracer: Option<Arc<Tracer>>,
    ) -> Result<Self, ServingError> {
        let probe = Arc::new(Probe::new("compact", &registry)?);
        let mut refresh = None;
        let viewer = match &config.web {
            None => None,
            Some(web) => {
                let views = Arc::new(Views::register(&registry)?);
                cx.views = Some(Arc::clone(&views));
                refresh = Some((Arc::clone(&views), interval(web)));
                let (bucket, ambient) = (Arc::clone(&cx.bucket), Arc::clone(&cx.ambient));
                let metrics = HttpMetrics::register(&registry)?;
                Some(Arc::new(Viewer::new(viewer_config(web), views, bucket, ambient, metrics)))
            }
        };
        let gate = Arc::new(Gate::open(config.config_file.clone(), Arc::clone(&cx.ambient))?);
        let server = Server::bind(&config.address).await?;
        let (shut_down, told) = oneshot::channel::<()>();
        let site = Site { probe: Arc::clone(&probe), registry, viewer, gate, tracer };
        let server = tokio::spawn(server.serve(site, async { told.await.unwrap_or_default() }, config.grace_period));
        probe.healthy();
        probe.ready();
        let refresher = refresh.map(|(views, refresh)| {
            let cx = cx.clone();
            tokio::spawn(async move { views.keep_global_fresh(&cx, refresh).await })
        });
        Ok(Self { probe, shut_down, server, refresher })
    }

    /// Not ready any more; open connections get their grace period; then not healthy.
    pub async fn end(self) {
        self.probe.not_ready(None);
        if let Some(refresher) = self.refresher {
            // It reads only, so it may end anywhere.
            refresher.abort();
        }
        drop(self.shut_down);
        let ended = self.server.await;
        self.probe.not_healthy(ended.err().map(|error| error.to_string()).as_deref());
    }
}

fn interval(web: &WebConfig) -> Refresh {
    Refresh { interval: web.sync_interval, timeout: web.sync_timeout }
}

fn viewer_config(web: &WebConfig) -> ViewerConfig {
    ViewerConfig {
        label: web.label.clone(),
        admin: !web.disable_admin_operations,
        cors: !web.disable_cors,
        external_prefix: web.external_prefix.clone(),
        prefix_header: web.prefix_header.clone(),
        flags: web.flags.clone(),
    }
}
