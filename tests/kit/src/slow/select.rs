//! Which samples of overlapping streams survive.

use lithify_tsdb::chunk::{
    Encoding, Hint, Sample,
    aggregate::{self, Aggregate, SubChunk},
};

use super::{
    Chunk, Result, Timed,
    encode::{decode, encode, floats},
    heap::Heap,
};

/// Something that offers samples, forward only.
trait Stream {
    /// Steps to the next sample; `false` at the end.
    fn next(&mut self) -> bool;
    /// The present sample.
    fn at(&self) -> &Timed;
    /// Steps forward until the present sample is not before `time`; stays where that is so already.
    fn seek(&mut self, time: i64) -> bool {
        while self.at().0 < time {
            if !self.next() {
                return false;
            }
        }
        true
    }
}

/// The samples of a chunk.
struct List {
    samples: Vec<Timed>,
    /// The present sample is the one before.
    next: usize,
}

impl Stream for List {
    fn next(&mut self) -> bool {
        self.next += 1;
        self.next <= self.samples.len()
    }

    fn at(&self) -> &Timed {
        &self.samples[self.next - 1]
    }
}

/// Two streams of which one is listened to, until the other seems better.
///
/// Source: D 6.3.
struct Pair {
    streams: [Box<dyn Stream>; 2],
    alive: [bool; 2],
    penalty: [i64; 2],
    last: i64,
    chosen: usize,
}

/// Before anything was emitted.
const NEVER: i64 = i64::MIN;
/// What the loser waits at first, milliseconds.
const FIRST_PENALTY: i64 = 5000;

impl Pair {
    fn new(mut a: Box<dyn Stream>, mut b: Box<dyn Stream>) -> Self {
        let alive = [a.next(), b.next()];
        Self { streams: [a, b], alive, penalty: [0, 0], last: NEVER, chosen: 0 }
    }
}

impl Stream for Pair {
    fn next(&mut self) -> bool {
        for side in 0..2 {
            if self.alive[side] {
                let from = self.last.wrapping_add(1).wrapping_add(self.penalty[side]);
                self.alive[side] = self.streams[side].seek(from);
            }
        }
        let time = |side: usize| self.streams[side].at().0;
        self.chosen = match self.alive {
            [false, false] => return false,
            [false, true] => 1,
            [true, false] => 0,
            [true, true] => usize::from(time(0) > time(1)),
        };
        let now = time(self.chosen);
        if self.alive == [true, true] {
            let waits = if self.last == NEVER { FIRST_PENALTY } else { now.wrapping_sub(self.last).wrapping_mul(2) };
            self.penalty[1 - self.chosen] = waits;
        }
        self.penalty[self.chosen] = 0;
        self.last = now;
        true
    }

    fn at(&self) -> &Timed {
        self.streams[self.chosen].at()
    }
}

/// A chain of nested pairs, the first stream innermost, as the reference builds it.
fn fold(streams: Vec<Vec<Timed>>) -> Option<Box<dyn Stream>> {
    let lists = streams.into_iter().map(|samples| Box::new(List { samples, next: 0 }) as Box<dyn Stream>);
    lists.reduce(|inner, next| Box::new(Pair::new(inner, next)))
}

/// The samples that the function `penalty` keeps of these streams.
///
/// Source: D 6.3, 7.5.
#[must_use]
pub fn penalty_fold(streams: Vec<Vec<Timed>>) -> Vec<Timed> {
    let Some(mut stream) = fold(streams) else { return Vec::new() };
    let mut kept = Vec::new();
    while stream.next() {
        kept.push(stream.at().clone());
    }
    kept
}

