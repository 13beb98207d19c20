//! The records of `wit/0.1.0` as the host sees them. Questions borrow, so that nothing is copied twice; answers own.
//!
//! wasmtime compares these types with the component's before the first call, so a difference is an error of loading.
#![expect(dead_code, reason = "variants are only ever made by lifting what a guest said")]

use wasmtime::component::{ComponentType, Lift, Lower};

mod columns;

pub(crate) use columns::*;

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct LabelRef<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

#[derive(ComponentType, Lift, Debug, Clone, PartialEq, Eq)]
#[component(record)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct LabelSetRef<'a> {
    pub(crate) labels: Vec<LabelRef<'a>>,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct LabelSet {
    pub(crate) labels: Vec<Label>,
}

#[derive(ComponentType, Lift, Debug, Clone, Copy, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum ErrorKind {
    #[component(name = "invalid-config")]
    InvalidConfig,
    #[component(name = "invalid-input")]
    InvalidInput,
    #[component(name = "unsupported")]
    Unsupported,
    #[component(name = "internal")]
    Internal,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Error {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) details: Vec<(String, String)>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Context<'a> {
    pub(crate) now: i64,
    #[component(name = "run-id")]
    pub(crate) run_id: &'a str,
    #[component(name = "dry-run")]
    pub(crate) dry_run: bool,
    pub(crate) shard: Option<&'a str>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Block<'a> {
    pub(crate) id: String,
    #[component(name = "min-time")]
    pub(crate) min_time: i64,
    #[component(name = "max-time")]
    pub(crate) max_time: i64,
    pub(crate) level: u32,
    pub(crate) failed: bool,
    pub(crate) resolution: i64,
    #[component(name = "external-labels")]
    pub(crate) external_labels: Vec<LabelRef<'a>>,
    pub(crate) sources: Vec<String>,
    pub(crate) parents: Vec<String>,
    #[component(name = "num-series")]
    pub(crate) num_series: u64,
    #[component(name = "num-samples")]
    pub(crate) num_samples: u64,
    #[component(name = "num-chunks")]
    pub(crate) num_chunks: u64,
    #[component(name = "num-tombstones")]
    pub(crate) num_tombstones: u64,
    #[component(name = "index-size-bytes")]
    pub(crate) index_size_bytes: Option<u64>,
    #[component(name = "size-bytes")]
    pub(crate) size_bytes: Option<u64>,
    pub(crate) source: &'a str,
    #[component(name = "uploaded-at")]
    pub(crate) uploaded_at: Option<i64>,
    #[component(name = "no-compact")]
    pub(crate) no_compact: Option<&'a str>,
    #[component(name = "no-downsample")]
    pub(crate) no_downsample: Option<&'a str>,
    #[component(name = "deletion-marked-at")]
    pub(crate) deletion_marked_at: Option<i64>,
    pub(crate) extensions: Option<String>,
    pub(crate) extra: Vec<(String, String)>,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Assignment {
    pub(crate) block: u32,
    pub(crate) key: String,
    pub(crate) labels: Vec<Label>,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Request<'a> {
    pub(crate) key: &'a str,
    pub(crate) labels: Vec<LabelRef<'a>>,
    pub(crate) resolution: i64,
    pub(crate) ranges: &'a [i64],
    pub(crate) blocks: Vec<Block<'a>>,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Job {
    pub(crate) blocks: Vec<u32>,
    pub(crate) reason: String,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Mark {
    pub(crate) block: u32,
    pub(crate) reason: String,
    pub(crate) details: String,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    #[component(name = "no-compact")]
    pub(crate) no_compact: Vec<Mark>,
}

#[derive(ComponentType, Lift, Debug)]
#[component(record)]
pub(crate) struct Deletion {
    pub(crate) block: u32,
    pub(crate) rule: String,
    pub(crate) reason: String,
}

#[derive(ComponentType, Lift, Debug, Clone, Copy, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}
