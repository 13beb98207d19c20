//! A planner is a plain function: no WebAssembly is needed to test it.

use lithify_sdk::{Planner, Policy, Silent, laws};
use urgent_first::UrgentFirst;

const RANGES: [i64; 4] = [2, 8, 48, 336];

fn request(blocks: &[(i64, i64)]) -> lithify_sdk::Request {
    let block = |(i, (min, max)): (usize, &(i64, i64))| laws::block(&format!("{i:02}"), *min, *max);
    laws::request(blocks.iter().enumerate().map(block).collect(), &RANGES)
}

#[test]
fn the_newest_complete_window_comes_first() {
    let blocks: Vec<(i64, i64)> = (0..10).map(|i| (2 * i, 2 * i + 2)).collect();
    let planner = UrgentFirst::configure("{}").unwrap();
    let plan = planner.make_plan(&laws::context(), &request(&blocks), &mut Silent).unwrap();
    assert_eq!(plan.jobs[0].blocks, [4, 5, 6, 7]);
}

#[test]
fn it_obeys_the_laws_of_planners() {
    let planner = UrgentFirst::configure(r#"{"blocks-min": 3}"#).unwrap();
    for count in 0..40 {
        let blocks: Vec<(i64, i64)> = (0..count).map(|i| (2 * i + i / 7, 2 * i + i / 7 + 2)).collect();
        laws::planner(&planner, &request(&blocks)).unwrap();
    }
}
