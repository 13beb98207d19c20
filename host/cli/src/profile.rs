//! A CPU profile of the running program, for `/debug/pprof/profile`.
//!
//! `sampler` copies registers and stacks in a signal handler that does nothing else; here they are followed to functions,
//! in ordinary code, where memory may be taken. While no profile is taken nothing of this runs.
//!
//! Source: compactor specification 17.1, 4.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod format;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod modules;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod sampler;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod stack;

use std::io;
use std::time::Duration;

use thiserror::Error;

/// There is no profile.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// One is being taken. The words are the reference's.
    #[error("Could not enable CPU profiling: cpu profiling already in use")]
    Busy,
    /// The system refused something.
    #[error("Could not enable CPU profiling: {0}")]
    System(#[from] io::Error),
    /// The samples could not be made into a profile.
    #[error("the profile is lost: {0}")]
    Panic(String),
    /// This system is not known well enough.
    #[error("CPU profiles are taken on Linux on amd64 and arm64 only")]
    Unsupported,
}

/// How often samples are collected; they come a hundred times a second of processor time.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
const COLLECTED_EVERY: Duration = Duration::from_millis(20);

/// Samples the whole process for `duration`; the message of `profile.proto`, not compressed. Sampling ends at once when
/// the future is dropped.
///
/// # Errors
/// [`ProfileError`]
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub async fn take(duration: Duration) -> Result<Vec<u8>, ProfileError> {
    let mut running = sampler::Running::reserve().ok_or(ProfileError::Busy)?;
    let panicked = |panic: tokio::task::JoinError| ProfileError::Panic(panic.to_string());
    let mut modules = tokio::task::spawn_blocking(modules::Modules::read).await.map_err(panicked)??;
    let mut stacks = format::Stacks::new();
    running.begin()?;
    let mut collect = || running.drain(|raw| *stacks.entry(modules.stack(raw)).or_default() += 1);
    let mut ticks = tokio::time::interval(COLLECTED_EVERY);
    let collecting = async {
        loop {
            ticks.tick().await;
            collect();
        }
    };
    // It never ends by itself.
    let _ = tokio::time::timeout(duration, collecting).await;
    collect();
    let lost = running.lost();
    if lost > 0 {
        tracing::warn!(lost, "samples of the profile were lost");
    }
    drop(running);
    let encoding = tokio::task::spawn_blocking(move || {
        modules.look_again()?;
        Ok(format::encode(&modules, &stacks, duration))
    });
    encoding.await.map_err(panicked)?
}

/// Nothing can be sampled here.
///
/// # Errors
/// [`ProfileError::Unsupported`]
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub async fn take(_: Duration) -> Result<Vec<u8>, ProfileError> {
    Err(ProfileError::Unsupported)
}
