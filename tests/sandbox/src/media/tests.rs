//! The origin as a downloader meets it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Delivery, Media, MediaFile, SampleMedium, sniff};
use crate::{Sandbox, SandboxConfig};

struct Scenario {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Scenario {
    async fn start() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let redirects = reqwest::redirect::Policy::none();
        Self { sandbox, http: reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap() }
    }

    fn media(&self) -> &Media {
        self.sandbox.media()
    }

    async fn get(&self, url: &str) -> reqwest::Response {
        self.http.get(url).timeout(Duration::from_secs(20)).send().await.unwrap()
    }
}

#[tokio::test]
async fn media_server_answers_with_type_and_length() {
    let scene = Scenario::start().await;
    let url = scene.media().put_file("x/y.jpg", MediaFile::jpeg(640, 480).sized(70_000));
    let response = scene.get(&url).await;
    let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("content-type"), header("content-length")), ("image/jpeg".to_owned(), "70000".to_owned()));
    assert_eq!(sniff(&response.bytes().await.unwrap()).pixels(), Some((640, 480)));
    assert_eq!(scene.http.head(&url).send().await.unwrap().headers()["content-length"], "70000");
    assert_eq!((scene.media().hits("x/y.jpg"), scene.media().hits("other")), (2, 0));
    assert_eq!(scene.get(&scene.media().url("nothing")).await.status(), 404);
}

#[tokio::test]
async fn media_server_makes_files_of_the_measures_in_their_names() {
    let scene = Scenario::start().await;
    for (path, mime) in [
        ("demo/1.jpg", "image/jpeg"),
        ("demo/2.png?width=33&height=44&bytes=5000", "image/png"),
        ("demo/3.mp4?milliseconds=31000&bytes=20000", "video/mp4"),
    ] {
        let file = scene.get(&scene.media().url(path)).await.bytes().await.unwrap();
        assert_eq!(infer::get(&file).map(|kind| kind.mime_type()), Some(mime));
        assert!(path.contains("bytes=").then(|| file.len() % 1000).is_none_or(|rest| rest == 0));
    }
    assert_eq!(scene.get(&scene.media().url("demo/4.jpg?width=x")).await.status(), 404);
}

#[tokio::test]
async fn media_server_can_send_a_wrong_type_and_length() {
    let scene = Scenario::start().await;
    let page = scene.get(&scene.media().put("page.jpg", SampleMedium::html_as_image())).await;
    assert_eq!(page.headers()["content-type"], "image/jpeg");
    assert!(page.text().await.unwrap().starts_with("<!DOCTYPE"));
    let picture = SampleMedium::new(MediaFile::jpeg(64, 64).sized(10_000));
    let untyped = scene.get(&scene.media().put("untyped", picture.clone().declared(""))).await;
    assert!(untyped.headers().get("content-type").is_none());

    let put = |delivery| scene.media().put("lie.jpg", picture.clone().delivered(delivery));
    let short = scene.get(&put(Delivery::Claims { length: 100 })).await;
    assert_eq!(short.bytes().await.unwrap().len(), 100, "the rest is hidden");
    let long = scene.get(&put(Delivery::Claims { length: 20_000 })).await;
    assert_eq!(long.headers()["content-length"], "20000");
    assert!(long.bytes().await.is_err(), "the rest never comes");
    let cut = scene.get(&put(Delivery::Truncated { bytes: 500 })).await;
    assert_eq!(cut.headers()["content-length"], "10000");
    assert!(cut.bytes().await.is_err());
    let chunked = scene.get(&put(Delivery::Chunked)).await;
    assert!(chunked.headers().get("content-length").is_none());
    assert_eq!(chunked.bytes().await.unwrap().len(), 10_000);
}

#[tokio::test]
async fn media_server_can_be_slow_endless_silent_and_dropped() {
    let scene = Scenario::start().await;
    let picture = SampleMedium::new(MediaFile::jpeg(64, 64).sized(1000));
    let put = |delivery| scene.media().put("slow.jpg", picture.clone().delivered(delivery));
    let begun = Instant::now();
    let file = scene.get(&put(Delivery::Drip { bytes: 250, milliseconds: 30 })).await.bytes().await.unwrap();
    assert!(file.len() == 1000 && begun.elapsed() >= Duration::from_millis(90));

    let mut endless = scene.get(&put(Delivery::Endless)).await;
    let mut seen = 0;
    while seen < 5_000_000 {
        seen += endless.chunk().await.unwrap().unwrap().len();
    }
    drop(endless);

    let silent = put(Delivery::Silent);
    let error = scene.http.get(&silent).timeout(Duration::from_millis(150)).send().await.unwrap_err();
    assert!(error.is_timeout());
    let error = scene.http.get(put(Delivery::Dropped)).send().await.unwrap_err();
    assert!(!error.is_timeout() && !error.is_connect());
}

#[tokio::test]
async fn media_server_redirects_and_records_credentials_that_were_sent() {
    let scene = Scenario::start().await;
    let target = "http://169.254.169.254/latest/meta-data/";
    let response = scene.get(&scene.media().put("moved.jpg", SampleMedium::redirect(target))).await;
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (302, target));
    assert_eq!(scene.get(&scene.media().put("gone.jpg", SampleMedium::status(410))).await.status(), 410);
    assert!(scene.sandbox.journal().violations().is_empty());
    scene.http.get(scene.media().url("a.jpg")).bearer_auth("x").send().await.unwrap();
    assert_eq!(scene.sandbox.journal().violations()[0].violations, ["header authorization sent along"]);
}

#[tokio::test]
async fn media_server_is_usable_with_curl() {
    let scene = Scenario::start().await;
    let control = format!("{}/_sandbox/media", scene.sandbox.url());
    let exhibit = json!({"file": {"kind": "png", "width": 20, "height": 10}, "delivery": {"kind": "drip", "bytes": 50, "milliseconds": 1}});
    let answer = scene.http.put(format!("{control}/files/a/b.png")).json(&exhibit).send().await.unwrap();
    let url = answer.json::<serde_json::Value>().await.unwrap()["url"].as_str().unwrap().to_owned();
    assert_eq!(sniff(&scene.get(&url).await.bytes().await.unwrap()).pixels(), Some((20, 10)));
    let hits: serde_json::Value = scene.get(&format!("{control}/hits")).await.json().await.unwrap();
    assert_eq!(hits, json!({"a/b.png": 1}));
    let misspelt = json!({"file": {"kind": "png", "width": 20, "height": 10}, "deliver": {}});
    let refused = scene.http.put(format!("{control}/files/c.png")).json(&misspelt).send().await.unwrap();
    assert_eq!(refused.status(), 400);
}
