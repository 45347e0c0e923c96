//! Serves what stands at a path, as badly as it is told to.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures::stream;

use super::Media;
use super::exhibit::{Delivery, SampleMedium};
use crate::connection::Cut;
use crate::host::Host;
use crate::journal::Entry;

/// Content that has no end is sent in pieces of at least this size.
const PIECE: usize = 64 * 1024;
/// A connection that ends in the middle does so only after what came before has left; at once would be no answer at all.
const LINGER: Duration = Duration::from_millis(20);
/// What nobody may send along when it fetches a file that anyone can name.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "x-gewe-token"];

pub(super) fn routes() -> Router<Media> {
    Router::new().route("/{*path}", any(serve))
}

async fn serve(
    State(media): State<Media>,
    Path(path): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let exhibit = media.visit(&path, &query, &request);
    let content = Bytes::from(exhibit.file.generate(&path));
    match exhibit.delivery {
        Delivery::Silent => {
            media.host().until_shutdown().await;
            cut.cut();
        }
        Delivery::Dropped => cut.cut(),
        _ => {}
    }
    respond(&exhibit, content, media.host().clone())
}

impl Media {
    /// Finds what stands there, and counts the visit.
    fn visit(&self, path: &str, query: &[(String, String)], request: &Request) -> SampleMedium {
        let found = {
            let mut state = self.state();
            *state.hits.entry(path.to_owned()).or_default() += 1;
            state.exhibits.get(path).cloned()
        };
        let exhibit = found
            .or_else(|| SampleMedium::improvised(path, query))
            .unwrap_or_else(|| SampleMedium::status(StatusCode::NOT_FOUND.as_u16()));
        let sent_along = |name: &&&str| request.headers().contains_key(**name);
        self.host().record(Entry {
            endpoint: path.to_owned(),
            code: Some(exhibit.status.into()),
            note: Some(request.method().to_string()),
            violations: CREDENTIALS.iter().filter(sent_along).map(|name| format!("header {name} sent along")).collect(),
            ..Entry::default()
        });
        exhibit
    }
}

fn respond(exhibit: &SampleMedium, content: Bytes, host: Host) -> Response {
    let length = content.len() as u64;
    let (body, declared) = match exhibit.delivery {
        Delivery::Whole | Delivery::Silent | Delivery::Dropped => (Body::from(content), None),
        Delivery::Chunked => (pieces(content, usize::MAX, Duration::ZERO, host), None),
        Delivery::Drip { bytes, milliseconds } => {
            (pieces(content, bytes, Duration::from_millis(milliseconds), host), Some(length))
        }
        Delivery::Endless => (endless(&content, host), None),
        Delivery::Truncated { bytes } => {
            let part = content.slice(..bytes.min(content.len()));
            (pieces(part, usize::MAX, Duration::ZERO, host), Some(length))
        }
        Delivery::Claims { length } => (pieces(content, usize::MAX, Duration::ZERO, host), Some(length)),
    };
    let status = StatusCode::from_u16(exhibit.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let content_type = exhibit.content_type.as_deref().unwrap_or_else(|| exhibit.file.content_type());
    for (name, value) in [(header::CONTENT_TYPE, Some(content_type)), (header::LOCATION, exhibit.location.as_deref())] {
        if let Some(value) = value.filter(|value| !value.is_empty()).and_then(|value| HeaderValue::from_str(value).ok())
        {
            headers.insert(name, value);
        }
    }
    if let Some(declared) = declared {
        headers.insert(header::CONTENT_LENGTH, declared.into());
    }
    response
}

/// The content in pieces, as a body of unknown length: whoever declares one that is wrong gets away with it.
fn pieces(content: Bytes, size: usize, pause: Duration, host: Host) -> Body {
    let start = (content, host, Duration::ZERO);
    Body::from_stream(stream::unfold(start, move |(mut rest, host, wait)| async move {
        if rest.is_empty() {
            host.pause(LINGER).await;
            return None;
        }
        host.pause(wait).await;
        let piece = rest.split_to(size.clamp(1, rest.len()));
        Some((Ok::<_, Infallible>(piece), (rest, host, pause)))
    }))
}

fn endless(content: &Bytes, host: Host) -> Body {
    let copies = PIECE.div_ceil(content.len().max(1));
    let piece = Bytes::from(if content.is_empty() { vec![0; PIECE] } else { content.repeat(copies) });
    Body::from_stream(stream::unfold((piece, host), |(piece, host)| async move {
        // The executor gets a turn between pieces, and the sandbox can be shut down.
        host.pause(Duration::from_micros(1)).await;
        (!host.is_over()).then(|| (Ok::<_, Infallible>(piece.clone()), (piece, host)))
    }))
}
