//! The API over a socket: answers of the reference, recorded, against ours.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use lithify_block::{BlockFacts, Meta, Rfc3339, Timestamp};
use lithify_bucket::Bucket;
use lithify_cli::{
    http::{HttpMetrics, Server, Site, Viewer, ViewerConfig},
    probe::Probe,
};
use lithify_compactor::{Ambient, Seen, Standing, View, Views};
use prometheus::Registry;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};

const ID: &str = "01JN7PX380J79NF36ZKCH2Z7TC";
const META: &str = r#"{"ulid":"01JN7PX380J79NF36ZKCH2Z7TC","minTime":1740787200000,"maxTime":1740794400000,"stats":{"numSamples":561,"numFloatSamples":561,"numSeries":5,"numChunks":5},"compaction":{"level":1,"sources":["01JN7PX380J79NF36ZKCH2Z7TC"]},"version":1,"thanos":{"labels":{"cluster":"us1","replica":"a"},"downsample":{"resolution":0},"source":"sidecar","files":[{"rel_path":"chunks/000001","size_bytes":2365},{"rel_path":"index","size_bytes":1523},{"rel_path":"meta.json"}],"index_stats":{},"upload_time":"0001-01-01T00:00:00Z"}}"#;

const CORS: &str = "access-control-allow-origin: *\naccess-control-allow-methods: GET, POST, OPTIONS\n\
                    access-control-allow-headers: Accept, Accept-Encoding, Authorization, Content-Type, Origin\n\
                    access-control-expose-headers: Date\n";

/// A clock that stands at a known time.
struct Frozen;

