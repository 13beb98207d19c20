//! An S3 server in the test's own process: real HTTP, real signatures, an atomic bucket in memory, faults by script.
//!
//! It checks version 4 signatures, body digests and `Content-MD5` with code of its own, counts requests, and fails where
//! a test says so. It knows one bucket, named `bucket`, in path style. One file, so that a test's author sees the whole
//! server at once.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use ring::{digest, hmac};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The key that the server knows.
pub const ACCESS_KEY: &str = "planted-access-key";

/// Its secret.
pub const SECRET_KEY: &str = "planted-secret-key";

/// What the server does instead of answering properly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status, code and no effect.
    Status(u16, &'static str),
    /// Answers with this status and a page that is no S3 answer.
    Page(u16),
    /// Does what it was asked and closes the connection instead of answering.
    LostAnswer,
    /// Closes the connection after so many bytes of the answer's body.
    Cut(usize),
    /// Does not answer at all.
    Stall,
}

/// A fault and the requests that it hits.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The start of `METHOD /bucket/key?query`.
    pub start: String,
    /// What happens.
    pub fault: Fault,
    /// To how many such requests.
    pub times: usize,
}

/// One object.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Its bytes.
    pub data: Vec<u8>,
    /// The headers that it was made with, names in lower case.
    pub headers: BTreeMap<String, String>,
    etag: String,
}

/// What the server holds and saw.
#[derive(Debug, Default)]
pub struct State {
    /// Objects by key.
    pub objects: BTreeMap<String, Stored>,
    /// Uploads in parts that were neither completed nor given up.
    pub uploads: BTreeMap<String, Upload>,
    /// Each request: method, path and query as they came.
    pub requests: Vec<String>,
    /// The headers of each request, names in lower case.
    pub headers: Vec<BTreeMap<String, String>>,
    /// Faults to come, the first that fits is used.
    pub rules: VecDeque<Rule>,
    /// Whether the bucket is gone.
    pub gone: bool,
    changes: u64,
}

/// An upload in parts.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    key: String,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Stored>,
}

/// The running server; it ends when dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts a server with an empty bucket on a free port of this machine.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, task }
    }

    /// YAML for this server; `more` are further lines of the `config` part, each with two spaces in front.
    #[must_use]
    pub fn yaml(&self, more: &str) -> String {
        format!(
            "type: S3\nconfig:\n  bucket: bucket\n  endpoint: {}\n  insecure: true\n  access_key: {ACCESS_KEY}\n  \
             secret_key: {SECRET_KEY}\n{more}",
            self.address
        )
    }

    /// What the server holds and saw.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an object into the bucket without a request.
    pub fn put(&self, key: &str, data: Vec<u8>) {
        let mut state = self.state();
        let etag = state.etag();
        state.objects.insert(key.to_owned(), Stored { data, headers: BTreeMap::new(), etag });
    }

    /// All objects by key.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.iter().map(|(key, stored)| (key.clone(), stored.data.clone())).collect()
    }

    /// Lets the next `times` requests that begin so fail.
    pub fn fail(&self, start: &str, times: usize, fault: Fault) {
        self.state().rules.push_back(Rule { start: start.to_owned(), fault, times });
    }

    /// How many requests began so: `GET /bucket/a`.
    #[must_use]
    pub fn count(&self, start: &str) -> usize {
        self.state().requests.iter().filter(|request| request.starts_with(start)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Request {
    method: String,
    /// As it came, for the signature.
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Response {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>so be it</Message><RequestId>r-1</RequestId></Error>");
        Self::new(status, body)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let line = format!("{} {}?{}", request.method, request.path, query.join("&"));
        let (fault, response) = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.requests.push(line.clone());
            state.headers.push(request.headers.clone());
            let fault = state.fault(&line);
            let acts = !matches!(fault, Some(Fault::Status(..) | Fault::Page(_) | Fault::Stall));
            (fault, if acts { state.answer(&request) } else { Response::new(200, "") })
        };
        let (response, cut) = match fault {
            None => (response, None),
            Some(Fault::Status(status, code)) => (Response::error(status, code), None),
            Some(Fault::Page(status)) => (Response::new(status, "<html>a proxy's page</html>"), None),
            Some(Fault::Cut(after)) => (response, Some(after)),
            Some(Fault::LostAnswer) => return,
            Some(Fault::Stall) => std::future::pending().await,
        };
        let mut head = format!("HTTP/1.1 {} X\r\n", response.status);
        if !response.headers.iter().any(|(name, _)| *name == "content-length") {
            head.push_str(&format!("content-length: {}\r\n", response.body.len()));
        }
        for (name, value) in &response.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body = if request.method == "HEAD" { &[][..] } else { &response.body[..] };
        let body = &body[..cut.unwrap_or(body.len()).min(body.len())];
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(body).await.is_err() || cut.is_some() {
            return;
        }
    }
}

/// The next request, `None` at the end of the connection.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let size = headers.get("content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
    let mut body = vec![0; size];
    stream.read_exact(&mut body).await.ok()?;
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Request { method, path: path.to_owned(), query, headers, body })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unescape(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Request {
    fn query(&self, name: &str) -> Option<String> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| unescape(value))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Checks the signature with the known secret, and the digests of the body.
    fn check(&self) -> Result<(), Response> {
        let denied = || Response::error(403, "SignatureDoesNotMatch");
        let given = self.header("authorization").ok_or_else(|| Response::error(403, "AccessDenied"))?;
        let field = |name: &str| {
            let rest = given.split_once(&format!("{name}="))?.1;
            rest.split(',').next()
        };
        let (credential, signed) = (field("Credential"), field("SignedHeaders"));
        let (credential, signed) = (credential.ok_or_else(denied)?, signed.ok_or_else(denied)?);
        let scope = credential.strip_prefix(&format!("{ACCESS_KEY}/")).ok_or_else(denied)?;
        let mut headers = String::new();
        for name in signed.split(';') {
            headers.push_str(&format!("{name}:{}\n", self.header(name).ok_or_else(denied)?));
        }
        let needed = |name: &str| signed.split(';').any(|signed| signed == name);
        if !needed("host") || self.headers.keys().any(|name| name.starts_with("x-amz-") && !needed(name)) {
            return Err(denied());
        }
        let mut query = self.query.clone();
        query.sort();
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = self.header("x-amz-content-sha256").ok_or_else(denied)?;
        let canonical = format!("{}\n{}\n{}\n{headers}\n{signed}\n{body}", self.method, self.path, query.join("&"));
        let date = self.header("x-amz-date").ok_or_else(denied)?;
        let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
        let sign = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
        };
        let key = scope.split('/').fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| sign(&key, part));
        if field("Signature") != Some(hex(&sign(&key, &to_sign)).as_str()) {
            return Err(denied());
        }
        if body != "UNSIGNED-PAYLOAD" && body != hex(digest::digest(&digest::SHA256, &self.body).as_ref()) {
            return Err(Response::error(400, "XAmzContentSHA256Mismatch"));
        }
        let md5 = self.header("content-md5");
        if md5.is_some_and(|md5| md5 != BASE64_STANDARD.encode(Md5::digest(&self.body))) {
            return Err(Response::error(400, "BadDigest"));
        }
        Ok(())
    }
}

