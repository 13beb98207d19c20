//! The built-in policies: components like any other, embedded into the binary with the code that was compiled of them
//! when lithify was built.

macro_rules! component {
    ($file:literal) => {
        include_bytes!(concat!("../../../plugins/dist/", $file, ".wasm"))
    };
}

macro_rules! code {
    ($file:literal) => {
        Prepared(include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".code")))
    };
}

/// Machine code that the build script made of a built-in: a part of this program. Empty where it could not be made.
pub(crate) struct Prepared(&'static [u8]);

impl Prepared {
    pub(crate) fn bytes(&self) -> &'static [u8] {
        self.0
    }
}

/// Name, component and code. Source: `plugins/dist`, built by `lithify plugin build` from `plugins/`.
static BUILTINS: [(&str, &[u8], Prepared); 5] = [
    ("by-resolution", component!("retention"), code!("retention")),
    ("external-labels", component!("grouper"), code!("grouper")),
    ("five-aggregates", component!("downsampler"), code!("downsampler")),
    ("relabel", component!("selector"), code!("selector")),
    ("tsdb", component!("planner"), code!("planner")),
];

/// The component of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static [u8]> {
    BUILTINS.iter().find(|(known, ..)| *known == name).map(|(_, component, _)| *component)
}

/// The code of the component of this name.
pub(crate) fn code(name: &str) -> Option<&'static Prepared> {
    BUILTINS.iter().find(|(known, ..)| *known == name).map(|(.., code)| code)
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, ..)| *name)
}

#[cfg(test)]
mod tests {
    use super::{BUILTINS, Prepared};
    use crate::{engine, native};

    #[test]
    fn every_built_in_comes_with_code_that_this_machine_runs() {
        let runner = engine::runner().unwrap();
        for (name, _, code) in &BUILTINS {
            assert!(native::load_prepared(&runner, code).is_ok(), "{name}");
        }
    }

    #[test]
    fn where_there_is_no_code_none_is_loaded() {
        assert!(native::load_prepared(&engine::runner().unwrap(), &Prepared(&[])).is_err());
    }
}
