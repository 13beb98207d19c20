//! What is peculiar to S3, against a server in this process. One file, as all of it scripts the same server.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lithify_bucket::{Bucket, Depth, Error, MetaState, Reader, from_yaml, layout, snapshot};
use lithify_kit::s3::{Fault, SECRET_KEY, Server};

use crate::{
    acceptance::{accept, names, noise},
    filesystem::Scratch,
};

fn bucket(server: &Server, more: &str) -> Arc<dyn Bucket> {
    from_yaml(&server.yaml(more), &|_| None).unwrap()
}

async fn put(bucket: &dyn Bucket, name: &str, data: &'static str) {
    bucket.upload(name, Bytes::from_static(data.as_bytes())).await.unwrap();
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn s3_passes_the_acceptance_list() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    assert_eq!(bucket.name(), "bucket");
    accept(&*bucket).await;
}

#[tokio::test]
async fn s3_with_old_listings_and_a_prefix_passes_the_acceptance_list() {
    let server = Server::start().await;
    let more = "  list_objects_version: v1\n  send_content_md5: false\nprefix: team 1/é\n";
    accept(&*bucket(&server, more)).await;
    assert!(server.count("GET /bucket?list-type") == 0);
}

#[tokio::test]
async fn large_objects_go_in_parts_and_small_ones_in_one_request() {
    let server = Server::start().await;
    let bucket = bucket(&server, "  put_user_metadata: {team: a, X-Amz-Storage-Class: COLD}\n");
    for (size, parts) in [(0, 0), (16 << 20, 0), ((16 << 20) + 1, 2), (40 << 20, 3)] {
        server.state().requests.clear();
        let data = noise(size);
        let mut writer = bucket.create("o").await.unwrap();
        let sent = data.clone();
        blocking(move || {
            writer.append(sent).unwrap();
            writer.finish().unwrap();
        })
        .await;
        assert_eq!(server.count("PUT /bucket/o?partNumber"), parts, "{size}");
        assert_eq!(server.count("POST /bucket/o"), if parts == 0 { 0 } else { 2 });
        let state = server.state();
        assert!(state.objects["o"].data == data && state.uploads.is_empty());
        assert_eq!(state.objects["o"].headers["x-amz-meta-team"], "a");
        assert_eq!(state.objects["o"].headers["x-amz-storage-class"], "COLD");
        assert_eq!(state.objects["o"].headers["content-type"], "application/octet-stream");
    }
    bucket.upload("whole", noise(33 << 20)).await.unwrap();
    assert_eq!(server.count("PUT /bucket/whole?partNumber"), 3);
}

#[tokio::test]
async fn a_dropped_writer_removes_its_parts() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let mut writer = bucket.create("o").await.unwrap();
    blocking(move || writer.append(noise(40 << 20)).unwrap()).await;
    let gone = async {
        while !server.state().uploads.is_empty() || server.count("DELETE /bucket/o?uploadId") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert!(!bucket.exists("o").await.unwrap());
}

#[tokio::test]
async fn an_upload_that_fails_is_given_up() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    server.fail("PUT /bucket/o?partNumber=2", 1, Fault::Status(403, "AccessDenied"));
    let mut writer = bucket.create("o").await.unwrap();
    let error = blocking(move || writer.append(noise(40 << 20)).and_then(|()| writer.finish()).unwrap_err()).await;
    assert!(matches!(error, Error::AccessDenied(_)), "{error}");
    let gone = async {
        while !server.state().uploads.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    assert!(server.state().objects.is_empty());
}

fn read(reader: &dyn Reader, offset: u64, size: usize) -> Vec<u8> {
    let mut piece = vec![0; size];
    reader.read_at(offset, &mut piece).unwrap();
    piece
}

#[tokio::test]
async fn reading_in_order_fetches_ahead_in_large_pieces() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let data = noise(32 << 20);
    bucket.upload("o", data.clone()).await.unwrap();
    let reader = bucket.open("o").await.unwrap();
    blocking(move || {
        for start in (0..data.len()).step_by(10_000) {
            let size = 10_000.min(data.len() - start);
            assert!(read(&*reader, start as u64, size) == data[start..start + size], "{start}");
        }
    })
    .await;
    let requests = server.count("GET /bucket/o");
    assert!((9..=13).contains(&requests), "{requests} requests");
}

#[tokio::test]
async fn reading_here_and_there_fetches_only_what_is_wanted() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let data = noise(32 << 20);
    bucket.upload("o", data.clone()).await.unwrap();
    let reader = bucket.open("o").await.unwrap();
    blocking(move || {
        for i in 0..50 {
            let start = (i * 7_919_993) % (31 << 20);
            assert!(read(&*reader, start as u64, 100) == data[start..start + 100], "{start}");
        }
    })
    .await;
    let wanted: u64 = server
        .state()
        .headers
        .iter()
        .filter_map(|headers| {
            let (first, last) = headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
            Some(last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap())
        })
        .sum();
    assert!(wanted < 3 << 20, "{wanted} bytes");
}

