//! The entries of `retention:` in the configuration: a plugin like others, and what bounds it.
//!
//! Source: design.md 4, `policies.md` 5.

use std::{collections::BTreeMap, sync::Arc};

use lithify_block::{
    Labels,
    rails::{Mode, Rails, RetentionRule, Share},
};
use serde::Deserialize;

use crate::{
    ConfigError, Kind, OnError, PluginConfig, Settings,
    config::{LimitsConfig, duration, size},
    policies::Asked,
};

/// One retention rule, as it was written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RetentionConfig {
    /// What it is called in logs, reports and marks; the plugin's name if there is none.
    #[serde(default)]
    pub name: Option<String>,
    /// `builtin:NAME` or the path of a component.
    pub plugin: String,
    /// The digest that the component must have. Required unless the plugin is built in or in the shadow: another file
    /// under the same name must not delete anything.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Handed to the plugin as JSON.
    #[serde(default)]
    pub config: Option<serde_json::Value>,
    /// What it may take.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What happens when it fails.
    #[serde(default)]
    pub on_error: Option<OnError>,
    /// Whether its answers count.
    #[serde(default)]
    pub mode: ModeConfig,
    /// Whether it only agrees or disagrees with what others propose.
    #[serde(default)]
    pub veto: bool,
    /// What bounds it.
    #[serde(default)]
    pub rails: RailsConfig,
}

/// Whether answers are acted on, as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeConfig {
    /// They are.
    #[default]
    Enforce,
    /// They are reported.
    Shadow,
}

/// Bounds, as they were written. What is missing is not bounded for a built-in, and has its default for a plugin from
/// outside ([`Rails::foreign`]).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RailsConfig {
    /// Most blocks a run.
    #[serde(default)]
    pub max_blocks: Option<u64>,
    /// Most bytes a run, as in `100GiB`.
    #[serde(default)]
    pub max_bytes: Option<String>,
    /// Largest share of the bucket's blocks, and of its bytes, as in `5%`.
    #[serde(default)]
    pub max_share: Option<String>,
    /// Largest share of the blocks of any one set of labels, as in `25%`.
    #[serde(default)]
    pub max_label_set_share: Option<String>,
    /// Most blocks within seven days.
    #[serde(default)]
    pub max_blocks_per_week: Option<u64>,
    /// Most bytes within seven days.
    #[serde(default)]
    pub max_bytes_per_week: Option<String>,
    /// Largest share of the bucket's blocks, and of its bytes, within seven days.
    #[serde(default)]
    pub max_share_per_week: Option<String>,
    /// The external label whose values are asked about one by one, each with bounds of its own.
    #[serde(default)]
    pub tenant_label: Option<String>,
    /// No younger block, as in `30d`.
    #[serde(default)]
    pub min_age: Option<String>,
    /// No younger raw block.
    #[serde(default)]
    pub min_raw_age: Option<String>,
    /// Shortest time between mark and deletion, as in `48h`.
    #[serde(default)]
    pub delete_delay_floor: Option<String>,
    /// No raw block without older coarser ones that cover it.
    #[serde(default)]
    pub require_coverage: bool,
    /// Sets of labels whose blocks never go.
    #[serde(default)]
    pub legal_hold: Vec<BTreeMap<String, String>>,
}

/// A retention rule that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionChoice {
    /// What it is called.
    pub name: String,
    /// The plugin.
    pub settings: Settings,
    /// Whether its answers count.
    pub mode: Mode,
    /// Whether it only agrees or disagrees.
    pub veto: bool,
    /// What bounds it.
    pub rails: Rails,
}

impl RetentionChoice {
    /// A built-in that counts and is not bounded, as in the reference.
    #[must_use]
    pub fn builtin(name: &str, config: &serde_json::Value) -> Self {
        let settings = Settings::builtin(name, config).usual_for(Kind::Retention);
        // Its failure is ours: it must not look like a rule that lets nothing go.
        let settings = Settings { on_error: OnError::Halt, ..settings };
        Self { name: settings.plugin.clone(), settings, mode: Mode::Enforce, veto: false, rails: Rails::default() }
    }

    /// The rule, once its plugin is loaded.
    pub(crate) fn with(&self, asked: Asked) -> RetentionRule {
        let loaded = asked.loaded();
        RetentionRule {
            name: self.name.clone(),
            plugin: loaded.plugin,
            version: loaded.manifest.version,
            digest: loaded.digest,
            policy: Arc::new(asked),
            mode: self.mode,
            veto: self.veto,
            rails: self.rails.clone(),
        }
    }
}

