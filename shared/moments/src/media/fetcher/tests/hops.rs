//! Where a fetch goes, and what it takes along.

use std::sync::Mutex;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::get;

use super::*;
use crate::media::samples::jpeg;

#[tokio::test]
async fn fetch_judges_every_redirect() {
    let app = Router::new()
        .route("/image", get(|| async { jpeg(640, 480) }))
        .route("/1", get(|| async { Redirect::permanent("/image") }))
        .route("/2", get(|| async { Redirect::temporary("1") }))
        .route("/3", get(|| async { Redirect::to("/2") }))
        .route("/4", get(|| async { Redirect::to("/3") }))
        .route("/loop", get(|| async { Redirect::to("/loop") }))
        .route("/http", get(|| async { Redirect::to("http://cdn.example.com/a.jpg") }))
        .route("/file", get(|| async { Redirect::to("file:///etc/passwd") }))
        .route("/metadata", get(|| async { Redirect::to("https://169.254.169.254/latest/meta-data/") }))
        .route("/decimal", get(|| async { Redirect::to("https://2130706433/") }))
        .route("/mapped", get(|| async { Redirect::to("//[::ffff:10.0.0.1]/") }))
        .route("/private", get(|| async { Redirect::to("https://[fd00:ec2::254]/") }))
        .route("/port", get(|| async { Redirect::to("https://cdn.example.com:22/") }))
        .route("/user", get(|| async { Redirect::to("https://u:p@cdn.example.com/") }))
        .route("/nowhere", get(|| async { Redirect::to("https://") }))
        .route("/silent", get(|| async { StatusCode::FOUND }));
    let origin = serve(app).await;
    for path in ["/image", "/1", "/2", "/3"] {
        assert!(fetch(&origin, path, LONG_TIMEOUT).await.is_ok(), "{path}");
    }
    for (path, problem) in [
        ("/4", MediaProblem::TooManyRedirects),
        ("/loop", MediaProblem::TooManyRedirects),
        ("/http", MediaProblem::NotHttps),
        ("/file", MediaProblem::NotHttps),
        ("/metadata", MediaProblem::ForbiddenAddress),
        ("/decimal", MediaProblem::ForbiddenAddress),
        ("/mapped", MediaProblem::NotHttps),
        ("/private", MediaProblem::ForbiddenAddress),
        ("/port", MediaProblem::ForbiddenPort(22)),
        ("/user", MediaProblem::Credentials),
        ("/nowhere", MediaProblem::NotAUrl),
        ("/silent", MediaProblem::HttpStatus(302)),
    ] {
        assert_eq!(fetch(&origin, path, LONG_TIMEOUT).await.unwrap_err(), problem, "{path}");
    }
}

#[tokio::test]
async fn fetch_resolves_a_name_once_per_connection_and_judges_that_answer() {
    let origin = serve(Router::new().fallback(|| async { Redirect::to("https://inner.example.com/a.jpg") })).await;
    for (answers, problem) in [
        (&[&["10.0.0.1"][..]][..], MediaProblem::ForbiddenAddress),
        (&[&["8.8.8.8", "127.0.0.1"]], MediaProblem::ForbiddenAddress),
        (&[&["::ffff:169.254.169.254"]], MediaProblem::ForbiddenAddress),
        (&[], MediaProblem::Unreachable),
    ] {
        let (lookup, asked) = scripted(answers);
        let fetcher = MediaFetcher::new(LONG_TIMEOUT, trusting(&origin), lookup);
        // By itself and at the end of a redirect.
        for url in ["https://outer.example.com/", origin.as_str()] {
            let before = asked.lock().unwrap().len();
            let verdict = fetcher.fetch(url, Limits::WECOM).await.unwrap_err();
            // A script that is at its end knows no names.
            let expected = if before == 0 { problem.clone() } else { MediaProblem::Unreachable };
            assert_eq!(verdict, expected, "{url} {answers:?}");
            assert_eq!(asked.lock().unwrap().len(), before + 1, "{url} {answers:?}");
        }
        assert_eq!(*asked.lock().unwrap(), ["outer.example.com", "inner.example.com"]);
    }
}

#[tokio::test]
async fn fetch_sends_no_header_of_ours() {
    let seen: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
    let log = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| {
        log.lock().unwrap().push(request.headers().clone());
        let first = request.uri().path() == "/first";
        async move {
            if first {
                ([("set-cookie", "id=1; Path=/")], Redirect::to("/second")).into_response()
            } else {
                jpeg(1, 1).into_response()
            }
        }
    });
    assert!(fetch(&serve(app).await, "/first", LONG_TIMEOUT).await.is_ok());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for headers in seen.iter() {
        let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
        assert_eq!(headers["accept-encoding"], "identity");
        assert!(headers["accept"].to_str().unwrap().starts_with("image/jpeg, image/png"));
    }
}
