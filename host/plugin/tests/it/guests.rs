//! Guests that misbehave, written by hand: a core module with the exports of a planner, wrapped like any other guest.

use std::{fs, path::PathBuf};

use lithify_plugin::{Choice, Limits, OnError, Settings, build::componentize};

use crate::fixtures::builtins;

/// A planner whose answer is what `body` leaves in memory. The answer's record starts at byte 1024: a zero for "ok", then
/// address and number of the jobs at 1028 and 1032, of the marks at 1036 and 1040. A job is the address and number of
/// its positions, then those of its reason. `configure` and `validate` accept everything, unless replaced.
pub(crate) struct Guest {
    pub(crate) manifest: String,
    pub(crate) memory: &'static str,
    pub(crate) configure: &'static str,
    pub(crate) make_plan: String,
    pub(crate) data: String,
}

impl Guest {
    pub(crate) fn planner(make_plan: &str) -> Self {
        Self {
            manifest: manifest("hostile", "planner"),
            memory: "(memory (export \"memory\") 4)",
            configure: "i32.const 1000",
            make_plan: make_plan.to_owned(),
            data: String::new(),
        }
    }

    /// A planner that answers with these jobs, each the positions of its blocks, and these marks.
    pub(crate) fn answering(jobs: &[&[u32]], marks: &[(u32, &str)]) -> Self {
        let (mut data, mut end) = (Vec::new(), 8192_u32);
        let mut put = |bytes: Vec<u8>| {
            let address = end;
            data.push((address, bytes));
            end += 4 * (data[data.len() - 1].1.len() as u32).div_ceil(4);
            address
        };
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let text = |put: &mut dyn FnMut(Vec<u8>) -> u32, text: &str| [put(text.as_bytes().to_vec()), text.len() as u32];
        let mut job_words = Vec::new();
        for job in jobs {
            job_words.extend([put(words(job)), job.len() as u32]);
            job_words.extend(text(&mut put, "because"));
        }
        let mut mark_words = Vec::new();
        for (block, reason) in marks {
            mark_words.push(*block);
            mark_words.extend(text(&mut put, reason));
            mark_words.extend(text(&mut put, "details"));
        }
        let (job_list, mark_list) = (put(words(&job_words)), put(words(&mark_words)));
        data.push((1028, words(&[job_list, jobs.len() as u32, mark_list, marks.len() as u32])));
        let escape = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
        let data = data.iter().map(|(at, bytes)| format!("(data (i32.const {at}) \"{}\")", escape(bytes))).collect();
        Self { data, ..Self::planner("i32.const 1024") }
    }

    /// The component.
    pub(crate) fn build(&self) -> Vec<u8> {
        let Self { manifest, memory, configure, make_plan, data } = self;
        let text = format!(
            r#"(module
                (import "lithify:policy/host@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
                (import "lithify:policy/host@0.1.0" "explain" (func $explain (param i32 i32 i32 i32 i32 i32)))
                (import "lithify:policy/host@0.1.0" "count" (func $count (param i32 i32 i64)))
                {memory}
                (global $end (mut i32) (i32.const 65536))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $start i32)
                    (local.set $start (i32.and (i32.add (global.get $end) (i32.const 7)) (i32.const -8)))
                    (global.set $end (i32.add (local.get $start) (local.get 3)))
                    (local.get $start))
                (func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
                (func (export "lithify:policy/plugin@0.1.0#configure") (param i32 i32) (result i32) {configure})
                (func (export "lithify:policy/plugin@0.1.0#validate") (param i32 i32) (result i32) i32.const 1000)
                (func (export "lithify:policy/planner@0.1.0#make-plan")
                    (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
                    (local $i i32)
                    {make_plan})
                {data}
                (@custom "lithify:manifest" "{}"))"#,
            manifest.replace('\\', "\\\\").replace('"', "\\\"")
        );
        componentize(&wat::parse_str(&text).unwrap()).unwrap()
    }

    /// Writes the component into a directory and names it in a configuration.
    pub(crate) fn choice(&self, directory: &tempfile::TempDir) -> Choice {
        choice(&write(directory, &self.build()))
    }
}

pub(crate) fn manifest(name: &str, kind: &str) -> String {
    format!(r#"{{"name":"{name}","version":"1.0.0","kinds":["{kind}"],"interface":"0.1.0"}}"#)
}

/// Limits that are reached at once.
pub(crate) fn limits() -> Limits {
    Limits {
        memory_bytes: 64 << 20,
        fuel: 10_000_000,
        timeout: std::time::Duration::from_secs(20),
        answer_bytes: 1 << 20,
    }
}

pub(crate) fn write(directory: &tempfile::TempDir, component: &[u8]) -> PathBuf {
    let path = directory.path().join("foreign.wasm");
    fs::write(&path, component).unwrap();
    path
}

/// The built-ins, but for a planner from this file.
pub(crate) fn choice(path: &std::path::Path) -> Choice {
    let planner = Settings {
        plugin: path.to_str().unwrap().to_owned(),
        sha256: None,
        config: "{}".to_owned(),
        limits: limits(),
        on_error: OnError::Halt,
    };
    Choice { planner, ..builtins() }
}
