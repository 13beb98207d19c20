//! A year of iterations over a bucket that sidecars fill: the program's own decisions with its policies in WebAssembly, a
//! clock that is set, and a merge that only counts. What must hold is asserted after every iteration; what the bucket
//! looks like is drawn and compared with `tests/data/year`.

mod drawing;
mod laws;
mod ledger;
mod maker;
mod sidecar;
mod world;

use expect_test::{ExpectFile, expect_file};
use lithify_block::Timestamp;
use lithify_compactor::Iteration;

use self::{
    laws::Laws,
    sidecar::{FIRST_DAY, HOUR, Sidecar, YEAR, hour},
    world::World,
};

/// A year and what is expected of it.
struct Year {
    sidecar: Sidecar,
    /// Flags from this day on; the first of them from the beginning.
    flags: Vec<(i64, Vec<&'static str>)>,
    /// Hours from one iteration to the next.
    every: i64,
    /// Live blocks that a stream may have besides those of 14 days.
    live_max: usize,
    /// Days on which the bucket is drawn.
    drawn_on: Vec<i64>,
    /// How many tenants are drawn then.
    drawn: usize,
}

/// Iterations in which a bucket that nothing is added to comes to rest.
const ITERATIONS_TO_REST: usize = 3;

/// The first iteration: a block that was made in the first three hours is old enough to be seen.
const FIRST_ITERATION: i64 = 3 * HOUR + 45 * 60_000;

impl Year {
    fn one_tenant(sidecar: Sidecar) -> Self {
        Self {
            sidecar,
            flags: vec![(0, vec![])],
            every: 6,
            live_max: 16,
            drawn_on: vec![3, 30, 182],
            drawn: usize::MAX,
        }
    }

    /// Lives through it, and compares how the bucket looks meanwhile.
    fn check(self, expected: ExpectFile) {
        let mut flags = self.flags.into_iter().peekable();
        let mut world = World::new(self.sidecar, &flags.next().unwrap().1);
        let mut laws = Laws::new(self.live_max);
        let mut drawn_on = self.drawn_on.iter().peekable();
        let mut pages = Vec::new();
        let last = world.last_upload();
        let mut now = Timestamp(FIRST_DAY.0 + FIRST_ITERATION);
        while now < last {
            if let Some((_, flags)) = flags.next_if(|(day, _)| hour(day * 24) <= now) {
                world.restart(&flags);
            }
            let iteration = world.step(now);
            laws.hold(&world.ledger, &iteration, now);
            if drawn_on.next_if(|day| hour(**day * 24) <= now).is_some() {
                laws::all_have_copies(&world.ledger, now);
                pages.push(drawing::draw(&world.ledger, now, self.drawn));
            }
            now.0 += self.every * HOUR;
        }
        comes_to_rest(&mut world, &mut laws, now);
        laws::all_have_copies(&world.ledger, now);
        pages.push(drawing::draw(&world.ledger, last, self.drawn));
        pages.push(drawing::count(&world.ledger));
        pages.push(format!(
            "most live blocks of a stream besides those of 14 days: {}\nmost iterations for which two blocks of a stream shared time: {}\n",
            laws.most, laws.longest
        ));
        expected.assert_eq(&pages.join("\n"));
    }
}

/// Nothing is shipped any more: soon nothing is planned any more, and what is marked is gone when its time has come.
fn comes_to_rest(world: &mut World, laws: &mut Laws, from: Timestamp) {
    let is_idle = |did: &Iteration| did.outcomes.is_empty() && did.downsampled.is_empty() && did.superseded == 0;
    for (round, halves) in (0..ITERATIONS_TO_REST + 6).zip(0i64..) {
        let now = Timestamp(from.0 + halves * 12 * HOUR);
        let iteration = world.step(now);
        laws.hold(&world.ledger, &iteration, now);
        assert!(round < ITERATIONS_TO_REST || is_idle(&iteration), "no rest: {iteration:#?}");
    }
    let marked: Vec<_> = world.ledger.blocks.iter().filter(|(_, block)| block.marked.is_some()).collect();
    assert!(marked.iter().all(|(_, block)| block.marked > Some(from)), "marked blocks stay");
}

#[test]
fn one_tenant() {
    let sidecar = Sidecar::default().with("a", 0..YEAR, |_| Some(0));
    Year::one_tenant(sidecar).check(expect_file!["../data/year/one-tenant.txt"]);
}

#[test]
fn a_tenant_with_a_gap_of_two_days() {
    let gap = 100 * 24 + 10..102 * 24 + 10;
    let sidecar = Sidecar::default().with("a", 0..YEAR, |hour| (!gap.contains(&hour)).then_some(0));
    let year = Year { drawn_on: vec![103, 114], every: 12, ..Year::one_tenant(sidecar) };
    year.check(expect_file!["../data/year/two-day-gap.txt"]);
}

#[test]
fn late_blocks() {
    let mut dice = 42_u64;
    let mut throw = move || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(dice >> 40).unwrap()
    };
    // One block in forty comes up to three weeks late; on day 200 a sidecar is back after three days, the last block first.
    let late = move |from: i64| match from {
        from if (197 * 24..200 * 24).contains(&from) => Some(2 * (200 * 24 - from) * HOUR),
        _ if throw() % 40 == 0 => Some(throw() % (21 * 24) * HOUR),
        _ => Some(0),
    };
    let sidecar = Sidecar::default().with("a", 0..YEAR, late);
    let year = Year {
        flags: vec![(0, vec!["--compact.enable-vertical-compaction"])],
        every: 12,
        drawn_on: vec![30, 199, 203],
        ..Year::one_tenant(sidecar)
    };
    year.check(expect_file!["../data/year/late-blocks.txt"]);
}

