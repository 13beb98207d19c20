//! What is counted, and what is not.

use std::sync::Arc;

use bytes::Bytes;
use lithify_block::Timestamp;
use lithify_bucket::{Bucket, Depth, Filesystem, Metered};
use prometheus::{Encoder as _, Registry, TextEncoder};

use crate::{
    acceptance::{accept, names},
    filesystem::Scratch,
};

fn metered(scratch: &Scratch) -> (Arc<dyn Bucket>, Registry) {
    let registry = Registry::new();
    let inner = Arc::new(Filesystem::new(&scratch.0).unwrap());
    let bucket = Metered::wrap(inner, &registry, Arc::new(|| Timestamp(1_500))).unwrap();
    (bucket, registry)
}

/// The value of a series such as `operations_total{operation="get"}`.
fn value(registry: &Registry, series: &str) -> f64 {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (name, operation) = series.split_once('/').unwrap_or((series, ""));
    let line = text.lines().find(|line| {
        let named = line.strip_prefix("thanos_objstore_bucket_").and_then(|rest| rest.strip_prefix(name));
        let labelled = operation.is_empty() || line.contains(&format!("operation=\"{operation}\""));
        named.is_some_and(|rest| rest.starts_with('{')) && labelled
    });
    line.unwrap_or_else(|| panic!("{series} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_counted_bucket_passes_the_acceptance_list() {
    let scratch = Scratch::new("metrics-accept");
    let (bucket, _) = metered(&scratch);
    accept(&*bucket).await;
}

#[tokio::test]
async fn all_series_exist_from_the_start() {
    let scratch = Scratch::new("metrics-start");
    let (_bucket, registry) = metered(&scratch);
    for operation in ["iter", "get", "get_range", "exists", "upload", "delete", "attributes"] {
        for family in ["operations_total", "operation_failures_total", "operation_duration_seconds_count"] {
            assert_eq!(value(&registry, &format!("{family}/{operation}")), 0.0);
        }
    }
    for operation in ["get", "get_range", "upload"] {
        assert_eq!(value(&registry, &format!("operation_fetched_bytes_total/{operation}")), 0.0);
        assert_eq!(value(&registry, &format!("operation_transferred_bytes_count/{operation}")), 0.0);
    }
    assert_eq!(value(&registry, "last_successful_upload_time"), 0.0);
}

#[tokio::test]
async fn operations_failures_and_bytes_are_counted() {
    let scratch = Scratch::new("metrics-counts");
    let (bucket, registry) = metered(&scratch);
    bucket.upload("a/index", Bytes::from_static(b"12345")).await.unwrap();
    bucket.get("a/index", 5).await.unwrap();
    bucket.get_range("a/index", 1, Some(2)).await.unwrap();
    bucket.get("a/index", 4).await.unwrap_err();
    bucket.get("a/meta.json", 4).await.unwrap_err();
    bucket.get("a/missing", 4).await.unwrap_err();
    bucket.delete("a/chunks/").await.unwrap_err();
    names(&*bucket, "", Depth::All).await;
    let reader = bucket.open("a/index").await.unwrap();
    reader.read_at(0, &mut [0; 3]).unwrap();
    drop(reader);
    assert_eq!(value(&registry, "operations_total/get"), 5.0);
    assert_eq!(value(&registry, "operation_failures_total/get"), 2.0, "a missing meta.json is expected");
    assert_eq!(value(&registry, "operation_failures_total/delete"), 0.0);
    assert_eq!(value(&registry, "operation_fetched_bytes_total/get"), 8.0);
    assert_eq!(value(&registry, "operation_fetched_bytes_total/get_range"), 2.0);
    assert_eq!(value(&registry, "operation_transferred_bytes_sum/upload"), 5.0);
    assert_eq!(value(&registry, "operation_duration_seconds_count/iter"), 1.0);
    assert_eq!(value(&registry, "last_successful_upload_time"), 1.5);
}

#[tokio::test]
async fn the_same_bucket_cannot_be_registered_twice() {
    let scratch = Scratch::new("metrics-twice");
    let (bucket, registry) = metered(&scratch);
    assert!(Metered::wrap(bucket, &registry, Arc::new(|| Timestamp(0))).is_err());
}
