//! Which plugin answers as which kind: the structure of `--plugins.config[-file]`.
//!
//! [`Config`] is what was written, [`Settings`] what is used; [`PluginConfig::settings`] is the only way between them.

use std::time::Duration;

use serde::Deserialize;

use crate::{Kind, limits::Limits, rails::RetentionConfig};

/// The whole file. A kind that is not named uses its built-in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Which blocks to look at.
    #[serde(default)]
    pub selector: Option<PluginConfig>,
    /// Which blocks belong together.
    #[serde(default)]
    pub grouper: Option<PluginConfig>,
    /// What to compact.
    #[serde(default)]
    pub planner: Option<PluginConfig>,
    /// What becomes of the samples of a window.
    #[serde(default)]
    pub downsampler: Option<PluginConfig>,
    /// What to let go. Named, the list is all there is; an empty one lets nothing go.
    #[serde(default)]
    pub retention: Option<Vec<RetentionConfig>>,
}

/// One plugin, as it was written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginConfig {
    /// `builtin:NAME`, the path of a component, or `objstore:plugins/DIGEST.wasm`.
    pub plugin: String,
    /// The digest that the component must have, 64 hexadecimal digits.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Handed to the plugin as JSON.
    #[serde(default)]
    pub config: Option<serde_json::Value>,
    /// What it may take.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What happens when it fails: `skip` for retention, `halt` for the others, unless it is said.
    #[serde(default)]
    pub on_error: Option<OnError>,
}

/// Limits, as they were written. What is missing has its default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsConfig {
    /// As in `64MiB`.
    #[serde(default)]
    pub memory: Option<String>,
    /// As in `2e9`.
    #[serde(default)]
    pub fuel: Option<serde_json::Number>,
    /// As in `5s`.
    #[serde(default)]
    pub timeout: Option<String>,
    /// As in `16MiB`.
    #[serde(default)]
    pub answer: Option<String>,
}

/// What happens when a plugin fails or its answer is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The run ends.
    #[default]
    Halt,
    /// Nothing is done: no block is looked at, grouped, planned or let go.
    Skip,
    /// The built-in is asked instead. For planners and downsamplers only.
    Builtin,
}

/// One plugin, ready to be loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `builtin:NAME`, the path of a component, or `objstore:plugins/DIGEST.wasm`.
    pub plugin: String,
    /// The digest that the component must have, hexadecimal. What lies in the bucket always has one.
    pub sha256: Option<String>,
    /// JSON text.
    pub config: String,
    /// What it may take, a call.
    pub limits: Limits,
    /// What happens when it fails.
    pub on_error: OnError,
}

/// How plugins begin that lie in the bucket.
pub(crate) const IN_BUCKET: &str = "objstore:";

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugins configuration: {kind}{entry}.{key}: {message}")]
pub struct ConfigError {
    /// The kind of the entry.
    pub kind: Kind,
    /// Which of several: `[0]` is the first. Empty for a kind that has one.
    pub entry: String,
    /// The key.
    pub key: &'static str,
    /// What is wrong with it, and what is right.
    pub message: String,
}

impl Settings {
    /// A built-in with this configuration and the default limits.
    #[must_use]
    pub fn builtin(name: &str, config: &serde_json::Value) -> Self {
        Self {
            plugin: format!("builtin:{name}"),
            sha256: None,
            config: config.to_string(),
            limits: Limits::default(),
            on_error: OnError::Halt,
        }
    }

    /// The same with the limits and the `on-error` that are usual for a kind.
    #[must_use]
    pub fn usual_for(self, kind: Kind) -> Self {
        Self { limits: Limits::of(kind), on_error: OnError::usual_for(kind), ..self }
    }

    /// The digest that is the name of the component, if it lies in the bucket.
    #[must_use]
    pub fn in_bucket(&self) -> Option<&str> {
        self.sha256.as_deref().filter(|_| self.plugin.starts_with(IN_BUCKET))
    }

    /// Whether it is one of those that come with the program.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.plugin.starts_with("builtin:")
    }
}

impl OnError {
    /// What happens unless it is said.
    fn usual_for(kind: Kind) -> Self {
        match kind {
            Kind::Selector | Kind::Grouper | Kind::Planner | Kind::Downsampler => Self::Halt,
            Kind::Retention => Self::Skip,
        }
    }
}

