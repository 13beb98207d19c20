//! Snapshots, marks and the deletion of blocks, over a directory.

use std::{fs, sync::Arc};

use bytes::Bytes;
use lithify_block::{BlockId, DeletionMark, NoCompactMark, Timestamp};
use lithify_bucket::{
    Bucket, Depth, Error, Filesystem, Mark, MarkState, MetaCache, MetaState, delete_block,
    layout::{self, MarkKind},
    remove_mark, snapshot, write_mark,
};

use crate::{acceptance::names, filesystem::Scratch};

fn id(n: u128) -> BlockId {
    BlockId::from_parts(Timestamp(1_700_000_000_000), n)
}

fn meta_json(id: BlockId, version: i64) -> String {
    format!(r#"{{"ulid":"{id}","minTime":0,"maxTime":7200000,"version":{version},"thanos":{{"labels":{{"a":"b"}}}}}}"#)
}

async fn put(bucket: &dyn Bucket, name: &str, text: &str) {
    bucket.upload(name, Bytes::copy_from_slice(text.as_bytes())).await.unwrap();
}

async fn block(bucket: &dyn Bucket, id: BlockId) {
    put(bucket, &layout::segment(id, 1), "chunks").await;
    put(bucket, &layout::index(id), "the index").await;
    put(bucket, &layout::meta(id), &meta_json(id, 1)).await;
}

#[tokio::test]
async fn every_directory_with_an_id_is_a_block_and_says_why_it_is_none() {
    let scratch = Scratch::new("sync-states");
    let bucket = Filesystem::new(&scratch.0).unwrap();
    block(&bucket, id(1)).await;
    put(&bucket, &layout::index(id(2)), "partial").await;
    put(&bucket, &layout::meta(id(3)), "").await;
    put(&bucket, &layout::meta(id(4)), &meta_json(id(4), 20)).await;
    put(&bucket, &id(5).to_string(), "an object named like a block").await;
    put(&bucket, &format!("{}/meta.json", id(6).to_string().to_lowercase()), &meta_json(id(6), 1)).await;
    put(&bucket, "debug/metas/x.json", "{}").await;
    let view = snapshot(&bucket, None, None, 4).await.unwrap();
    assert_eq!(view.blocks.keys().copied().collect::<Vec<_>>(), [id(1), id(2), id(3), id(4)]);
    let whole = &view.blocks[&id(1)];
    assert_eq!(whole.meta().unwrap().id, id(1));
    assert_eq!(whole.index_size(), Some(9));
    assert_eq!(whole.objects.keys().map(|name| &**name).collect::<Vec<_>>(), ["chunks/000001", "index", "meta.json"]);
    assert!(whole.newest().is_some());
    assert!(matches!(view.blocks[&id(2)].meta, MetaState::Missing));
    assert!(matches!(view.blocks[&id(3)].meta, MetaState::Corrupted(_)));
    assert!(matches!(view.blocks[&id(4)].meta, MetaState::Unsupported(..)));
}

#[tokio::test]
async fn marks_are_read_ignored_or_unsupported() {
    let scratch = Scratch::new("sync-marks");
    let bucket = Filesystem::new(&scratch.0).unwrap();
    for n in 1..=3 {
        block(&bucket, id(n)).await;
    }
    let mark = DeletionMark::new(id(1), "outdated block", Timestamp(1_700_000_001_000));
    assert!(write_mark(&bucket, &Mark::Deletion(mark.clone())).await.unwrap());
    let later = DeletionMark::new(id(1), "again", Timestamp(1_800_000_000_000));
    assert!(!write_mark(&bucket, &Mark::Deletion(later)).await.unwrap(), "the first mark stays");
    let no_compact = NoCompactMark::new(id(1), "manual", "", Timestamp(5000));
    assert!(write_mark(&bucket, &Mark::NoCompact(no_compact.clone())).await.unwrap());
    put(&bucket, &layout::mark(id(2), MarkKind::Deletion), "no json").await;
    put(&bucket, &layout::mark(id(3), MarkKind::NoDownsample), r#"{"version":2}"#).await;

    let view = snapshot(&bucket, None, None, 1).await.unwrap();
    assert_eq!(view.blocks[&id(1)].deletion.found(), Some(&mark));
    assert_eq!(view.blocks[&id(1)].no_compact.found(), Some(&no_compact));
    assert!(matches!(view.blocks[&id(2)].deletion, MarkState::Absent));
    assert!(matches!(view.blocks[&id(3)].no_downsample, MarkState::Unsupported(_)));

    assert!(remove_mark(&bucket, id(1), MarkKind::NoCompact).await.unwrap());
    assert!(!remove_mark(&bucket, id(1), MarkKind::NoCompact).await.unwrap());
    let next = snapshot(&bucket, Some(&view), None, 1).await.unwrap();
    assert_eq!(next.fetched, 0);
    assert!(next.blocks[&id(1)].no_compact.found().is_none());
    assert_eq!(next.blocks[&id(1)].deletion.found(), Some(&mark));
}

#[tokio::test]
async fn only_what_changed_is_read_again() {
    let scratch = Scratch::new("sync-again");
    let bucket = Filesystem::new(&scratch.0).unwrap();
    block(&bucket, id(1)).await;
    block(&bucket, id(2)).await;
    let first = snapshot(&bucket, None, None, 4).await.unwrap();
    assert_eq!(first.fetched, 2);
    let second = snapshot(&bucket, Some(&first), None, 4).await.unwrap();
    assert_eq!(second.fetched, 0);
    assert!(Arc::ptr_eq(first.blocks[&id(1)].meta().unwrap(), second.blocks[&id(1)].meta().unwrap()));
    put(&bucket, &layout::meta(id(2)), &meta_json(id(2), 1).replace("7200000", "9200000")).await;
    block(&bucket, id(3)).await;
    bucket.delete(&layout::meta(id(1))).await.unwrap();
    let third = snapshot(&bucket, Some(&second), None, 4).await.unwrap();
    assert_eq!(third.fetched, 2);
    assert_eq!(third.blocks[&id(2)].meta().unwrap().range.max, Timestamp(9_200_000));
    assert!(matches!(third.blocks[&id(1)].meta, MetaState::Missing));
}

#[tokio::test]
async fn a_cold_start_takes_unchanged_metas_from_the_data_directory() {
    let (scratch, data) = (Scratch::new("sync-cache"), Scratch::new("sync-cache-data"));
    let bucket = Filesystem::new(&scratch.0).unwrap();
    let cache = MetaCache::new(&data.0);
    for n in 1..=3 {
        block(&bucket, id(n)).await;
    }
    assert_eq!(snapshot(&bucket, None, Some(&cache), 4).await.unwrap().fetched, 3);
    assert_eq!(snapshot(&bucket, None, Some(&cache), 4).await.unwrap().fetched, 0);
    let kept = |n| data.0.join("meta-syncer").join(layout::meta(id(n)));
    assert_eq!(fs::read_to_string(kept(1)).unwrap(), meta_json(id(1), 1));

    fs::write(kept(1), "damaged").unwrap();
    delete_block(&bucket, id(2)).await.unwrap();
    fs::File::open(scratch.0.join(layout::meta(id(3)))).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::create_dir(data.0.join("meta-syncer/other")).unwrap();
    let view = snapshot(&bucket, None, Some(&cache), 4).await.unwrap();
    assert_eq!(view.fetched, 2);
    assert_eq!(view.blocks.len(), 2);
    assert_eq!(fs::read_to_string(kept(1)).unwrap(), meta_json(id(1), 1));
    assert!(!kept(2).exists() && data.0.join("meta-syncer/other").exists());
}

#[tokio::test]
async fn a_read_that_fails_fails_the_snapshot() {
    let scratch = Scratch::new("sync-fails");
    let bucket = Filesystem::new(&scratch.0).unwrap();
    block(&bucket, id(1)).await;
    let big = fs::File::create(scratch.0.join(layout::mark(id(1), MarkKind::Deletion))).unwrap();
    big.set_len(lithify_bucket::MARK_BYTES_MAX + 1).unwrap();
    let error = snapshot(&bucket, None, None, 4).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn deleting_a_block_leaves_nothing_of_it_and_may_be_repeated() {
    let scratch = Scratch::new("sync-delete");
    let bucket = Filesystem::new(&scratch.0).unwrap();
    block(&bucket, id(1)).await;
    block(&bucket, id(2)).await;
    let mark = DeletionMark::new(id(1), "", Timestamp(0));
    write_mark(&bucket, &Mark::Deletion(mark)).await.unwrap();
    put(&bucket, &format!("{}/odd/thing", id(1)), "x").await;
    delete_block(&bucket, id(1)).await.unwrap();
    delete_block(&bucket, id(1)).await.unwrap();
    assert_eq!(names(&bucket, "", Depth::One).await, [layout::directory(id(2))]);
}
