//! Is the process ready, is it healthy? For probes over HTTP and for the gauge `thanos_status`.
//!
//! Source: compactor specification 2.1 and 11.1; thanos pkg/prober.

use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::{IntGaugeVec, Opts, Registry};

/// Both are false at the start.
#[derive(Debug)]
pub struct Probe {
    ready: AtomicBool,
    healthy: AtomicBool,
    status: IntGaugeVec,
}

impl Probe {
    /// A probe whose gauge has the label `component`.
    ///
    /// # Errors
    /// When `registry` has a family `thanos_status` already.
    pub fn new(component: &str, registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Represents status (0 indicates failure, 1 indicates success) of the component.";
        let status =
            IntGaugeVec::new(Opts::new("thanos_status", help).const_label("component", component), &["check"])?;
        registry.register(Box::new(status.clone()))?;
        let probe = Self { ready: AtomicBool::new(false), healthy: AtomicBool::new(false), status };
        probe.set("ready", &probe.ready, false);
        probe.set("healthy", &probe.healthy, false);
        Ok(probe)
    }

    /// Set-up is complete.
    pub fn ready(&self) {
        if !self.set("ready", &self.ready, true) {
            tracing::info!(status = "ready", "changing probe status");
        }
    }

    /// The process is going to end, because of `reason` if there is an error.
    pub fn not_ready(&self, reason: Option<&str>) {
        if self.set("ready", &self.ready, false) {
            tracing::warn!(status = "not-ready", reason, "changing probe status");
        }
    }

    /// The HTTP server answers.
    pub fn healthy(&self) {
        if !self.set("healthy", &self.healthy, true) {
            tracing::info!(status = "healthy", "changing probe status");
        }
    }

    /// The HTTP server has ended, because of `reason` if there is an error.
    pub fn not_healthy(&self, reason: Option<&str>) {
        if self.set("healthy", &self.healthy, false) {
            tracing::info!(status = "not-healthy", reason, "changing probe status");
        }
    }

    /// Whether set-up is complete and the end has not begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether the server answers.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Returns what it was before.
    fn set(&self, check: &str, state: &AtomicBool, now: bool) -> bool {
        self.status.with_label_values(&[check]).set(i64::from(now));
        state.swap(now, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;

    use super::*;

    fn text(registry: &Registry) -> String {
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn the_gauge_is_there_from_the_start_and_follows() {
        let registry = Registry::new();
        let probe = Probe::new("compact", &registry).unwrap();
        let gauge = |ready, healthy| {
            format!(
                "thanos_status{{check=\"healthy\",component=\"compact\"}} {healthy}\n\
                 thanos_status{{check=\"ready\",component=\"compact\"}} {ready}\n"
            )
        };
        assert!(text(&registry).ends_with(&gauge(0, 0)));
        probe.ready();
        probe.healthy();
        assert!(text(&registry).ends_with(&gauge(1, 1)) && probe.is_ready() && probe.is_healthy());
        probe.not_ready(None);
        assert!(text(&registry).ends_with(&gauge(0, 1)) && !probe.is_ready());
        probe.not_healthy(Some("why"));
        assert!(text(&registry).ends_with(&gauge(0, 0)) && !probe.is_healthy());
    }

    #[test]
    fn two_probes_in_one_registry_are_refused() {
        let registry = Registry::new();
        let _first = Probe::new("compact", &registry).unwrap();
        assert!(Probe::new("compact", &registry).is_err());
    }
}
