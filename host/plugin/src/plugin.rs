//! A plugin that is loaded, and how it is asked: a fresh store, the configuration, one question, a checked answer.

use std::{sync::Arc, time::Duration};

use lithify_block::policy::{Outcome, PolicyError, Reason};
use wasmtime::{
    Engine, Store, Trap,
    component::{ComponentNamedList, Instance, InstancePre, Lift, Lower},
};

use crate::{
    clock, engine,
    limits::{Limits, Meter},
    manifest::{Kind, Manifest},
    metrics::{CallKey, Metrics},
    store::{Guest, Shared, cut},
    wire,
};

/// A component that was read, compiled and probed, with its configuration and limits.
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) manifest: Manifest,
    pub(crate) digest: String,
    pub(crate) engine: Engine,
    pub(crate) component: InstancePre<Guest>,
    pub(crate) config: String,
    pub(crate) limits: Limits,
    pub(crate) explain: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: Arc<Metrics>,
}

/// How a call failed, before the plugin's name is put to it.
pub(crate) type Failure = (Outcome, String);

/// What a guest's function returns.
pub(crate) type Answer<A> = (Result<A, wire::Error>,);

impl Plugin {
    /// Asks one question of a fresh instance; `check` believes nothing.
    ///
    /// # Errors
    /// [`PolicyError`] named after the plugin, whatever went wrong.
    pub(crate) fn ask<Q, A, T>(
        &self,
        run_id: &str,
        function: &str,
        question: Q,
        check: impl FnOnce(A, Vec<Reason>) -> Result<T, String>,
    ) -> Result<T, PolicyError>
    where
        Q: ComponentNamedList + Lower,
        A: Lift + 'static,
        Answer<A>: ComponentNamedList + Lift,
    {
        let start = clock::thread_cpu();
        let mut store = self.store(run_id);
        let result = self.call(&mut store, function, question).and_then(|answer| {
            let reasons = std::mem::take(&mut store.data_mut().reasons);
            check(answer, reasons).map_err(|message| (Outcome::BadAnswer, message))
        });
        self.count(start, &store, result.as_ref().err());
        result.map_err(|failure| self.error(failure))
    }

    /// Counts a call that began at `start`, by the clock of this thread, and ended like this.
    pub(crate) fn count(&self, start: Duration, store: &Store<Guest>, failure: Option<&Failure>) {
        let outcome = failure.map_or(Outcome::Ok, |(outcome, _)| *outcome);
        let fuel = self.limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let key = CallKey { plugin: self.name.clone(), kind: self.kind, outcome };
        self.metrics.call(key, clock::thread_cpu().saturating_sub(start), fuel, store.data().meter.peak);
    }

    pub(crate) fn error(&self, (outcome, message): Failure) -> PolicyError {
        PolicyError { plugin: self.name.clone(), kind: self.kind.name(), outcome, message }
    }

    /// The warnings of the plugin about its configuration.
    pub(crate) fn validate(&self) -> Result<Vec<String>, Failure> {
        let mut store = self.store("");
        let instance = self.instantiate(&mut store)?;
        let warnings: Vec<String> =
            self.function(&mut store, &instance, ("plugin", "validate"), (self.config.as_str(),))?;
        Ok(warnings.iter().take(32).map(|warning| cut(warning)).collect())
    }

    /// Whether the component exports an interface.
    pub(crate) fn exports(&self, interface: &str) -> bool {
        self.component.component().get_export_index(None, export(interface)).is_some()
    }

    fn call<Q, A>(&self, store: &mut Store<Guest>, function: &str, question: Q) -> Result<A, Failure>
    where
        Q: ComponentNamedList + Lower,
        A: Lift + 'static,
        Answer<A>: ComponentNamedList + Lift,
    {
        let instance = self.configured(store)?;
        self.function(store, &instance, (self.kind.name(), function), question)
    }

    /// An instance that has its configuration.
    pub(crate) fn configured(&self, store: &mut Store<Guest>) -> Result<Instance, Failure> {
        let instance = self.instantiate(store)?;
        self.function::<_, ()>(store, &instance, ("plugin", "configure"), (self.config.as_str(),))?;
        Ok(instance)
    }

    /// A store with everything that a call may use.
    pub(crate) fn store(&self, run_id: &str) -> Store<Guest> {
        let guest = Guest {
            meter: Meter::new(self.limits.memory_bytes),
            explain: self.explain,
            reasons: Vec::new(),
            reasons_bytes: 0,
            shared: Arc::clone(&self.shared),
            run_id: run_id.to_owned(),
        };
        let mut store = Store::new(&self.engine, guest);
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(self.limits.answer_bytes);
        self.refill(&mut store);
        store
    }

