//! A CPU profile of the program at work, read back by the schema of `profile.proto`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::ask::{Answer, ask};
use crate::{
    program::{compact_with, copy, data, filesystem},
    running::Running,
};

/// The program at work on a bucket in `work`.
fn at_work(work: &tempfile::TempDir) -> (Running, String) {
    let bucket = work.path().join("bucket");
    copy(&data("bytes/downsample-floats/in"), &bucket);
    let flags = ["--wait", "--wait-interval=1h", "--consistency-delay=0s"];
    let mut running = Running::start(compact_with(&filesystem(&bucket), work.path(), &flags));
    let address = running.address();
    (running, address)
}

fn profile(address: &str, query: &str) -> Answer {
    ask(address, ("GET", &format!("/debug/pprof/profile{query}")), &[], b"")
}

/// What a field holds.
#[derive(Clone, Debug)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Bytes(bytes) => panic!("{bytes:?} is no number"),
        }
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Number(number) => panic!("{number} is no text"),
            Self::Bytes(bytes) => bytes,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("an integer that does not end");
}

/// The fields of a message, by number, in order.
fn fields(mut bytes: &[u8]) -> BTreeMap<u64, Vec<Field<'_>>> {
    let mut found: BTreeMap<u64, Vec<Field<'_>>> = BTreeMap::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (field, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(field)
            }
            other => panic!("wire type {other} has no place in a profile"),
        };
        found.entry(key >> 3).or_default().push(field);
    }
    found
}

fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        found.push(varint(&mut bytes));
    }
    found
}

/// Names of the functions that were seen, after everything that a reader relies on was found as it should be.
fn functions(profile: &[u8]) -> BTreeSet<String> {
    let all = fields(profile);
    let texts: Vec<_> = all[&6].iter().map(|text| String::from_utf8(text.bytes().to_vec()).unwrap()).collect();
    let text = |field: &Field<'_>| texts[usize::try_from(field.number()).unwrap()].clone();
    assert_eq!(texts[0], "");
    let kinds = all[&1].iter().map(|kind| fields(kind.bytes())).map(|kind| (text(&kind[&1][0]), text(&kind[&2][0])));
    let expected =
        [("samples", "count"), ("cpu", "nanoseconds")].map(|(name, unit)| (name.to_owned(), unit.to_owned()));
    assert_eq!(kinds.collect::<Vec<_>>(), expected);
    assert_eq!((all[&10][0].number(), all[&12][0].number()), (1_000_000_000, 10_000_000));
    let by_id = |field: u64| -> BTreeMap<u64, BTreeMap<u64, Vec<Field<'_>>>> {
        let messages = all[&field].iter().map(|message| fields(message.bytes()));
        messages.map(|message| (message[&1][0].number(), message)).collect()
    };
    let (mappings, locations, functions) = (by_id(3), by_id(4), by_id(5));
    assert!(text(&mappings[&1][&5][0]).ends_with("/lithify"), "the program comes first");
    let mut seen = BTreeSet::new();
    for sample in &all[&2] {
        let sample = fields(sample.bytes());
        let values = packed(sample[&2][0].bytes());
        assert_eq!(values[1], values[0] * 10_000_000);
        for id in packed(sample[&1][0].bytes()) {
            let location = &locations[&id];
            let mapping = location[&2][0].number();
            assert!(mapping == 0 || mappings.contains_key(&mapping), "{mapping}");
            let line = fields(location[&4][0].bytes());
            seen.insert(text(&functions[&line[&1][0].number()][&2][0]));
        }
    }
    seen
}

#[test]
fn a_profile_of_the_program_at_work_names_what_it_does() {
    let work = tempfile::tempdir().unwrap();
    let (running, address) = at_work(&work);
    let taken = AtomicBool::new(false);
    let answer = thread::scope(|scope| {
        // Compacting so small a bucket takes a moment only; answering takes processor time for as long as it is asked.
        scope.spawn(|| {
            while !taken.load(Ordering::Relaxed) {
                ask(&address, ("GET", "/metrics"), &[], b"");
            }
        });
        let answer = profile(&address, "?seconds=1");
        taken.store(true, Ordering::Relaxed);
        answer
    });
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/octet-stream"));
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"profile\"");
    let zipped = answer.body.strip_prefix(&[0x1f, 0x8b, 8, 0]).unwrap();
    let seen = functions(&miniz_oxide::inflate::decompress_to_vec(&zipped[6..zipped.len() - 8]).unwrap());
    // Stacks are followed from what encodes the answer to what the thread began with.
    for part in ["lithify_cli::http::", "tokio::runtime::", "std::sys::"] {
        assert!(seen.iter().any(|name| name.contains(part)), "{part} is not in {seen:?}");
    }
    let (status, ..) = running.terminate();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn one_profile_is_taken_at_a_time_and_none_for_hours() {
    let work = tempfile::tempdir().unwrap();
    let (_running, address) = at_work(&work);
    let mut answers = thread::scope(|scope| {
        let other = scope.spawn(|| profile(&address, "?seconds=2"));
        [profile(&address, "?seconds=2"), other.join().unwrap()]
    });
    answers.sort_by_key(|answer| answer.status);
    let [taken, refused] = answers;
    assert_eq!((taken.status, refused.status), (200, 500));
    assert_eq!(refused.text(), "Could not enable CPU profiling: cpu profiling already in use\n");
    assert_eq!(refused.headers["x-go-pprof"], "1");
    let long = profile(&address, "?seconds=3600");
    assert_eq!((long.status, long.text().as_str()), (400, "a profile takes 300 seconds at most\n"));
}
