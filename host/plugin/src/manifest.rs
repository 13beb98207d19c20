//! What a component says about itself, read without compiling or running it.
//!
//! Source: `policies.md` 3.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

/// The custom section that holds the manifest.
pub const SECTION: &str = "lithify:manifest";
/// The version of `wit/` that this host speaks.
pub const INTERFACE: &str = "0.1.0";

/// A kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Which blocks to look at.
    Selector,
    /// Which blocks belong together.
    Grouper,
    /// What to compact.
    Planner,
    /// What becomes of the samples of a window.
    Downsampler,
    /// What to let go.
    Retention,
}

impl Kind {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 5] = [Self::Selector, Self::Grouper, Self::Planner, Self::Downsampler, Self::Retention];

    /// The name in the interface, in manifests, in configuration and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Selector => "selector",
            Self::Grouper => "grouper",
            Self::Planner => "planner",
            Self::Downsampler => "downsampler",
            Self::Retention => "retention",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The manifest of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// A short name, as in `urgent-first`.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// SPDX expression.
    #[serde(default)]
    pub licence: String,
    /// Where the source is.
    #[serde(default)]
    pub source: String,
    /// Who wrote it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// The kinds that it exports.
    pub kinds: Vec<Kind>,
    /// The version of the interface that it was built for.
    pub interface: String,
    /// The oldest host that it works with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// JSON Schema of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
    /// What it needs: memory, fuel for a thousand blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<serde_json::Value>,
    /// Cases that `lithify plugin check` runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<serde_json::Value>,
    /// How to use it, for a person.
    #[serde(default)]
    pub usage: String,
}

/// Why a file is no plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not WebAssembly at all, or cut.
    #[error("not a WebAssembly component: {0}")]
    NotWasm(String),
    /// A core module.
    #[error("a WebAssembly module, not a component: build it with `lithify plugin build`")]
    Module,
    /// The section is missing.
    #[error("no `lithify:manifest` section: build the plugin with `lithify plugin build`")]
    Missing,
    /// There are two sections.
    #[error("more than one `lithify:manifest` section")]
    Twice,
    /// The section's content is wrong.
    #[error("bad manifest: {0}")]
    Bad(String),
    /// Made for another interface.
    #[error("the plugin wants interface {wanted}, this host offers {INTERFACE}: get a plugin or a host that fits")]
    Interface {
        /// What the manifest says.
        wanted: String,
    },
}

impl Manifest {
    /// Reads the manifest of a component. Nothing is compiled or run.
    ///
    /// # Errors
    /// [`ManifestError`], whose message says what to do.
    pub fn of_component(bytes: &[u8]) -> Result<Self, ManifestError> {
        let not_wasm = |error: wasmparser::BinaryReaderError| ManifestError::NotWasm(error.to_string());
        let (mut section, mut first) = (None, true);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(not_wasm)?;
            if first && matches!(payload, Payload::Version { encoding: Encoding::Module, .. }) {
                return Err(ManifestError::Module);
            }
            if let Payload::CustomSection(custom) = payload
                && custom.name() == SECTION
                && section.replace(custom.data()).is_some()
            {
                return Err(ManifestError::Twice);
            }
            first = false;
        }
        Self::from_json(section.ok_or(ManifestError::Missing)?)
    }

    /// Reads the JSON text of a manifest.
    ///
    /// # Errors
    /// [`ManifestError::Bad`] and [`ManifestError::Interface`].
    pub fn from_json(text: &[u8]) -> Result<Self, ManifestError> {
        let bad = |message: &str| ManifestError::Bad(message.to_owned());
        let manifest: Self = serde_json::from_slice(text).map_err(|error| ManifestError::Bad(error.to_string()))?;
        if manifest.name.is_empty() || manifest.name.len() > 64 || manifest.name.chars().any(char::is_control) {
            return Err(bad("`name` must have 1 to 64 bytes and no control characters"));
        }
        if manifest.kinds.is_empty() {
            return Err(bad("`kinds` must name at least one kind"));
        }
        let fits = |version: &str| version.split('.').take(2).eq(INTERFACE.split('.').take(2));
        if !fits(&manifest.interface) {
            return Err(ManifestError::Interface { wanted: manifest.interface });
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_is_wrong_with_it() {
        let check = |text: &str, message: &str| {
            let error = Manifest::from_json(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        };
        check("{", "bad manifest");
        check(r#"{"name":"","version":"1","kinds":["planner"],"interface":"0.1.0"}"#, "`name`");
        check(r#"{"name":"a","version":"1","kinds":[],"interface":"0.1.0"}"#, "`kinds`");
        check(r#"{"name":"a","version":"1","kinds":["baker"],"interface":"0.1.0"}"#, "baker");
        check(r#"{"name":"a","version":"1","kinds":["planner"],"interface":"0.2.0"}"#, "wants interface 0.2.0");
        check(r#"{"name":"a","version":"1","kinds":["planner"],"interface":"0.1.0","x":1}"#, "unknown field");
        assert!(Manifest::from_json(br#"{"name":"a","version":"1","kinds":["planner"],"interface":"0.1.7"}"#).is_ok());
    }

    #[test]
    fn what_is_no_component_is_refused() {
        assert_eq!(Manifest::of_component(b"\0asm\x01\0\0\0"), Err(ManifestError::Module));
        assert_eq!(Manifest::of_component(b"\0asm\x0d\0\x01\0"), Err(ManifestError::Missing));
        assert!(matches!(Manifest::of_component(b"#!/bin/sh"), Err(ManifestError::NotWasm(_))));
        assert!(matches!(Manifest::of_component(b""), Err(ManifestError::NotWasm(_))));
    }
}