#[tokio::test]
async fn many_threads_read_one_object() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let data = noise(20 << 20);
    bucket.upload("o", data.clone()).await.unwrap();
    let reader = bucket.open("o").await.unwrap();
    let threads = (0..6usize).map(|thread| {
        let (reader, data) = (Arc::clone(&reader), data.clone());
        blocking(move || {
            for start in (thread * (3 << 20)..(thread + 1) * (3 << 20)).step_by(65_537) {
                assert!(read(&*reader, start as u64, 65_537) == data[start..start + 65_537], "{start}");
            }
        })
    });
    futures_util::future::join_all(threads).await;
}

#[tokio::test]
async fn odd_keys_neither_break_a_listing_nor_escape_deletion() {
    let server = Server::start().await;
    for list in ["v1", "v2"] {
        let bucket = bucket(&server, &format!("  list_objects_version: {list}\n"));
        let odd = ["b/", "b/chunks//x", "b/c/../up", "b/a\nb", "b/./x", "b/chunks/", "b/&amp;<x>", "/b"];
        for key in odd {
            server.state().objects.insert(key.to_owned(), lithify_kit::s3::Stored::default());
        }
        let mut expected = odd.to_vec();
        expected.sort_unstable();
        assert_eq!(names(&*bucket, "", Depth::All).await, expected);
        assert!(!names(&*bucket, "b", Depth::All).await.contains(&"b/".to_owned()), "the directory itself");
        assert!(matches!(bucket.get("b/c/../up", 9).await, Err(Error::Invalid(_))));
        for key in odd.iter().filter(|key| !key.contains('&')) {
            bucket.delete(key).await.unwrap();
        }
        assert_eq!(names(&*bucket, "", Depth::All).await, ["b/&amp;<x>"]);
        bucket.delete("b/&amp;<x>").await.unwrap();
    }
}

#[tokio::test]
async fn passing_trouble_is_sat_out() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    server.fail("PUT", 2, Fault::Status(503, "SlowDown"));
    put(&*bucket, "a", "data").await;
    server.fail("GET /bucket/a", 1, Fault::Status(500, "InternalError"));
    server.fail("GET /bucket/a", 1, Fault::LostAnswer);
    assert_eq!(bucket.get("a", 9).await.unwrap(), "data");
    server.fail("GET /bucket?", 1, Fault::Page(502));
    assert_eq!(names(&*bucket, "", Depth::All).await, ["a"]);
    server.fail("PUT", 1, Fault::LostAnswer);
    put(&*bucket, "a", "more").await;
    assert_eq!((server.count("PUT"), server.count("GET /bucket/a")), (5, 3));
}

#[tokio::test]
async fn attempts_are_as_many_as_configured() {
    let server = Server::start().await;
    let bucket = bucket(&server, "  max_retries: 2\n");
    server.fail("GET", 9, Fault::Status(503, "SlowDown"));
    let error = bucket.get("a", 9).await.unwrap_err();
    assert!(matches!(error, Error::Throttled(_)), "{error}");
    assert_eq!(server.count("GET"), 2);
}

#[tokio::test]
async fn refusals_are_not_tried_again() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let cases = [
        (501, "NotImplemented", "Unsupported"),
        (403, "AccessDenied", "AccessDenied"),
        (403, "RequestTimeTooSkewed", "AccessDenied"),
        (400, "InvalidArgument", "Other"),
    ];
    for (status, code, class) in cases {
        server.state().requests.clear();
        server.fail("", 1, Fault::Status(status, code));
        let error = bucket.get("a", 9).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(class) && error.to_string().contains(code), "{error}");
        assert_eq!(server.state().requests.len(), 1);
    }
}

#[tokio::test]
async fn absence_is_proven_before_it_is_reported() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    assert!(!bucket.exists("a").await.unwrap());
    assert_eq!(server.count("GET /bucket?"), 1, "a first HEAD alone proves nothing");
    assert!(!bucket.exists("a").await.unwrap());
    assert_eq!(server.count("GET /bucket?"), 1);
    server.fail("GET /bucket/a", 1, Fault::Page(404));
    assert!(matches!(bucket.get("a", 9).await, Err(Error::Other(_))));
    server.state().gone = true;
    let error = bucket.get("a", 9).await.unwrap_err();
    assert!(matches!(&error, Error::Other(_)) && error.to_string().contains("NoSuchBucket"), "{error}");
    assert!(bucket.list("", Depth::All).next().await.is_err());
    let fresh = from_yaml(&server.yaml(""), &|_| None).unwrap();
    assert!(fresh.exists("a").await.is_err());
    assert!(fresh.open("a").await.is_err());
}

