//! Downsamplers as the compactor sees them: loaded when the first block begins, one instance a thread, and a built-in
//! that stands in if that is wanted.

use std::sync::{Arc, OnceLock};

use lithify_block::{
    BlockId, Labels,
    columns::{Aggregates, Column, HistogramAggregates, HistogramColumn},
    policy::{Aggregator, Context, Downsampler, PolicyError},
};

use crate::{
    Kind, Loaded, OnError, Settings, Workshop, clock, convert, load, plugin::Plugin, policies, session::Session,
    validate,
};

/// A plugin that is loaded when it is first needed. Most runs have nothing to downsample, and compiling it well takes
/// longer than everything else that a start does.
pub(crate) struct Late {
    workshop: Arc<Workshop>,
    settings: Settings,
    plugin: OnceLock<Result<Arc<Plugin>, PolicyError>>,
}

impl Late {
    pub(crate) fn new(workshop: &Arc<Workshop>, settings: &Settings) -> Self {
        Self { workshop: Arc::clone(workshop), settings: settings.clone(), plugin: OnceLock::new() }
    }

    /// The plugin. The second call has the answer of the first.
    ///
    /// # Errors
    /// [`PolicyError`] with the step of loading that failed.
    pub(crate) fn plugin(&self) -> Result<&Arc<Plugin>, PolicyError> {
        let load = || {
            let start = clock::process_cpu();
            let plugin = load::load(&self.workshop, Kind::Downsampler, &self.settings).map(Arc::new);
            let cpu = clock::process_cpu().saturating_sub(start);
            tracing::debug!(plugin = self.settings.plugin, ?cpu, "loaded the downsampler");
            self.workshop.metrics.update(|snapshot| snapshot.late_loading_cpu += cpu);
            plugin
        };
        self.plugin.get_or_init(load).as_ref().map_err(Clone::clone)
    }
}

/// The downsampler of a run.
pub(crate) struct Chosen {
    pub(crate) plugin: Late,
    /// Who is asked when the plugin fails, with [`OnError::Builtin`].
    pub(crate) fallback: Option<Arc<Late>>,
}

impl Chosen {
    pub(crate) fn new(workshop: &Arc<Workshop>, settings: &Settings, builtin: &Settings) -> Self {
        let fallback = (settings.on_error == OnError::Builtin).then(|| Arc::new(Late::new(workshop, builtin)));
        Self { plugin: Late::new(workshop, settings), fallback }
    }

    /// Loads a plugin from outside now, so that what is wrong with it is known before the run does anything.
    ///
    /// # Errors
    /// [`PolicyError`] with the step of loading that failed.
    pub(crate) fn load_foreign(&self) -> Result<Option<Loaded>, PolicyError> {
        let foreign = !self.plugin.settings.is_builtin();
        foreign.then(|| self.plugin.plugin().map(|plugin| policies::loaded(plugin))).transpose()
    }
}

impl Downsampler for Chosen {
    fn begin(&self, cx: &Context, block: BlockId) -> Result<Box<dyn Aggregator>, PolicyError> {
        let begun = self.plugin.plugin().and_then(|plugin| Session::begin(plugin, &cx.run_id));
        let (session, fallback) = match (begun, &self.fallback) {
            (Ok(session), fallback) => (session, fallback.clone()),
            (Err(error), Some(builtin)) => {
                tracing::error!(%error, %block, "policy failed: the built-in is asked in its place");
                (Session::begin(builtin.plugin()?, &cx.run_id)?, None)
            }
            (Err(error), None) => return Err(error),
        };
        Ok(Box::new(Working { cx: cx.clone(), block, session, fallback }))
    }
}

/// An instance at work on a block.
struct Working {
    cx: Context,
    block: BlockId,
    session: Session,
    /// Taken when it stands in: from then on it answers for the rest of the block. What a run becomes depends on no
    /// other run, so each run is still the work of one of them.
    fallback: Option<Arc<Late>>,
}

impl Working {
    fn asked<T>(&mut self, ask: impl Fn(&mut Session, &Context) -> Result<T, PolicyError>) -> Result<T, PolicyError> {
        match (ask(&mut self.session, &self.cx), self.fallback.take()) {
            (Ok(answer), fallback) => {
                self.fallback = fallback;
                Ok(answer)
            }
            (Err(error), Some(builtin)) => {
                let block = self.block;
                tracing::error!(%error, %block, "policy failed: the built-in does the rest of the block");
                let wanted_labels = self.session.wants_labels();
                self.session = Session::begin(builtin.plugin()?, &self.cx.run_id)?;
                if self.session.wants_labels() && !wanted_labels {
                    return Err(error); // The question was put together without them.
                }
                ask(&mut self.session, &self.cx)
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl Aggregator for Working {
    fn wants_labels(&self) -> bool {
        self.session.wants_labels()
    }

    fn raw(&mut self, resolution: i64, labels: &[Labels], rows: &Column) -> Result<Aggregates, PolicyError> {
        self.asked(|session, cx| {
            let question = (convert::context(cx), resolution, convert::label_sets(labels), convert::column(rows));
            session.ask("aggregate-raw", question, |answer| validate::of_raw(answer, rows))
        })
    }

    fn aggregates(&mut self, resolution: i64, labels: &[Labels], rows: &Aggregates) -> Result<Aggregates, PolicyError> {
        self.asked(|session, cx| {
            let question = (convert::context(cx), resolution, convert::label_sets(labels), convert::aggregates(rows));
            session.ask("aggregate-aggregates", question, |answer| validate::of_aggregates(answer, rows))
        })
    }

    fn raw_histograms(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramColumn,
    ) -> Result<HistogramAggregates, PolicyError> {
        self.asked(|session, cx| {
            let labels = convert::label_sets(labels);
            let question = (convert::context(cx), resolution, labels, convert::histogram_column(rows));
            session.ask("aggregate-raw-histograms", question, |answer| validate::of_raw_histograms(answer, rows))
        })
    }

    fn histogram_aggregates(
        &mut self,
        resolution: i64,
        labels: &[Labels],
        rows: &HistogramAggregates,
    ) -> Result<HistogramAggregates, PolicyError> {
        self.asked(|session, cx| {
            let labels = convert::label_sets(labels);
            let question = (convert::context(cx), resolution, labels, convert::histogram_aggregates(rows));
            let function = "aggregate-histogram-aggregates";
            session.ask(function, question, |answer| validate::of_histogram_aggregates(answer, rows))
        })
    }
}
