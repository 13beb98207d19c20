//! The built-in policies: components like any other, embedded into the binary.

/// Name, kind and bytes. Source: `plugins/dist`, built by `lithify plugin build` from `plugins/`.
const BUILTINS: [(&str, &[u8]); 5] = [
    ("by-resolution", include_bytes!("../../../plugins/dist/retention.wasm")),
    ("external-labels", include_bytes!("../../../plugins/dist/grouper.wasm")),
    ("five-aggregates", include_bytes!("../../../plugins/dist/downsampler.wasm")),
    ("relabel", include_bytes!("../../../plugins/dist/selector.wasm")),
    ("tsdb", include_bytes!("../../../plugins/dist/planner.wasm")),
];

/// The component of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static [u8]> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, _)| *name)
}