impl Ambient for Frozen {
    fn now(&self) -> Rfc3339 {
        Rfc3339 { seconds: 1_740_787_200, nanos: 5 }
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn random(&self) -> u128 {
        0
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
    registry: Registry,
}

impl Running {
    async fn start(bucket: &Path, config: ViewerConfig) -> Self {
        let registry = Registry::new();
        let views = Arc::new(Views::register(&registry).expect("set up for the test"));
        views.publish_loaded(Ok(&view()), Frozen.now());
        let yaml = format!("type: FILESYSTEM\nconfig:\n  directory: {}\n", bucket.display());
        let bucket: Arc<dyn Bucket> = lithify_bucket::from_yaml(&yaml, &|_| None).expect("set up for the test");
        let metrics = HttpMetrics::register(&registry).expect("set up for the test");
        let viewer = Viewer::new(config, views, bucket, Arc::new(Frozen), metrics);
        let probe = Arc::new(Probe::new("compact", &registry).expect("set up for the test"));
        let viewer = Some(Arc::new(viewer));
        let site = Site { probe, registry: registry.clone(), viewer, gate: Arc::default(), tracer: None };
        let server = Server::bind("127.0.0.1:0").await.expect("set up for the test");
        let (stop, stopped) = oneshot::channel();
        let address = server.address();
        let serving =
            tokio::spawn(server.serve(site, async { stopped.await.unwrap_or_default() }, Duration::from_secs(9)));
        Self { address, stop, serving, registry }
    }

    /// Sends a request; returns the answer without its date and what says how long it is.
    async fn ask(&self, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("set up for the test");
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{form}Content-Length: {}\r\n", body.len());
        stream
            .write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
            .await
            .expect("set up for the test");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("set up for the test");
        let keep = |line: &&str| !["date:", "content-length:", "connection:"].iter().any(|name| line.starts_with(name));
        answer.split("\r\n").filter(keep).collect::<Vec<_>>().join("\n")
    }

    async fn stop(self) {
        self.stop.send(()).expect("set up for the test");
        self.serving.await.expect("set up for the test");
    }
}

fn view() -> View {
    let meta = Meta::from_json(META.as_bytes()).expect("set up for the test");
    let facts = BlockFacts {
        id: meta.id,
        meta,
        index_size_bytes: None,
        size_bytes: None,
        uploaded_at: None,
        no_compact: None,
        no_downsample: None,
        deletion_marked_at: None,
    };
    let seen = Seen { standing: Standing::Active, facts: Some(facts.clone()) };
    View { blocks: [(facts.id, seen)].into(), ..View::empty(Timestamp(0)) }
}

fn config() -> ViewerConfig {
    ViewerConfig {
        label: "cluster".to_owned(),
        admin: true,
        cors: true,
        flags: vec![("wait".to_owned(), "true".to_owned()), ("objstore.config".to_owned(), "<REDACTED>".to_owned())],
        ..ViewerConfig::default()
    }
}

#[tokio::test]
async fn blocks_and_statuses_are_answered_in_the_shape_of_the_reference() {
    let bucket = tempfile::tempdir().unwrap();
    let running = Running::start(bucket.path(), config()).await;
    let json = format!("HTTP/1.1 200 OK\ncontent-type: application/json\nvary: Accept-Encoding\n{CORS}\n");
    assert_eq!(
        running.ask("GET /api/v1/blocks?view=loaded", "").await,
        format!(
            "{json}{{\"status\":\"success\",\"data\":{{\"label\":\"cluster\",\"blocks\":[{META}],\
             \"refreshedAt\":\"2025-03-01T00:00:00.000000005Z\",\"err\":null}}}}"
        )
    );
    // Nobody has looked at the whole bucket yet.
    for path in ["/api/v1/blocks", "/api/v1/blocks?view=global", "/api/v1/blocks?view=other"] {
        assert_eq!(
            running.ask(&format!("GET {path}"), "").await,
            format!(
                "{json}{{\"status\":\"success\",\"data\":{{\"label\":\"cluster\",\"blocks\":[],\
                 \"refreshedAt\":\"0001-01-01T00:00:00Z\",\"err\":null}}}}"
            )
        );
    }
    assert_eq!(
        running.ask("GET /api/v1/status/flags", "").await,
        format!(
            "{json}{{\"status\":\"success\",\"data\":{{\"wait\":\"true\",\"objstore.config\":\"\\u003cREDACTED\\u003e\"}}}}"
        )
    );
    let build = running.ask("GET /api/v1/status/buildinfo", "").await;
    assert!(build.starts_with(&format!("{json}{{\"status\":\"success\",\"data\":{{\"version\":\"")), "{build}");
    let runtime = running.ask("GET /api/v1/status/runtimeinfo", "").await;
    assert!(runtime.contains("{\"startTime\":\"2025-03-01T00:00:00.000000005Z\",\"CWD\":\""), "{runtime}");
    assert_eq!(
        running.ask("OPTIONS /api/v1/nonsense", "").await,
        format!("HTTP/1.1 204 No Content\nvary: Accept-Encoding\n{CORS}\n")
    );
    assert_eq!(
        running.ask("HEAD /api/v1/blocks", "").await,
        "HTTP/1.1 405 Method Not Allowed\ncontent-type: text/plain; charset=utf-8\n\
         x-content-type-options: nosniff\nallow: GET, OPTIONS\n\n"
    );
    let page = running.ask("GET /loaded", "").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\ncontent-type: text/html; charset=utf-8\n\n<!doctype html>"), "{page}");
    running.stop().await;
}

#[tokio::test]
async fn marks_are_written_as_the_reference_writes_them() {
    let bucket = tempfile::tempdir().unwrap();
    let running = Running::start(bucket.path(), config()).await;
    let done = format!("HTTP/1.1 204 No Content\nvary: Accept-Encoding\n{CORS}\n");
    let asked = &running;
    let mark = async |body: String| asked.ask("POST /api/v1/blocks/mark", &body).await;
    assert_eq!(mark(format!("id={ID}&action=DELETION&detail=by+hand")).await, done);
    // The first one stays.
    assert_eq!(mark(format!("id={ID}&action=DELETION")).await, done);
    assert_eq!(running.ask(&format!("POST /api/v1/blocks/mark?id={ID}&action=NO_COMPACTION&detail=x"), "").await, done);
    let read = |file: &str| std::fs::read_to_string(bucket.path().join(ID).join(file)).unwrap();
    let deletion = format!("{{\"id\":\"{ID}\",\"version\":1,\"details\":\"by hand\",\"deletion_time\":1740787200}}");
    assert_eq!(read("deletion-mark.json").trim_end(), deletion);
    let no_compact = format!(
        "{{\"id\":\"{ID}\",\"version\":1,\"details\":\"x\",\"no_compact_time\":1740787200,\"reason\":\"manual\"}}"
    );
    assert_eq!(read("no-compact-mark.json").trim_end(), no_compact);
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_marked_is_told_in_the_words_of_the_reference() {
    let bucket = tempfile::tempdir().unwrap();
    let running = Running::start(bucket.path(), config()).await;
    for (body, error) in [
        (String::new(), "ID cannot be empty"),
        (format!("id={ID}"), "Action cannot be empty"),
        ("action=DELETION".to_owned(), "ID cannot be empty"),
        ("id=nope&action=DELETION".to_owned(), "ULID \\\"nope\\\" is not valid: ulid: bad data size when unmarshaling"),
        (format!("id={ID}&action=NOPE"), "not supported marker NOPE"),
        (format!("id={ID}&action=NO_DOWNSAMPLE"), "not supported marker NO_DOWNSAMPLE"),
        (format!("id={}", "x".repeat(70_000)), "the body cannot be read: length limit exceeded"),
    ] {
        assert_eq!(
            running.ask("POST /api/v1/blocks/mark", &body).await,
            format!(
                "HTTP/1.1 400 Bad Request\ncontent-type: application/json\ncache-control: no-store\n\
                 vary: Accept-Encoding\n{CORS}\n\
                 {{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"{error}\"}}"
            )
        );
    }
    running.stop().await;

    let running = Running::start(bucket.path(), ViewerConfig { admin: false, cors: false, ..config() }).await;
    assert_eq!(
        running.ask("POST /api/v1/blocks/mark", &format!("id={ID}&action=DELETION")).await,
        "HTTP/1.1 400 Bad Request\ncontent-type: application/json\ncache-control: no-store\nvary: Accept-Encoding\n\n\
         {\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"Admin operations are disabled\"}"
    );
    assert_eq!(running.ask("OPTIONS /api/v1/blocks", "").await, "HTTP/1.1 204 No Content\nvary: Accept-Encoding\n\n");
    assert_eq!(std::fs::read_dir(bucket.path()).unwrap().count(), 0);
    running.stop().await;
}

#[tokio::test]
async fn requests_are_counted_under_the_names_of_the_reference() {
    let bucket = tempfile::tempdir().unwrap();
    let running = Running::start(bucket.path(), config()).await;
    running.ask("GET /api/v1/blocks", "").await;
    running.ask("POST /api/v1/blocks/mark", "").await;
    running.ask("GET /global", "").await;
    running.ask("OPTIONS /api/v1/x", "").await;
    running.ask("GET /api/v1/nonsense", "").await;
    running.ask("GET /-/healthy", "").await;
    let metrics = running.ask("GET /metrics", "").await;
    let counted: Vec<_> = metrics.lines().filter(|line| line.starts_with("http_requests_total")).collect();
    assert_eq!(
        counted,
        [
            "http_requests_total{code=\"200\",handler=\"blocks\",method=\"get\"} 1",
            "http_requests_total{code=\"200\",handler=\"react-static\",method=\"get\"} 1",
            "http_requests_total{code=\"204\",handler=\"options\",method=\"options\"} 1",
            "http_requests_total{code=\"400\",handler=\"blocks_mark\",method=\"post\"} 1",
        ]
    );
    assert!(metrics.contains("http_inflight_requests{handler=\"blocks\",method=\"GET\"} 0\n"));
    assert!(metrics.contains(
        "http_response_size_bytes_bucket{code=\"400\",handler=\"blocks_mark\",method=\"post\",le=\"64\"} 0\n"
    ));
    let families = running.registry.gather();
    let names: Vec<_> =
        families.iter().map(prometheus::proto::MetricFamily::name).filter(|n| n.starts_with("http")).collect();
    let expected = [
        "http_inflight_requests",
        "http_request_duration_seconds",
        "http_request_size_bytes",
        "http_requests_total",
        "http_response_size_bytes",
    ];
    assert_eq!(names, expected);
    running.stop().await;
}