impl PluginConfig {
    /// Checks what was written.
    ///
    /// # Errors
    /// [`ConfigError`] naming the key.
    pub fn settings(&self, kind: Kind) -> Result<Settings, ConfigError> {
        let wrong = |key, message: String| ConfigError { kind, entry: String::new(), key, message };
        if self.plugin.is_empty() {
            let message = "is empty: want `builtin:NAME`, the path of a component, or `objstore:plugins/DIGEST.wasm`";
            return Err(wrong("plugin", message.into()));
        }
        if let Some(digest) = &self.sha256
            && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(wrong("sha256", format!("{digest:?} has not 64 hexadecimal digits")));
        }
        let sha256 = self.digest().map_err(|(key, message)| wrong(key, message))?;
        let on_error = self.on_error.unwrap_or(OnError::usual_for(kind));
        match (on_error, kind) {
            (OnError::Builtin, Kind::Selector | Kind::Grouper | Kind::Retention) => {
                let message = "`builtin` is for planners and downsamplers only: want `halt` or `skip`";
                return Err(wrong("on-error", message.into()));
            }
            (OnError::Skip, Kind::Downsampler) => {
                let message = "a block cannot be downsampled in part: want `halt` or `builtin`";
                return Err(wrong("on-error", message.into()));
            }
            _ => {}
        }
        if self.config.as_ref().is_some_and(|config| !config.is_object() && !config.is_null()) {
            return Err(wrong("config", "must be a mapping".into()));
        }
        let config = match &self.config {
            Some(config) if !config.is_null() => config.to_string(),
            _ => "{}".to_owned(),
        };
        let limits = self.limits.limits(kind)?;
        Ok(Settings { plugin: self.plugin.clone(), sha256, config, limits, on_error })
    }

    /// The digest that was written, or that is the name of what lies in the bucket; both must be the same.
    fn digest(&self) -> Result<Option<String>, (&'static str, String)> {
        let Some(name) = self.plugin.strip_prefix(IN_BUCKET) else { return Ok(self.sha256.clone()) };
        let digest = name.strip_prefix("plugins/").and_then(|name| name.strip_suffix(".wasm")).unwrap_or_default();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digest.len() != 64 || !digest.bytes().all(is_hex) {
            let message = format!(
                "{name:?} is not how a plugin in the bucket is called: want `plugins/DIGEST.wasm`, DIGEST being the \
                 sha256 that `lithify plugin inspect` prints"
            );
            return Err(("plugin", message));
        }
        match &self.sha256 {
            Some(pin) if !pin.eq_ignore_ascii_case(digest) => {
                Err(("sha256", format!("{pin} is not the digest in the plugin's name; one of them is wrong")))
            }
            _ => Ok(Some(digest.to_owned())),
        }
    }
}

impl LimitsConfig {
    fn limits(&self, kind: Kind) -> Result<Limits, ConfigError> {
        let default = Limits::of(kind);
        let wrong = |key, message| ConfigError { kind, entry: String::new(), key, message };
        let bytes = |key, text: &Option<String>, default: usize| match text {
            None => Ok(default),
            Some(text) => size(text).filter(|bytes| *bytes > 0).ok_or_else(|| {
                let message = format!("{text:?} is no size: want a whole number with B, KiB, MiB or GiB");
                wrong(key, message)
            }),
        };
        let timeout = match &self.timeout {
            None => default.timeout,
            Some(text) => duration(text).filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
                let message = format!("{text:?} is no duration: want a whole number with ms, s, m, h or d");
                wrong("limits.timeout", message)
            })?,
        };
        let fuel = match &self.fuel {
            None => default.fuel,
            Some(number) => whole(number).filter(|fuel| *fuel > 0).ok_or_else(|| {
                let message = format!("{number} is not a whole number above zero");
                wrong("limits.fuel", message)
            })?,
        };
        let memory_bytes = bytes("limits.memory", &self.memory, default.memory_bytes)?;
        let answer_bytes = bytes("limits.answer", &self.answer, default.answer_bytes)?;
        Ok(Limits { memory_bytes, fuel, timeout, answer_bytes })
    }
}

/// A number with a unit that is one of `units`.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

pub(crate) fn size(text: &str) -> Option<usize> {
    let units = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    usize::try_from(with_unit(text, &units)?).ok()
}

