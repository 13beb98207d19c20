//! `lithify demo`: a bucket of real blocks, compacted and downsampled, and shown before and after.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use lithify_block::BlockId;
use lithify_compactor::{Iteration, iterate, sync};
use prometheus::Registry;
use tracing::error;

use super::{
    answer::{Trouble, say},
    compact::status,
};
use crate::{
    config::{CompactConfig, DemoConfig, Surroundings},
    demo::{
        bucket::{Shape, write},
        story,
    },
    flags::{self, table::COMMANDS},
    machine_memory,
    render::{look::Look, progress, timeline},
    screen::Screen,
    wire::{Manner, Wired, wire},
};

/// Runs the command.
pub async fn run(config: DemoConfig, look: Look, screen: Arc<Mutex<Screen>>) -> ExitCode {
    match show(&config, look, screen).await {
        Ok(status) => status,
        Err(failure) => {
            error!(err = %failure, "running command failed");
            ExitCode::FAILURE
        }
    }
}

async fn show(config: &DemoConfig, look: Look, screen: Arc<Mutex<Screen>>) -> Result<ExitCode, Trouble> {
    let place = Place::prepare(config)?;
    let bucket = place.directory.join("bucket");
    let wired = wired(&place.directory, &bucket).await?;
    let cx = &wired.cx;
    let shape = Shape { series: usize::try_from(config.series)?, seed: config.seed, now: cx.ambient.timestamp() };
    say(&format!("making blocks of {} series in {} …\n", config.series, bucket.display()));
    let begun = cx.ambient.elapsed();
    let made = tokio::task::spawn_blocking(move || write(&bucket, &shape)).await??;
    let making = cx.ambient.elapsed() - begun;
    let before = sync(cx).await.map_err(|failure| failure.chain())?;
    let started = cx.ambient.elapsed();
    let iteration = tokio::select! {
        iteration = iterate(cx) => iteration,
        () = progress::show(screen, || status(cx, started)) => Iteration::default(),
    };
    let took = cx.ambient.elapsed() - started;
    let after = sync(cx).await.map_err(|failure| failure.chain())?;
    say(&story::made(made, making, &look));
    let pictures = [story::picture("before", &before, None), story::picture("after", &after, Some(&before))];
    say(&timeline::draw(&pictures, &look));
    say(&story::work(&wired, &iteration, &look));
    say(&story::cost(&wired, &iteration, took, &look));
    say(&place.farewell(story::longest(&after)));
    Ok(if iteration.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What `compact` would use with this bucket, all flags as they are by default but for the consistency delay.
async fn wired(directory: &Path, bucket: &Path) -> Result<Wired, Trouble> {
    let quoted = serde_json::to_string(&bucket.display().to_string())?;
    let typed = [
        "lithify".to_owned(),
        "compact".to_owned(),
        format!("--objstore.config={{type: FILESYSTEM, config: {{directory: {quoted}}}}}"),
        format!("--data-dir={}", directory.join("data").display()),
        "--consistency-delay=0s".to_owned(),
    ];
    let flags::Outcome::Run(flags) = flags::parse(COMMANDS, &typed) else { return Err("no flags for the demo".into()) };
    let flags::Command::Compact(flags) = flags.command else { return Err("no command for the demo".into()) };
    let surroundings = Surroundings { environment: &|_| None, memory_bytes: machine_memory::bytes() };
    let config = CompactConfig::new(&flags, surroundings)?;
    Ok(wire(&config.selection, Manner::of(&config), &Registry::new(), &|_| None).await?)
}

/// Where the demo happens.
struct Place {
    directory: PathBuf,
    stays: bool,
}

impl Place {
    fn prepare(config: &DemoConfig) -> Result<Self, Trouble> {
        let (directory, stays) = match &config.dir {
            Some(directory) => (directory.clone(), true),
            None => (std::env::temp_dir().join(format!("lithify-demo-{}", std::process::id())), config.keep),
        };
        if directory.join("bucket").exists() {
            return Err(format!(
                "{} holds a bucket already; name another directory with --dir, or remove it",
                directory.display()
            )
            .into());
        }
        std::fs::create_dir_all(&directory).map_err(|error| format!("create {}: {error}", directory.display()))?;
        Ok(Self { directory, stays })
    }

    /// Where to look next; `block` is worth a look.
    fn farewell(&self, block: Option<BlockId>) -> String {
        let directory = self.directory.display();
        if !self.stays {
            return "the bucket is gone now; `lithify demo --dir=DIRECTORY` makes one that stays,\n\
                    and tells how to look at it; README.md says how to compact your own\n"
                .to_owned();
        }
        let block = block.map_or_else(|| "ULID".to_owned(), |id| id.to_string());
        format!(
            "the bucket stays in {directory}/bucket; look at it:\n  \
             B='--objstore.config={{type: FILESYSTEM, config: {{directory: {directory}/bucket}}}}'\n  \
             D=--data-dir={directory}/data\n  \
             lithify plan \"$B\" $D              # what is left to do\n  \
             lithify explain {block} \"$B\" $D\n  \
             lithify compact \"$B\" $D --wait    # metrics and API on http://localhost:10902\n"
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.stays {
            // What cannot be removed from the temporary directory does no harm there.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_a_bucket_is_not_used_again() {
        let directory = std::env::temp_dir().join(format!("lithify-demo-test-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("bucket")).unwrap();
        let config = DemoConfig { dir: Some(directory.clone()), keep: false, series: 1, seed: 0, color: false };
        let refused = Place::prepare(&config).err().unwrap().to_string();
        std::fs::remove_dir_all(directory).unwrap();
        assert!(refused.contains("holds a bucket already"), "{refused}");
    }
}
