//! From bytes to a plugin that can be asked: digest, size, manifest, code, imports, kinds, configuration.
//!
//! Source: `policies.md` 4, order of loading.

use std::{
    borrow::Cow,
    fs::File,
    io::Read as _,
    path::Path,
    sync::{Arc, PoisonError},
};

use lithify_block::policy::{Outcome, PolicyError};
use wasmtime::component::{Component, InstancePre, Linker};

use crate::{
    Workshop, builtin,
    config::{IN_BUCKET, Settings},
    digest::sha256,
    engine::Machine,
    limits::COMPONENT_BYTES_MAX,
    manifest::{Kind, Manifest},
    native,
    plugin::Plugin,
    store::{self, Guest, Shared},
};

/// Loads the plugin that `settings` name as a `kind`.
///
/// # Errors
/// [`Outcome::LoadFailed`] with the step that failed, or the outcome of the guest's own `validate`.
pub(crate) fn load(door: &Workshop, kind: Kind, settings: &Settings) -> Result<Plugin, PolicyError> {
    let fail = |outcome, message| PolicyError { plugin: settings.plugin.clone(), kind: kind.name(), outcome, message };
    let refused = |message: String| fail(Outcome::LoadFailed, message);
    let bytes = bytes(door, settings).map_err(refused)?;
    let digest = sha256(&bytes);
    if settings.sha256.as_ref().is_some_and(|pin| !pin.eq_ignore_ascii_case(&digest)) {
        let pin = settings.sha256.as_deref().unwrap_or_default();
        return Err(refused(format!("its digest is {digest}, the configuration pins {pin}")));
    }
    let manifest = Manifest::of_component(&bytes).map_err(|error| refused(error.to_string()))?;
    if !manifest.kinds.contains(&kind) {
        return Err(refused(format!("{:?} does not claim to be a {kind} in its manifest", manifest.name)));
    }
    let component = match prepared(door, &settings.plugin) {
        Some(component) => component,
        None => {
            let machine = door.machine(kind).map_err(|error| refused(error.to_string()))?;
            compiled(door, machine, &digest, &bytes).map_err(|error| refused(format!("{error:#}")))?
        }
    };
    let plugin = Plugin {
        name: settings.plugin.clone(),
        kind,
        manifest,
        digest,
        engine: component.engine().clone(),
        component: link(&component).map_err(|error| refused(format!("{error:#}")))?,
        config: settings.config.clone(),
        limits: settings.limits,
        explain: door.explain,
        shared: Arc::new(Shared::new(&settings.plugin, Arc::clone(&door.metrics))),
        metrics: Arc::clone(&door.metrics),
    };
    probe(&plugin).map_err(refused)?;
    for warning in plugin.validate().map_err(|(outcome, message)| fail(outcome, message))? {
        tracing::warn!(plugin = settings.plugin, "{warning}");
    }
    Ok(plugin)
}

/// The bytes of a built-in, of a file, or of what was brought from the bucket.
fn bytes(door: &Workshop, settings: &Settings) -> Result<Cow<'static, [u8]>, String> {
    let plugin = settings.plugin.as_str();
    if let Some(name) = plugin.strip_prefix("builtin:") {
        let known = || builtin::names().collect::<Vec<_>>().join(", ");
        return match builtin::find(name) {
            Some(builtin) => Ok(Cow::Borrowed(builtin)),
            None => Err(format!("there is no built-in {name:?}; there are: {}", known())),
        };
    }
    if plugin.starts_with(IN_BUCKET) {
        let brought = door.brought.lock().unwrap_or_else(PoisonError::into_inner);
        let found = settings.sha256.as_ref().and_then(|digest| brought.get(&digest.to_ascii_lowercase()));
        let nobody = || "nobody has brought it from the bucket".to_owned();
        return found.cloned().map(Cow::Owned).ok_or_else(nobody);
    }
    let path = Path::new(plugin);
    let trouble = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(trouble)?;
    let mut bytes = Vec::new();
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(trouble)?;
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(format!("{} is larger than {COMPONENT_BYTES_MAX} bytes", path.display()));
    }
    Ok(Cow::Owned(bytes))
}

/// Takes the code of a built-in from this program; `None` for others, and where this processor cannot run it.
fn prepared(door: &Workshop, plugin: &str) -> Option<Component> {
    let code = builtin::code(plugin.strip_prefix("builtin:")?)?;
    match native::load_prepared(&door.runner, code) {
        Ok(component) => {
            door.metrics.update(|snapshot| snapshot.prepared += 1);
            Some(component)
        }
        Err(error) => {
            tracing::info!(
                plugin,
                error = format!("{error:#}"),
                "the code that came with it does not run here: compiling"
            );
            None
        }
    }
}

/// Takes the code from the cache, or compiles and keeps it.
fn compiled(door: &Workshop, machine: &Machine, digest: &str, bytes: &[u8]) -> wasmtime::Result<Component> {
    let Machine { engine, compatibility } = machine;
    let cached = door
        .cache
        .as_ref()
        .and_then(|cache| cache.get(digest, compatibility, |code| native::load(engine, code).ok()).flatten());
    if let Some(component) = cached {
        door.metrics.update(|snapshot| snapshot.cached += 1);
        return Ok(component);
    }
    let component = Component::from_binary(engine, bytes)?;
    door.metrics.update(|snapshot| snapshot.compiled += 1);
    if let Some(cache) = &door.cache
        && let Err(error) = cache.put(digest, compatibility, &component.serialize()?)
    {
        tracing::warn!(%error, "cannot keep compiled code in the data directory: every start compiles anew");
    }
    Ok(component)
}

/// Binds the imports. What is not of this interface does not exist.
fn link(component: &Component) -> wasmtime::Result<InstancePre<Guest>> {
    let mut linker = Linker::new(component.engine());
    store::link(&mut linker)?;
    linker.instantiate_pre(component)
}

/// Claims and exports must agree.
fn probe(plugin: &Plugin) -> Result<(), String> {
    if !plugin.exports("plugin") {
        return Err(format!("it does not export {}", crate::plugin::export("plugin")));
    }
    for kind in Kind::ALL {
        let (claimed, exported) = (plugin.manifest.kinds.contains(&kind), plugin.exports(kind.name()));
        if claimed && !exported {
            let export = crate::plugin::export(kind.name());
            return Err(format!("its manifest claims to be a {kind}, but it does not export {export}"));
        }
        if exported && !claimed {
            return Err(format!("it exports a {kind}, but its manifest does not claim it"));
        }
    }
    Ok(())
}
