//! Policies that lie in the bucket, named by their digest; and the line that tells who marked what.

use std::fs;

use lithify_kit::s3::Server;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::program::{compact, copy, data, files, filesystem, log};

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A planner that says why it plans nothing, and the configuration that names it in the bucket.
fn planner() -> (Vec<u8>, String, String) {
    let component = fs::read(data("guests/misbehaving.wasm")).unwrap();
    let name = format!("plugins/{}.wasm", digest(&component));
    let plugins = format!("--plugins.config=planner: {{plugin: 'objstore:{name}', config: {{do: refuse}}}}");
    (component, name, plugins)
}

#[test]
fn a_policy_is_read_from_the_bucket_and_asked() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/labels/in"), &bucket);
    let (component, name, plugins) = planner();
    fs::create_dir(bucket.join("plugins")).unwrap();
    fs::write(bucket.join(&name), &component).unwrap();
    let before = files(&bucket);
    let run = || compact(&filesystem(&bucket), work.path(), &[&plugins]).output().unwrap();
    let output = run();
    let said = log(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("not today") && said.contains(&format!("objstore:{name}")), "{said}");
    assert_eq!(files(&bucket), before);

    // Whoever can write to the bucket cannot exchange it.
    let mut changed = component.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(bucket.join(&name), &changed).unwrap();
    let said = log(&run());
    assert!(said.contains(&format!("plugin {name} of the bucket: its digest is {}", digest(&changed))), "{said}");
    fs::write(bucket.join(&name), vec![0; (32 << 20) + 1]).unwrap();
    let said = log(&run());
    assert!(said.contains(&format!("plugin {name} of the bucket")) && !said.contains("its digest is"), "{said}");
    fs::remove_file(bucket.join(&name)).unwrap();
    let output = run();
    assert_eq!(output.status.code(), Some(1));
    assert!(log(&output).contains(&format!("plugin {name} of the bucket")), "{}", log(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_read_from_s3() {
    let server = Server::start().await;
    for (name, content) in files(&data("bytes/labels/in")) {
        server.put(&name, content);
    }
    let (component, name, plugins) = planner();
    server.put(&name, component);
    let before = server.objects();
    let work = tempfile::tempdir().unwrap();
    let output = compact(&server.yaml(""), work.path(), &[&plugins]).output().unwrap();
    assert!(log(&output).contains("not today"), "{}", log(&output));
    assert!(server.objects() == before);
    server.put(&name, b"another".to_vec());
    let output = compact(&server.yaml(""), work.path(), &[&plugins]).output().unwrap();
    assert!(log(&output).contains(&format!("its digest is {}", digest(b"another"))), "{}", log(&output));
}

#[test]
fn each_mark_is_a_line_that_names_who_wanted_it_and_why() {
    let work = tempfile::tempdir().unwrap();
    let bucket = work.path().join("bucket");
    copy(&data("bytes/plain/in"), &bucket);
    let sources: Vec<_> = fs::read_dir(&bucket).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let run = |flag: &str| {
        let output = compact(&filesystem(&bucket), work.path(), &["--log.format=json", flag]).output().unwrap();
        assert!(output.status.success(), "{}", log(&output));
        let lines = log(&output);
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["msg"] == "audit").collect::<Vec<_>>()
    };
    let audit = run("--retention.resolution-raw=41h");
    let marked = |by: &str, plugin: &str| {
        let is_by =
            |line: &&Value| line["act"] == "marked-for-deletion" && line["by"] == by && line["plugin"] == plugin;
        let lines: Vec<&Value> = audit.iter().filter(is_by).collect();
        assert!(lines.iter().all(|line| line["sha256"].as_str().unwrap().len() == 64), "{audit:?}");
        lines
    };
    let compacted = marked("planner", "builtin:tsdb");
    assert!(!compacted.is_empty() && compacted.len() <= sources.len(), "{audit:?}");
    for line in &compacted {
        assert!(sources.iter().any(|id| line["block"] == *id.to_string_lossy()), "{line}");
        assert!(line["reason"].as_str().unwrap().starts_with("compacted into "), "{line}");
    }
    let let_go = marked("builtin:by-resolution", "builtin:by-resolution");
    assert!(!let_go.is_empty(), "{audit:?}");
    assert!(let_go[0]["reason"].as_str().unwrap().starts_with("retention.resolution-raw: "), "{audit:?}");
    let is_marked = |block: fs::DirEntry| block.path().join("deletion-mark.json").exists();
    let count = fs::read_dir(&bucket).unwrap().flatten().filter_map(|block| is_marked(block).then_some(())).count();
    assert_eq!(audit.len(), count);

    // A mark that is there is no new one; what it leads to is told without a plugin.
    let audit = run("--delete-delay=0s");
    assert_eq!(audit.len(), count, "{audit:?}");
    for line in &audit {
        let told = ["act", "by", "reason"].map(|name| line[name].as_str().unwrap());
        assert_eq!(told, ["deleted", "delete-delay", "its deletion mark was due"]);
        assert!(line.get("plugin").is_none() && line.get("sha256").is_none(), "{line}");
    }
}
