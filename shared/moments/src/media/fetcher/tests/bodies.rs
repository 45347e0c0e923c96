//! What comes back, and how slowly.

use std::sync::Mutex;

use axum::body::{Body, Bytes};
use axum::routing::get;
use futures::stream;

use super::*;
use crate::media::samples::{Mp4, jpeg, png};
use crate::media::{Fault, ImageFormat, MAX_MEDIUM_BYTES, MediaKind};

#[tokio::test]
async fn fetch_of_good_media_returns_them_whole() {
    let image = fetch_body(jpeg(640, 480)).await.unwrap();
    assert_eq!(image.kind, MediaKind::Image { format: ImageFormat::Jpeg, width: 640, height: 480 });
    assert_eq!(image.bytes, jpeg(640, 480));
    // The server's opinion counts for nothing.
    let image = fetch_body(([("content-type", "text/html")], png(3, 2))).await.unwrap();
    assert_eq!(image.mime, "image/png");
    let video = fetch_body(Mp4::default().bytes()).await.unwrap();
    assert_eq!(video.kind, MediaKind::Video { duration: Duration::from_secs(10) });
}

#[tokio::test]
async fn fetch_of_what_is_no_medium_is_refused() {
    let page = ([("content-type", "image/jpeg")], "<html><body>please log in</body></html>");
    let html = MediaProblem::WrongType { found: Some("text/html") };
    assert_eq!(fetch_body(page).await.unwrap_err(), html);
    let packed = ([("content-encoding", "gzip")], &b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x04\0"[..]);
    let gzip = MediaProblem::WrongType { found: Some("application/gzip") };
    assert_eq!(fetch_body(packed).await.unwrap_err(), gzip, "not decoded");
    assert_eq!(fetch_body("").await.unwrap_err(), MediaProblem::Empty);
    assert_eq!(fetch_body(jpeg(640, 480)[..30].to_vec()).await.unwrap_err(), MediaProblem::Corrupt(Fault::CutOff));
    for status in [201_u16, 204, 206, 304, 401, 404, 429, 500, 503] {
        let origin = raw(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").into_bytes());
        assert_eq!(fetch(&origin, "/", LONG_TIMEOUT).await.unwrap_err(), MediaProblem::HttpStatus(status));
    }
}

#[tokio::test]
async fn fetch_limit_of_size_is_exact_to_the_byte() {
    let too_large = MediaProblem::TooLarge { limit: MAX_MEDIUM_BYTES };
    let padded = |length| {
        let mut image = jpeg(640, 480);
        image.resize(length, 0);
        Bytes::from(image)
    };
    assert_eq!(fetch_body(padded(MAX_MEDIUM_BYTES)).await.unwrap().bytes.len(), MAX_MEDIUM_BYTES);
    assert_eq!(fetch_body(padded(MAX_MEDIUM_BYTES + 1)).await.unwrap_err(), too_large);
    // Announced and never sent: refused by the announcement alone.
    let origin = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 10485761\r\n\r\n".to_vec());
    assert_eq!(fetch(&origin, "/", LONG_TIMEOUT).await.unwrap_err(), too_large);
}

#[tokio::test]
async fn fetch_of_a_body_without_end_is_cut_off() {
    let sent = Arc::new(Mutex::new(0_usize));
    let count = Arc::clone(&sent);
    let endless = move || {
        let count = Arc::clone(&count);
        let pieces = stream::repeat_with(move || {
            *count.lock().unwrap() += 65_536;
            // An image first: anything else would end sooner.
            let mut piece = jpeg(640, 480);
            piece.resize(65_536, 0);
            Ok::<_, std::io::Error>(piece)
        });
        async { Body::from_stream(pieces) }
    };
    let origin = serve(Router::new().fallback(endless)).await;
    let too_large = MediaProblem::TooLarge { limit: MAX_MEDIUM_BYTES };
    assert_eq!(fetch(&origin, "/", LONG_TIMEOUT).await.unwrap_err(), too_large);
    assert!(*sent.lock().unwrap() < 3 * MAX_MEDIUM_BYTES, "what is in flight and no more");
}

#[tokio::test]
async fn fetch_deadline_is_for_the_whole_medium() {
    // Answers at once and then drips, so that no pause is ever long.
    let drip = || async {
        let pieces = stream::unfold(tokio::time::interval(Duration::from_millis(10)), |mut interval| async {
            interval.tick().await;
            Some((Ok::<_, std::io::Error>("\u{ff}"), interval))
        });
        Body::from_stream(pieces)
    };
    let app = Router::new()
        .route("/silent", get(std::future::pending::<String>))
        .route("/drip", get(drip))
        .route("/stall", get(|| async { Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()) }));
    let origin = serve(app).await;
    for path in ["/silent", "/drip", "/stall"] {
        let started = Instant::now();
        assert_eq!(fetch(&origin, path, SHORT_TIMEOUT).await.unwrap_err(), MediaProblem::TimedOut, "{path}");
        assert!(started.elapsed() >= SHORT_TIMEOUT && started.elapsed() < LONG_TIMEOUT, "{path}");
    }
}

#[tokio::test]
async fn fetch_with_a_wrong_length_or_a_broken_connection_returns_nothing() {
    let image = jpeg(640, 480);
    let headed = |head: &str, body: &[u8]| [format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(), body].concat();
    let chunk = |body: &[u8]| [format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat();
    for (answer, problem) in [
        // More promised than sent, and a chunked body that does not end.
        (headed("content-length: 5000", &image), MediaProblem::Unreachable),
        (headed("transfer-encoding: chunked", &chunk(&image)), MediaProblem::Unreachable),
        // Less promised than sent: the rest does not belong to the answer.
        (headed("content-length: 20", &image), MediaProblem::Corrupt(Fault::CutOff)),
        // Without a length the end of the connection is the end of the body.
        (headed("connection: close", &image[..image.len() - 3]), MediaProblem::Corrupt(Fault::CutOff)),
        (headed("content-length: 0", &image), MediaProblem::Empty),
        (headed("content-length: -1", &image), MediaProblem::Unreachable),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), MediaProblem::Unreachable),
        (Vec::new(), MediaProblem::Unreachable),
    ] {
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        assert_eq!(fetch(&raw(answer), "/", LONG_TIMEOUT).await.unwrap_err(), problem, "{shown}");
    }
    assert!(fetch(&raw(headed("connection: close", &image)), "/", LONG_TIMEOUT).await.is_ok());
    // Nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(fetch(&format!("http://{free}"), "/", LONG_TIMEOUT).await.unwrap_err(), MediaProblem::Unreachable);
}
