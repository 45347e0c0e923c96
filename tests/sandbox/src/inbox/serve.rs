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

use super::take_in::{Arrived, Due};
use super::{BotKind, Conduct, Inbox, bot};
use crate::connection::Cut;
use crate::host::Host;
use crate::incoming::Incoming;
use crate::reply::{HTML, JSON};

/// A connection that ends in the middle does so only after what came before has left; at once would be no answer at all.
const LINGER: Duration = Duration::from_millis(20);

pub(super) fn routes() -> Router<Inbox> {
    Router::new()
        .route("/{name}", post(webhook))
        .route("/wecom/{token}", post(wecom))
        .route("/dingtalk", post(dingtalk))
        .route("/feishu/{token}", post(feishu))
}

async fn webhook(
    State(inbox): State<Inbox>,
    Path(name): Path<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let request = Incoming::read(request).await;
    treat(&inbox, &name, inbox.take_webhook_in(&name, &request), &cut).await
}

async fn wecom(
    State(inbox): State<Inbox>,
    Path(token): Path<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    message(&inbox, BotKind::Wecom, &token, &Incoming::read(request).await, &cut).await
}

async fn dingtalk(State(inbox): State<Inbox>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request) -> Response {
    let request = Incoming::read(request).await;
    let token = request.in_query("access_token").unwrap_or_default().to_owned();
    message(&inbox, BotKind::Dingtalk, &token, &request, &cut).await
}

async fn feishu(
    State(inbox): State<Inbox>,
    Path(token): Path<String>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    message(&inbox, BotKind::Feishu, &token, &Incoming::read(request).await, &cut).await
}

async fn message(inbox: &Inbox, kind: BotKind, token: &str, request: &Incoming, cut: &Cut) -> Response {
    match inbox.take_message_in(kind, token, request) {
        Some((name, arrived)) => treat(inbox, &name, arrived, cut).await,
        None => due(&Due::of_bot(kind, bot::unknown(kind))),
    }
}

/// Treats what a receiver was sent as it is told to.
async fn treat(inbox: &Inbox, name: &str, mut arrived: Arrived, cut: &Cut) -> Response {
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
    inbox.answered(name, arrived.seq, response.status());
    response
}

fn answer(arrived: &Arrived, host: &Host) -> Response {
    let status = arrived.decided().unwrap_or(arrived.due.status);
    match &arrived.conduct {
        Conduct::Verbose { bytes } => (status, vec![b'x'; *bytes]).into_response(),
        Conduct::CutShort => (status, [(header::CONTENT_LENGTH, "1000")], cut_short(host.clone())).into_response(),
        Conduct::Redirect { location } => (status, [(header::LOCATION, location.clone())]).into_response(),
        Conduct::Status { .. } => {
            let page = format!("<html><body><center><h1>{status}</h1></center>nginx</body></html>");
            (status, [(header::CONTENT_TYPE, HTML)], page).into_response()
        }
        Conduct::Well | Conduct::EverySecond { .. } | Conduct::Hang | Conduct::Late { .. } | Conduct::Close => {
            due(&arrived.due)
        }
    }
}

fn due(Due { status, body, .. }: &Due) -> Response {
    match body {
        Some(body) => (*status, [(header::CONTENT_TYPE, JSON)], body.clone()).into_response(),
        None => status.into_response(),
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
