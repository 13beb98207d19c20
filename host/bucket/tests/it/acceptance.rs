//! The list that every adapter must pass.
//!
//! Source: `object-storage.md` section 13, acceptance list.

use bytes::Bytes;
use lithify_bucket::{Bucket, Depth, Error};

/// Everything that a listing shows, names only.
pub(crate) async fn names(bucket: &dyn Bucket, dir: &str, depth: Depth) -> Vec<String> {
    let mut all = Vec::new();
    let mut pages = bucket.list(dir, depth);
    while let Some(page) = pages.next().await.unwrap() {
        all.extend(page.into_iter().map(|entry| entry.name));
    }
    all.sort();
    all
}

async fn put(bucket: &dyn Bucket, name: &str, data: &str) {
    bucket.upload(name, Bytes::copy_from_slice(data.as_bytes())).await.unwrap();
}

/// Runs the whole list against an empty bucket and leaves it empty.
pub(crate) async fn accept(bucket: &dyn Bucket) {
    missing_objects_are_told_from_bad_requests(bucket).await;
    what_was_written_is_read(bucket).await;
    listings_show_objects_and_directories(bucket).await;
    odd_names_are_taken_byte_for_byte(bucket).await;
    listings_have_pages(bucket).await;
    a_streamed_object_is_visible_when_finished_and_not_before(bucket).await;
    an_empty_object_is_an_object(bucket).await;
    concurrent_writers_leave_one_whole_object(bucket).await;
    assert_eq!(names(bucket, "", Depth::All).await, Vec::<String>::new());
}

async fn missing_objects_are_told_from_bad_requests(bucket: &dyn Bucket) {
    let empty = bucket.get("", 10).await.unwrap_err();
    assert!(!empty.is_not_found(), "{empty}");
    assert!(bucket.get("id1/obj_1.some", 10).await.unwrap_err().is_not_found());
    assert!(bucket.get_range("id1/obj_1.some", 0, Some(1)).await.unwrap_err().is_not_found());
    assert!(bucket.attributes("id1/obj_1.some").await.unwrap_err().is_not_found());
    assert!(bucket.open("id1/obj_1.some").await.err().unwrap().is_not_found());
    assert!(!bucket.exists("id1/obj_1.some").await.unwrap());
    let deleted = bucket.delete("id1/obj_1.some").await;
    assert!(deleted.is_ok() || deleted.unwrap_err().is_not_found());
}

async fn what_was_written_is_read(bucket: &dyn Bucket) {
    put(bucket, "id1/obj_1.some", "@test-data@").await;
    assert_eq!(bucket.get("id1/obj_1.some", 11).await.unwrap(), "@test-data@");
    let range = async |offset, length| bucket.get_range("id1/obj_1.some", offset, length).await.unwrap();
    assert_eq!(range(1, Some(3)).await, "tes");
    assert_eq!(range(1, None).await, "test-data@");
    assert_eq!(range(3, Some(9999)).await, "st-data@");
    assert!(bucket.exists("id1/obj_1.some").await.unwrap());
    let before = bucket.attributes("id1/obj_1.some").await.unwrap();
    assert_eq!(before.size, 11);
    assert!(before.modified.is_some());
    assert!(matches!(bucket.get("id1/obj_1.some", 10).await, Err(Error::Invalid(_))));

    put(bucket, "id1/obj_1.some", "@test-data!@").await;
    assert_eq!(bucket.get("id1/obj_1.some", 12).await.unwrap(), "@test-data!@");
    let after = bucket.attributes("id1/obj_1.some").await.unwrap();
    assert!(after.etag.is_some() && after.etag != before.etag);
    put(bucket, "id1/obj_1.some", "@test-data!@").await;
}

async fn listings_show_objects_and_directories(bucket: &dyn Bucket) {
    for name in ["id1/obj_2.some", "id1/obj_3.some", "id1/sub/subobj_1.some", "id1/sub/subobj_2.some", "id2/obj_4.some"]
    {
        put(bucket, name, "@test-data@").await;
    }
    put(bucket, "obj_5.some", "@test-data@").await;
    assert_eq!(names(bucket, "", Depth::One).await, ["id1/", "id2/", "obj_5.some"]);
    let below = ["id1/obj_1.some", "id1/obj_2.some", "id1/obj_3.some", "id1/sub/"];
    assert_eq!(names(bucket, "id1/", Depth::One).await, below);
    assert_eq!(names(bucket, "id1", Depth::One).await, below);
    let deep = ["id1/obj_1.some", "id1/obj_2.some", "id1/obj_3.some", "id1/sub/subobj_1.some", "id1/sub/subobj_2.some"];
    assert_eq!(names(bucket, "id1/", Depth::All).await, deep);
    assert_eq!(names(bucket, "id1", Depth::All).await, deep);
    assert_eq!(names(bucket, "", Depth::All).await.len(), 7);
    assert_eq!(names(bucket, "missing", Depth::One).await, Vec::<String>::new());
    assert_eq!(names(bucket, "id", Depth::All).await, Vec::<String>::new());

    bucket.delete("id1/obj_2.some").await.unwrap();
    assert_eq!(names(bucket, "id1/", Depth::One).await, ["id1/obj_1.some", "id1/obj_3.some", "id1/sub/"]);
    bucket.delete("id2/obj_4.some").await.unwrap();
    assert_eq!(names(bucket, "", Depth::One).await, ["id1/", "obj_5.some"]);
    for name in names(bucket, "", Depth::All).await {
        bucket.delete(&name).await.unwrap();
    }
}

