//! What is peculiar to a directory as a bucket.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use lithify_bucket::{Bucket, Depth, Error, Filesystem, Prefixed, from_yaml};

use crate::acceptance::{accept, names};

/// A directory of one test, empty at first.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn bucket(scratch: &Scratch) -> Filesystem {
    Filesystem::new(&scratch.0).unwrap()
}

async fn put(bucket: &dyn Bucket, name: &str) {
    bucket.upload(name, Bytes::from_static(b"data")).await.unwrap();
}

#[tokio::test]
async fn a_directory_passes_the_acceptance_list() {
    let scratch = Scratch::new("fs-accept");
    let missing = scratch.0.join("not/yet/there");
    let bucket = Filesystem::new(&missing).unwrap();
    assert_eq!(bucket.name(), format!("fs: {}", missing.display()));
    accept(&bucket).await;
    assert_eq!(fs::read_dir(&missing).unwrap().count(), 0, "nothing but the root is left");
}

#[tokio::test]
async fn a_directory_with_a_prefix_passes_the_acceptance_list() {
    let scratch = Scratch::new("fs-prefix");
    let yaml = format!("type: filesystem\nconfig: {{directory: {:?}}}\nprefix: /team/one/\n", scratch.0);
    let bucket = from_yaml(&yaml, &|_| None).unwrap();
    accept(&*bucket).await;
    put(&*bucket, "a/b").await;
    assert!(scratch.0.join("team/one/a/b").is_file());
}

#[tokio::test]
async fn a_prefix_does_not_show_its_neighbours() {
    let scratch = Scratch::new("fs-neighbours");
    let inner: Arc<dyn Bucket> = Arc::new(bucket(&scratch));
    put(&*inner, "team1/a").await;
    put(&*inner, "team10/b").await;
    let team = Prefixed::wrap(Arc::clone(&inner), "team1").unwrap();
    assert_eq!(names(&*team, "", Depth::All).await, ["a"]);
    let all = Prefixed::wrap(inner, "///").unwrap();
    assert_eq!(names(&*all, "", Depth::One).await, ["team1/", "team10/"]);
}

#[tokio::test]
async fn names_that_leave_the_root_are_refused_by_every_operation() {
    let scratch = Scratch::new("fs-escape");
    let bucket = bucket(&scratch);
    for name in ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "a\0b", ".tmp-1/2"] {
        let invalid = |error: Error| assert!(matches!(error, Error::Invalid(_)), "{name:?}: {error}");
        invalid(bucket.get(name, 1).await.unwrap_err());
        invalid(bucket.get_range(name, 0, None).await.unwrap_err());
        invalid(bucket.exists(name).await.unwrap_err());
        invalid(bucket.attributes(name).await.unwrap_err());
        invalid(bucket.upload(name, Bytes::new()).await.unwrap_err());
        invalid(bucket.create(name).await.err().unwrap());
        invalid(bucket.open(name).await.err().unwrap());
        invalid(bucket.delete(name).await.unwrap_err());
        invalid(bucket.list(name, Depth::One).next().await.unwrap_err());
    }
}

#[tokio::test]
async fn links_are_neither_listed_nor_followed_and_delete_removes_only_the_link() {
    let (scratch, outside) = (Scratch::new("fs-links"), Scratch::new("fs-links-outside"));
    fs::write(outside.0.join("secret"), "x").unwrap();
    symlink(&outside.0, scratch.0.join("dir")).unwrap();
    symlink(outside.0.join("secret"), scratch.0.join("file")).unwrap();
    let bucket = bucket(&scratch);
    assert_eq!(names(&bucket, "", Depth::All).await, Vec::<String>::new());
    assert_eq!(names(&bucket, "", Depth::One).await, Vec::<String>::new());
    for name in ["file", "dir/secret"] {
        let error = bucket.get(name, 1).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("symbolic link"), "{error}");
    }
    assert!(bucket.upload("dir/new", Bytes::new()).await.is_err());
    assert!(bucket.delete("dir/secret").await.is_err());
    assert!(bucket.list("dir", Depth::All).next().await.is_err());
    bucket.delete("file").await.unwrap();
    bucket.delete("dir").await.unwrap();
    assert_eq!(fs::read_to_string(outside.0.join("secret")).unwrap(), "x");
    assert!(fs::symlink_metadata(scratch.0.join("dir")).is_err());
}

