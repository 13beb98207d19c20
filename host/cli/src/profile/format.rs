//! A profile as `go tool pprof` reads it.
//!
//! Source: google/pprof proto/profile.proto.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::modules::Modules;
use super::sampler::PERIOD_MICROS;
use crate::protobuf::Message;

/// How often each stack was seen.
pub(super) type Stacks = BTreeMap<Vec<u64>, u64>;

/// Texts, each once; the first is empty.
struct Texts(Vec<String>, HashMap<String, u64>);

impl Texts {
    fn position(&mut self, text: &str) -> u64 {
        if let Some(position) = self.1.get(text) {
            return *position;
        }
        let position = self.0.len() as u64;
        self.0.push(text.to_owned());
        self.1.insert(text.to_owned(), position);
        position
    }
}

/// The profile: for each stack the number of samples and the processor time in nanoseconds.
pub(super) fn encode(modules: &Modules, stacks: &Stacks, took: Duration) -> Vec<u8> {
    let period_nanos = u64::from(PERIOD_MICROS) * 1000;
    let mut texts = Texts(Vec::new(), HashMap::new());
    texts.position("");
    let mut kind =
        |name: &str, unit: &str| Message::default().uint(1, texts.position(name)).uint(2, texts.position(unit));
    let (samples, cpu) = (kind("samples", "count"), kind("cpu", "nanoseconds"));
    let mut profile = Message::default().message(1, &samples).message(1, &cpu);
    let addresses: BTreeSet<u64> = stacks.keys().flatten().copied().collect();
    let addresses: Vec<u64> = addresses.into_iter().collect();
    let ids: HashMap<u64, u64> = addresses.iter().copied().zip(1..).collect();
    let id_of = |address: &u64| ids.get(address).copied().unwrap_or_default();
    for (stack, count) in stacks {
        let values = [*count, count.saturating_mul(period_nanos)];
        profile = profile.message(2, &Message::default().packed(1, stack.iter().map(id_of)).packed(2, values));
    }
    for (mapped, id) in modules.mapped.iter().zip(1..) {
        let mapping = Message::default().uint(1, id).uint(2, mapped.range.start).uint(3, mapped.range.end);
        let mapping = mapping.uint(4, mapped.offset).uint(5, texts.position(&mapped.path));
        profile = profile.message(3, &mapping.uint(7, 1));
    }
    let names = modules.names(&addresses);
    let mut functions: BTreeMap<&str, u64> = BTreeMap::new();
    for address in &addresses {
        let name = names.get(address).map_or("[unknown]", String::as_str);
        let next = functions.len() as u64 + 1;
        let function = *functions.entry(name).or_insert(next);
        let mapping = modules.position(*address).map_or(0, |position| position as u64 + 1);
        let location = Message::default().uint(1, id_of(address)).uint(2, mapping).uint(3, *address);
        profile = profile.message(4, &location.message(4, &Message::default().uint(1, function)));
    }
    for (name, id) in &functions {
        // Without a name of the linker's beside it, the name is shown as it is.
        profile = profile.message(5, &Message::default().uint(1, *id).uint(2, texts.position(name)));
    }
    profile = texts.0.iter().fold(profile, |profile, text| profile.bytes(6, text.as_bytes()));
    let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    profile.uint(10, took).message(11, &cpu).uint(12, period_nanos).into_bytes()
}
