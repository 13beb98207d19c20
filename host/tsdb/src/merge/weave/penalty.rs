//! The samples of one replica until it pauses too long: the `penalty` function.
//!
//! The reference folds the chunks of an overlap from the left into nested iterators, each of which asks the one inside for
//! every sample. But what an iterator gives does not depend on who asks, so each step of the fold can be carried out on
//! columns; and a step changes nothing before the start of the chunk that it adds. What it needs to know of the columns
//! before that point is the last two times, and how far the added chunk was made to skip until then. Chunks are added in
//! the order of their starts, so each step touches little more than its own chunk, and all of them as many samples as
//! there are.
//!
//! Source: `downsampling.md` 6.3; Thanos pkg/dedup/iter.go.

/// How far the loser of the first choice skips, milliseconds.
const FIRST_PENALTY: i64 = 5000;

/// The result of the fold so far, as columns: times, and something that stands for each sample.
#[derive(Debug)]
pub(super) struct Fold<P> {
    pub(super) times: Vec<i64>,
    pub(super) payload: Vec<P>,
    /// For each sample the time before which a stream that had lost all choices so far would have been made to skip.
    reach: Vec<i64>,
    /// What the present step chooses from, and a chunk put in order.
    ahead: (Vec<i64>, Vec<P>),
    sorted: (Vec<i64>, Vec<P>),
    is_first: bool,
}

impl<P> Default for Fold<P> {
    fn default() -> Self {
        Self {
            times: Vec::new(),
            payload: Vec::new(),
            reach: Vec::new(),
            ahead: (Vec::new(), Vec::new()),
            sorted: (Vec::new(), Vec::new()),
            is_first: true,
        }
    }
}

impl<P: Copy> Fold<P> {
    /// Begins with a stream, which stays as it is unless another one is added.
    pub(super) fn begin(&mut self, times: &[i64], payload: &[P]) {
        self.times.clear();
        self.payload.clear();
        self.times.extend_from_slice(times);
        self.payload.extend_from_slice(payload);
        self.is_first = true;
    }

    /// Chooses between the samples so far and those of another stream.
    pub(super) fn add(&mut self, times: &[i64], payload: &[P]) {
        if self.is_first {
            self.settle();
        }
        let mut sorted = std::mem::take(&mut self.sorted);
        if is_ascending(times) {
            self.choose(times, payload);
        } else {
            sort_out(times, payload, &mut sorted);
            self.choose(&sorted.0, &sorted.1);
        }
        self.sorted = sorted;
    }

    /// Leaves out samples that do not rise in time: seeking, which every choice does, never stops at them.
    fn settle(&mut self) {
        self.is_first = false;
        let (times, payload) = (std::mem::take(&mut self.times), std::mem::take(&mut self.payload));
        self.reach.clear();
        let mut before = i64::MIN;
        for (time, payload) in times.iter().zip(&payload) {
            if *time > before {
                before = *time;
                self.push(*time, *payload);
            }
        }
        // Memory for the next overlap.
        self.ahead = (times, payload);
    }

    /// Appends the winner of a choice; returns the time before which the loser has to skip.
    #[inline]
    fn push(&mut self, time: i64, payload: P) -> i64 {
        let last = self.times.last();
        let penalty = last.map_or(FIRST_PENALTY, |last| time.saturating_sub(*last).saturating_mul(2));
        let target = time.saturating_add(1).saturating_add(penalty);
        self.reach.push(self.reach.last().map_or(target, |before| target.max(*before)));
        self.times.push(time);
        self.payload.push(payload);
        target
    }

    fn choose(&mut self, times: &[i64], payload: &[P]) {
        let Some(first) = times.first() else { return };
        let start = self.times.partition_point(|time| time <= first);
        let (mut ahead_times, mut ahead_payload) = std::mem::take(&mut self.ahead);
        ahead_times.clear();
        ahead_payload.clear();
        ahead_times.extend(self.times.drain(start..));
        ahead_payload.extend(self.payload.drain(start..));
        self.reach.truncate(start);

        let mut old = Stream { times: &ahead_times, payload: &ahead_payload };
        let mut new = Stream { times, payload };
        if let Some(reach) = self.reach.last() {
            new.seek(*reach);
        }
        while let (Some((ours, our_payload)), Some((theirs, their_payload))) = (old.present(), new.present()) {
            if ours <= theirs {
                new.seek(self.push(ours, our_payload));
                old.step();
            } else {
                old.seek(self.push(theirs, their_payload));
                new.step();
            }
        }
        for rest in [old, new] {
            for (time, payload) in rest.times.iter().zip(rest.payload) {
                self.push(*time, *payload);
            }
        }
        self.ahead = (ahead_times, ahead_payload);
    }
}

/// What is left of a stream.
struct Stream<'a, P> {
    times: &'a [i64],
    payload: &'a [P],
}

impl<P: Copy> Stream<'_, P> {
    #[inline]
    fn present(&self) -> Option<(i64, P)> {
        Some((*self.times.first()?, *self.payload.first()?))
    }

    #[inline]
    fn step(&mut self) {
        self.times = self.times.get(1..).unwrap_or_default();
        self.payload = self.payload.get(1..).unwrap_or_default();
    }

    /// Goes to the first sample that is not before `time`.
    #[inline]
    fn seek(&mut self, time: i64) {
        while self.times.first().is_some_and(|present| *present < time) {
            self.step();
        }
    }
}

fn is_ascending(times: &[i64]) -> bool {
    times.is_sorted_by(|before, next| before < next)
}

/// The samples that are later than all before them.
fn sort_out<P: Copy>(times: &[i64], payload: &[P], out: &mut (Vec<i64>, Vec<P>)) {
    out.0.clear();
    out.1.clear();
    for (time, payload) in times.iter().zip(payload) {
        if out.0.last().is_none_or(|last| last < time) {
            out.0.push(*time);
            out.1.push(*payload);
        }
    }
}