#[tokio::test]
async fn directories_are_not_objects() {
    let scratch = Scratch::new("fs-directories");
    let bucket = bucket(&scratch);
    put(&bucket, "a/b/c").await;
    let error = bucket.get("a/b", 1).await.unwrap_err();
    assert!(!error.is_not_found() && error.to_string().contains("is a directory"), "{error}");
    assert!(!bucket.exists("a/b").await.unwrap());
    assert!(!bucket.exists("a/b/c/d").await.unwrap());
    assert_eq!(names(&bucket, "a/b/c", Depth::One).await, Vec::<String>::new());
    for name in ["a/b", "a/b/"] {
        assert!(bucket.delete(name).await.is_err(), "{name}");
    }
    assert!(bucket.exists("a/b/c").await.unwrap());
}

#[tokio::test]
async fn empty_trees_are_not_shown_and_can_be_deleted_as_markers() {
    let scratch = Scratch::new("fs-empty");
    fs::create_dir_all(scratch.0.join("block/chunks/deep")).unwrap();
    let bucket = bucket(&scratch);
    assert_eq!(names(&bucket, "", Depth::One).await, Vec::<String>::new());
    bucket.delete("block/chunks/").await.unwrap();
    assert!(!scratch.0.join("block").exists(), "the parent became empty as well");
    assert!(scratch.0.exists());
}

#[tokio::test]
async fn temporary_files_are_outside_of_every_listing_and_old_ones_are_removed() {
    let scratch = Scratch::new("fs-staging");
    let stale = scratch.0.join(".tmp-00000000000000aa");
    fs::create_dir_all(&stale).unwrap();
    fs::write(stale.join("1"), "half").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH;
    for path in [stale.join("1"), stale.clone()] {
        fs::File::open(path).unwrap().set_modified(old).unwrap();
    }
    fs::create_dir_all(scratch.0.join(".tmp-00000000000000bb")).unwrap();
    let bucket = bucket(&scratch);
    let writer = bucket.create("a/index").await.unwrap();
    assert!(!stale.exists(), "removed by the first write");
    assert!(scratch.0.join(".tmp-00000000000000bb").exists(), "somebody may be at work there");
    assert_eq!(names(&bucket, "", Depth::All).await, Vec::<String>::new());
    assert_eq!(names(&bucket, "", Depth::One).await, Vec::<String>::new());
    drop(writer);
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
}

#[tokio::test]
async fn a_vanished_root_proves_nothing_about_its_objects() {
    let scratch = Scratch::new("fs-vanished");
    let bucket = bucket(&scratch);
    put(&bucket, "a/meta.json").await;
    assert!(bucket.get("b/meta.json", 1).await.unwrap_err().is_not_found());
    fs::remove_dir_all(&scratch.0).unwrap();
    let error = bucket.get("a/meta.json", 1).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(bucket.exists("a/meta.json").await.is_err());
}

#[tokio::test]
async fn denial_is_told_from_absence() {
    let scratch = Scratch::new("fs-denied");
    let bucket = bucket(&scratch);
    put(&bucket, "a/b").await;
    let file = scratch.0.join("a/b");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o0)).unwrap();
    match bucket.get("a/b", 10).await {
        Ok(data) => assert_eq!(data, "data", "the superuser reads everything"),
        Err(error) => assert!(matches!(error, Error::AccessDenied(_)), "{error}"),
    }
}

#[tokio::test]
async fn names_that_are_not_text_do_not_stop_a_listing() {
    use std::os::unix::ffi::OsStrExt as _;
    let scratch = Scratch::new("fs-bytes");
    fs::write(scratch.0.join(std::ffi::OsStr::from_bytes(b"a\xff")), "x").unwrap();
    fs::write(scratch.0.join("b"), "x").unwrap();
    assert_eq!(names(&bucket(&scratch), "", Depth::All).await, ["a\u{fffd}", "b"]);
}

#[tokio::test]
async fn listings_are_sorted_by_name_directory_by_directory() {
    let scratch = Scratch::new("fs-order");
    let bucket = bucket(&scratch);
    for name in ["b", "a/z", "a/b/c", "c"] {
        put(&bucket, name).await;
    }
    let page = bucket.list("", Depth::All).next().await.unwrap().unwrap();
    let shown: Vec<_> = page.iter().map(|entry| (entry.name.as_str(), entry.size)).collect();
    assert_eq!(shown, [("a/b/c", Some(4)), ("a/z", Some(4)), ("b", Some(4)), ("c", Some(4))]);
    assert!(page.iter().all(|entry| entry.modified.is_some() && entry.etag.is_some()));
}
