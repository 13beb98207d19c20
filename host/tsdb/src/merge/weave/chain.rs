//! One sample for each millisecond out of several streams: deduplication 1:1.
//!
//! Source: `tsdb-format.md` 6.8, "chain merge"; Prometheus storage/merge.go, `chainSampleIterator`.

use std::ops::Range;

use crate::heap::Heap;

/// Takes the positions of the samples that survive, in their order.
pub(super) trait Survivors {
    /// The sample at a position.
    fn one(&mut self, at: usize);
    /// The samples at neighbouring positions.
    fn many(&mut self, positions: Range<usize>);
}

/// A stream on the heap: the time of its present sample, and which one it is.
pub(super) type Waiting = (i64, usize);
/// Two streams take turns without the heap if the one that is read has so many samples before all others begin.
const SAMPLES_ALONE: usize = 16;

fn earlier(a: Waiting, b: Waiting) -> bool {
    a.0 < b.0
}

/// Merges `streams`, ranges of `times`, which are used up.
///
/// Which of several samples of one millisecond survives is decided by the order in which streams come off the heap, so
/// every push and pop of the reference is made here as well, or has the effect as if it were. The hints that it sets for
/// histograms are left out, as no byte depends on them.
pub(super) fn chain(
    times: &[i64],
    streams: &mut [Range<usize>],
    (heap, scratch): (&mut Heap<Waiting>, &mut Heap<Waiting>),
    survivors: &mut impl Survivors,
) {
    // Number of streams that wait when they last were found in an order that alternating would change.
    let mut unsteady = 0;
    heap.clear();
    for (number, stream) in streams.iter().enumerate().skip(1) {
        if let Some(time) = first(times, stream) {
            heap.push((time, number), earlier);
        }
    }
    let begun = streams.first().cloned().unwrap_or_default();
    let mut chain = Chain { times, last: i64::MIN, number: 0, present: begun };
    loop {
        if let Some(next) = first(times, &chain.present) {
            if next == chain.last {
                chain.present.start += 1;
                continue;
            }
            let limit = heap.top().map(|(time, _)| time);
            if limit.is_none_or(|limit| next < limit) {
                chain.run(limit, survivors);
                continue;
            }
            if unsteady != heap.len() && chain.is_far_from_others(heap) {
                if heap.is_steady((next, chain.number), scratch, earlier) {
                    chain.alternate(heap, streams, survivors);
                    continue;
                }
                unsteady = heap.len();
            }
            chain.put_back(streams);
            heap.push((next, chain.number), earlier);
        }
        let Some((next, popped)) = heap.pop(earlier) else { return };
        chain.take_up(popped, streams);
        chain.take(next, survivors);
    }
}

fn first(times: &[i64], stream: &Range<usize>) -> Option<i64> {
    if stream.is_empty() { None } else { times.get(stream.start).copied() }
}

/// The stream that is read, and what was taken last.
struct Chain<'t> {
    times: &'t [i64],
    last: i64,
    number: usize,
    present: Range<usize>,
}