impl State {
    fn fault(&mut self, line: &str) -> Option<Fault> {
        let rule = self.rules.iter_mut().find(|rule| rule.times > 0 && line.starts_with(&rule.start))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn etag(&mut self) -> String {
        self.changes += 1;
        format!("\"etag-{}\"", self.changes)
    }

    fn answer(&mut self, request: &Request) -> Response {
        if let Err(denied) = request.check() {
            return denied;
        }
        let Some(key) = request.path.strip_prefix("/bucket").filter(|_| !self.gone) else {
            return Response::error(404, "NoSuchBucket");
        };
        let key = unescape(key.strip_prefix('/').unwrap_or(key));
        let upload = request.query("uploadId");
        match (request.method.as_str(), key.as_str(), upload) {
            ("GET", "", _) => self.list(request),
            ("POST", "", _) if request.query("delete").is_some() => self.delete_many(request),
            ("GET" | "HEAD", ..) => self.get(request, &key),
            ("PUT", _, Some(upload)) => self.part(request, &upload),
            ("PUT", _, None) => {
                let stored = Stored { data: request.body.clone(), headers: request.headers.clone(), etag: self.etag() };
                let etag = stored.etag.clone();
                self.objects.insert(key, stored);
                Response::new(200, "").with("etag", etag)
            }
            ("POST", _, None) if request.query("uploads").is_some() => {
                let id = self.etag().replace('"', "");
                let headers = request.headers.clone();
                self.uploads.insert(id.clone(), Upload { key, headers, parts: BTreeMap::new() });
                let body = format!("<R><Bucket>bucket</Bucket><UploadId>{id}</UploadId></R>");
                Response::new(200, body)
            }
            ("POST", _, Some(upload)) => self.complete(request, &upload),
            ("DELETE", _, Some(upload)) => match self.uploads.remove(&upload) {
                Some(_) => Response::new(204, ""),
                None => Response::error(404, "NoSuchUpload"),
            },
            ("DELETE", _, None) => {
                self.objects.remove(&key);
                Response::new(204, "")
            }
            _ => Response::error(405, "MethodNotAllowed"),
        }
    }

    fn get(&self, request: &Request, key: &str) -> Response {
        let Some(stored) = self.objects.get(key) else { return Response::error(404, "NoSuchKey") };
        if request.header("if-match").is_some_and(|etag| etag != stored.etag) {
            return Response::error(412, "PreconditionFailed");
        }
        let size = stored.data.len();
        let response = |status, data: &[u8]| {
            Response::new(status, data)
                .with("etag", stored.etag.clone())
                .with("last-modified", "Sun, 22 Nov 2026 01:41:01 GMT")
        };
        if request.method == "HEAD" {
            return response(200, &[]).with("content-length", size.to_string());
        }
        let Some(range) = request.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
            return response(200, &stored.data);
        };
        let (first, last) = range.split_once('-').unwrap_or((range, ""));
        let first: usize = first.parse().unwrap_or(usize::MAX);
        let last = last.parse().unwrap_or(usize::MAX).min(size.wrapping_sub(1));
        if first >= size || last < first {
            return Response::error(416, "InvalidRange");
        }
        response(206, &stored.data[first..=last]).with("content-range", format!("bytes {first}-{last}/{size}"))
    }

