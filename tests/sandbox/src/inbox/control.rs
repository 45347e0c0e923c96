//! The handle's methods for other processes.

use axum::extract::{Path, Query, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;

use super::{Arrival, BotSpec, Conduct, Inbox, ReceiverView};
use crate::steer::{Answer, Body, Refused, shown};

pub(super) fn routes() -> Router<Inbox> {
    Router::new()
        .route("/receivers", get(receivers))
        .route("/receivers/{name}/bot", put(add_bot))
        .route("/receivers/{name}/secrets", put(know))
        .route("/receivers/{name}/conduct", put(behave))
        .route("/receivers/{name}/arrivals", get(arrivals).delete(empty))
}

async fn receivers(State(inbox): State<Inbox>) -> Json<Vec<ReceiverView>> {
    Json(inbox.receivers())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    secrets: Vec<String>,
}

async fn know(State(inbox): State<Inbox>, Path(name): Path<String>, body: Body<Known>) -> Answer {
    let known = inbox.know(&name, &body?.0.secrets);
    known.map_err(|problem| Refused::Unreadable(problem.to_string()))?;
    receiver(&inbox, &name)
}

async fn add_bot(State(inbox): State<Inbox>, Path(name): Path<String>, body: Body<BotSpec>) -> Answer {
    inbox.add_bot(&name, body?.0);
    receiver(&inbox, &name)
}

async fn behave(State(inbox): State<Inbox>, Path(name): Path<String>, body: Body<Conduct>) -> Answer {
    inbox.behave(&name, body?.0);
    receiver(&inbox, &name)
}

fn receiver(inbox: &Inbox, name: &str) -> Answer {
    let found = inbox.receivers().into_iter().find(|receiver| receiver.name == name);
    found.map(shown).ok_or(Refused::NoSuch("receiver"))
}

#[derive(Deserialize)]
struct Which {
    /// Only the messages that it keeps, each once.
    #[serde(default)]
    distinct: bool,
    /// Only what has a higher number.
    #[serde(default)]
    since: u64,
}

async fn arrivals(
    State(inbox): State<Inbox>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Json<Vec<Arrival>> {
    let mut arrivals = if which.distinct { inbox.distinct(&name) } else { inbox.arrivals(&name) };
    arrivals.retain(|arrival| arrival.seq > which.since);
    Json(arrivals)
}

async fn empty(State(inbox): State<Inbox>, Path(name): Path<String>) -> Answer {
    if inbox.empty(&name) { receiver(&inbox, &name) } else { Err(Refused::NoSuch("receiver")) }
}
