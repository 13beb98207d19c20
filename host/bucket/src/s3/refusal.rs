//! What it means when a store says no.
//!
//! Source: `object-storage.md` section 6, error classes; section 8.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use crate::{
    Error,
    error::Failure,
    s3::{
        answer::Refusal,
        retry::{Again, Trouble},
    },
};

/// An answer without success.
pub(super) struct Answered<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// The region that the store would rather be asked in.
pub(super) fn region(answered: &Answered<'_>) -> Option<String> {
    let elsewhere = matches!(answered.status.as_u16(), 301 | 307 | 400 | 403);
    let header = answered.headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
    let named = header.map(ToOwned::to_owned).or_else(|| Some(Refusal::decode(answered.body)?.region));
    let plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    named.filter(|region| elsewhere && !region.is_empty() && plain(region))
}

/// Sorts the answer. `bare` says that the request was one whose errors have no body.
pub(super) fn classify(mut failure: Box<Failure>, answered: &Answered<'_>, bare: bool) -> Trouble {
    let status = answered.status.as_u16();
    let refusal = Refusal::decode(answered.body);
    let told = refusal.is_some();
    let refusal = refusal.unwrap_or_default();
    failure.detail = describe(status, &refusal, answered);
    let never = |error| Trouble { error, again: Again::Never };
    let later = |error| Trouble { error, again: Again::After(retry_after(answered.headers)) };
    match (status, refusal.code.as_str()) {
        (_, "NoSuchKey") => never(Error::NotFound(failure)),
        (404, _) if bare && !told => never(Error::NotFound(failure)),
        (_, "SlowDown" | "TooManyRequests" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded")
        | (429, _) => later(Error::Throttled(failure)),
        (400, "RequestTimeout") | (408 | 499 | 500 | 502 | 503 | 504 | 520, _) => later(Error::Unavailable(failure)),
        (200, "InternalError") => later(Error::Unavailable(failure)),
        (401 | 403, _) => never(Error::AccessDenied(failure)),
        (501 | 405, _) => never(Error::Unsupported(failure)),
        (412 | 304, _) => never(Error::Precondition(failure)),
        (409, _) => never(Error::Conflict(failure)),
        (400, "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch") => never(Error::Corrupt(failure)),
        _ => never(Error::Other(failure)),
    }
}

fn describe(status: u16, refusal: &Refusal, answered: &Answered<'_>) -> String {
    let mut text = format!("HTTP status {status}");
    for (name, value) in [("", &refusal.code), ("", &refusal.message), ("request ", &refusal.request)] {
        if !value.is_empty() {
            text.push_str(", ");
            text.push_str(name);
            text.push_str(value);
        }
    }
    if refusal.code == "RequestTimeTooSkewed"
        && let Some(date) = answered.headers.get(DATE).and_then(|value| value.to_str().ok())
    {
        text.push_str(", the store's clock says ");
        text.push_str(date);
    }
    if refusal.code == "ExpiredToken" {
        text.push_str(", the session token has expired");
    }
    text.chars().take(300).collect()
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    fn class(status: u16, body: &str, bare: bool) -> String {
        let headers = HeaderMap::new();
        let answered =
            Answered { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() };
        let trouble = classify(Failure::new(Operation::Get, "a", ""), &answered, bare);
        let again = if trouble.again == Again::Never { "" } else { ", again" };
        let name = format!("{:?}", trouble.error);
        format!("{}{again}", name.split('(').next().unwrap())
    }

    #[test]
    fn absence_is_only_believed_when_the_store_says_so_of_the_object() {
        let code = |code: &str| format!("<Error><Code>{code}</Code></Error>");
        assert_eq!(class(404, &code("NoSuchKey"), false), "NotFound");
        assert_eq!(class(404, "", true), "NotFound");
        assert_eq!(class(404, "", false), "Other");
        assert_eq!(class(404, &code("NoSuchBucket"), false), "Other");
        assert_eq!(class(404, &code("NoSuchUpload"), false), "Other");
        assert_eq!(class(404, "<html>not found</html>", false), "Other");
    }

    #[test]
    fn each_class_has_its_codes() {
        let code = |code: &str| format!("<Error><Code>{code}</Code></Error>");
        assert_eq!(class(403, &code("AccessDenied"), false), "AccessDenied");
        assert_eq!(class(401, "", false), "AccessDenied");
        assert_eq!(class(503, &code("SlowDown"), false), "Throttled, again");
        assert_eq!(class(429, "", false), "Throttled, again");
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(class(status, "", false), "Unavailable, again");
        }
        assert_eq!(class(400, &code("RequestTimeout"), false), "Unavailable, again");
        assert_eq!(class(501, &code("NotImplemented"), false), "Unsupported");
        assert_eq!(class(412, "", false), "Precondition");
        assert_eq!(class(400, &code("BadDigest"), false), "Corrupt");
        assert_eq!(class(400, &code("InvalidArgument"), false), "Other");
    }

    #[test]
    fn messages_keep_code_message_and_request_and_nothing_else() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId>\
            <StringToSign>AWS4</StringToSign><RequestId>r1</RequestId></Error>";
        let headers = HeaderMap::new();
        let answered = Answered { status: StatusCode::FORBIDDEN, headers: &headers, body: body.as_bytes() };
        let text = classify(Failure::new(Operation::Get, "a", ""), &answered, false).error.to_string();
        assert_eq!(text, "get \"a\": access denied: HTTP status 403, SignatureDoesNotMatch, no, request r1");
    }
}