pub(crate) fn duration(text: &str) -> Option<Duration> {
    with_unit(text, &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)])
        .map(Duration::from_millis)
}

/// A whole number, however it was written: `2e9` is one.
fn whole(number: &serde_json::Number) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked right before")]
    let from_float = || number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=EXACT).contains(f)).map(|f| f as u64);
    number.as_u64().or_else(from_float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind: Kind, text: &str) -> Result<Settings, String> {
        let config: PluginConfig = serde_json::from_str(text).map_err(|error| error.to_string())?;
        config.settings(kind).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_that_can_be_said_of_a_plugin_is_used() {
        let text = r#"{
            "plugin": "./urgent-first.wasm", "config": {"label": "tenant"}, "on-error": "builtin",
            "limits": {"memory": "64MiB", "fuel": 2e9, "timeout": "5s", "answer": "512KiB"}
        }"#;
        let settings = settings(Kind::Planner, text).unwrap();
        assert_eq!(settings.config, r#"{"label":"tenant"}"#);
        assert_eq!(settings.on_error, OnError::Builtin);
        let limits = Limits {
            memory_bytes: 64 << 20,
            fuel: 2_000_000_000,
            timeout: Duration::from_secs(5),
            answer_bytes: 512 << 10,
        };
        assert_eq!(settings.limits, limits);
    }

    #[test]
    fn a_plugin_in_the_bucket_is_pinned_by_its_name() {
        let digest = "5f1c".repeat(16);
        let written = |name: &str, more: &str| format!(r#"{{"plugin": "objstore:{name}"{more}}}"#);
        let name = format!("plugins/{digest}.wasm");
        for more in [String::new(), format!(r#", "sha256": "{}""#, digest.to_uppercase())] {
            let settings = settings(Kind::Planner, &written(&name, &more)).unwrap();
            assert_eq!(settings.in_bucket(), Some(digest.as_str()));
        }
        let path = format!(r#"{{"plugin": "./{name}", "sha256": "{digest}"}}"#);
        assert_eq!(settings(Kind::Planner, &path).unwrap().in_bucket(), None);
        let other = format!(r#", "sha256": "{}""#, "0".repeat(64));
        let error = settings(Kind::Planner, &written(&name, &other)).unwrap_err();
        assert!(error.contains("is not the digest in the plugin's name"), "{error}");
        let wrong = [
            "",
            "plugins/x.wasm",
            "plugins/../secret.wasm",
            &name.to_uppercase(),
            &format!("more/{name}"),
            &name[..70],
        ];
        for name in wrong {
            let error = settings(Kind::Planner, &written(name, "")).unwrap_err();
            assert!(error.contains("planner.plugin") && error.contains("want `plugins/DIGEST.wasm`"), "{error}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let settings = settings(Kind::Grouper, r#"{"plugin": "builtin:external-labels"}"#).unwrap();
        assert_eq!(settings, Settings::builtin("external-labels", &serde_json::json!({})));
        assert_eq!(serde_json::from_str::<Config>("{}").unwrap(), Config::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        let check = |text: &str, message: &str| {
            let error = settings(Kind::Selector, text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        };
        check(r#"{"plugin": ""}"#, "selector.plugin: is empty");
        check(r#"{"plugin": "a", "sha256": "5f1c"}"#, r#"selector.sha256: "5f1c" has not 64 hexadecimal digits"#);
        check(
            r#"{"plugin": "a", "on-error": "builtin"}"#,
            "selector.on-error: `builtin` is for planners and downsamplers only",
        );
        check(r#"{"plugin": "a", "on-error": "ignore"}"#, "unknown variant `ignore`");
        check(r#"{"plugin": "a", "config": [1]}"#, "selector.config: must be a mapping");
        check(r#"{"plugin": "a", "limits": {"memory": "64MB"}}"#, r#"selector.limits.memory: "64MB" is no size"#);
        check(r#"{"plugin": "a", "limits": {"memory": "99999999999GiB"}}"#, "is no size");
        check(r#"{"plugin": "a", "limits": {"timeout": "0s"}}"#, r#"selector.limits.timeout: "0s" is no duration"#);
        check(r#"{"plugin": "a", "limits": {"fuel": 1.5}}"#, "selector.limits.fuel: 1.5 is not a whole number");
        check(r#"{"plugin": "a", "limit": {}}"#, "unknown field `limit`");
        check("{}", "missing field `plugin`");
    }
}