impl Chain<'_> {
    /// Leaves the present stream.
    fn put_back(&self, streams: &mut [Range<usize>]) {
        if let Some(stream) = streams.get_mut(self.number) {
            *stream = self.present.clone();
        }
    }

    /// Goes on with a stream that was waiting.
    fn take_up(&mut self, number: usize, streams: &[Range<usize>]) {
        self.number = number;
        self.present = streams.get(number).cloned().unwrap_or_default();
    }

    /// Takes the first sample of the present stream, unless its time has one.
    #[inline]
    fn take(&mut self, time: i64, survivors: &mut impl Survivors) {
        if time != self.last {
            survivors.one(self.present.start);
            self.last = time;
        }
        self.present.start += 1;
    }

    /// Takes the samples that come before `limit` and each differ in time from the one before; the first does.
    fn run(&mut self, limit: Option<i64>, survivors: &mut impl Survivors) {
        let run = self.times.get(self.present.clone()).unwrap_or_default();
        let goes_on = |pair: &[i64]| match pair {
            [before, next] => next != before && limit.is_none_or(|limit| *next < limit),
            _ => false,
        };
        let end = self.present.start + 1 + run.windows(2).take_while(|pair| goes_on(pair)).count();
        survivors.many(self.present.start..end);
        self.last = self.times.get(end - 1).copied().unwrap_or(self.last);
        self.present.start = end;
    }

    /// Whether the present stream and the first that waits have a while before the other streams that wait.
    fn is_far_from_others(&self, heap: &Heap<Waiting>) -> bool {
        let Some((limit, _)) = heap.second(earlier) else { return true };
        let ahead = self.times.get(self.present.clone()).unwrap_or_default().get(SAMPLES_ALONE);
        ahead.is_some_and(|time| *time < limit) && heap.top().is_some_and(|(time, _)| time < limit)
    }

    /// Takes turns with the first stream that waits, until one of the two ends or comes to the others: what the heap
    /// would do, without it.
    fn alternate(&mut self, heap: &mut Heap<Waiting>, streams: &mut [Range<usize>], survivors: &mut impl Survivors) {
        let limit = heap.second(earlier).map(|(time, _)| time);
        let Some((_, mut number)) = heap.top() else { return };
        let mut waiting = streams.get(number).cloned().unwrap_or_default();
        let Some(mut theirs) = first(self.times, &waiting) else { return };
        while let Some(ours) = first(self.times, &self.present) {
            if ours == self.last {
                self.present.start += 1;
            } else if limit.is_some_and(|limit| ours >= limit) {
                break;
            } else if ours < theirs {
                self.take(ours, survivors);
            } else {
                std::mem::swap(&mut self.present, &mut waiting);
                std::mem::swap(&mut self.number, &mut number);
                self.take(theirs, survivors);
                theirs = ours;
            }
        }
        if let Some(stream) = streams.get_mut(number) {
            *stream = waiting;
        }
        heap.replace_top((theirs, number));
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test may panic where it is wrong")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Survivors for Vec<usize> {
        fn one(&mut self, at: usize) {
            self.push(at);
        }

        fn many(&mut self, positions: Range<usize>) {
            self.extend(positions);
        }
    }

    /// Step by step, as the reference does it.
    fn literal(times: &[i64], streams: &[Range<usize>]) -> Vec<usize> {
        let mut streams = streams.to_vec();
        let mut heap = Heap::new();
        for (number, stream) in streams.iter().enumerate().skip(1) {
            if !stream.is_empty() {
                heap.push((times[stream.start], number), earlier);
            }
        }
        let (mut number, mut last, mut out, mut is_begun) = (0, i64::MIN, Vec::new(), false);
        loop {
            if is_begun {
                streams[number].start += 1;
            }
            is_begun = true;
            if let Some(next) = first(times, &streams[number]) {
                if next == last {
                    continue;
                }
                if heap.top().is_none_or(|(top, _)| next < top) {
                    out.push(streams[number].start);
                    last = next;
                    continue;
                }
                heap.push((next, number), earlier);
            }
            let Some((next, popped)) = heap.pop(earlier) else { return out };
            number = popped;
            if next != last {
                out.push(streams[number].start);
                last = next;
            }
        }
    }

    proptest! {
        #[test]
        fn shortcuts_change_nothing(
            chunks in proptest::collection::vec((0_i64..400, proptest::collection::vec(0_i64..3, 0..60)), 1..9),
            ties in any::<bool>(),
        ) {
            let (mut times, mut streams) = (Vec::new(), Vec::new());
            for (number, (start, gaps)) in (0_i64..).zip(&chunks) {
                let mut time = if ties { start / 100 * 100 } else { start * 9 + number };
                let begin = times.len();
                for gap in gaps {
                    times.push(time);
                    time += 9 * (*gap).max(i64::from(number % 2 == 0));
                }
                streams.push(begin..times.len());
            }
            let want = literal(&times, &streams);
            let mut got = Vec::new();
            chain(&times, &mut streams, (&mut Heap::new(), &mut Heap::new()), &mut got);
            prop_assert_eq!(got, want);
        }
    }
}
