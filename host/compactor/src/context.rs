//! What every step of a run is given.

use std::sync::Arc;

use lithify_block::{
    policy::{self, Downsampler, Grouper, Planner, Selector},
    rails::RetentionRule,
};
use lithify_bucket::{Bucket, MetaCache};

use crate::{Ambient, Author, Broken, Config, Last, Maker, Memory, Metrics, Partials, Progress, Spent, Stop, Views};

/// Everything a step may use. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Settings.
    pub config: Arc<Config>,
    /// Where the blocks live.
    pub bucket: Arc<dyn Bucket>,
    /// What is kept of meta.json files in the data directory.
    pub meta_cache: Option<Arc<MetaCache>>,
    /// What the last sync saw.
    pub last: Last,
    /// Where syncs tell what they learned, if anybody looks.
    pub views: Option<Arc<Views>>,
    /// Uploads that were broken off, as the last sync saw them.
    pub partials: Partials,
    /// Who decides.
    pub policies: Policies,
    /// Who makes what they decide on.
    pub maker: Arc<dyn Maker>,
    /// Blocks known to hold nothing.
    pub spent: Spent,
    /// Blocks known to be broken.
    pub broken: Broken,
    /// Time and randomness.
    pub ambient: Arc<dyn Ambient>,
    /// Memory that merges may take.
    pub memory: Arc<Memory>,
    /// What is counted.
    pub metrics: Metrics,
    /// How far the run has come.
    pub progress: Arc<Progress>,
    /// Whether to stop.
    pub stop: Stop,
    /// Names the run, for logs and policies.
    pub run_id: String,
    /// Whether nothing is carried out.
    pub dry_run: bool,
}

/// The policies of a run. All of them come through the same door, built in or not.
#[derive(Clone)]
pub struct Policies {
    /// Which blocks belong to this compactor; all of them if there is no selector.
    pub selector: Option<Arc<dyn Selector>>,
    /// Which blocks belong together.
    pub grouper: Arc<dyn Grouper>,
    /// What to compact.
    pub planner: Arc<dyn Planner>,
    /// Which planner that is, for the audit lines.
    pub planned_by: Author,
    /// What becomes of the samples of a window. It is loaded when it begins with its first block.
    pub downsampler: Arc<dyn Downsampler>,
    /// What to let go; nothing if there is no rule.
    pub retention: Vec<RetentionRule>,
}

impl Context {
    /// What every question to a policy carries.
    #[must_use]
    pub fn question(&self) -> policy::Context {
        policy::Context {
            now: self.ambient.timestamp(),
            run_id: self.run_id.clone(),
            dry_run: self.dry_run,
            shard: None,
        }
    }
}
