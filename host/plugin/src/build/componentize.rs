//! From a core module to a component.

use std::fmt;

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap, WorldId};

use super::BuildError;
use crate::{
    Manifest, ManifestError,
    manifest::{INTERFACE, SECTION},
};

/// The WIT folder of this host.
const WIT: [(&str, &str); 9] = [
    ("types.wit", include_str!("../../../../wit/0.1.0/types.wit")),
    ("host.wit", include_str!("../../../../wit/0.1.0/host.wit")),
    ("plugin.wit", include_str!("../../../../wit/0.1.0/plugin.wit")),
    ("selector.wit", include_str!("../../../../wit/0.1.0/selector.wit")),
    ("grouper.wit", include_str!("../../../../wit/0.1.0/grouper.wit")),
    ("planner.wit", include_str!("../../../../wit/0.1.0/planner.wit")),
    ("downsampler.wit", include_str!("../../../../wit/0.1.0/downsampler.wit")),
    ("retention.wit", include_str!("../../../../wit/0.1.0/retention.wit")),
    ("worlds.wit", include_str!("../../../../wit/0.1.0/worlds.wit")),
];

/// Wraps a module with a `lithify:manifest` section into a component that exports the kinds of the manifest.
///
/// # Errors
/// [`BuildError::Manifest`] without a usable manifest, [`BuildError::Component`] if exports are missing or imports are
/// not the host's.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let manifest = Manifest::from_json(section(module)?)?;
    let (resolve, world) = world(&manifest)?;
    let mut module = without_worlds(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(wrong)?;
    ComponentEncoder::default().module(&module).and_then(|encoder| encoder.validate(true).encode()).map_err(wrong)
}

/// With what led to it: the alternate form prints the chain.
fn wrong(error: impl fmt::Display) -> BuildError {
    BuildError::Component(format!("{error:#}"))
}

/// The manifest's section.
fn section(module: &[u8]) -> Result<&[u8], BuildError> {
    let mut found = None;
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CustomSection(section) = payload.map_err(wrong)?
            && section.name() == SECTION
            && found.replace(section.data()).is_some()
        {
            return Err(ManifestError::Twice.into());
        }
    }
    Ok(found.ok_or(ManifestError::Missing)?)
}

/// The world that includes those of the manifest's kinds.
fn world(manifest: &Manifest) -> Result<(Resolve, WorldId), BuildError> {
    let mut sources = SourceMap::default();
    for (name, text) in WIT {
        sources.push_str(name, text);
    }
    let package = sources.parse().map_err(|(_, error)| wrong(error))?;
    let mut resolve = Resolve::default();
    resolve.push_group(package).map_err(wrong)?;
    let mut text = String::from("package lithify:guest;\nworld guest {\n");
    for kind in &manifest.kinds {
        text.push_str(&format!("include lithify:policy/{kind}-plugin@{INTERFACE};\n"));
    }
    text.push('}');
    let guest = resolve.push_source("guest.wit", &text).map_err(wrong)?;
    let world = resolve.select_world(&[guest], Some("guest")).map_err(wrong)?;
    Ok((resolve, world))
}

/// The module without the worlds that bindings left in it: the manifest says which one counts.
fn without_worlds(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let mut kept = module.get(..8).unwrap_or_default().to_vec();
    let mut end = kept.len();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.map_err(wrong)?;
        let Some((_, range)) = payload.as_section() else { continue };
        let bindings =
            matches!(&payload, Payload::CustomSection(custom) if custom.name().starts_with("component-type"));
        if !bindings {
            kept.extend_from_slice(module.get(end..range.end).unwrap_or_default());
        }
        end = range.end;
    }
    Ok(kept)
}