#[tokio::test]
async fn a_broken_body_is_resumed_where_it_broke() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let data = noise(3_000_000);
    bucket.upload("a", data.clone()).await.unwrap();
    server.fail("GET /bucket/a", 1, Fault::Cut(1_000_000));
    assert!(bucket.get("a", 1 << 30).await.unwrap() == data);
    let last = server.state().headers.last().unwrap().clone();
    assert!(last["range"].starts_with("bytes=1000000-") && last.contains_key("if-match"), "{last:?}");

    server.fail("GET /bucket/a", 1, Fault::Cut(500));
    assert!(bucket.get_range("a", 7, Some(2_000)).await.unwrap() == data[7..2_007]);
}

#[tokio::test]
async fn an_object_that_changes_while_it_is_read_is_an_error() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    bucket.upload("a", noise(20 << 20)).await.unwrap();
    let reader = bucket.open("a").await.unwrap();
    bucket.upload("a", noise(20 << 20)).await.unwrap();
    let error = blocking(move || reader.read_at(5, &mut [0; 10]).unwrap_err()).await;
    let error = Error::from_read(error, "a");
    assert!(matches!(error, Error::Precondition(_)), "{error}");
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_found_done() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    server.fail("POST /bucket/a?uploadId", 1, Fault::LostAnswer);
    bucket.upload("a", noise(20 << 20)).await.unwrap();
    assert_eq!(server.state().objects["a"].data.len(), 20 << 20);
}

#[tokio::test]
async fn silence_ends_with_response_header_timeout() {
    let server = Server::start().await;
    let bucket = bucket(&server, "  http_config: {response_header_timeout: 100ms}\n");
    put(&*bucket, "a", "data").await;
    server.fail("GET", 1, Fault::Stall);
    assert_eq!(bucket.get("a", 9).await.unwrap(), "data");
}

#[tokio::test]
async fn encryption_headers_go_where_they_belong() {
    let server = Server::start().await;
    let kms = "  sse_config: {type: SSE-KMS, kms_key_id: k, kms_encryption_context: {b: c, a: d}}\n";
    let bucket_kms = bucket(&server, kms);
    put(&*bucket_kms, "a", "x").await;
    bucket_kms.get("a", 9).await.unwrap();
    {
        let state = server.state();
        assert_eq!(state.headers[0]["x-amz-server-side-encryption"], "aws:kms");
        assert_eq!(state.headers[0]["x-amz-server-side-encryption-context"], "eyJhIjoiZCIsImIiOiJjIn0=");
        assert!(!state.headers[1].keys().any(|name| name.starts_with("x-amz-server-side")));
    }
    let scratch = Scratch::new("s3-sse");
    let key = scratch.0.join("key");
    let yaml = format!("  sse_config: {{type: SSE-C, encryption_key: {key:?}}}\n");
    std::fs::write(&key, [7; 31]).unwrap();
    let error = from_yaml(&server.yaml(&yaml), &|_| None).err().unwrap();
    assert!(error.to_string().contains("31 bytes"), "{error}");
    std::fs::write(&key, [7; 32]).unwrap();
    let bucket_c = bucket(&server, &yaml);
    server.state().headers.clear();
    bucket_c.upload("c", noise(17 << 20)).await.unwrap();
    bucket_c.get("c", 1 << 30).await.unwrap();
    bucket_c.exists("c").await.unwrap();
    let state = server.state();
    let with = state.headers.iter().filter(|headers| headers.contains_key("x-amz-server-side-encryption-customer-key"));
    assert_eq!((with.count(), state.headers.len()), (5, 6), "all but the completion");
}

