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
        self.reach.clear();
        let (times, payload) = (std::mem::take(&mut self.times), std::mem::take(&mut self.payload));
        if is_ascending(&times) && times.first().is_none_or(|first| *first > i64::MIN) {
            self.extend(&times, &payload);
            self.ahead = (times, payload);
            return;
        }
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
        let target = target(time, self.times.last());
        self.reach.push(self.reach.last().map_or(target, |before| target.max(*before)));
        self.times.push(time);
        self.payload.push(payload);
        target
    }

    fn choose(&mut self, times: &[i64], payload: &[P]) {
        let Some(first) = times.first() else { return };
        let mut new = Stream { times, payload };
        let mut start = self.times.partition_point(|time| time <= first);
        if let Some(reach) = start.checked_sub(1).and_then(|before| self.reach.get(before)) {
            new.seek(*reach);
        }
        // What is there stays where it is until the new stream wins for the first time, which most never do.
        let ahead = self.times.get(start..).unwrap_or_default().iter().zip(self.reach.get(start..).unwrap_or_default());
        for (time, reach) in ahead {
            if new.times.first().is_some_and(|theirs| theirs < time) {
                break;
            }
            new.seek(*reach);
            start += 1;
        }
        if start < self.times.len() && !new.times.is_empty() {
            self.choose_from(start, &mut new);
        }
        self.extend(new.times, new.payload);
    }

    /// Chooses between the samples from `start` on, of which the first loses, and another stream.
    fn choose_from(&mut self, start: usize, new: &mut Stream<'_, P>) {
        let (mut ahead_times, mut ahead_payload) = std::mem::take(&mut self.ahead);
        ahead_times.clear();
        ahead_payload.clear();
        ahead_times.extend(self.times.drain(start..));
        ahead_payload.extend(self.payload.drain(start..));
        self.reach.truncate(start);
        let mut old = Stream { times: &ahead_times, payload: &ahead_payload };
        while let (Some((ours, our_payload)), Some((theirs, their_payload))) = (old.present(), new.present()) {
            if ours <= theirs {
                new.seek(self.push(ours, our_payload));
                old.step();
            } else {
                old.seek(self.push(theirs, their_payload));
                new.step();
            }
        }
        self.extend(old.times, old.payload);
        self.ahead = (ahead_times, ahead_payload);
    }

    /// Appends the rest of a stream when the other one has ended.
    fn extend(&mut self, times: &[i64], payload: &[P]) {
        let Some((first, rest)) = times.split_first() else { return };
        let start = target(*first, self.times.last());
        let mut reach = self.reach.last().map_or(start, |before| start.max(*before));
        let mut before = first;
        self.reach.push(reach);
        self.reach.extend(rest.iter().map(|time| {
            reach = reach.max(target(*time, Some(before)));
            before = time;
            reach
        }));
        self.times.extend_from_slice(times);
        self.payload.extend_from_slice(payload);
    }
}

