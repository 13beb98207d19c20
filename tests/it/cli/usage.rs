//! Help, and what is wrong with a command line: exit status, and that the same flag is named in the same words.

use std::{collections::BTreeMap, process::Output};

use serde_json::Value;

use super::{read, untold};
use crate::program::lithify;

/// Cases in which our words differ: the case, what we say, and what README says of it.
const ON_PURPOSE: [(&str, &str, &str); 2] = [
    ("objstore-unknown-key", "nope", "Messages name flags and keys, but not Go types"),
    ("version", "lithify, version ", "The program calls itself `lithify`"),
];

/// Flags of which our help shows another default.
const DEFAULTS: [&str; 0] = [];

fn run(case: &Value) -> Output {
    let work = tempfile::tempdir().unwrap();
    let words = case["cmd"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let mut command = lithify();
    command.args(words).current_dir(work.path()).env_remove("NO_SUCH_VAR");
    command.output().unwrap()
}

/// The text of the reference with the name of our program.
fn ours(text: &Value) -> String {
    text.as_str().unwrap().replace("thanos", "lithify")
}

fn wrong(case: &Value, output: &Output) -> Vec<String> {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    expect(output.status.code().map(i64::from) == case["rc"].as_i64(), format!("status {:?}", output.status));
    expect(output.stdout.is_empty(), "something on standard output".to_owned());
    let last = said.lines().last().unwrap_or_default();
    if let Some((_, words, _)) = ON_PURPOSE.iter().find(|(name, ..)| case["case"] == *name) {
        expect(said.contains(words), format!("{words:?} is not in {said}"));
        let theirs = case.get("first").or_else(|| case["error"].get(0)).unwrap();
        expect(!said.contains(theirs.as_str().unwrap()), "this does not differ any more".to_owned());
        return wrong;
    }
    if !case["line"].is_null() {
        expect(said == format!("{}\n", ours(&case["line"])), said.clone());
    }
    if !case["first"].is_null() {
        expect(said.lines().next() == Some(&ours(&case["first"])), said.clone());
    }
    if !case["text"].is_null() {
        let end = format!("]: {}", case["text"].as_str().unwrap());
        expect(last.starts_with("error parsing commandline arguments: [") && last.ends_with(&end), last.to_owned());
    }
    for line in case["error"].as_array().into_iter().flatten() {
        let words = line.as_str().unwrap().replace('"', "\\\"");
        expect(last.contains(" level=error ") && last.contains(&words), last.to_owned());
    }
    for flag in case["flags"].as_array().into_iter().flatten() {
        let found = shown(&said);
        let (name, default) = (flag[0].as_str().unwrap(), flag[1].as_str().unwrap());
        match found.get(name) {
            None => expect(false, format!("--{name} is not in the help")),
            Some(ours) if DEFAULTS.contains(&name) || is_placeholder(default) => expect(true, ours.clone()),
            Some(ours) => expect(ours == default.trim_matches('"'), format!("--{name} shows {ours:?}, not {default}")),
        }
    }
    wrong
}

/// Whether this stands for a value and is none.
fn is_placeholder(text: &str) -> bool {
    text.starts_with('<') || text.chars().all(|c| c.is_ascii_uppercase() || ".-".contains(c))
}

/// The flags that a help shows, with what stands behind `=`, quotation marks apart.
fn shown(help: &str) -> BTreeMap<String, String> {
    let flags = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let flag = line.strip_prefix("--").or_else(|| line.split_once(", --").map(|(_, flag)| flag))?;
        let flag = flag.strip_prefix("[no-]").unwrap_or(flag).split_whitespace().next()?;
        let (name, default) = flag.split_once('=').unwrap_or((flag, ""));
        Some((name.to_owned(), default.trim_matches('"').to_owned()))
    });
    flags.collect()
}

#[test]
fn command_lines_end_as_in_the_reference() {
    let cases: Vec<Value> = serde_json::from_str(&read("usage.json")).unwrap();
    assert_eq!(cases.len(), 17);
    let failed = cases.iter().filter_map(|case| {
        let wrong = wrong(case, &run(case));
        (!wrong.is_empty()).then(|| format!("{}:\n    {}", case["case"], wrong.join("\n    ")))
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(untold(ON_PURPOSE.map(|(.., words)| words)), [""; 0]);
}