impl RetentionConfig {
    /// Checks what was written in the entry at `position`.
    ///
    /// # Errors
    /// [`ConfigError`] naming entry and key.
    pub fn choice(&self, position: usize) -> Result<RetentionChoice, ConfigError> {
        let kind = Kind::Retention;
        let entry = || format!("[{position}]");
        let plugin = PluginConfig {
            plugin: self.plugin.clone(),
            sha256: self.sha256.clone(),
            config: self.config.clone(),
            limits: self.limits.clone(),
            on_error: self.on_error,
        };
        let settings = plugin.settings(kind).map_err(|error| ConfigError { entry: entry(), ..error })?;
        let wrong = |key, message: String| ConfigError { kind, entry: entry(), key, message };
        let mode = match self.mode {
            ModeConfig::Enforce => Mode::Enforce,
            ModeConfig::Shadow => Mode::Shadow,
        };
        if mode == Mode::Enforce && !settings.is_builtin() && settings.sha256.is_none() {
            let message = "is required before a plugin may let blocks go: `lithify plugin inspect` prints it; \
                           `mode: shadow` does without";
            return Err(wrong("sha256", message.into()));
        }
        let name = self.name.clone().unwrap_or_else(|| self.plugin.clone());
        if name.is_empty() || name.len() > 64 && self.name.is_some() || name.chars().any(char::is_control) {
            return Err(wrong("name", "must have 1 to 64 bytes and no control characters".into()));
        }
        let start = if settings.is_builtin() { Rails::default() } else { Rails::foreign() };
        let rails = self.rails.over(start).map_err(|(key, message)| wrong(key, message))?;
        Ok(RetentionChoice { name, settings, mode, veto: self.veto, rails })
    }
}

impl RailsConfig {
    /// What is written here, and `start` for what is not.
    fn over(&self, start: Rails) -> Result<Rails, (&'static str, String)> {
        let age = |key, text: &Option<String>, start| match text {
            None => Ok(start),
            Some(text) => milliseconds(text)
                .map(Some)
                .ok_or_else(|| (key, format!("{text:?} is no duration: want a whole number with ms, s, m, h or d"))),
        };
        let share = |key, text: &Option<String>, start| match text {
            None => Ok(start),
            Some(text) => percent(text)
                .map(Some)
                .ok_or_else(|| (key, format!("{text:?} is no share: want 0% to 100%, with at most two decimals"))),
        };
        let bytes = |key, text: &Option<String>, start| match text {
            None => Ok(start),
            Some(text) => size(text)
                .map(|bytes| Some(bytes as u64))
                .ok_or_else(|| (key, format!("{text:?} is no size: want a whole number with B, KiB, MiB or GiB"))),
        };
        if self.tenant_label.as_ref().is_some_and(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(("rails.tenant-label", "must be the name of an external label".to_owned()));
        }
        Ok(Rails {
            blocks_max: self.max_blocks.or(start.blocks_max),
            bytes_max: bytes("rails.max-bytes", &self.max_bytes, start.bytes_max)?,
            share_max: share("rails.max-share", &self.max_share, start.share_max)?,
            week_blocks_max: self.max_blocks_per_week.or(start.week_blocks_max),
            week_bytes_max: bytes("rails.max-bytes-per-week", &self.max_bytes_per_week, start.week_bytes_max)?,
            week_share_max: share("rails.max-share-per-week", &self.max_share_per_week, start.week_share_max)?,
            tenant_label: self.tenant_label.clone().or(start.tenant_label),
            set_share_max: share("rails.max-label-set-share", &self.max_label_set_share, start.set_share_max)?,
            age_min_ms: age("rails.min-age", &self.min_age, start.age_min_ms)?,
            raw_age_min_ms: age("rails.min-raw-age", &self.min_raw_age, start.raw_age_min_ms)?,
            delete_delay_floor_ms: age(
                "rails.delete-delay-floor",
                &self.delete_delay_floor,
                start.delete_delay_floor_ms,
            )?,
            coverage_required: self.require_coverage || start.coverage_required,
            legal_hold: self.legal_hold.iter().map(|set| Labels(set.clone())).collect(),
        })
    }
}

fn milliseconds(text: &str) -> Option<i64> {
    i64::try_from(duration(text)?.as_millis()).ok()
}

/// `5%` and `0.25%`.
fn percent(text: &str) -> Option<Share> {
    let number = text.strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let tenths = if part.len() == 1 { 10 } else { 1 };
    let hundredths = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part.parse::<u32>().ok()? * tenths)?;
    (hundredths <= 10_000).then_some(Share(hundredths))
}

#[cfg(test)]
mod tests;
