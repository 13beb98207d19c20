//! Labels that tell replicas of one stream apart, and how blocks lose them.
//!
//! Source: `thanos-compactor.md` 3.6 F2 and F5.

use std::collections::BTreeSet;

use lithify_block::Labels;

/// The value of the label that a block gets when none is left.
const DEDUPED: &str = "deduped";

/// Names of replica labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaLabels {
    /// As they were given, which is how the selector's rules miss them.
    given: BTreeSet<String>,
    /// Split at commas, in byte order.
    names: BTreeSet<String>,
}

impl ReplicaLabels {
    /// Of the values as they were typed: each a list of names with commas between. Empty values do not count.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let given: BTreeSet<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        let names = given.iter().flat_map(|value| value.split(',')).filter(|name| !name.is_empty());
        let names = names.map(str::to_owned).collect();
        Self { given, names }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What the selector's rules see of `labels`. A value with commas is not split here, as in the reference.
    #[must_use]
    pub fn hidden_from_rules(&self, labels: &Labels) -> Labels {
        Labels(labels.0.iter().filter(|(name, _)| !self.given.contains(*name)).map(own).collect())
    }

    /// Removes all replica labels from `labels` and gives the number of those removed. When none is left, the first
    /// replica label says that the block is deduplicated.
    pub fn remove_from(&self, labels: &mut Labels) -> usize {
        let Some(first) = self.names.first() else { return 0 };
        let before = labels.0.len();
        labels.0.retain(|name, _| !self.names.contains(name));
        let removed = before - labels.0.len();
        if labels.0.is_empty() {
            labels.0.insert(first.clone(), DEDUPED.to_owned());
        }
        removed
    }
}

fn own((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica_labels(values: &[&str]) -> ReplicaLabels {
        ReplicaLabels::new(values.iter().map(ToString::to_string))
    }

    fn removed(values: &[&str], labels: &[(&str, &str)]) -> (String, usize) {
        let mut labels: Labels = labels.iter().copied().collect();
        let count = replica_labels(values).remove_from(&mut labels);
        (labels.to_string(), count)
    }

    #[test]
    fn the_vectors_of_the_specification_hold() {
        let names = &["replica", "rule_replica"];
        assert_eq!(removed(names, &[("message", "m")]), (r#"{message="m"}"#.into(), 0));
        assert_eq!(removed(names, &[("message", "m"), ("replica", "1")]), (r#"{message="m"}"#.into(), 1));
        let three = [("message", "m"), ("replica", "1"), ("rule_replica", "2")];
        assert_eq!(removed(names, &three), (r#"{message="m"}"#.into(), 2));
        let both = [("replica", "1"), ("rule_replica", "2")];
        assert_eq!(removed(names, &both), (r#"{replica="deduped"}"#.into(), 2));
        assert_eq!(removed(&["rule_replica,replica"], &[("replica", "a")]), (r#"{replica="deduped"}"#.into(), 1));
        assert_eq!(removed(names, &[]), (r#"{replica="deduped"}"#.into(), 0));
    }

    #[test]
    fn without_replica_labels_nothing_changes() {
        assert_eq!(removed(&[], &[("replica", "a")]), (r#"{replica="a"}"#.into(), 0));
        assert_eq!(removed(&[""], &[]), ("{}".into(), 0));
    }

    #[test]
    fn a_list_with_commas_stays_visible_to_the_rules() {
        let labels: Labels = [("a", "1"), ("b", "2")].into_iter().collect();
        assert_eq!(replica_labels(&["a,b"]).hidden_from_rules(&labels), labels);
        assert!(replica_labels(&["a", "b"]).hidden_from_rules(&labels).is_empty());
    }
}
