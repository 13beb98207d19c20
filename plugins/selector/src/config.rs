//! From JSON to rules that can be applied.
//!
//! Source: Prometheus model/relabel (`Config.Validate`); names may be any UTF-8 text.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use lithify_sdk::{
    Error,
    json::{Object, Value},
    text::decimal,
};

use crate::{
    re2::Regex,
    rule::{Action, EVERYTHING, Rule},
};

/// Reads rule `number`, counted from 1.
pub(crate) fn rule(number: u64, value: Value) -> Result<Rule, Error> {
    let at = |error: Error| Error::config(["rule ", &decimal(number), ": ", &error.message].concat());
    let mut object = Object::from_value(value, "a rule").map_err(at)?;
    let rule = read(&mut object).map_err(at)?;
    object.finish().map_err(at)?;
    check(&rule).map_err(|message| at(Error::config(message)))?;
    Ok(rule)
}

fn read(object: &mut Object) -> Result<Rule, Error> {
    let mut text =
        |key: &str, default: &str| object.take_text(key).map(|value| value.unwrap_or_else(|| default.to_string()));
    let action = text("action", "replace")?;
    let separator = text("separator", ";")?;
    let pattern = text("regex", EVERYTHING)?;
    let target_label = text("target_label", "")?;
    let replacement = text("replacement", "$1")?;
    let known = Action::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(&action));
    let action = known.ok_or_else(|| Error::config(["unknown relabel action `", &action, "`"].concat()))?;
    let regex = Regex::new(&pattern)
        .map_err(|error| Error::config(["pattern `", &pattern, "`: ", &error.to_text()].concat()))?;
    let source_labels = object.take_list("source_labels")?.unwrap_or_default().into_iter().map(|value| match value {
        Value::Text(text) => Ok(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => {
            Err(Error::config("`source_labels` must be texts"))
        }
    });
    let source_labels = source_labels.collect::<Result<Vec<String>, Error>>()?;
    let modulus = object.take_u64("modulus")?.unwrap_or(0);
    Ok(Rule { action, source_labels, separator, regex, modulus, target_label, replacement })
}

/// What the reference refuses, in its words.
fn check(rule: &Rule) -> Result<(), String> {
    use Action::{
        Drop, DropEqual, HashMod, Keep, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace, Uppercase,
    };
    let action = rule.action.name();
    let no_replacement = rule.replacement == "$1";
    let no_pattern = rule.regex.pattern() == EVERYTHING && rule.modulus == 0 && rule.separator == ";";
    match rule.action {
        HashMod if rule.modulus == 0 => {
            return Err("relabel configuration for hashmod requires non-zero modulus".into());
        }
        Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual if rule.target_label.is_empty() => {
            return Err(["relabel configuration for ", action, " action requires 'target_label' value"].concat());
        }
        Lowercase | Uppercase | KeepEqual | DropEqual if !no_replacement => {
            return Err(["'replacement' can not be set for ", action, " action"].concat());
        }
        LabelMap if rule.replacement.is_empty() => {
            return Err("\"\" is invalid 'replacement' for labelmap action".into());
        }
        KeepEqual | DropEqual if !no_pattern => {
            let fields = " action requires only 'source_labels' and `target_label`, and no other fields";
            return Err([action, fields].concat());
        }
        LabelDrop | LabelKeep => {
            let others = !rule.source_labels.is_empty() || !rule.target_label.is_empty() || rule.modulus != 0;
            if others || rule.separator != ";" || !no_replacement {
                return Err([action, " action requires only 'regex', and no other fields"].concat());
            }
        }
        Replace | Keep | Drop | KeepEqual | DropEqual | HashMod | LabelMap | Lowercase | Uppercase => {}
    }
    Ok(())
}