/// The samples that the default function keeps: one a millisecond. The first stream is the one that is read at first.
///
/// Source: 6.8 "Chain merge".
pub(super) fn chain(streams: Vec<Vec<Timed>>) -> Vec<Timed> {
    let mut streams = streams.into_iter().map(|samples| List { samples, next: 0 });
    let Some(mut current) = streams.next() else { return Vec::new() };
    let mut heap = Heap::new(|a: &List, b: &List| a.at().0 < b.at().0);
    for mut stream in streams {
        if stream.next() {
            heap.push(stream);
        }
    }
    let (mut kept, mut last, mut changed) = (Vec::new(), i64::MIN, true);
    loop {
        let mut emitted = false;
        if current.next() {
            let time = current.at().0;
            if time == last {
                continue;
            }
            emitted = heap.top().is_none_or(|top| time < top.at().0);
            if !emitted {
                heap.push(current);
                current = match heap.pop() {
                    Some(top) => top,
                    None => return kept,
                };
                changed = true;
                emitted = current.at().0 != last;
            }
        } else {
            match heap.pop() {
                Some(top) => current = top,
                None => return kept,
            }
            changed = true;
            emitted |= current.at().0 != last;
        }
        if emitted {
            let (time, mut sample) = current.at().clone();
            last = time;
            if std::mem::take(&mut changed) {
                forget(&mut sample);
            }
            kept.push((time, sample));
        }
    }
}

/// What stood before a histogram of another stream is unknown, unless it is a gauge.
fn forget(sample: &mut Sample) {
    let hint = match sample {
        Sample::Float(_) => return,
        Sample::Histogram(value) => &mut value.hint,
        Sample::FloatHistogram(value) => &mut value.hint,
    };
    if *hint != Hint::Gauge {
        *hint = Hint::Unknown;
    }
}

/// What `penalty` makes of overlapping aggregate chunks, the base last.
///
/// Source: D 6.6.
pub(super) fn merge_aggregates(chunks: &[&[u8]]) -> Result<Vec<Chunk>> {
    let slot = |wanted| -> Result<Option<Box<dyn Stream>>> {
        let readable = chunks.iter().filter_map(|data| aggregate::slot(data, wanted).ok().flatten());
        let floats = |slot: SubChunk<'_>| match slot.encoding {
            Encoding::Xor => decode(slot.encoding.byte(), slot.data),
            // Where a histogram of them is met, the reference panics.
            Encoding::Histogram | Encoding::FloatHistogram | Encoding::Aggregate => {
                Err("aggregates of histograms overlap".into())
            }
        };
        let decoded: Result<_> = readable.map(floats).collect();
        Ok(fold(decoded?))
    };
    let mut counts = Vec::new();
    if let Some(mut stream) = slot(Aggregate::Count)? {
        while stream.next() {
            counts.push(stream.at().clone());
        }
    }
    let others = [Aggregate::Sum, Aggregate::Min, Aggregate::Max, Aggregate::Counter];
    let mut streams = Vec::new();
    for wanted in others {
        streams.push(slot(wanted)?);
    }
    let mut pieces = Vec::new();
    for count in encode(&counts)? {
        let mut slots = vec![Some((count.encoding, count.data.clone()))];
        for (wanted, stream) in others.into_iter().zip(&mut streams) {
            let again = wanted == Aggregate::Counter;
            slots.push(match stream {
                Some(stream) => stretch(stream.as_mut(), count.min, count.max, again)?.map(|data| (1, data)),
                None => None,
            });
        }
        let mut view = [None; 5];
        for (place, slot) in view.iter_mut().zip(&slots) {
            if let Some((encoding, data)) = slot {
                let encoding = Encoding::try_from(*encoding).map_err(|error| error.to_string())?;
                *place = Some(SubChunk { encoding, data });
            }
        }
        pieces.push(Chunk { encoding: 0xff, data: aggregate::join(view), ..count });
    }
    Ok(pieces)
}

/// The samples of a slot from `min` to `max`; the first one behind is lost, as the stream has stepped over it.
fn stretch(stream: &mut dyn Stream, min: i64, max: i64, again: bool) -> Result<Option<Vec<u8>>> {
    let mut kept: Vec<(i64, f64)> = Vec::new();
    while stream.next() {
        if stream.at().0 < min && !stream.seek(min) || stream.at().0 > max {
            break;
        }
        match stream.at() {
            (time, Sample::Float(bits)) => kept.push((*time, f64::from_bits(*bits))),
            (_, Sample::Histogram(_) | Sample::FloatHistogram(_)) => {
                return Err("aggregates of histograms overlap".into());
            }
        }
    }
    let Some((time, value)) = kept.last().copied().filter(|last| *last != (0, 0.0)) else { return Ok(None) };
    if again {
        kept.push((time, value));
    }
    floats(kept).map(Some)
}
