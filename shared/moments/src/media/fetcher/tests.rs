//! The fetcher against servers on loopback, good and bad.

mod bodies;
mod hops;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::sync::Mutex;

use axum::Router;
use axum::response::IntoResponse;

use futures::FutureExt;
use kernel::public_http::trusted_origin;

use super::*;

const LONG_TIMEOUT: Duration = Duration::from_secs(10);
const SHORT_TIMEOUT: Duration = Duration::from_millis(200);

fn trusting(origin: &str) -> Judge {
    Judge::trusting(vec![trusted_origin(origin).unwrap()])
}

/// A resolver that gives these answers one after the other, then knows no name, and keeps the names it was asked for.
fn scripted(answers: &[&[&str]]) -> (Lookup, Arc<Mutex<Vec<String>>>) {
    let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
    let answers = Mutex::new(answers.iter().map(parse).collect::<Vec<_>>().into_iter());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let lookup = move |name| {
        log.lock().unwrap().push(name);
        let answer = answers.lock().unwrap().next();
        async { answer.ok_or_else(|| std::io::Error::other("no such name")) }.boxed()
    };
    (Arc::new(lookup), asked)
}

/// Starts the server and gives its origin.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    // The runtime of the test ends the task with itself.
    tokio::spawn(async move { axum::serve(listener, app).await });
    origin
}

/// A server that answers one request with exactly these bytes and hangs up.
fn raw(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4_096]).unwrap() > 0);
        stream.write_all(&answer)
    });
    origin
}

async fn fetch(origin: &str, path: &str, timeout: Duration) -> Result<Medium, MediaProblem> {
    let (lookup, _) = scripted(&[]);
    let fetcher = MediaFetcher::new(timeout, trusting(origin), lookup);
    fetcher.fetch(&format!("{origin}{path}"), Limits::WECOM).await
}

async fn fetch_body(body: impl IntoResponse + Clone + Send + Sync + 'static) -> Result<Medium, MediaProblem> {
    let origin = serve(Router::new().fallback(move || async { body })).await;
    fetch(&origin, "/medium", LONG_TIMEOUT).await
}
