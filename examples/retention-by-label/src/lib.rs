//! A retention rule as a stranger would write it: how long a block is kept depends on the value of one of its external
//! labels, such as the tenant. Values that are not named are kept for ever.
#![no_std]
extern crate alloc;
#[cfg(not(target_family = "wasm"))]
extern crate std as _;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use lithify_sdk::{
    Block, Context, Deletion, Error, Policy, Retention, Why,
    json::{Object, Value},
};

lithify_sdk::export!(include_bytes!("../manifest.json"), retention: ByLabel);

const DAY_MS: i64 = 86_400_000;

/// The rule, with its configuration.
pub struct ByLabel {
    /// The label that decides.
    pub label: String,
    /// Days that blocks are kept, by value of the label.
    pub days: BTreeMap<String, u32>,
}

impl Policy for ByLabel {
    fn configure(config: &str) -> Result<Self, Error> {
        let mut object = Object::parse(config)?;
        let label = object.take_text("label")?.ok_or_else(|| Error::config("`label` is missing"))?;
        let days = object.take("days").ok_or_else(|| Error::config("`days` is missing"))?;
        object.finish()?;
        let Value::Object(entries) = days else {
            return Err(Error::config("`days` must be a JSON object"));
        };
        let days = entries.into_iter().map(|(value, days)| {
            // A number keeps its text; zero would delete everything of a tenant at once.
            let number = if let Value::Number(text) = &days { text.parse().ok() } else { None };
            match number.filter(|days: &u32| *days > 0) {
                Some(days) => Ok((value, days)),
                None => Err(Error::config(format!("`days.{value}` must be a whole number above zero"))),
            }
        });
        Ok(Self { label, days: days.collect::<Result<_, _>>()? })
    }
}

impl Retention for ByLabel {
    fn evaluate(&self, cx: &Context, blocks: &[Block], why: &mut dyn Why) -> Result<Vec<Deletion>, Error> {
        let mut deletions = Vec::new();
        for (position, block) in (0..).zip(blocks) {
            let Some(label) = block.external_labels.iter().find(|label| label.name == self.label) else { continue };
            let Some(days) = self.days.get(&label.value) else { continue };
            let end = block.max_time.saturating_add(i64::from(*days) * DAY_MS);
            if cx.now <= end {
                if why.enabled() {
                    why.explain(&block.id, "kept", &format!("{}={} is kept for {days} days", label.name, label.value));
                }
                continue;
            }
            let reason = format!("older than the {days} days of {}={}", label.name, label.value);
            deletions.push(Deletion { block: position, rule: "older-than".into(), reason });
        }
        Ok(deletions)
    }
}
