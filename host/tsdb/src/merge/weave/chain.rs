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
type Waiting = (i64, usize);

fn earlier(a: Waiting, b: Waiting) -> bool {
    a.0 < b.0
}

/// Merges `streams`, ranges of `times`, which are used up.
///
/// Which of several samples of one millisecond survives is decided by the order in which streams come off the heap, so
/// every push and pop of the reference is made here as well. Its hints for histograms are not, as no byte depends on them.
pub(super) fn chain(
    times: &[i64],
    streams: &mut [Range<usize>],
    heap: &mut Heap<Waiting>,
    survivors: &mut impl Survivors,
) {
    let time = |at: usize| times.get(at).copied().unwrap_or(i64::MAX);
    heap.clear();
    for (number, stream) in streams.iter().enumerate().skip(1) {
        if !stream.is_empty() {
            heap.push((time(stream.start), number), earlier);
        }
    }
    let (mut last, mut number) = (i64::MIN, 0);
    let mut present = streams.first().cloned().unwrap_or_default();
    loop {
        if !present.is_empty() {
            let next = time(present.start);
            if next == last {
                present.start += 1;
                continue;
            }
            let limit = heap.top().map(|(time, _)| time);
            if limit.is_none_or(|limit| next < limit) {
                let end = run_end(times, &present, limit);
                survivors.many(present.start..end);
                last = time(end - 1);
                present.start = end;
                continue;
            }
            if let Some(stream) = streams.get_mut(number) {
                *stream = present.clone();
            }
            heap.push((next, number), earlier);
        }
        let Some((next, popped)) = heap.pop(earlier) else { return };
        number = popped;
        present = streams.get(popped).cloned().unwrap_or_default();
        if next != last {
            survivors.one(present.start);
            last = next;
        }
        present.start += 1;
    }
}

/// Where the samples end that come before `limit` and each differ in time from the one before; the first does.
fn run_end(times: &[i64], present: &Range<usize>, limit: Option<i64>) -> usize {
    let run = times.get(present.clone()).unwrap_or_default();
    let goes_on = |pair: &[i64]| match pair {
        [before, next] => next != before && limit.is_none_or(|limit| *next < limit),
        _ => false,
    };
    present.start + 1 + run.windows(2).take_while(|pair| goes_on(pair)).count()
}
