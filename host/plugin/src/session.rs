//! Many questions to one instance: a downsampler is asked batch after batch, and its memory is warm.

use std::sync::Arc;

use lithify_block::policy::{Outcome, PolicyError};
use wasmtime::{
    Store,
    component::{ComponentNamedList, Instance, Lift, Lower},
};

use crate::{
    clock,
    plugin::{Answer, Failure, Plugin},
    store::Guest,
    wire,
};

/// An instance that has its configuration. Each call has fuel and time of its own.
pub(crate) struct Session {
    plugin: Arc<Plugin>,
    /// Gone after the first failure: what a trap left behind is not asked again.
    alive: Option<(Store<Guest>, Instance)>,
    wants_labels: bool,
}

impl Session {
    /// Starts an instance of a downsampler and asks what it wants.
    ///
    /// # Errors
    /// [`PolicyError`] named after the plugin, whatever went wrong.
    pub(crate) fn begin(plugin: &Arc<Plugin>, run_id: &str) -> Result<Self, PolicyError> {
        let mut store = plugin.store(run_id);
        store.data_mut().explain = false; // Nobody reads reasons a batch.
        let start = clock::thread_cpu();
        let begun = plugin.configured(&mut store).and_then(|instance| {
            let place = (plugin.kind.name(), "wanted");
            let (wants,): (wire::Wants,) = plugin.plain_function(&mut store, &instance, place, ())?;
            Ok((instance, wants == wire::Wants::SERIES_LABELS))
        });
        match begun {
            Ok((instance, wants_labels)) => {
                Ok(Self { plugin: Arc::clone(plugin), alive: Some((store, instance)), wants_labels })
            }
            Err(failure) => {
                plugin.count(start, &store, Some(&failure));
                Err(plugin.error(failure))
            }
        }
    }

    pub(crate) fn wants_labels(&self) -> bool {
        self.wants_labels
    }

    /// Asks one question; `check` believes nothing.
    ///
    /// # Errors
    /// [`PolicyError`] named after the plugin, whatever went wrong; the session is over then.
    pub(crate) fn ask<Q, A, T>(
        &mut self,
        function: &str,
        question: Q,
        check: impl FnOnce(A) -> Result<T, String>,
    ) -> Result<T, PolicyError>
    where
        Q: ComponentNamedList + Lower,
        A: Lift + 'static,
        Answer<A>: ComponentNamedList + Lift,
    {
        let plugin = &self.plugin;
        let Some((mut store, instance)) = self.alive.take() else {
            return Err(plugin.error((Outcome::PluginError, "it failed before and is not asked again".to_owned())));
        };
        let start = clock::thread_cpu();
        plugin.refill(&mut store);
        let answer: Result<A, Failure> =
            plugin.function(&mut store, &instance, (plugin.kind.name(), function), question);
        let result = answer.and_then(|answer| check(answer).map_err(|message| (Outcome::BadAnswer, message)));
        plugin.count(start, &store, result.as_ref().err());
        match result {
            Ok(answer) => {
                self.alive = Some((store, instance));
                Ok(answer)
            }
            Err(failure) => Err(plugin.error(failure)),
        }
    }
}
