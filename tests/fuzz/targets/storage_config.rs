//! Any text as the storage YAML: a configuration or an error, and whatever follows a line with a secret, neither the
//! error nor the warnings nor the configuration's debug output show it.
//!
//! The first byte chooses which secret it is and how it is quoted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_bucket::parse_config;

const SECRET: &str = "qZ7vK2mXw9";

/// Where secrets stand, and what no error shows either.
const PLACES: [&str; 6] = [
    "  secret_key: ",
    "  access_key: ",
    "  session_token: ",
    "  sse_config:\n    encryption_key: ",
    "  http_config:\n    tls_config:\n      key_file: ",
    "  bucket_lookup_type: ",
];

/// Quotes of YAML, before and behind.
const QUOTES: [(&str, &str); 5] = [("", ""), ("'", "'"), ("\"", "\""), ("|\n        ", ""), ("!!str ", "")];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.contains(SECRET) {
        return;
    }
    let _ = parse_config(text);
    let choice = usize::from(*choice);
    let place = PLACES[choice % PLACES.len()];
    let (before, behind) = QUOTES[choice / PLACES.len() % QUOTES.len()];
    let head = "type: S3\nconfig:\n  bucket: b\n  endpoint: h\n";
    let text = format!("{head}{place}{before}{SECRET}{behind}\n{text}");
    let shown = match parse_config(&text) {
        Ok(config) if place.contains("_config") => config.warnings.join("\n"), // A path, not a secret.
        Ok(config) => format!("{:?} {}", config, config.warnings.join("\n")),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(SECRET), "{text}\ngives\n{shown}");
});
