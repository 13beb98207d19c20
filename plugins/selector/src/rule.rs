//! One relabelling rule.
//!
//! Source: Prometheus model/relabel (`relabel`).

use alloc::{string::String, vec::Vec};

use lithify_sdk::text::decimal;
use md5::{Digest as _, Md5};

use crate::{case, labels::Labels, re2::Regex};

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets the target label to the replacement if the pattern matches.
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops unless the target label has the joined value.
    KeepEqual,
    /// Drops if the target label has the joined value.
    DropEqual,
    /// Sets the target label to a hash of the joined value, modulo the modulus.
    HashMod,
    /// Copies labels whose names match to the names that the replacement makes of them.
    LabelMap,
    /// Deletes labels whose names match.
    LabelDrop,
    /// Deletes labels whose names do not match.
    LabelKeep,
    /// Sets the target label to the joined value in lower case.
    Lowercase,
    /// Sets the target label to the joined value in upper case.
    Uppercase,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// As configurations name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

/// A rule, already valid.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// The labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What they are joined with.
    pub separator: String,
    /// Matched against the joined value, or against names.
    pub regex: Regex,
    /// For [`Action::HashMod`]; not zero there.
    pub modulus: u64,
    /// The label that is set.
    pub target_label: String,
    /// What it is set to.
    pub replacement: String,
}

/// The pattern that matches everything, for which there is a short cut that can be seen from outside.
pub(crate) const EVERYTHING: &str = "(.*)";

impl Rule {
    /// Applies the rule; `false` if the set is to be dropped.
    pub(crate) fn apply(&self, labels: &mut Labels) -> bool {
        let values: Vec<&str> = self.source_labels.iter().map(|name| labels.get(name)).collect();
        let value = values.join(&self.separator);
        match self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual => return labels.get(&self.target_label) == value,
            Action::DropEqual => return labels.get(&self.target_label) != value,
            Action::Replace => self.replace(labels, &value),
            Action::HashMod => {
                let hash = Md5::digest(value.as_bytes());
                let last = hash.iter().skip(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
                labels.set(&self.target_label, decimal(last.checked_rem(self.modulus).unwrap_or(last)));
            }
            Action::Lowercase => labels.set(&self.target_label, case::lower(&value)),
            Action::Uppercase => labels.set(&self.target_label, case::upper(&value)),
            Action::LabelMap => {
                for (name, value) in labels.snapshot() {
                    if self.regex.is_match(&name) {
                        labels.set(&self.regex.replace_all(&name, &self.replacement), value);
                    }
                }
            }
            Action::LabelDrop | Action::LabelKeep => {
                for (name, _) in labels.snapshot() {
                    if self.regex.is_match(&name) == (self.action == Action::LabelDrop) {
                        labels.delete(&name);
                    }
                }
            }
        }
        true
    }

    fn replace(&self, labels: &mut Labels, value: &str) {
        let plain = |text: &str| !text.contains('$');
        let everything = value.is_empty() && self.regex.pattern() == EVERYTHING;
        if everything && plain(&self.target_label) && plain(&self.replacement) {
            return labels.set(&self.target_label, self.replacement.clone());
        }
        if let Some(captures) = self.regex.captures(value) {
            let target = self.regex.expand(&self.target_label, value, &captures);
            if !target.is_empty() {
                labels.set(&target, self.regex.expand(&self.replacement, value, &captures));
            }
        }
    }
}
