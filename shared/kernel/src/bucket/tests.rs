//! What is asked of S3, as a server sees it.

use std::sync::Mutex;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

use super::*;
use crate::clock::ManualClock;

const ATTEMPT: Duration = Duration::from_secs(2);

/// A server that answers each request by the next of `answers`, and keeps what it was asked.
struct Server {
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    bucket: Bucket,
}

impl Server {
    async fn start(answers: Vec<(u16, &'static str)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<(String, HeaderMap)>>>::default();
        let (seen, answers) = (Arc::clone(&asked), Arc::new(Mutex::new(answers)));
        let app = Router::new().fallback(move |request: Request| {
            let (status, body) = answers.lock().unwrap().remove(0);
            seen.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
            async move { (StatusCode::from_u16(status).unwrap(), [("etag", "\"v2\"")], body) }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        let bucket = s3("eu-west-1", Some(&endpoint)).bucket("words", ATTEMPT, &clock()).unwrap();
        Self { asked, bucket }
    }

    fn asked(&self) -> Vec<(String, HeaderMap)> {
        self.asked.lock().unwrap().clone()
    }
}

fn clock() -> Clock {
    Clock::Manual(ManualClock::new("2026-11-26T08:00:00Z".parse().unwrap()))
}

fn s3(region: &'static str, endpoint: Option<&str>) -> S3 {
    let credentials = Credentials::new("AKID", "secret", Some("session".to_owned()), None, "test");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    config.set_endpoint_url(endpoint.map(str::to_owned));
    S3::from_config(&config.build())
}

#[tokio::test]
async fn bucket_object_is_asked_for_with_a_signature_and_the_version_that_is_known() {
    let server = Server::start(vec![(200, "稳赚"), (304, "")]).await;
    let object = server.bucket.get("words/list.txt", None, 100).await.unwrap();
    assert_eq!(object, Some(Object { etag: "v2".to_owned(), body: "稳赚".into() }));
    assert_eq!(server.bucket.get("words/list.txt", Some("v2"), 100).await.unwrap(), None);
    let asked = server.asked();
    let [(path, first), (_, second)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(path, "/words/words/list.txt");
    let signature = first["authorization"].to_str().unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/20261126/eu-west-1/s3/aws4_request, SignedHeaders=";
    assert!(signature.starts_with(scope), "{signature}");
    assert_eq!(first["x-amz-date"], "20261126T080000Z");
    assert_eq!(first["x-amz-security-token"], "session");
    assert_eq!(second["if-none-match"], "\"v2\"");
}

#[tokio::test]
async fn bucket_that_fails_is_asked_twice_and_one_that_refuses_once() {
    let server = Server::start(vec![(503, ""), (200, "好")]).await;
    assert!(server.bucket.get("a", None, 100).await.unwrap().is_some());
    for (answers, code, times) in [
        (vec![(500, ""), (503, "")], "503", 2),
        (vec![(404, "")], "404", 1),
        (vec![(403, "")], "403", 1),
        (vec![(200, "longer than it may be")], "TooLong", 1),
    ] {
        let server = Server::start(answers).await;
        let error = server.bucket.get("a", None, 10).await.unwrap_err();
        assert!(matches!(&error, Error::Aws { code: told, .. } if told == code), "{error}");
        assert_eq!(server.asked().len(), times, "{code}");
    }
}

#[test]
fn bucket_without_an_endpoint_is_at_its_own_address() {
    for (region, url) in [
        ("eu-west-1", "https://words.s3.eu-west-1.amazonaws.com/a/b"),
        ("cn-north-1", "https://words.s3.cn-north-1.amazonaws.com.cn/a/b"),
    ] {
        assert_eq!(s3(region, None).bucket("words", ATTEMPT, &clock()).unwrap().inner.http.url("a/b").as_str(), url);
    }
}

fn content(text: &'static str) -> Content {
    Content { bytes: text.into(), sha256: crate::crypto::sha256_hex(text.as_bytes()), mime: "image/png" }
}

#[tokio::test]
async fn bucket_object_is_written_with_its_digest_and_its_type() {
    let server = Server::start(vec![(503, ""), (200, "")]).await;
    server.bucket.put("media/7/abc", &content("picture")).await.unwrap();
    let asked = server.asked();
    let [_, (path, headers)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(path, "/words/media/7/abc");
    assert_eq!(headers["x-amz-content-sha256"], content("picture").sha256.as_str());
    assert_eq!(headers["content-length"], "7");
    assert!(headers["authorization"].to_str().unwrap().contains("SignedHeaders=content-type;host;x-amz"));
    for (answers, times) in [(vec![(403, "")], 1), (vec![(500, ""), (503, "")], 2)] {
        let server = Server::start(answers).await;
        assert!(server.bucket.put("a", &content("picture")).await.is_err());
        assert_eq!(server.asked().len(), times);
    }
}

/// A second request could be carried out after somebody has written the object again.
#[tokio::test]
async fn bucket_object_is_deleted_by_one_request() {
    let server = Server::start(vec![(204, "")]).await;
    server.bucket.delete("media/7/abc").await.unwrap();
    let server = Server::start(vec![(503, ""), (204, "")]).await;
    assert!(server.bucket.delete("media/7/abc").await.is_err());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn bucket_address_for_others_says_by_whom_from_when_and_for_how_long() {
    let bucket = s3("cn-north-1", None).bucket("words", ATTEMPT, &clock()).unwrap();
    let url = bucket.presigned("media/7/abc", Duration::from_secs(900)).await.unwrap();
    assert_eq!(url.host_str(), Some("words.s3.cn-north-1.amazonaws.com.cn"));
    assert_eq!(url.path(), "/media/7/abc");
    let query: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query["X-Amz-Credential"], "AKID/20261126/cn-north-1/s3/aws4_request");
    assert_eq!((query["X-Amz-Date"].as_str(), query["X-Amz-Expires"].as_str()), ("20261126T080000Z", "900"));
    assert_eq!((query["X-Amz-Security-Token"].as_str(), query["X-Amz-Signature"].len()), ("session", 64));
}

/// The example of AWS's own documentation ("Authenticating Requests: Using Query Parameters"), at whose address and
/// path one can check that nothing is signed that S3 would read otherwise.
#[tokio::test]
async fn bucket_address_for_others_is_signed_as_in_the_documentation_of_s3() {
    let at = "2013-05-24T00:00:00Z".parse().unwrap();
    let clock = Clock::Manual(ManualClock::new(at));
    let credentials =
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let s3 = S3::from_config(&config.build());
    let mut bucket = s3.bucket("examplebucket", ATTEMPT, &clock).unwrap();
    // The documentation's bucket is at the address without a region.
    let base_url = Url::parse("https://examplebucket.s3.amazonaws.com").unwrap();
    let policy = Policy { timeout: ATTEMPT, keep_idle: KEEP_IDLE };
    bucket.inner = Arc::new(Inner { http: PlatformHttp::new(base_url, policy), s3, clock });
    let url = bucket.presigned("test.txt", Duration::from_secs(86_400)).await.unwrap();
    let signature = "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert!(url.as_str().contains(signature), "{url}");
}
