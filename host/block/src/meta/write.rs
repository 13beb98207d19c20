//! Printing meta.json.

use alloc::string::{String, ToString};

use super::{Compaction, File, Meta, Stats, Thanos};
use crate::json::Writer;

pub(super) fn meta(meta: &Meta) -> String {
    let mut writer = Writer::new();
    writer.object(|w| {
        w.key("ulid").string(&meta.id.to_string());
        w.key("minTime").number(meta.range.min);
        w.key("maxTime").number(meta.range.max);
        w.key("stats").object(|w| stats(w, &meta.stats));
        w.key("compaction").object(|w| compaction(w, &meta.compaction));
        w.key("version").number(meta.version);
        w.key("thanos").object(|w| thanos(w, &meta.thanos));
    });
    writer.text.push('\n');
    writer.text
}

fn stats(w: &mut Writer, stats: &Stats) {
    for (name, count) in [
        ("numSamples", stats.num_samples),
        ("numFloatSamples", stats.num_float_samples),
        ("numHistogramSamples", stats.num_histogram_samples),
        ("numSeries", stats.num_series),
        ("numChunks", stats.num_chunks),
        ("numTombstones", stats.num_tombstones),
    ] {
        if count > 0 {
            w.key(name).number(count);
        }
    }
}

fn compaction(w: &mut Writer, compaction: &Compaction) {
    w.key("level").number(compaction.level);
    if !compaction.sources.is_empty() {
        w.key("sources").list(|w| compaction.sources.iter().for_each(|id| w.element().string(&id.to_string())));
    }
    if compaction.deletable {
        w.key("deletable").number(true);
    }
    if !compaction.parents.is_empty() {
        w.key("parents").list(|w| {
            for parent in &compaction.parents {
                w.element().object(|w| {
                    w.key("ulid").string(&parent.id.to_string());
                    w.key("minTime").number(parent.range.min);
                    w.key("maxTime").number(parent.range.max);
                });
            }
        });
    }
    if compaction.failed {
        w.key("failed").number(true);
    }
    if !compaction.hints.is_empty() {
        w.key("hints").list(|w| compaction.hints.iter().for_each(|hint| w.element().string(hint)));
    }
}

fn thanos(w: &mut Writer, thanos: &Thanos) {
    if thanos.version != 0 {
        w.key("version").number(thanos.version);
    }
    w.key("labels").object(|w| thanos.labels.iter().for_each(|(name, value)| w.key(name).string(value)));
    w.key("downsample").object(|w| w.key("resolution").number(thanos.resolution));
    w.key("source").string(&thanos.source);
    if !thanos.segment_files.is_empty() {
        w.key("segment_files").list(|w| thanos.segment_files.iter().for_each(|name| w.element().string(name)));
    }
    if !thanos.files.is_empty() {
        w.key("files").list(|w| thanos.files.iter().for_each(|entry| w.element().object(|w| file(w, entry))));
    }
    if let Some(rewrites) = &thanos.rewrites {
        w.key("rewrites").value(rewrites);
    }
    w.key("index_stats").object(|w| {
        for (name, size) in [
            ("series_max_size", thanos.index_stats.series_max_size),
            ("chunk_max_size", thanos.index_stats.chunk_max_size),
        ] {
            if size != 0 {
                w.key(name).number(size);
            }
        }
    });
    if let Some(extensions) = &thanos.extensions {
        w.key("extensions").value(extensions);
    }
    w.key("upload_time").string(&thanos.upload_time.to_string());
}

fn file(w: &mut Writer, file: &File) {
    w.key("rel_path").string(&file.rel_path);
    if file.size_bytes != 0 {
        w.key("size_bytes").number(file.size_bytes);
    }
    if let Some(hash) = &file.hash {
        w.key("hash").object(|w| {
            w.key("hashFunc").string(&hash.func);
            w.key("value").string(&hash.value);
        });
    }
}
