//! `/api/v1`: the blocks, marking them, and what the process says of itself.
//!
//! Source: compactor specification 12.3; thanos pkg/api/blocks/v1.go.

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::header::{HeaderValue, VARY};
use lithify_block::{BlockId, DeletionMark, NoCompactMark};
use lithify_bucket::{Mark, write_mark};
use lithify_compactor::{Act, Author, Shown};
use serde_json::json;

use super::answer::{self, Answer, bad_data, quoted, success};
use super::form::Parameters;
use super::route::Handler;
use super::viewer::Viewer;
use crate::version;

/// Most bytes of parameters that are read; an id, an action and a few lines of words are far below.
const FORM_BYTES_MAX: usize = 64 << 10;

/// How long a client may take to send them.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// Reason of no-compact marks that a person sets.
const MANUAL: &str = "manual";

/// A request to the API, its body still to be read.
pub(super) struct Question<'a, B> {
    /// What stands behind the `?`.
    pub(super) query: &'a str,
    /// The headers.
    pub(super) headers: &'a HeaderMap,
    /// The rest.
    pub(super) body: B,
}

/// Answers a request to the API.
pub(super) async fn answer<B>(viewer: &Viewer, handler: Handler, question: Question<'_, B>) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut answer = match handler {
        Handler::Blocks => blocks(viewer, question.query).await,
        Handler::Mark => mark(viewer, question).await,
        Handler::Flags => success(&flags(&viewer.config.flags)),
        Handler::Runtime => success(&runtime(viewer)),
        Handler::Build => success(&build()),
        Handler::Options => answer::no_content(),
        Handler::Healthy
        | Handler::Ready
        | Handler::Metrics
        | Handler::Profile
        | Handler::Profiles
        | Handler::UnknownProfile
        | Handler::Page => return answer::not_found(),
    };
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    if viewer.config.cors {
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, POST, OPTIONS"),
            ("access-control-allow-headers", "Accept, Accept-Encoding, Authorization, Content-Type, Origin"),
            ("access-control-expose-headers", "Date"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    answer
}

async fn blocks(viewer: &Viewer, query: &str) -> Answer {
    let shown = if Parameters::of_query(query).value("view") == "loaded" {
        viewer.views.loaded()
    } else {
        viewer.views.global()
    };
    let label = viewer.config.label.clone();
    // A bucket may have 100,000 blocks; printing them takes a while.
    match tokio::task::spawn_blocking(move || success(&blocks_info(&label, &shown))).await {
        Ok(answer) => answer,
        Err(panic) => bad_data(&format!("internal error: {panic}")),
    }
}

fn blocks_info(label: &str, shown: &Shown) -> String {
    let mut text = format!("{{\"label\":{},\"blocks\":[", quoted(label));
    for (i, meta) in shown.blocks.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        push_compact(&mut text, &meta.to_json());
    }
    let error = shown.error.as_deref().map_or_else(|| "null".to_owned(), quoted);
    write!(text, "],\"refreshedAt\":\"{}\",\"err\":{error}}}", shown.refreshed_at).expect("a string takes everything");
    text
}

/// Appends `json` without the white space between its tokens.
fn push_compact(text: &mut String, json: &str) {
    let (mut quoted, mut escaped) = (false, false);
    text.extend(json.chars().filter(|c| {
        let keep = quoted || !c.is_ascii_whitespace();
        if *c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && *c == '\\' && !escaped;
        keep
    }));
}

async fn mark<B>(viewer: &Viewer, question: Question<'_, B>) -> Answer
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !viewer.config.admin {
        return bad_data("Admin operations are disabled");
    }
    let reading = Limited::new(question.body, FORM_BYTES_MAX).collect();
    let form = match tokio::time::timeout(FORM_TIMEOUT, reading).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return bad_data(&format!("the body cannot be read: {error}")),
        Err(_) => return bad_data("the body cannot be read: it did not come in time"),
    };
    let given = Parameters::of(question.query, question.headers, &form);
    match write(viewer, given.value("id"), given.value("action"), given.value("detail")).await {
        Ok(()) => answer::no_content(),
        Err(error) => bad_data(&error),
    }
}

async fn write(viewer: &Viewer, id: &str, action: &str, detail: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("ID cannot be empty".to_owned());
    }
    if action.is_empty() {
        return Err("Action cannot be empty".to_owned());
    }
    let id = block_id(id)?;
    let now = viewer.ambient.timestamp();
    let mark = match action {
        "DELETION" => Mark::Deletion(DeletionMark::new(id, detail, now)),
        "NO_COMPACTION" => Mark::NoCompact(NoCompactMark::new(id, MANUAL, detail, now)),
        _ => return Err(format!("not supported marker {action}")),
    };
    let written = write_mark(&*viewer.bucket, &mark).await.map_err(|error| crate::logging::chain(&error))?;
    if written {
        let act = if action == "DELETION" { Act::MarkedForDeletion } else { Act::MarkedNoCompact };
        Author::program("http-api").tell(act, id, detail);
    }
    Ok(())
}

