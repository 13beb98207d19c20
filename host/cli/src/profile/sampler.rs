//! Samples of what the processors do: registers and stack of whichever thread is running when processor time has passed.
//!
//! A signal handler may hardly do anything: no memory, no locks, no unwinder. Ours claims a slot that was made before,
//! writes registers into it and has the kernel copy the stack, which ends where memory ends instead of faulting.
//! Everything else happens elsewhere. Handler and slots stay for ever once they were needed, so that a late signal finds
//! them.
//!
//! Source: setitimer(2), signal-safety(7).

#![expect(unsafe_code, reason = "signal handlers, timers and the machine context have no safe interface")]

use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::{io, mem, ptr};

use libc::{c_int, c_void, itimerval, siginfo_t, timeval, ucontext_t};

use super::stack::Raw;

/// Processor time of all threads between two samples, microseconds; that of Go.
pub(super) const PERIOD_MICROS: u32 = 10_000;

/// Samples that wait to be looked at.
const SLOTS: usize = 32;

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const FULL: u8 = 2;

struct Slot {
    state: AtomicU8,
    raw: UnsafeCell<Raw>,
}

// SAFETY: who moves `state` out of EMPTY or FULL has `raw` alone until it moves it on; both moves are atomic.
unsafe impl Sync for Slot {}

static POOL: OnceLock<Box<[Slot]>> = OnceLock::new();
static NEXT: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicU64 = AtomicU64::new(0);
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Sampling that goes on; it ends when dropped.
pub(super) struct Running(());

impl Running {
    /// Reserves the sampler; `None` if somebody has it.
    pub(super) fn reserve() -> Option<Self> {
        POOL.get_or_init(|| (0..SLOTS).map(|_| Slot::new()).collect());
        (!RUNNING.swap(true, Ordering::AcqRel)).then(|| Self(()))
    }

    /// Begins.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        self.drain(|_| ()); // What came late in the last one.
        LOST.store(0, Ordering::Relaxed);
        install()?;
        set_timer(PERIOD_MICROS)
    }

    /// Hands out the samples that have come since the last time.
    pub(super) fn drain(&mut self, mut each: impl FnMut(&Raw)) {
        for slot in POOL.get().into_iter().flatten() {
            if slot.state.load(Ordering::Acquire) == FULL {
                // SAFETY: the handler leaves a full slot alone, and only the one `Running` empties it.
                each(unsafe { &*slot.raw.get() });
                slot.state.store(EMPTY, Ordering::Release);
            }
        }
    }

    /// How many samples found no slot.
    pub(super) fn lost(&self) -> u64 {
        LOST.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Stopping a timer that is there cannot fail; and the handler looks at the flag as well.
        let _ = set_timer(0);
        RUNNING.store(false, Ordering::Release);
    }
}

impl Slot {
    fn new() -> Self {
        Self { state: AtomicU8::new(EMPTY), raw: UnsafeCell::new(Raw::new()) }
    }
}

fn checked(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn install() -> io::Result<()> {
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_signal;
    // SAFETY: all zeros are a valid `sigaction`, with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: `action` outlives the call, and the handler has the type that SA_SIGINFO asks for.
    checked(unsafe { libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut()) })
}

fn set_timer(micros: u32) -> io::Result<()> {
    let every = timeval { tv_sec: 0, tv_usec: micros.into() };
    let timer = itimerval { it_interval: every, it_value: every };
    // SAFETY: `timer` outlives the call.
    checked(unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, ptr::null_mut()) })
}

extern "C" fn on_signal(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let Some(pool) = POOL.get().filter(|_| RUNNING.load(Ordering::Acquire)) else { return };
    let Some(slot) = pool.get(NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS) else { return };
    if slot.state.compare_exchange(EMPTY, WRITING, Ordering::Acquire, Ordering::Relaxed).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: this thread has just claimed the slot; the kernel hands a valid context to an SA_SIGINFO handler.
    let (raw, context) = unsafe { (&mut *slot.raw.get(), &*context.cast::<ucontext_t>()) };
    raw.take(context);
    slot.state.store(FULL, Ordering::Release);
}
