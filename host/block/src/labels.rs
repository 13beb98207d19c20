//! External labels: what tells one stream of blocks from another.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
};
use core::fmt;

/// A set of labels, sorted by the bytes of their names, names unique.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// The value of `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Name and value, by the bytes of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: ToString, V: ToString> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }
}

impl fmt::Display for Labels {
    /// As Prometheus writes label sets: `{cluster="eu1", replica="a"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_read_as_prometheus_writes_them() {
        let labels: Labels = [("replica", "a"), ("cluster", "eu\"1")].into_iter().collect();
        assert_eq!(labels.to_string(), r#"{cluster="eu\"1", replica="a"}"#);
        assert_eq!(labels.get("replica"), Some("a"));
    }
}
