//! Reading an object from blocking threads: what is read in order is fetched ahead, what is read here and there is
//! fetched alone.
//!
//! A reader keeps a few streams, each a place where somebody reads on. The first read somewhere fetches just what it
//! wants; one that goes on where another ended fetches a window, larger each time, and the next one while this one is
//! used up. Memory: three windows a stream at most.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    Attributes, Error, Operation, Reader,
    error::Failure,
    s3::{Range, client::Client},
};

/// Places at which one object is read on at the same time.
const STREAMS: usize = 4;

/// The first window fetched ahead.
const WINDOW_MIN: u64 = 512 << 10;

/// The largest window.
const WINDOW_MAX: u64 = 4 << 20;

/// A gap that is cheaper to fetch than to ask again for.
const GAP: u64 = 64 << 10;

/// How often a read that waits asks whether its bytes are still wanted.
const STILL_WANTED: Duration = Duration::from_millis(100);

pub(super) struct ReadAhead {
    client: Arc<Client>,
    handle: Handle,
    name: Arc<str>,
    size: u64,
    etag: Option<Arc<str>>,
    /// The one read from last is at the back.
    streams: Mutex<VecDeque<Stream>>,
    given_up: AtomicBool,
}

/// A place at which somebody reads on.
struct Stream {
    /// Where the last read ended.
    next: u64,
    /// Bytes of the next window.
    window: u64,
    /// Windows side by side, the oldest first, never empty.
    windows: VecDeque<Arc<Window>>,
}

/// A range on its way or there.
struct Window {
    start: u64,
    end: u64,
    state: Mutex<State>,
    changed: Condvar,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum State {
    Pending,
    Ready(Bytes),
    /// The error is there once, for whoever waited first.
    Failed(Option<Error>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReadAhead {
    /// Must be called inside a runtime, which does the fetching.
    pub(super) fn new(client: Arc<Client>, name: &str, found: Attributes) -> Self {
        Self {
            client,
            handle: Handle::current(),
            name: name.into(),
            size: found.size,
            etag: found.etag.map(Into::into),
            streams: Mutex::default(),
            given_up: AtomicBool::new(false),
        }
    }

    /// The windows that hold `start..end`, which is not empty; new ones are begun for what no stream has.
    fn windows(&self, start: u64, end: u64) -> Vec<Arc<Window>> {
        let mut streams = lock(&self.streams);
        let goes_on = |stream: &Stream| {
            let first = stream.windows.front().map_or(stream.next, |window| window.start);
            let last = stream.windows.back().map_or(stream.next, |window| window.end);
            first <= start && start <= last.max(stream.next) + GAP
        };
        let mut stream = match streams.iter().position(goes_on).and_then(|at| streams.remove(at)) {
            Some(stream) => stream,
            None => {
                if streams.len() == STREAMS {
                    streams.pop_front();
                }
                let first = self.fetch(start, end);
                streams.push_back(Stream { next: end, window: WINDOW_MIN, windows: [Arc::clone(&first)].into() });
                return vec![first];
            }
        };
        self.cover(&mut stream, end);
        let found = stream.windows.iter().filter(|window| window.start < end && start < window.end);
        let found = found.cloned().collect();
        stream.next = end;
        // What lies behind the reader is not needed by it, but a step back is common.
        while stream.windows.len() > 2 && stream.windows[0].end <= start {
            stream.windows.pop_front();
        }
        streams.push_back(stream);
        found
    }

    /// Fetches up to `end` at least, and a window more once the last one is in use.
    fn cover(&self, stream: &mut Stream, end: u64) {
        loop {
            let (start, last) = stream.windows.back().map_or((0, 0), |window| (window.start, window.end));
            if last == self.size || (last >= end && start >= end) {
                return;
            }
            let size = stream.window.max(end.saturating_sub(last));
            stream.windows.push_back(self.fetch(last, (last + size).min(self.size)));
            stream.window = (stream.window * 4).min(WINDOW_MAX);
        }
    }

    /// Starts to fetch a range.
    fn fetch(&self, start: u64, end: u64) -> Arc<Window> {
        let window = Arc::new(Window {
            start,
            end,
            state: Mutex::new(State::Pending),
            changed: Condvar::new(),
            task: Mutex::default(),
        });
        let (client, name, etag) = (Arc::clone(&self.client), Arc::clone(&self.name), self.etag.clone());
        let filled = Arc::downgrade(&window);
        let task = self.handle.spawn(async move {
            let length = end - start;
            let range = Range {
                operation: Operation::GetRange,
                name: &name,
                offset: start,
                length: Some(length),
                max_bytes: length,
                etag: etag.as_deref(),
            };
            let state = match client.fetch(range).await {
                Ok(data) if data.len() as u64 == length => State::Ready(data),
                Ok(_) => {
                    let detail = "the object is shorter than the store said";
                    State::Failed(Some(Error::Corrupt(Failure::new(Operation::GetRange, &name, detail))))
                }
                Err(error) => State::Failed(Some(error)),
            };
            if let Some(window) = filled.upgrade() {
                *lock(&window.state) = state;
                window.changed.notify_all();
            }
        });
        *lock(&window.task) = Some(task);
        window
    }

    /// Forgets windows that failed, so that the next read asks again.
    fn forget(&self) {
        lock(&self.streams).clear();
    }

    fn out_of_range(&self, offset: u64, size: usize) -> io::Error {
        let text = format!("{}: {size} bytes at {offset} are wanted, the object has {}", self.name, self.size);
        io::Error::new(io::ErrorKind::UnexpectedEof, text)
    }
}

impl Window {
    /// Waits for the bytes, until nobody wants them any more.
    fn data(&self, name: &str, given_up: &AtomicBool) -> Result<Bytes, Error> {
        let mut state = lock(&self.state);
        loop {
            if given_up.load(Ordering::Acquire) {
                return Err(Error::Other(Failure::new(Operation::GetRange, name, "it was given up")));
            }
            match &mut *state {
                State::Ready(data) => return Ok(data.clone()),
                State::Failed(error) => {
                    let again = || Error::Other(Failure::new(Operation::GetRange, name, "another read of it failed"));
                    return Err(error.take().unwrap_or_else(again));
                }
                State::Pending => {
                    let woken = self.changed.wait_timeout(state, STILL_WANTED);
                    state = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

impl Reader for ReadAhead {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(into.len() as u64).filter(|end| *end <= self.size);
        let end = end.ok_or_else(|| self.out_of_range(offset, into.len()))?;
        if into.is_empty() {
            return Ok(());
        }
        let (mut at, mut rest) = (offset, into);
        for window in self.windows(offset, end) {
            let data = match window.data(&self.name, &self.given_up) {
                Ok(data) => data,
                Err(error) => {
                    self.forget();
                    return Err(error.into());
                }
            };
            let from = usize::try_from(at - window.start).expect("it lies inside the window");
            let size = rest.len().min(data.len() - from);
            let (piece, after) = rest.split_at_mut(size);
            piece.copy_from_slice(&data[from..from + size]);
            at += size as u64;
            rest = after;
        }
        debug_assert!(rest.is_empty(), "windows lie side by side");
        Ok(())
    }

    fn file(&self) -> Option<&File> {
        None
    }

    fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
    }
}
