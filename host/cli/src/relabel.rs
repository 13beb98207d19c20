//! `--selector.relabel-config`: from Prometheus' YAML to the rules that the selector takes.
//!
//! Source: `thanos-compactor.md` 1.3 and 3.6 F2; Thanos pkg/block/relabel.go, Prometheus model/relabel.

use serde::Deserialize;
use serde_json::{Value, json};

/// Actions that a selector of blocks may use.
const ACTIONS: [&str; 3] = ["keep", "drop", "hashmod"];

/// Why rules are refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelabelError {
    /// The text is no list of rules.
    #[error("{0}")]
    Yaml(String),
    /// An action that relabels instead of selecting. The words are the reference's.
    #[error("unsupported relabel action: {0}")]
    Action(String),
    /// A rule that cannot work.
    #[error("rule {position}: {problem}")]
    Rule {
        /// Position of the rule, from 1.
        position: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// One rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    source_labels: Vec<String>,
    #[serde(default = "semicolon")]
    separator: String,
    #[serde(default = "everything")]
    regex: String,
    #[serde(default)]
    modulus: u64,
    #[serde(default)]
    target_label: String,
    #[serde(default = "first_group")]
    replacement: String,
    #[serde(default = "replace")]
    action: String,
}

fn semicolon() -> String {
    ";".to_owned()
}

fn everything() -> String {
    "(.*)".to_owned()
}

fn first_group() -> String {
    "$1".to_owned()
}

fn replace() -> String {
    "replace".to_owned()
}

/// The selector's configuration, `None` if there are no rules. Patterns are left to the selector.
///
/// # Errors
/// [`RelabelError`] naming the rule.
pub fn parse(yaml: &str) -> Result<Option<Value>, RelabelError> {
    if yaml.trim().is_empty() {
        return Ok(None);
    }
    let rules: Option<Vec<Rule>> = serde_yaml::from_str(yaml).map_err(|error| RelabelError::Yaml(error.to_string()))?;
    let rules = rules.unwrap_or_default();
    for (position, rule) in rules.iter().enumerate() {
        check(position + 1, rule)?;
    }
    let rules: Vec<Value> = rules.iter().map(json_of).collect();
    Ok((!rules.is_empty()).then(|| json!({ "rules": rules })))
}

fn check(position: usize, rule: &Rule) -> Result<(), RelabelError> {
    let action = rule.action.to_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(RelabelError::Action(action));
    }
    let wrong = |problem| Err(RelabelError::Rule { position, problem });
    if action == "hashmod" && rule.modulus == 0 {
        return wrong("relabel configuration for hashmod requires non-zero modulus");
    }
    if action == "hashmod" && rule.target_label.is_empty() {
        return wrong("relabel configuration for hashmod action requires 'target_label' value");
    }
    Ok(())
}

fn json_of(rule: &Rule) -> Value {
    json!({
        "source_labels": rule.source_labels,
        "separator": rule.separator,
        "regex": rule.regex,
        "modulus": rule.modulus,
        "target_label": rule.target_label,
        "replacement": rule.replacement,
        "action": rule.action.to_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rules_is_no_selector() {
        for yaml in ["", " \n", "[]", "# nothing"] {
            assert_eq!(parse(yaml), Ok(None), "{yaml:?}");
        }
    }

    #[test]
    fn a_rule_gets_the_defaults_of_prometheus() {
        let rules = parse("- action: KEEP\n  source_labels: [cluster]\n").unwrap().unwrap();
        assert_eq!(
            rules["rules"][0],
            json!({
                "source_labels": ["cluster"], "separator": ";", "regex": "(.*)", "modulus": 0, "target_label": "",
                "replacement": "$1", "action": "keep",
            })
        );
    }

    #[test]
    fn other_actions_are_refused_in_the_words_of_the_reference() {
        let text = |yaml| parse(yaml).unwrap_err().to_string();
        assert_eq!(text("- action: labeldrop\n  regex: x"), "unsupported relabel action: labeldrop");
        assert_eq!(text("- source_labels: [a]\n  target_label: b"), "unsupported relabel action: replace");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        assert!(matches!(parse("- actoin: keep"), Err(RelabelError::Yaml(_))));
        assert!(matches!(parse("keep"), Err(RelabelError::Yaml(_))));
        assert!(matches!(parse("- action: hashmod\n  target_label: x"), Err(RelabelError::Rule { position: 1, .. })));
    }
}
