//! Every block that `compact` leaves out is named by `explain`, in the same words.

use super::*;

/// What `compact` says of the blocks that it leaves out: block, cause and way out.
fn left_out(case: &Case, work: &Path, bucket: &Path) -> BTreeMap<String, (String, String)> {
    let output = program("compact", case, work, bucket).arg("--http-address=127.0.0.1:0").output().unwrap();
    let log = log(&output);
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let named =
        lines.filter(|line| line["way_out"].is_string() && line["blocks"].as_str().is_some_and(|b| b.len() == 26));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    named.map(|line| (text(&line["blocks"]), (text(&line["err"]), text(&line["way_out"])))).collect()
}

/// The command with the case's own flags, logging JSON; isolation is on.
fn program(command: &str, case: &Case, work: &Path, bucket: &Path) -> Command {
    let mut program = lithify();
    program.arg(command);
    // How often and how patiently is no question to `explain`, and changes nothing about a single iteration.
    program.args(case.command.iter().skip(1).filter(|word| !word.contains("halt-on-error")));
    program.arg(format!("--objstore.config={}", filesystem(bucket)));
    program.arg(format!("--data-dir={}", work.join("data").display()));
    program.args(["--log.format=json"]);
    program
}

fn is_of_broken_blocks(name: &str) -> bool {
    ["broken-", "meta-", "downsample-broken-"].iter().any(|kind| name.starts_with(kind))
}

/// What `explain` does not say as it should.
fn differences(case: &Case) -> (usize, Vec<String>) {
    let work = tempfile::tempdir().unwrap();
    let [bucket, untouched] = ["bucket", "untouched"].map(|name| work.path().join(name));
    case.put(&bucket);
    case.put(&untouched);
    let named = left_out(case, work.path(), &bucket);
    let mut wrong = Vec::new();
    for (id, (err, way_out)) in &named {
        let mut explain = program("explain", case, work.path(), &untouched);
        let output = explain.args([id, "--output=json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let text = report.to_string();
        let said = Value::from(err.as_str()).to_string();
        if !text.contains(said.trim_matches('"')) {
            wrong.push(format!("{id}: {err} ({way_out}) is not in {text} {}", last(&output)));
        }
    }
    let kept =
        case.before().iter().all(|(path, content)| fs::read(untouched.join(path)).is_ok_and(|now| now == *content));
    if !kept || files(&untouched).len() != case.before().len() {
        wrong.push("the bucket was changed".to_owned());
    }
    (named.len(), wrong)
}

#[test]
fn explain_names_every_broken_block_in_the_words_of_the_log() {
    let names: Vec<String> = Case::names().into_iter().filter(|name| is_of_broken_blocks(name)).collect();
    let (mut named, mut wrong) = (0, Vec::new());
    for name in &names {
        let (count, differences) = differences(&Case::read(name));
        named += count;
        wrong.extend(differences.into_iter().map(|text| format!("{name}: {text}")));
    }
    assert!(wrong.is_empty(), "{} of {named} blocks\n{}", wrong.len(), wrong.join("\n"));
    assert!(named >= 20, "only {named} blocks were left out in {} cases", names.len());
}
