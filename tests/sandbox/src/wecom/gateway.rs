//! The door every call passes: faults, latency, the decision, the journal, and what becomes of the answer. A call is
//! processed in a task of its own, so that it is carried out even if its caller has hung up meanwhile.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::api::{self, Call, Fields};
use super::endpoint::WecomEndpoint;
use super::error::{Refusal, wrap};
use super::{Wecom, WecomFault, form, strict};
use crate::connection::Cut;
use crate::fault::{Effect, Fault};
use crate::incoming::Incoming;
use crate::journal::Entry;
use crate::reply::Reply;

pub(super) fn routes() -> Router<Wecom> {
    let mut router = Router::new().fallback(unknown);
    for endpoint in WecomEndpoint::ALL {
        let serve = move |State(wecom): State<Wecom>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request| async move {
            let request = Incoming::read(request).await;
            let processing = tokio::spawn(process(wecom.clone(), endpoint, request, cut.peer));
            match processing.await {
                Ok(reply) => wecom.host().deliver(reply, &cut).await,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        };
        router = router.route(&format!("/cgi-bin/{}", endpoint.name()), any(serve));
    }
    router
}

/// An empty 404, not JSON.
async fn unknown(State(wecom): State<Wecom>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(80).collect();
    wecom.host().record(Entry {
        endpoint: "unknown".to_owned(),
        code: Some(404),
        violations: vec![format!("no such path: {path}")],
        ..Entry::default()
    });
    StatusCode::NOT_FOUND.into_response()
}

async fn process(wecom: Wecom, endpoint: WecomEndpoint, request: Incoming, peer: IpAddr) -> Reply {
    let form = if endpoint.takes_file() { Some(form::read(&request).await) } else { None };
    let mut violations = strict::violations(endpoint, &request);
    violations.extend(form.iter().flat_map(|form| form.violations.clone()));
    let (corp, fault, latency) = {
        let mut world = wecom.world();
        let corp = api::corp_of(&world, &request);
        let fault = world.faults.meet(endpoint, corp.as_deref());
        (corp, fault, world.settings.latency_milliseconds)
    };
    let _under_way = corp.clone().map(|corp| UnderWay::new(&wecom, corp, endpoint));
    let lateness = fault.as_ref().map(Fault::lateness).unwrap_or_default();
    wecom.host().pause(Duration::from_millis(latency) + lateness).await;
    let call = Call {
        endpoint,
        request,
        peer,
        form,
        body: Fields::new(),
        warning: false,
        corp,
        violations,
        publication: None,
        note: None,
    };
    exchange(&wecom, call, fault.as_ref())
}

/// The part under the lock: everything is decided and recorded at one instant.
fn exchange(wecom: &Wecom, mut call: Call, fault: Option<&WecomFault>) -> Reply {
    let mut world = wecom.world();
    let now = wecom.host().now();
    wecom.settle(&mut world, now);
    if let (Some(Fault { effect: Effect::LoseSession, .. }), Some(corp)) = (fault, &call.corp) {
        world.tokens.void(corp);
    }
    world.answers += 1;
    let is_seen = fault.is_none_or(Fault::is_carried_out);
    let result = is_seen.then(|| api::decide(&mut world, &mut call, now));
    let (endpoint, peer) = (call.endpoint, call.peer);
    wecom.host().record(Entry {
        at: now,
        endpoint: endpoint.name().to_owned(),
        code: result.as_ref().map(|result| result.as_ref().err().map_or(0, |refusal| refusal.code)),
        fault: fault.map(Fault::label),
        account: call.corp,
        note: call.note,
        publication: call.publication.map(Box::new),
        violations: call.violations,
        ..Entry::default()
    });
    let truth = result.map(|result| Reply::json(wrap(endpoint, result, call.warning, peer)));
    Reply::after_fault(fault, truth, |code, message| {
        let refusal = Refusal { code, text: message.map(str::to_owned) };
        Reply::json(wrap(endpoint, Err(refusal), false, peer))
    })
}

/// A call that has arrived and is not decided yet.
struct UnderWay {
    wecom: Wecom,
    corp: String,
    endpoint: WecomEndpoint,
}

impl UnderWay {
    fn new(wecom: &Wecom, corp: String, endpoint: WecomEndpoint) -> Self {
        wecom.world().limiter.enter(&corp, endpoint);
        Self { wecom: wecom.clone(), corp, endpoint }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.wecom.world().limiter.leave(&self.corp, self.endpoint);
    }
}
