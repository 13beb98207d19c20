use alloc::{
    string::{String, ToString},
    vec,
};

use proptest::prelude::*;

use super::*;
use crate::Timestamp;

const COMPACTED: &str = include_str!("tests/compacted.json");

#[test]
fn what_the_reference_wrote_is_printed_back_to_the_byte() {
    assert_eq!(Meta::from_json(COMPACTED.as_bytes()).unwrap().to_json(), COMPACTED);
}

#[test]
fn missing_and_null_members_are_zero_and_unknown_ones_are_ignored() {
    let meta = Meta::from_json(
        br#"{"version":1,"stats":null,"compaction":{"sources":null},"thanos":{"labels":{"a":null}},"x":1}"#,
    );
    let meta = meta.unwrap();
    assert_eq!(meta.id, BlockId::default());
    assert_eq!(meta.stats, Stats::default());
    assert_eq!(meta.thanos.labels.get("a"), Some(""));
    assert!(meta.thanos.upload_time.is_zero());
    meta.check_version().unwrap();
}

#[test]
fn an_empty_object_decodes_but_has_no_supported_version() {
    let meta = Meta::from_json(b"{}").unwrap();
    assert_eq!(meta.check_version(), Err(MetaError::Version { found: 0 }));
}

#[test]
fn names_match_without_regard_to_case() {
    let meta = Meta::from_json(br#"{"MINTIME":5,"Thanos":{"DownSample":{"Resolution":300000}}}"#).unwrap();
    assert_eq!(meta.range.min, Timestamp(5));
    assert_eq!(meta.thanos.resolution, 300_000);
}

#[test]
fn members_of_the_wrong_type_do_not_decode() {
    for text in [
        "",
        "null",
        "[]",
        "{",
        r#"{"minTime":1.5}"#,
        r#"{"minTime":9223372036854775808}"#,
        r#"{"stats":{"numSamples":-1}}"#,
        r#"{"ulid":"short"}"#,
        r#"{"ulid":"81JN8BG9006V1WHJJWFFNSHB7N"}"#,
        r#"{"compaction":{"failed":1}}"#,
        r#"{"thanos":{"labels":{"a":1}}}"#,
        r#"{"thanos":{"upload_time":"yesterday"}}"#,
        r#"{"version":1} x"#,
    ] {
        assert!(matches!(Meta::from_json(text.as_bytes()), Err(MetaError::Json(_))), "{text}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_replaced() {
    let meta = Meta::from_json(b"{\"thanos\":{\"source\":\"a\xff\"}}").unwrap();
    assert_eq!(meta.thanos.source, "a\u{fffd}");
}

#[test]
fn other_versions_of_the_thanos_section_are_named() {
    let meta = Meta::from_json(br#"{"version":1,"thanos":{"version":2}}"#).unwrap();
    assert_eq!(meta.check_thanos_version(), Err(MetaError::ThanosVersion { found: 2 }));
}

#[test]
fn the_index_size_is_that_of_the_files_list() {
    let meta = |size: i64| {
        let mut meta = Meta::from_json(b"{}").unwrap();
        meta.thanos.files = vec![File { rel_path: "index".into(), size_bytes: size, hash: None }];
        meta.index_size_bytes()
    };
    assert_eq!(meta(7), Some(7));
    assert_eq!(meta(0), None);
    assert_eq!(meta(-7), None);
}

prop_compose! {
    fn any_meta()(
        ids in prop::collection::vec(any::<(u32, u128)>(), 1..5),
        times in any::<(i64, i64)>(),
        counts in any::<[u64; 6]>(),
        flags in any::<(bool, bool)>(),
        labels in prop::collection::btree_map(".{0,8}", ".{0,8}", 0..4),
        sizes in any::<(i64, i64)>(),
        seconds in -62_135_596_800..253_402_300_800i64,
        hashed in any::<bool>(),
    ) -> Meta {
        let ids: Vec<BlockId> = ids.iter().map(|(t, r)| BlockId::from_parts(Timestamp(i64::from(*t)), *r)).collect();
        let range = TimeRange::new(times.0, times.1);
        let hash = hashed.then(|| FileHash { func: "SHA256".into(), value: "00ff".into() });
        Meta {
            id: ids[0],
            range,
            stats: Stats {
                num_samples: counts[0], num_float_samples: counts[1], num_histogram_samples: counts[2],
                num_series: counts[3], num_chunks: counts[4], num_tombstones: counts[5],
            },
            compaction: Compaction {
                level: 2, sources: ids.clone(), deletable: flags.0, failed: flags.1,
                parents: ids.iter().map(|id| Parent { id: *id, range }).collect(),
                hints: vec!["from-out-of-order".to_string()],
            },
            version: 1,
            thanos: Thanos {
                labels: Labels(labels), resolution: times.0, source: SOURCE_COMPACTOR.into(),
                segment_files: vec!["000001".into()],
                files: vec![File { rel_path: "index".into(), size_bytes: sizes.0, hash }],
                index_stats: IndexStats { series_max_size: sizes.0, chunk_max_size: sizes.1 },
                upload_time: Rfc3339 { seconds, nanos: 5 }, ..Thanos::default()
            },
        }
    }
}

proptest! {
    #[test]
    fn every_meta_survives_printing_and_reading(meta in any_meta()) {
        prop_assert_eq!(Meta::from_json(meta.to_json().as_bytes()), Ok(meta));
    }

    #[test]
    fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Meta::from_json(&text);
    }

    #[test]
    fn what_is_printed_is_printed_again(text in "[ -~]{0,30}") {
        let mut meta = Meta::from_json(b"{}").unwrap();
        meta.thanos.extensions = Some(Value::from(text));
        let printed: String = meta.to_json();
        prop_assert_eq!(Meta::from_json(printed.as_bytes()).unwrap().to_json(), printed);
    }
}
