//! Marks: small files beside a block that say what is to become of it.
//!
//! Source: `thanos-compactor.md` 9.1; Thanos pkg/block/metadata/markers.go.

use alloc::{
    format,
    string::{String, ToString},
};

use serde_json::Value;

use crate::{
    BlockId, Timestamp,
    json::{member, quote},
};

/// deletion-mark.json: the block is to be deleted once the delete delay is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionMark {
    /// The block that the file names; its directory decides.
    pub id: BlockId,
    /// Why, for people.
    pub details: String,
    /// When the mark was made, in Unix seconds.
    pub time_seconds: i64,
}

/// no-compact-mark.json: the block keeps its place but takes part in no compaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCompactMark {
    /// The block that the file names; its directory decides.
    pub id: BlockId,
    /// Why, for people.
    pub details: String,
    /// When the mark was made, in Unix seconds.
    pub time_seconds: i64,
    /// Why, for programs: `manual`, `index-size-exceeding`, …
    pub reason: String,
}

/// no-downsample-mark.json: the block is not downsampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoDownsampleMark {
    /// The block that the file names; its directory decides.
    pub id: BlockId,
    /// Why, for people.
    pub details: String,
    /// When the mark was made, in Unix seconds.
    pub time_seconds: i64,
    /// Why, for programs: `manual`.
    pub reason: String,
}

/// Why a mark cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The text is not JSON, or a member is of the wrong type. The reference goes on as if there were no mark.
    #[error("mark does not decode: {0}")]
    Json(String),
    /// The mark is of a version that this release does not know; it must not be taken for absent.
    #[error("mark has version {found}, supported is 1")]
    Version {
        /// The version in the file.
        found: i64,
    },
}

impl DeletionMark {
    /// A mark for `id`, made at `now`.
    #[must_use]
    pub fn new(id: BlockId, details: &str, now: Timestamp) -> Self {
        Self { id, details: details.into(), time_seconds: now.seconds() }
    }

    /// Decodes deletion-mark.json.
    ///
    /// # Errors
    /// [`MarkError`] if it does not decode or has another version.
    pub fn from_json(text: &[u8]) -> Result<Self, MarkError> {
        let fields = read(text, "deletion_time")?;
        Ok(Self { id: fields.id, details: fields.details, time_seconds: fields.time_seconds })
    }

    /// Prints the mark as the reference does: one line without a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        print(self.id, &self.details, ("deletion_time", self.time_seconds), None)
    }
}

impl NoCompactMark {
    /// A mark for `id`, made at `now`.
    #[must_use]
    pub fn new(id: BlockId, reason: &str, details: &str, now: Timestamp) -> Self {
        Self { id, details: details.into(), time_seconds: now.seconds(), reason: reason.into() }
    }

    /// Decodes no-compact-mark.json.
    ///
    /// # Errors
    /// [`MarkError`] if it does not decode or has another version.
    pub fn from_json(text: &[u8]) -> Result<Self, MarkError> {
        let fields = read(text, "no_compact_time")?;
        Ok(Self { id: fields.id, details: fields.details, time_seconds: fields.time_seconds, reason: fields.reason })
    }

    /// Prints the mark as the reference does: one line without a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        print(self.id, &self.details, ("no_compact_time", self.time_seconds), Some(&self.reason))
    }
}

impl NoDownsampleMark {
    /// Decodes no-downsample-mark.json.
    ///
    /// # Errors
    /// [`MarkError`] if it does not decode or has another version.
    pub fn from_json(text: &[u8]) -> Result<Self, MarkError> {
        let fields = read(text, "no_downsample_time")?;
        Ok(Self { id: fields.id, details: fields.details, time_seconds: fields.time_seconds, reason: fields.reason })
    }

    /// Prints the mark as the reference does: one line without a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        print(self.id, &self.details, ("no_downsample_time", self.time_seconds), Some(&self.reason))
    }
}

struct Fields {
    id: BlockId,
    details: String,
    time_seconds: i64,
    reason: String,
}

fn read(text: &[u8], time: &str) -> Result<Fields, MarkError> {
    let text = String::from_utf8_lossy(text);
    let value: Value = serde_json::from_str(&text).map_err(|error| MarkError::Json(error.to_string()))?;
    let object = value.as_object().ok_or_else(|| MarkError::Json("want an object".into()))?;
    let integer = |name: &str| match member(object, name) {
        None => Ok(0),
        Some(value) => value.as_i64().ok_or_else(|| MarkError::Json(format!("{name}: want a 64-bit integer"))),
    };
    let string = |name: &str| match member(object, name) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or_else(|| MarkError::Json(format!("{name}: want text"))),
    };
    let id = match member(object, "id") {
        None => BlockId::default(),
        Some(value) => value
            .as_str()
            .and_then(BlockId::parse_any_case)
            .ok_or_else(|| MarkError::Json("id: want a ULID of 26 characters".into()))?,
    };
    let fields = Fields {
        id,
        details: string("details")?.into(),
        time_seconds: integer(time)?,
        reason: string("reason")?.into(),
    };
    match integer("version")? {
        1 => Ok(fields),
        found => Err(MarkError::Version { found }),
    }
}

fn print(id: BlockId, details: &str, time: (&str, i64), reason: Option<&str>) -> String {
    let mut text = format!("{{\"id\":\"{id}\",\"version\":1,");
    if !details.is_empty() {
        text.push_str("\"details\":");
        quote(&mut text, details);
        text.push(',');
    }
    text.push_str(&format!("\"{}\":{}", time.0, time.1));
    if let Some(reason) = reason {
        text.push_str(",\"reason\":");
        quote(&mut text, reason);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01JN7PX380YM305R97MBD9QBAR";

    #[test]
    fn marks_print_as_the_reference_writes_them() {
        let id: BlockId = ID.parse().unwrap();
        let now = Timestamp(1_795_306_592_999);
        let text =
            format!(r#"{{"id":"{ID}","version":1,"details":"source of compacted block","deletion_time":1795306592}}"#);
        assert_eq!(DeletionMark::new(id, "source of compacted block", now).to_json(), text);
        assert_eq!(DeletionMark::from_json(text.as_bytes()).unwrap().time_seconds, 1_795_306_592);
        let text = format!(r#"{{"id":"{ID}","version":1,"no_compact_time":1795306592,"reason":"manual"}}"#);
        let mark = NoCompactMark::new(id, "manual", "", now);
        assert_eq!(mark.to_json(), text);
        assert_eq!(NoCompactMark::from_json(text.as_bytes()), Ok(mark));
    }

    #[test]
    fn a_downsample_mark_survives_reading_and_printing() {
        let text =
            format!(r#"{{"id":"{ID}","version":1,"details":"by hand","no_downsample_time":5,"reason":"manual"}}"#);
        assert_eq!(NoDownsampleMark::from_json(text.as_bytes()).unwrap().to_json(), text);
    }

    #[test]
    fn a_mark_of_another_version_is_not_an_absent_one() {
        let text = format!(r#"{{"id":"{ID}","version":2}}"#);
        assert_eq!(DeletionMark::from_json(text.as_bytes()), Err(MarkError::Version { found: 2 }));
        assert_eq!(DeletionMark::from_json(b"{}"), Err(MarkError::Version { found: 0 }));
    }

    #[test]
    fn what_is_no_mark_does_not_decode() {
        for text in ["", "[]", r#"{"id":"x","version":1}"#, r#"{"version":1,"deletion_time":"now"}"#] {
            assert!(matches!(DeletionMark::from_json(text.as_bytes()), Err(MarkError::Json(_))), "{text}");
        }
    }
}
