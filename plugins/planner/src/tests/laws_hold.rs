//! The laws of planners, on made-up groups.

use proptest::prelude::*;

use super::*;

/// Groups of up to 24 blocks: whole hours, of usual and unusual lengths, with marks, failures, tombstones, large indexes.
fn groups() -> impl Strategy<Value = Vec<Block>> {
    let one = (0_i64..60, prop::sample::select(vec![1_i64, 2, 2, 2, 3, 8, 48]), 0_u8..20, 0_u64..60);
    prop::collection::vec(one, 0..24).prop_map(|blocks| {
        let block = |(i, (start, length, special, size)): (usize, (i64, i64, u8, u64))| {
            let mut block = laws::block(&std::format!("{i:02}"), start * HOUR, (start + length) * HOUR);
            block.index_size_bytes = Some(size);
            block.failed = special == 1;
            block.no_compact = (special == 2).then(|| "manual".to_string());
            block.num_tombstones = if special == 3 { 50 } else { 0 };
            block
        };
        blocks.into_iter().enumerate().map(block).collect()
    })
}

proptest! {
    #[test]
    fn the_planner_obeys_the_laws(blocks in groups(), vertical: bool, downsampled: bool) {
        let ranges = [1, 2, 8, 48, 336].map(|hours| hours * HOUR);
        let mut request = laws::request(blocks, &ranges);
        if downsampled {
            request.resolution = 300_000;
            request.blocks.iter_mut().for_each(|block| block.resolution = 300_000);
        }
        let planner = Tsdb { max_index_size_bytes: 200, vertical };
        prop_assert_eq!(laws::planner(&planner, &request), Ok(()));
    }
}