#[tokio::test]
async fn credentials_come_from_the_environment_or_a_file() {
    let server = Server::start().await;
    let yaml = format!("type: S3\nconfig: {{bucket: bucket, endpoint: '{}', insecure: true}}", server.address);
    let scratch = Scratch::new("s3-credentials");
    let file = scratch.0.join("credentials");
    let text = format!(
        "[default]\naws_access_key_id=x\n[me]\naws_access_key_id = {}\naws_secret_access_key = {SECRET_KEY}\n",
        lithify_kit::s3::ACCESS_KEY
    );
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let key = lithify_kit::s3::ACCESS_KEY;
    let sources: [&[(&str, &str)]; 3] = [
        &[("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)],
        &[("AWS_ACCESS_KEY", key), ("AWS_SECRET_KEY", SECRET_KEY)],
        &[("AWS_SHARED_CREDENTIALS_FILE", file), ("AWS_PROFILE", "me")],
    ];
    for source in sources {
        let env = |name: &str| source.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        put(&*from_yaml(&yaml, &env).unwrap(), "a", "x").await;
    }
    let wrong = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(key.to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("not the secret".to_owned()),
        _ => None,
    };
    let error = from_yaml(&yaml, &wrong).unwrap().get("a", 9).await.unwrap_err();
    assert!(matches!(error, Error::AccessDenied(_)), "{error}");
    assert!(!format!("{error:?} {error}").contains("not the secret"));
}

#[tokio::test]
async fn without_any_credentials_requests_are_not_signed() {
    let server = Server::start().await;
    let yaml = format!(
        "type: S3\nconfig: {{bucket: bucket, endpoint: '{}', insecure: true, sts_endpoint: 'http://127.0.0.1:1'}}",
        server.address
    );
    let error = from_yaml(&yaml, &|_| None).unwrap().get("a", 9).await.unwrap_err();
    assert!(matches!(error, Error::AccessDenied(_)), "{error}");
    assert!(!server.state().headers[0].contains_key("authorization"));
}

#[tokio::test]
async fn this_machine_is_never_reached_through_a_proxy() {
    let server = Server::start().await;
    let env = |name: &str| (name == "HTTP_PROXY").then(|| "http://127.0.0.1:1".to_owned());
    put(&*from_yaml(&server.yaml("  max_retries: 1\n"), &env).unwrap(), "a", "x").await;
    assert_eq!(server.count("PUT /bucket/a"), 1);
}

#[tokio::test]
async fn nobody_there_is_told_with_its_cause() {
    let yaml =
        "type: S3\nconfig: {bucket: b, endpoint: '127.0.0.1:1', access_key: a, secret_key: hush, max_retries: 1}";
    let error = from_yaml(yaml, &|_| None).unwrap().get("a", 9).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        chain.push_str(&error.to_string());
        source = error.source();
    }
    assert!(chain.contains("refused") && !chain.contains("hush"), "{chain}");
}

#[test]
fn files_for_tls_that_cannot_be_used_are_named() {
    let scratch = Scratch::new("s3-tls");
    let empty = scratch.0.join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let error = |tls: String| {
        let yaml = format!("type: S3\nconfig: {{bucket: b, endpoint: h, http_config: {{tls_config: {{{tls}}}}}}}");
        from_yaml(&yaml, &|_| None).err().unwrap().to_string()
    };
    let missing = error(format!("ca_file: {:?}", scratch.0.join("missing.pem")));
    assert!(missing.contains("tls_config.ca_file") && missing.contains("missing.pem"), "{missing}");
    let none = error(format!("ca_file: {empty:?}"));
    assert!(none.contains("holds no certificate"), "{none}");
    let pair = error(format!("cert_file: {empty:?}, key_file: {empty:?}"));
    assert!(pair.contains("tls_config.cert_file"), "{pair}");
}

#[tokio::test]
async fn a_snapshot_believes_a_missing_key_and_fails_on_a_missing_bucket() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    let id = "01JN8BG9006V1WHJJWFFNSHB7N".parse().unwrap();
    put(&*bucket, &layout::index(id), "index").await;
    put(&*bucket, &layout::meta(id), r#"{"ulid":"01JN8BG9006V1WHJJWFFNSHB7N","version":1}"#).await;
    let meta = "GET /bucket/01JN8BG9006V1WHJJWFFNSHB7N/meta.json";
    server.fail(meta, 1, Fault::Status(404, "NoSuchKey"));
    let vanished = snapshot(&*bucket, None, None, 4).await.unwrap();
    assert!(matches!(vanished.blocks[&id].meta, MetaState::Missing));
    for fault in [Fault::Status(404, "NoSuchBucket"), Fault::Page(404), Fault::Status(403, "AccessDenied")] {
        server.fail(meta, 1, fault);
        assert!(snapshot(&*bucket, Some(&vanished), None, 4).await.is_err());
    }
    let found = snapshot(&*bucket, Some(&vanished), None, 4).await.unwrap();
    assert!(found.blocks[&id].meta().is_some());
    server.state().requests.clear();
    assert_eq!(snapshot(&*bucket, Some(&found), None, 4).await.unwrap().fetched, 0);
    assert_eq!(server.state().requests.len(), 1, "a warm sync is one listing");
}

#[tokio::test]
async fn a_throttled_listing_is_resumed_page_by_page() {
    let server = Server::start().await;
    let bucket = bucket(&server, "");
    for i in 0..2500 {
        server.state().objects.insert(format!("k/{i:05}"), lithify_kit::s3::Stored::default());
    }
    server.fail("GET /bucket?", 1, Fault::Status(503, "SlowDown"));
    server.fail("GET /bucket?", 1, Fault::Cut(9));
    assert_eq!(names(&*bucket, "k", Depth::All).await.len(), 2500);
    assert_eq!(server.count("GET /bucket?"), 5);
}
