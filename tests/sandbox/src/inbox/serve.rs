//! Takes requests in, and answers them or does not.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::{StreamExt, stream};
use tokio::sync::watch;

use super::verify::{ID, Problem, signers};
use super::{Arrival, Conduct, Inbox, KEPT};
use crate::connection::Cut;
use crate::host::Host;
use crate::incoming::{Incoming, printable};
use crate::journal::Entry;
use crate::reply::{HTML, JSON};

/// What nobody may send along to an address that a customer can name.
const CREDENTIALS: [&str; 2] = ["authorization", "cookie"];
/// A connection that ends in the middle does so only after what came before has left; at once would be no answer at all.
const LINGER: Duration = Duration::from_millis(20);

pub(super) fn routes() -> Router<Inbox> {
    Router::new().route("/{name}", post(receive))
}

async fn receive(
    State(inbox): State<Inbox>,
    Path(name): Path<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let request = Incoming::read(request).await;
    let mut arrived = inbox.take_in(&name, &request);
    let host = inbox.host();
    match arrived.conduct {
        Conduct::Late { milliseconds } => host.pause(Duration::from_millis(milliseconds)).await,
        Conduct::Hang => {
            tokio::select! {
                // A receiver is never forgotten, so this is never an error.
                _told = arrived.told.changed() => {}
                () = host.until_shutdown() => cut.cut(),
            }
        }
        Conduct::Close => {
            cut.cut();
            return StatusCode::NO_CONTENT.into_response();
        }
        _ => {}
    }
    let response = answer(&arrived, host);
    inbox.answered(&name, arrived.seq, response.status());
    response
}

/// A request on its way to its answer.
struct Arrived {
    seq: u64,
    conduct: Conduct,
    problem: Option<Problem>,
    told: watch::Receiver<()>,
}

impl Arrived {
    /// The status that it deserves.
    const fn due(&self) -> StatusCode {
        if self.problem.is_none() { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
    }
}

impl Inbox {
    /// Keeps a request, and finds out what it is to meet.
    fn take_in(&self, name: &str, request: &Incoming) -> Arrived {
        let at = self.host().now();
        let mut state = self.state();
        let receiver = state.receivers.entry(name.to_owned()).or_default();
        receiver.met += 1;
        let conduct = receiver.conduct.of_request(receiver.met);
        let (signers, problem) = match signers(&receiver.keys, request, at) {
            Ok(signers) => (signers, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        let mut arrived = Arrived { seq: 0, conduct, problem, told: receiver.told.subscribe() };
        arrived.seq = self.host().record(Entry {
            at,
            endpoint: "webhook".to_owned(),
            code: decided(&arrived).map(|status| status.as_u16().into()),
            fault: arrived.conduct.label(),
            account: Some(printable(name)),
            note: request.header(ID).map(printable),
            violations: violations(request),
            ..Entry::default()
        });
        if receiver.arrivals.len() == KEPT {
            receiver.arrivals.pop_front();
        }
        receiver.arrivals.push_back(Arrival {
            seq: arrived.seq,
            at,
            name: name.to_owned(),
            headers: request.headers.iter().map(|(name, value)| (name.to_string(), shown(name, value))).collect(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            signers,
            problem,
            answered: None,
        });
        arrived
    }

    fn answered(&self, name: &str, seq: u64, status: StatusCode) {
        let mut state = self.state();
        let Some(receiver) = state.receivers.get_mut(name) else { return };
        let place = receiver.arrivals.partition_point(|arrival| arrival.seq < seq);
        // It may have been thrown away while it hung.
        if let Some(arrival) = receiver.arrivals.get_mut(place).filter(|arrival| arrival.seq == seq) {
            arrival.answered = Some(status.as_u16());
        }
    }
}

/// The status that is answered; nothing where it is open whether there will be an answer.
fn decided(arrived: &Arrived) -> Option<StatusCode> {
    match arrived.conduct {
        Conduct::Well | Conduct::Late { .. } => Some(arrived.due()),
        Conduct::Status { status, .. } | Conduct::EverySecond { status } => {
            Some(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Conduct::CutShort => Some(StatusCode::OK),
        Conduct::Verbose { .. } => Some(if arrived.problem.is_none() { StatusCode::OK } else { arrived.due() }),
        Conduct::Redirect { .. } => Some(StatusCode::TEMPORARY_REDIRECT),
        Conduct::Hang | Conduct::Close => None,
    }
}

fn answer(arrived: &Arrived, host: &Host) -> Response {
    let status = decided(arrived).unwrap_or_else(|| arrived.due());
    match &arrived.conduct {
        Conduct::Verbose { bytes } => (status, vec![b'x'; *bytes]).into_response(),
        Conduct::CutShort => (status, [(header::CONTENT_LENGTH, "1000")], cut_short(host.clone())).into_response(),
        Conduct::Redirect { location } => (status, [(header::LOCATION, location.clone())]).into_response(),
        Conduct::Status { .. } => {
            let page = format!("<html><body><center><h1>{status}</h1></center>nginx</body></html>");
            (status, [(header::CONTENT_TYPE, HTML)], page).into_response()
        }
        _ => match arrived.problem {
            None => status.into_response(),
            Some(problem) => {
                let problem = serde_json::json!({"error": problem}).to_string();
                (status, [(header::CONTENT_TYPE, JSON)], problem).into_response()
            }
        },
    }
}

/// Less than was declared, and then the end.
fn cut_short(host: Host) -> Body {
    let begun = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"{\"ok\":")) });
    let over = stream::once(async move {
        host.pause(LINGER).await;
        Ok(Bytes::new())
    });
    Body::from_stream(begun.chain(over))
}

fn violations(request: &Incoming) -> Vec<String> {
    let mut violations: Vec<String> = CREDENTIALS
        .iter()
        .filter(|name| request.headers.contains_key(**name))
        .map(|name| format!("header {name} sent along"))
        .collect();
    if request.content_type() != "application/json" {
        violations.push("content-type is not application/json".to_owned());
    }
    if std::str::from_utf8(&request.body).is_err() {
        violations.push("body is not UTF-8".to_owned());
    }
    violations
}

fn shown(name: &header::HeaderName, value: &header::HeaderValue) -> String {
    if CREDENTIALS.contains(&name.as_str()) {
        return "…".to_owned();
    }
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
