//! What is not let in, and what is kept of what was.

use std::fs;

use lithify_block::policy::Outcome;
use lithify_plugin::{Door, sha256};

use crate::{
    fixtures::{RANGES, builtins, context, five},
    guests::{self, Guest, manifest},
};

#[test]
fn a_pin_that_does_not_fit_is_refused_and_one_that_fits_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let guest = Guest::answering(&[&[0, 1]], &[]);
    let mut choice = guest.choice(&directory);
    let digest = sha256(&guest.build());
    choice.planner.sha256 = Some(digest.to_uppercase());
    Door::open(None, false).unwrap().load(&choice).unwrap();
    choice.planner.sha256 = Some("0".repeat(64));
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert_eq!(error.message, format!("its digest is {digest}, the configuration pins {}", "0".repeat(64)));
}

#[test]
fn a_manifest_must_claim_the_kind_that_is_asked() {
    let mut choice = builtins();
    choice.planner.plugin = "builtin:external-labels".to_owned();
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert_eq!(error.message, r#""external-labels" does not claim to be a planner in its manifest"#);
}

#[test]
fn claims_and_exports_must_agree() {
    let component = Guest::planner("i32.const 1024").build();
    let (from, to) = (manifest("hostile", "planner"), manifest("hostil", "selector"));
    let at = component.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let mut forged = component;
    forged[at..at + to.len()].copy_from_slice(to.as_bytes());
    let directory = tempfile::tempdir().unwrap();
    let mut choice = guests::choice(&guests::write(&directory, &forged));
    choice.selector = Some(choice.planner.clone());
    choice.planner = builtins().planner;
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    let message = "its manifest claims to be a selector, but it does not export lithify:policy/selector@0.1.0";
    assert_eq!(error.message, message);
}

#[test]
fn files_that_are_no_components_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (bytes, message) in [
        (&b"#!/bin/sh"[..], "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "build it with `lithify plugin build`"),
        (b"", "not a WebAssembly component"),
    ] {
        let choice = guests::choice(&guests::write(&directory, bytes));
        let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
        assert!(error.message.contains(message), "{error}");
    }
    let error = Door::open(None, false).unwrap().load(&guests::choice(&directory.path().join("none"))).err().unwrap();
    assert!(error.message.starts_with("cannot read "), "{error}");
}

#[test]
fn builtins_and_buckets_that_do_not_exist_are_named() {
    let mut choice = builtins();
    choice.planner.plugin = "builtin:tsbd".to_owned();
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert_eq!(
        error.message,
        r#"there is no built-in "tsbd"; there are: by-resolution, external-labels, five-aggregates, relabel, tsdb"#
    );
    choice.planner.plugin = "objstore:plugins/x.wasm".to_owned();
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert!(error.message.contains("nobody has brought it from the bucket"), "{error}");
}

#[test]
fn what_lies_in_the_bucket_is_brought_by_its_digest() {
    let component = Guest::planner("i32.const 1024").build();
    let digest = sha256(&component);
    let mut choice = builtins();
    choice.planner.plugin = format!("objstore:plugins/{digest}.wasm");
    choice.planner.sha256 = Some(digest.clone());
    assert_eq!(choice.in_bucket(), [digest.clone()].into());
    let door = Door::open(None, false).unwrap();
    let error = door.bring(&"0".repeat(64), component.clone()).unwrap_err();
    assert!(error.starts_with(&format!("its digest is {digest}, which is not its name")), "{error}");
    assert!(door.bring(&digest, vec![0; (32 << 20) + 1]).unwrap_err().contains("larger than 33554432 bytes"));
    assert!(door.load(&choice).is_err());
    door.bring(&digest, component).unwrap();
    let loaded = door.load(&choice).unwrap().loaded;
    assert!(loaded.iter().any(|loaded| loaded.digest == digest && loaded.plugin == choice.planner.plugin));
}

#[test]
fn an_interface_of_another_version_is_refused() {
    let component = Guest::planner("i32.const 1024").build();
    let text = String::from_utf8_lossy(&component).into_owned();
    assert!(text.contains(r#""interface":"0.1.0""#));
    let forged: Vec<u8> = replace(&component, br#""interface":"0.1.0""#, br#""interface":"0.2.0""#);
    let directory = tempfile::tempdir().unwrap();
    let choice = guests::choice(&guests::write(&directory, &forged));
    let error = Door::open(None, false).unwrap().load(&choice).err().unwrap();
    assert!(error.message.contains("wants interface 0.2.0, this host offers 0.1.0"), "{error}");
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn a_guest_that_traps_while_it_is_configured_is_refused_when_it_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let guest = Guest { configure: "unreachable", ..Guest::planner("i32.const 1024") };
    let policies = Door::open(None, false).unwrap().load(&guest.choice(&directory)).unwrap();
    assert_eq!(policies.planner.plan(&context(), &five(), &RANGES).unwrap_err().outcome, Outcome::Panic);
}

/// Loads grouper and planner from files, with a data directory; returns how many were compiled and how many taken from the
/// cache.
fn counts(directory: &std::path::Path) -> (u64, u64) {
    let mut choice = builtins();
    for settings in [&mut choice.grouper, &mut choice.planner] {
        let name = settings.plugin.strip_prefix("builtin:").unwrap();
        let path = directory.join(name).with_extension("wasm");
        fs::write(&path, lithify_plugin::builtin(name).unwrap()).unwrap();
        settings.plugin = path.display().to_string();
    }
    let door = Door::open(Some(directory), false).unwrap();
    let policies = door.load(&choice).unwrap();
    policies.planner.plan(&context(), &five(), &RANGES).unwrap();
    (door.metrics().compiled, door.metrics().cached)
}

#[test]
fn the_second_start_compiles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(counts(directory.path()), (2, 0));
    assert_eq!(counts(directory.path()), (0, 2));
}

#[test]
fn code_that_was_changed_cut_or_comes_from_elsewhere_is_never_loaded() {
    let directory = tempfile::tempdir().unwrap();
    counts(directory.path());
    let files = || -> Vec<_> {
        let entries = fs::read_dir(directory.path().join("plugins")).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "code"))
            .collect()
    };
    for (what, change) in [
        ("changed", (|bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1) as fn(&mut Vec<u8>)),
        ("cut", |bytes| bytes.truncate(40)),
        ("empty", Vec::clear),
        ("forged", |bytes| bytes[20] ^= 0x80),
    ] {
        for path in files() {
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
        }
        assert_eq!(counts(directory.path()), (2, 0), "{what}");
    }
    // One component's code under the other's name.
    let names = files();
    fs::copy(&names[0], &names[1]).unwrap();
    assert_eq!(counts(directory.path()), (1, 1));
    // Another installation's code.
    let other = tempfile::tempdir().unwrap();
    counts(other.path());
    for path in files() {
        fs::copy(other.path().join("plugins").join(path.file_name().unwrap()), &path).unwrap();
    }
    assert_eq!(counts(directory.path()), (2, 0));
}

#[test]
#[cfg(unix)]
fn the_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    counts(directory.path());
    let mode = fs::metadata(directory.path().join("plugins/key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