async fn odd_names_are_taken_byte_for_byte(bucket: &dyn Bucket) {
    let odd = ["a b", "a+b", "a%20b", "a#1", "é/ö", "a&b=c?d", "a'b\"c", "~a", "a*b", "a<b>"];
    for name in odd {
        put(bucket, &format!("odd/{name}"), name).await;
    }
    let mut expected: Vec<_> = odd.iter().map(|name| format!("odd/{name}")).collect();
    expected.sort();
    assert_eq!(names(bucket, "odd", Depth::All).await, expected);
    for name in odd {
        let full = format!("odd/{name}");
        assert_eq!(bucket.get(&full, 100).await.unwrap(), name);
        assert!(bucket.exists(&full).await.unwrap());
        bucket.delete(&full).await.unwrap();
        assert!(!bucket.exists(&full).await.unwrap());
    }
}

async fn listings_have_pages(bucket: &dyn Bucket) {
    let expected: Vec<_> = (0..1105).map(|i| format!("many/{i:05}")).collect();
    for batch in expected.chunks(85) {
        let uploads = batch.iter().map(|name| bucket.upload(name, Bytes::from_static(b"x")));
        for upload in futures_util::future::join_all(uploads).await {
            upload.unwrap();
        }
    }
    assert_eq!(names(bucket, "many", Depth::All).await, expected);
    assert_eq!(names(bucket, "many/", Depth::One).await, expected);
    assert_eq!(names(bucket, "", Depth::One).await, ["many/"]);
    for batch in expected.chunks(85) {
        let deletions = batch.iter().map(|name| bucket.delete(name));
        for deletion in futures_util::future::join_all(deletions).await {
            deletion.unwrap();
        }
    }
}

/// Bytes that repeat late, so that a part in the wrong place is seen.
pub(crate) fn noise(size: usize) -> Bytes {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()
    };
    let mut data: Vec<u8> = std::iter::repeat_with(next).take(size.div_ceil(4)).flatten().collect();
    data.truncate(size);
    data.into()
}

async fn a_streamed_object_is_visible_when_finished_and_not_before(bucket: &dyn Bucket) {
    let data = noise(40_000_000);
    let mut writer = bucket.create("big/object").await.unwrap();
    let sent = data.clone();
    let writer = tokio::task::spawn_blocking(move || {
        // Pieces of all sizes.
        let mut rest = sent;
        for size in (0..).map(|i| 1 + i * 9_973) {
            let piece = rest.split_to(size.min(rest.len()));
            writer.append(piece).unwrap();
            if rest.is_empty() {
                break;
            }
        }
        writer
    });
    let writer = writer.await.unwrap();
    assert!(!bucket.exists("big/object").await.unwrap());
    assert_eq!(names(bucket, "", Depth::All).await, Vec::<String>::new());
    tokio::task::spawn_blocking(move || writer.finish().unwrap()).await.unwrap();
    assert_eq!(bucket.attributes("big/object").await.unwrap().size, 40_000_000);
    assert!(bucket.get("big/object", 1 << 30).await.unwrap() == data);

    let reader = bucket.open("big/object").await.unwrap();
    let expected = data.clone();
    let check = move || {
        assert_eq!(reader.size(), 40_000_000);
        let mut piece = vec![0; 1_000_003];
        for start in (0..39_000_000).step_by(1_000_003).chain([5, 38_999_997, 17_000_000]) {
            reader.read_at(start as u64, &mut piece).unwrap();
            assert!(piece == expected[start..start + piece.len()], "at {start}");
        }
        let past = reader.read_at(39_500_000, &mut piece).unwrap_err();
        assert_eq!(past.kind(), std::io::ErrorKind::UnexpectedEof);
    };
    tokio::task::spawn_blocking(check).await.unwrap();

    let mut writer = bucket.create("big/aborted").await.unwrap();
    let abort = move || {
        writer.append(data).unwrap();
        drop(writer);
    };
    tokio::task::spawn_blocking(abort).await.unwrap();
    bucket.delete("big/object").await.unwrap();
}

async fn an_empty_object_is_an_object(bucket: &dyn Bucket) {
    put(bucket, "empty/a", "").await;
    let writer = bucket.create("empty/b").await.unwrap();
    tokio::task::spawn_blocking(move || writer.finish().unwrap()).await.unwrap();
    for name in ["empty/a", "empty/b"] {
        assert_eq!(bucket.get(name, 0).await.unwrap(), "");
        assert_eq!(bucket.attributes(name).await.unwrap().size, 0);
        bucket.delete(name).await.unwrap();
    }
}

async fn concurrent_writers_leave_one_whole_object(bucket: &dyn Bucket) {
    let texts: Vec<_> = (0..16).map(|i| format!("{i:02}").repeat(1000)).collect();
    let uploads = texts.iter().map(|text| bucket.upload("race/object", Bytes::copy_from_slice(text.as_bytes())));
    for upload in futures_util::future::join_all(uploads).await {
        upload.unwrap();
    }
    let left = bucket.get("race/object", 2000).await.unwrap();
    assert!(texts.iter().any(|text| left == text.as_bytes()));
    bucket.delete("race/object").await.unwrap();
}
