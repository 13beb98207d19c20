//! A label set that rules work on.
//!
//! The order in which labels are visited shows where `labelmap` gives two labels one name, so it is kept as the reference
//! has it: first those of the block that were not touched, then what rules set, in the order of setting.
//!
//! Source: Prometheus model/labels (`Builder`).

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use lithify_sdk::{Label, LabelSet};

/// Labels that rules read and write.
pub(crate) struct Labels {
    /// As the block has them, sorted; `None` where a rule deleted or replaced one.
    own: Vec<Option<Label>>,
    set: Vec<Label>,
}

impl Labels {
    pub(crate) fn new(set: LabelSet) -> Self {
        Self { own: set.labels.into_iter().map(Some).collect(), set: Vec::new() }
    }

    /// The value of a label, empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.iter().find(|label| label.name == name).map_or("", |label| &label.value)
    }

    /// Sets a label; an empty value deletes it.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return self.delete(name);
        }
        match self.set.iter_mut().find(|label| label.name == name) {
            Some(label) => label.value = value,
            None => {
                self.delete(name);
                self.set.push(Label { name: name.to_owned(), value });
            }
        }
    }

    pub(crate) fn delete(&mut self, name: &str) {
        self.set.retain(|label| label.name != name);
        for label in &mut self.own {
            if label.as_ref().is_some_and(|label| label.name == name) {
                *label = None;
            }
        }
    }

    /// Names and values as they stand now.
    pub(crate) fn snapshot(&self) -> Vec<(String, String)> {
        self.iter().map(|label| (label.name.to_string(), label.value.to_string())).collect()
    }

    /// What is left, sorted.
    pub(crate) fn finish(self) -> LabelSet {
        let mut labels: Vec<Label> = self.own.into_iter().flatten().chain(self.set).collect();
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        LabelSet { labels }
    }

    fn iter(&self) -> impl Iterator<Item = &Label> {
        self.own.iter().flatten().chain(&self.set)
    }
}