    fn part(&mut self, request: &Request, upload: &str) -> Response {
        let number = request.query("partNumber").and_then(|number| number.parse().ok()).unwrap_or(0);
        let stored = Stored { data: request.body.clone(), headers: BTreeMap::new(), etag: self.etag() };
        let etag = stored.etag.clone();
        match self.uploads.get_mut(upload) {
            Some(upload) => upload.parts.insert(number, stored),
            None => return Response::error(404, "NoSuchUpload"),
        };
        Response::new(200, "").with("etag", etag)
    }

    fn complete(&mut self, request: &Request, id: &str) -> Response {
        const PART_MIN: usize = 5 << 20;
        let etag = self.etag();
        let Some(upload) = self.uploads.get(id) else { return Response::error(404, "NoSuchUpload") };
        let text = String::from_utf8_lossy(&request.body);
        let named: Vec<_> = between(&text, "<PartNumber>", "</PartNumber>").collect();
        let etags: Vec<_> = between(&text, "<ETag>", "</ETag>").map(|etag| etag.replace("&quot;", "\"")).collect();
        let known = upload.parts.iter().map(|(number, part)| (number.to_string(), part.etag.clone()));
        if !named.iter().map(ToString::to_string).zip(etags).eq(known) {
            return Response::error(400, "InvalidPart");
        }
        let small = upload.parts.values().rev().skip(1).any(|part| part.data.len() < PART_MIN);
        if small {
            return Response::error(400, "EntityTooSmall");
        }
        let data = upload.parts.values().flat_map(|part| part.data.iter().copied()).collect();
        let stored = Stored { data, headers: upload.headers.clone(), etag };
        self.objects.insert(upload.key.clone(), stored);
        self.uploads.remove(id);
        Response::new(200, "<CompleteMultipartUploadResult/>")
    }

    fn delete_many(&mut self, request: &Request) -> Response {
        if request.header("content-md5").is_none() {
            return Response::error(400, "MissingContentMD5");
        }
        for key in between(&String::from_utf8_lossy(&request.body), "<Key>", "</Key>") {
            self.objects.remove(key);
        }
        Response::new(200, "<DeleteResult/>")
    }

    /// Both versions; the keys are in the answer as `encoding-type` wants them.
    fn list(&self, request: &Request) -> Response {
        let v2 = request.query("list-type").as_deref() == Some("2");
        let prefix = request.query("prefix").unwrap_or_default();
        let delimiter = request.query("delimiter").filter(|delimiter| !delimiter.is_empty());
        let max = request.query("max-keys").and_then(|max| max.parse().ok()).unwrap_or(1000).min(1000);
        let after = request.query(if v2 { "continuation-token" } else { "marker" }).unwrap_or_default();
        let url = request.query("encoding-type").as_deref() == Some("url");
        let encode = |key: &str| if url { escape(key) } else { key.replace('&', "&amp;").replace('<', "&lt;") };
        let (mut body, mut last, mut shown, mut truncated) = (String::new(), String::new(), 0, false);
        for (key, stored) in self.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let common = delimiter.as_ref().and_then(|delimiter| {
                let end = key[prefix.len()..].find(delimiter.as_str())?;
                Some(key[..prefix.len() + end + delimiter.len()].to_owned())
            });
            let name = common.clone().unwrap_or_else(|| key.clone());
            if name <= after || name == last {
                continue;
            }
            if shown == max {
                truncated = true;
                break;
            }
            shown += 1;
            match common {
                Some(common) => {
                    body.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", encode(&common)));
                }
                None => body.push_str(&format!(
                    "<Contents><Key>{}</Key><LastModified>2026-11-22T01:41:01.000Z</LastModified>\
                     <ETag>{}</ETag><Size>{}</Size></Contents>",
                    encode(key),
                    stored.etag.replace('"', "&quot;"),
                    stored.data.len()
                )),
            }
            last = name;
        }
        let next = match (truncated, v2, delimiter.is_some()) {
            (true, true, _) => format!("<NextContinuationToken>{last}</NextContinuationToken>"),
            (true, false, true) => format!("<NextMarker>{last}</NextMarker>"),
            _ => String::new(),
        };
        let encoding = if url { "<EncodingType>url</EncodingType>" } else { "" };
        Response::new(
            200,
            format!(
                "<ListBucketResult>{encoding}<IsTruncated>{truncated}</IsTruncated>{next}{body}</ListBucketResult>"
            ),
        )
    }
}

/// As S3 encodes keys in listings: spaces as `+`.
fn escape(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'*' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
}