fn block_id(text: &str) -> Result<BlockId, String> {
    let upper = text.to_ascii_uppercase();
    upper.parse().map_err(|_| {
        let reason = match text.as_bytes() {
            [first, rest @ ..] if rest.len() == 25 && *first > b'7' => "overflow",
            bytes if bytes.len() == 26 => "bad data characters",
            _ => "bad data size",
        };
        format!("ULID \"{}\" is not valid: ulid: {reason} when unmarshaling", escaped(text))
    })
}

/// What stands between the quotes when Go quotes a text: escapes for quotes and for what cannot be printed.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        let known =
            ['\u{7}', '\u{8}', '\u{b}', '\u{c}', '\n', '\r', '\t', '"', '\\'].iter().position(|known| *known == c);
        let code = u32::from(c);
        let written = match known.and_then(|i| "abvfnrt\"\\".chars().nth(i)) {
            Some(letter) => write!(escaped, "\\{letter}"),
            None if c.is_ascii_control() => write!(escaped, "\\x{code:02x}"),
            None if c == '\'' || c.escape_debug().len() == 1 => write!(escaped, "{c}"),
            None if code <= 0xffff => write!(escaped, "\\u{code:04x}"),
            None => write!(escaped, "\\U{code:08x}"),
        };
        written.expect("a string takes everything");
    }
    escaped
}

fn flags(flags: &[(String, String)]) -> String {
    let members: Vec<_> = flags.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
    format!("{{{}}}", members.join(","))
}

/// Names are the reference's. What only Go has is empty, and tasks stand where it has goroutines.
fn runtime(viewer: &Viewer) -> String {
    let directory = std::env::current_dir().map(|directory| directory.display().to_string()).unwrap_or_default();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "{{\"startTime\":\"{}\",\"CWD\":{},\"goroutineCount\":{tasks},\"GOMAXPROCS\":{cores},\"GOGC\":\"\",\"GODEBUG\":\"\",\
         \"GOMEMLIMIT\":{}}}",
        viewer.started_at,
        quoted(&directory),
        i64::MAX
    )
}

fn build() -> String {
    let members = [
        ("version", version::VERSION),
        ("revision", version::REVISION),
        ("branch", version::BRANCH),
        ("buildUser", option_env!("LITHIFY_BUILD_USER").unwrap_or_default()),
        ("buildDate", option_env!("LITHIFY_BUILD_DATE").unwrap_or_default()),
        ("goVersion", ""),
    ];
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{}", json!(value))).collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lithify_block::{Meta, Rfc3339};

    use super::*;

    #[test]
    fn blocks_are_printed_in_one_line_and_in_the_order_of_meta_json() {
        let text = r#"{"ulid":"01JN7PX380J79NF36ZKCH2Z7TC","minTime":1,"maxTime":2,"stats":{"numSamples":561},"compaction":{"level":1,"sources":["01JN7PX380J79NF36ZKCH2Z7TC"]},"version":1,"thanos":{"labels":{"c \"l":"us 1\\"},"downsample":{"resolution":0},"source":"sidecar","files":[{"rel_path":"meta.json"}],"index_stats":{},"upload_time":"0001-01-01T00:00:00Z"}}"#;
        let meta = Arc::new(Meta::from_json(text.as_bytes()).unwrap());
        let shown = Shown { blocks: vec![Arc::clone(&meta), meta], ..Shown::default() };
        let expected = format!(
            r#"{{"label":"<\u003e","blocks":[{text},{text}],"refreshedAt":"0001-01-01T00:00:00Z","err":null}}"#
        );
        assert_eq!(blocks_info("<>", &shown).replacen("\\u003c", "<", 1), expected);
        let shown = Shown {
            refreshed_at: Rfc3339 { seconds: 0, nanos: 0 },
            error: Some("no \"bucket\"".to_owned()),
            ..Shown::default()
        };
        let expected = r#"{"label":"","blocks":[],"refreshedAt":"1970-01-01T00:00:00Z","err":"no \"bucket\""}"#;
        assert_eq!(blocks_info("", &shown), expected);
    }

    #[test]
    fn ids_that_are_none_are_told_in_the_words_of_the_reference() {
        let id = "01JN7PX380VCMWNYV1GC9165AQ";
        assert_eq!(block_id(&id.to_lowercase()).unwrap().to_string(), id);
        for (text, reason) in [
            (
                "\0\u{7f}\n\\\u{2028}'ü",
                "ULID \"\\x00\\x7f\\n\\\\\\u2028'ü\" is not valid: ulid: bad data size when unmarshaling",
            ),
            ("no\"pe", "ULID \"no\\\"pe\" is not valid: ulid: bad data size when unmarshaling"),
            (
                "ZZJN7PX380VCMWNYV1GC9165AQ",
                "ULID \"ZZJN7PX380VCMWNYV1GC9165AQ\" is not valid: ulid: overflow when unmarshaling",
            ),
            (
                "0UJN7PX380VCMWNYV1GC9165AQ",
                "ULID \"0UJN7PX380VCMWNYV1GC9165AQ\" is not valid: ulid: bad data characters when unmarshaling",
            ),
        ] {
            assert_eq!(block_id(text).unwrap_err(), reason);
        }
    }
}