/// What an installation with many tenants keeps of them.
const RETENTION: [&str; 3] =
    ["--retention.resolution-raw=15d", "--retention.resolution-5m=30d", "--retention.resolution-1h=90d"];

#[test]
fn fifty_tenants() {
    // All of them all year: one ships without a pause, the others one block a day, or two, or three. A year of fifty tenants
    // without a pause takes minutes, since every look at the bucket sees every block of two hours.
    let sidecar = (0_i64..50).fold(Sidecar::default(), |sidecar, n| {
        let apart = if n == 0 { 2 } else { 24 / (1 + n % 3) };
        sidecar.with(&format!("t{n:02}"), 0..YEAR, move |hour| (hour % apart == 0).then_some(0))
    });
    let year = Year {
        flags: vec![(0, RETENTION.to_vec())],
        every: 96,
        drawn_on: vec![182],
        drawn: 4,
        ..Year::one_tenant(sidecar)
    };
    year.check(expect_file!["../data/year/fifty-tenants.txt"]);
}

#[test]
fn tenants_that_come_and_go() {
    // One comes a week, and each stays for six weeks.
    let names: Vec<String> = (0..50).map(|n| format!("t{n:02}")).collect();
    let sidecar = (0_i64..)
        .zip(&names)
        .fold(Sidecar::default(), |sidecar, (n, name)| sidecar.with(name, n * 7..YEAR.min(n * 7 + 42), |_| Some(0)));
    let year =
        Year { flags: vec![(0, RETENTION.to_vec())], every: 96, drawn_on: vec![100, 200], ..Year::one_tenant(sidecar) };
    year.check(expect_file!["../data/year/tenants-come-and-go.txt"]);
}

#[test]
fn a_change_of_policy_in_the_middle() {
    let guest = crate::program::data("guests/urgent-first.wasm");
    let urgent: &'static str = format!("--plugins.config=planner: {{plugin: '{}'}}", guest.display()).leak();
    let sidecar = Sidecar::default().with("a", 0..YEAR, |_| Some(0));
    let year = Year {
        // Blocks of two days at most; then of a fortnight, then another planner, and samples go at last.
        flags: vec![
            (0, vec!["--debug.max-compaction-level=3"]),
            (120, vec![]),
            (200, vec![urgent]),
            (270, vec![urgent, "--retention.resolution-raw=60d", "--retention.resolution-5m=180d"]),
        ],
        every: 12,
        live_max: 60,
        drawn_on: vec![119, 121, 199, 201, 269, 271],
        ..Year::one_tenant(sidecar)
    };
    year.check(expect_file!["../data/year/policy-change.txt"]);
}