/// The time before which the loser has to skip when a sample at `time` wins after one at `last`.
#[inline]
fn target(time: i64, last: Option<&i64>) -> i64 {
    let penalty = last.map_or(FIRST_PENALTY, |last| time.saturating_sub(*last).saturating_mul(2));
    time.saturating_add(1).saturating_add(penalty)
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

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may panic where it is wrong")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Iterators inside each other, as the reference has them.
    enum Nested {
        Chunk { times: Vec<i64>, next: usize },
        Pair(Box<Pair>),
    }

    struct Pair {
        streams: [Nested; 2],
        is_there: [bool; 2],
        penalties: [i64; 2],
        last: i64,
        used: usize,
    }

    impl Nested {
        fn pair(mut a: Self, mut b: Self) -> Self {
            let is_there = [a.next(), b.next()];
            Self::Pair(Box::new(Pair { streams: [a, b], is_there, penalties: [0, 0], last: i64::MIN, used: 0 }))
        }

        fn time(&self) -> i64 {
            match self {
                Self::Chunk { times, next } => times[next - 1],
                Self::Pair(pair) => pair.streams[pair.used].time(),
            }
        }

        fn next(&mut self) -> bool {
            match self {
                Self::Chunk { times, next } => {
                    *next += 1;
                    *next <= times.len()
                }
                Self::Pair(pair) => pair.next(),
            }
        }

        fn seek(&mut self, time: i64) -> bool {
            while self.time() < time {
                if !self.next() {
                    return false;
                }
            }
            true
        }
    }

    impl Pair {
        fn next(&mut self) -> bool {
            for stream in 0..2 {
                let target = self.last + 1 + self.penalties[stream];
                self.is_there[stream] = self.is_there[stream] && self.streams[stream].seek(target);
            }
            let both = self.is_there == [true, true];
            self.used = match self.is_there {
                [true, true] => usize::from(self.streams[0].time() > self.streams[1].time()),
                [true, false] => 0,
                [false, true] => 1,
                [false, false] => return false,
            };
            let time = self.streams[self.used].time();
            if both {
                let penalty = if self.last == i64::MIN { 5000 } else { 2 * (time - self.last) };
                self.penalties[1 - self.used] = penalty;
            }
            self.penalties[self.used] = 0;
            self.last = time;
            true
        }
    }

    fn nested(streams: &[Vec<i64>]) -> Vec<i64> {
        let mut chunks = streams.iter().map(|times| Nested::Chunk { times: times.clone(), next: 0 });
        let first = chunks.next().unwrap();
        let mut all = chunks.fold(first, Nested::pair);
        let mut out = Vec::new();
        while all.next() {
            out.push(all.time());
        }
        out
    }

    /// Chunks of some replicas, by their starts.
    fn replicas() -> impl Strategy<Value = Vec<Vec<i64>>> {
        let gaps = prop_oneof![8 => Just(0_i64), 1 => 1_i64..200_000, 2 => 1_i64..20_000];
        let replica = (0_i64..20_000, proptest::collection::vec(gaps, 1..120), 1_usize..30);
        proptest::collection::vec(replica, 1..4).prop_map(|replicas| {
            let mut chunks = Vec::new();
            for (start, gaps, length) in replicas {
                let mut time = start;
                let times: Vec<i64> = gaps
                    .into_iter()
                    .map(|gap| {
                        time += 15_000 + gap;
                        time
                    })
                    .collect();
                chunks.extend(times.chunks(length).map(<[i64]>::to_vec));
            }
            chunks.sort();
            chunks
        })
    }

    proptest! {
        #[test]
        fn folding_columns_gives_what_nested_iterators_give(
            mut chunks in replicas(),
            swaps in proptest::collection::vec((0_usize..1000, 0_usize..1000), 0..4),
            disorder in proptest::option::of((0_usize..1000, 0_usize..1000)),
        ) {
            let count = chunks.len();
            for (a, b) in swaps {
                chunks.swap(a % count, b % count);
            }
            if let Some((chunk, sample)) = disorder {
                let times = &mut chunks[chunk % count];
                let sample = sample % times.len();
                times.swap(0, sample);
            }
            let mut fold = Fold::default();
            let mut number = 0_usize;
            for (position, times) in chunks.iter().enumerate() {
                let payload: Vec<usize> = (number..number + times.len()).collect();
                number += times.len();
                if position == 0 { fold.begin(times, &payload) } else { fold.add(times, &payload) }
            }
            prop_assert_eq!(&fold.times, &nested(&chunks));
            let all: Vec<i64> = chunks.concat();
            let by_payload: Vec<i64> = fold.payload.iter().map(|payload| all[*payload]).collect();
            prop_assert_eq!(&by_payload, &fold.times);
        }
    }

    #[test]
    fn a_lone_stream_stays_as_it_is() {
        let mut fold = Fold::default();
        fold.begin(&[3, 3, 1], &[0, 1, 2]);
        assert_eq!((fold.times, fold.payload), (vec![3, 3, 1], vec![0, 1, 2]));
    }
}
