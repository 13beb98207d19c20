//! Decoding meta.json.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use serde_json::{Map, Value};

use super::{Compaction, File, FileHash, IndexStats, Meta, MetaError, Parent, Stats, Thanos};
use crate::{BlockId, Labels, Rfc3339, TimeRange, json::member};

type Object = Map<String, Value>;

pub(super) fn meta(text: &[u8]) -> Result<Meta, MetaError> {
    // The reference replaces bytes that are not UTF-8; a strict reader would take such a block for a broken one.
    let text = String::from_utf8_lossy(text);
    let value: Value = serde_json::from_str(&text).map_err(|error| MetaError::Json(format!("{error}")))?;
    let Value::Object(object) = value else { return Err(wrong("the whole", "an object")) };
    Ok(Meta {
        id: id(&object, "ulid")?,
        range: range(&object)?,
        stats: section(&object, "stats", stats)?,
        compaction: section(&object, "compaction", compaction)?,
        version: integer(&object, "version")?,
        thanos: section(&object, "thanos", thanos)?,
    })
}

fn stats(object: &Object) -> Result<Stats, MetaError> {
    Ok(Stats {
        num_samples: count(object, "numSamples")?,
        num_float_samples: count(object, "numFloatSamples")?,
        num_histogram_samples: count(object, "numHistogramSamples")?,
        num_series: count(object, "numSeries")?,
        num_chunks: count(object, "numChunks")?,
        num_tombstones: count(object, "numTombstones")?,
    })
}

fn compaction(object: &Object) -> Result<Compaction, MetaError> {
    Ok(Compaction {
        level: integer(object, "level")?,
        sources: list(object, "sources", |value| id_of(value, "sources"))?,
        deletable: flag(object, "deletable")?,
        parents: list(object, "parents", |value| {
            let parent = value.as_object().ok_or_else(|| wrong("parents", "a list of objects"))?;
            Ok(Parent { id: id(parent, "ulid")?, range: range(parent)? })
        })?,
        failed: flag(object, "failed")?,
        hints: list(object, "hints", |value| string_of(value, "hints"))?,
    })
}

fn thanos(object: &Object) -> Result<Thanos, MetaError> {
    Ok(Thanos {
        version: integer(object, "version")?,
        labels: section(object, "labels", |labels| {
            let pair = |(name, value): (&String, &Value)| Ok((name.clone(), string_or_null(value, "labels")?));
            Ok(Labels(labels.iter().map(pair).collect::<Result<_, MetaError>>()?))
        })?,
        resolution: section(object, "downsample", |downsample| integer(downsample, "resolution"))?,
        source: string(object, "source")?,
        segment_files: list(object, "segment_files", |value| string_of(value, "segment_files"))?,
        files: list(object, "files", file)?,
        rewrites: member(object, "rewrites").cloned(),
        index_stats: section(object, "index_stats", |stats| {
            Ok(IndexStats {
                series_max_size: integer(stats, "series_max_size")?,
                chunk_max_size: integer(stats, "chunk_max_size")?,
            })
        })?,
        extensions: member(object, "extensions").cloned(),
        upload_time: match member(object, "upload_time") {
            None => Rfc3339::default(),
            Some(value) => value
                .as_str()
                .and_then(Rfc3339::parse)
                .ok_or_else(|| wrong("upload_time", "a time such as 2026-01-02T03:04:05Z"))?,
        },
    })
}

fn file(value: &Value) -> Result<File, MetaError> {
    let file = value.as_object().ok_or_else(|| wrong("files", "a list of objects"))?;
    let hash = match member(file, "hash") {
        None => None,
        Some(value) => {
            let hash = value.as_object().ok_or_else(|| wrong("hash", "an object"))?;
            Some(FileHash { func: string(hash, "hashFunc")?, value: string(hash, "value")? })
        }
    };
    Ok(File { rel_path: string(file, "rel_path")?, size_bytes: integer(file, "size_bytes")?, hash })
}

fn range(object: &Object) -> Result<TimeRange, MetaError> {
    Ok(TimeRange::new(integer(object, "minTime")?, integer(object, "maxTime")?))
}

fn section<T: Default>(
    object: &Object,
    name: &str,
    read: impl FnOnce(&Object) -> Result<T, MetaError>,
) -> Result<T, MetaError> {
    match member(object, name) {
        None => Ok(T::default()),
        Some(Value::Object(inner)) => read(inner),
        Some(_) => Err(wrong(name, "an object")),
    }
}

fn list<T>(object: &Object, name: &str, read: impl FnMut(&Value) -> Result<T, MetaError>) -> Result<Vec<T>, MetaError> {
    match member(object, name) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(read).collect(),
        Some(_) => Err(wrong(name, "a list")),
    }
}

fn integer(object: &Object, name: &str) -> Result<i64, MetaError> {
    member(object, name).map_or(Ok(0), |value| value.as_i64().ok_or_else(|| wrong(name, "a 64-bit integer")))
}

fn count(object: &Object, name: &str) -> Result<u64, MetaError> {
    member(object, name)
        .map_or(Ok(0), |value| value.as_u64().ok_or_else(|| wrong(name, "an integer from 0 to 2^64 - 1")))
}

fn flag(object: &Object, name: &str) -> Result<bool, MetaError> {
    member(object, name).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| wrong(name, "true or false")))
}

fn string(object: &Object, name: &str) -> Result<String, MetaError> {
    member(object, name).map_or(Ok(String::new()), |value| string_of(value, name))
}

fn string_of(value: &Value, name: &str) -> Result<String, MetaError> {
    value.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name, "text"))
}

fn string_or_null(value: &Value, name: &str) -> Result<String, MetaError> {
    if value.is_null() { Ok(String::new()) } else { string_of(value, name) }
}

fn id(object: &Object, name: &str) -> Result<BlockId, MetaError> {
    member(object, name).map_or(Ok(BlockId::default()), |value| id_of(value, name))
}

fn id_of(value: &Value, name: &str) -> Result<BlockId, MetaError> {
    value.as_str().and_then(BlockId::parse_any_case).ok_or_else(|| wrong(name, "a ULID of 26 characters"))
}

fn wrong(name: &str, wanted: &str) -> MetaError {
    MetaError::Json(format!("{name}: want {wanted}"))
}