    /// Fuel and time for one call.
    pub(crate) fn refill(&self, store: &mut Store<Guest>) {
        store.set_fuel(self.limits.fuel).expect("the engine counts fuel");
        store.set_epoch_deadline(engine::ticks(self.limits.timeout));
    }

    pub(crate) fn instantiate(&self, store: &mut Store<Guest>) -> Result<Instance, Failure> {
        self.component.instantiate(&mut *store).map_err(|error| self.failure(store, &error, Outcome::LoadFailed))
    }

    /// Calls a function that answers or says why not.
    pub(crate) fn function<Q, A>(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        place: (&str, &str),
        question: Q,
    ) -> Result<A, Failure>
    where
        Q: ComponentNamedList + Lower,
        A: Lift + 'static,
        Answer<A>: ComponentNamedList + Lift,
    {
        match self.plain_function(store, instance, place, question)? {
            (Ok(answer),) => Ok(answer),
            (Err(refusal),) => Err((Outcome::PluginError, refused(&refusal))),
        }
    }

    /// Calls a function whatever it returns.
    pub(crate) fn plain_function<Q, R>(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        (interface, function): (&str, &str),
        question: Q,
    ) -> Result<R, Failure>
    where
        Q: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift + 'static,
    {
        let missing = |error: wasmtime::Error| (Outcome::LoadFailed, format!("{interface}.{function}: {error:#}"));
        let interface_index = instance
            .get_export_index(&mut *store, None, &export(interface))
            .ok_or_else(|| (Outcome::LoadFailed, format!("it does not export {}", export(interface))))?;
        let index = instance
            .get_export_index(&mut *store, Some(&interface_index), function)
            .ok_or_else(|| (Outcome::LoadFailed, format!("it does not export {interface}.{function}")))?;
        let typed = instance.get_typed_func::<Q, R>(&mut *store, index).map_err(missing)?;
        typed.call(&mut *store, question).map_err(|error| self.failure(store, &error, Outcome::BadAnswer))
    }

    /// What a trap or a failed conversion means. What is no trap is `otherwise`.
    fn failure(&self, store: &Store<Guest>, error: &wasmtime::Error, otherwise: Outcome) -> Failure {
        let limits = &self.limits;
        let guest = store.data();
        let refused_memory = guest.meter.refused.map(|sum| {
            let message = format!("it asked for {sum} bytes of memory, the limit is {}", limits.memory_bytes);
            (Outcome::MemoryLimit, message)
        });
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => (Outcome::OutOfFuel, format!("it used up its fuel of {}", limits.fuel)),
            Some(Trap::Interrupt) => (Outcome::Deadline, format!("it did not answer within {:?}", limits.timeout)),
            // A guest that gets no memory gives up in its own way; the cause is the limit.
            Some(_) if refused_memory.is_some() => refused_memory.unwrap_or((Outcome::MemoryLimit, String::new())),
            Some(Trap::UnreachableCodeReached) => (Outcome::Panic, "it gave up; its log lines may say why".to_owned()),
            Some(trap) => (Outcome::StackOrBounds, trap.to_string()),
            None if refused_memory.is_some() => refused_memory.unwrap_or((Outcome::MemoryLimit, String::new())),
            // wasmtime has no type for this one; a test holds on to its text.
            None if format!("{error:#}").contains("fuel allocated for hostcalls") => {
                let message = format!("its answer is larger than the limit of {} bytes", limits.answer_bytes);
                (Outcome::AnswerTooBig, message)
            }
            None => (otherwise, cut(&format!("{error:#}"))),
        }
    }
}

/// The name of an interface as an export.
pub(crate) fn export(interface: &str) -> String {
    format!("lithify:policy/{interface}@{}", crate::manifest::INTERFACE)
}

/// A plugin's own error as one text.
fn refused(error: &wire::Error) -> String {
    let kind = match error.kind {
        wire::ErrorKind::InvalidConfig => "invalid configuration",
        wire::ErrorKind::InvalidInput => "invalid question",
        wire::ErrorKind::Unsupported => "unsupported",
        wire::ErrorKind::Internal => "internal error",
    };
    let mut text = format!("{kind}: {}", error.message);
    for (name, value) in error.details.iter().take(16) {
        text.push_str(&format!(", {name}={value}"));
    }
    cut(&text)
}
