//! Who wrote a deletion mark: what stands in the details of the marks of retention rules from outside, so that they can
//! be told from all others and lifted again.
//!
//! The host's words stand in front and quote what comes from configuration and manifest, so that no reason that a plugin
//! gives can pass for another plugin's mark.
//!
//! Source: `policies.md` 5.

use alloc::{
    format,
    string::{String, ToString},
};

/// The retention rule behind a deletion mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The rule's name in the configuration.
    pub rule: String,
    /// The plugin, as the configuration names it.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// SHA-256 of the component, hexadecimal.
    pub digest: String,
    /// The run.
    pub run: String,
}

const HEAD: &str = "retention rule ";

impl Provenance {
    /// The details of a mark for `why`.
    #[must_use]
    pub fn details(&self, why: &str) -> String {
        let Self { rule, plugin, version, digest, run } = self;
        let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let [rule, plugin, version, digest, run] = [rule, plugin, version, digest, run].map(quoted);
        format!("{HEAD}{rule}, plugin {plugin}, version {version}, sha256 {digest}, run {run}: {why}")
    }

    /// Whose mark has these details, and why it was made; `None` for marks of anybody else.
    #[must_use]
    pub fn read(details: &str) -> Option<(Self, &str)> {
        let rest = details.strip_prefix(HEAD)?;
        let (rule, rest) = quoted(rest)?;
        let (plugin, rest) = quoted(rest.strip_prefix(", plugin ")?)?;
        let (version, rest) = quoted(rest.strip_prefix(", version ")?)?;
        let (digest, rest) = quoted(rest.strip_prefix(", sha256 ")?)?;
        let (run, rest) = quoted(rest.strip_prefix(", run ")?)?;
        let why = rest.strip_prefix(": ")?;
        Some((Self { rule, plugin, version, digest, run }, why))
    }

    /// Whether `name` is what this rule or its plugin is called: the rule's name, the plugin, or the component's digest.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.rule, &self.plugin, &self.digest].iter().any(|own| *own == name)
    }
}

/// The JSON string at the start of `text`, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let first = values.next()?.ok()?;
    let rest = text.get(values.byte_offset()..)?;
    Some((first.as_str()?.to_string(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> Provenance {
        Provenance {
            rule: "acme".into(),
            plugin: "./acme.wasm".into(),
            version: "1.2.3".into(),
            digest: "5f1c".into(),
            run: "01JN".into(),
        }
    }

    #[test]
    fn details_read_as_a_sentence_and_are_read_back() {
        let details = acme().details("age: too old");
        assert_eq!(
            details,
            "retention rule \"acme\", plugin \"./acme.wasm\", version \"1.2.3\", sha256 \"5f1c\", run \"01JN\": age: too old"
        );
        assert_eq!(Provenance::read(&details), Some((acme(), "age: too old")));
        for name in ["acme", "./acme.wasm", "5f1c"] {
            assert!(acme().is_called(name), "{name}");
        }
        assert!(!acme().is_called("1.2.3") && !acme().is_called(""));
    }

    #[test]
    fn no_name_and_no_reason_can_pass_for_another_rule() {
        let why = acme().details("x");
        let sly = Provenance { rule: "\", plugin \"b".into(), version: "\": why".into(), ..acme() };
        let details = sly.details(&why);
        assert_eq!(Provenance::read(&details), Some((sly, why.as_str())));
    }

    #[test]
    fn marks_of_others_are_nobodys() {
        for details in [
            "",
            "by hand",
            "source of compacted block",
            "retention rule acme, plugin x",
            "retention rule \"acme\": too old",
            "I think retention rule \"acme\", plugin \"a\", version \"1\", sha256 \"5\", run \"0\": x",
            "retention rule 5, plugin \"a\", version \"1\", sha256 \"5\", run \"0\": x",
        ] {
            assert_eq!(Provenance::read(details), None, "{details}");
        }
    }
}
