//! The door every call passes: faults, latency, the decision, the journal, and what becomes of the answer. A call is
//! processed in a task of its own, so that it is carried out even if its caller has hung up meanwhile.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures::future::join_all;
use serde_json::Map;

use super::api::{self, Call, Outcome, Problem, Step};
use super::device::DeviceState;
use super::endpoint::GeweEndpoint;
use super::{Gewe, fetch, strict};
use crate::connection::Cut;
use crate::fault::{Effect, Fault};
use crate::incoming::Incoming;
use crate::journal::Entry;
use crate::reply::{JSON, Reply};

/// Where the gateway's paths begin, below its base URL.
const PREFIX: &str = "/gewe/v2/api";

type GeweFault = Fault<GeweEndpoint>;

pub(super) fn routes() -> Router<Gewe> {
    let mut router = Router::new().fallback(unknown);
    for endpoint in GeweEndpoint::ALL {
        let serve = move |State(gewe): State<Gewe>, ConnectInfo(cut): ConnectInfo<Cut>, request: Request| async move {
            let request = Incoming::read(request).await;
            let processing = tokio::spawn(process(gewe.clone(), endpoint, request));
            match processing.await {
                Ok(reply) => gewe.host().deliver(reply, &cut).await,
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        };
        router = router.route(&format!("{PREFIX}/{}", endpoint.name()), any(serve));
    }
    router
}

async fn unknown(State(gewe): State<Gewe>, request: Request) -> Response {
    let path: String = request.uri().path().chars().take(80).collect();
    gewe.host().record(Entry {
        endpoint: "unknown".to_owned(),
        code: Some(404),
        violations: vec![format!("no such path: {path}")],
        ..Entry::default()
    });
    gewe.host()
        .deliver(
            Reply::new(StatusCode::NOT_FOUND, JSON, r#"{"status":404,"error":"Not Found"}"#.into()),
            &Cut::of(Ipv4Addr::LOCALHOST.into()),
        )
        .await
}

async fn process(gewe: Gewe, endpoint: GeweEndpoint, request: Incoming) -> Reply {
    let (mut call, fault, settings) = arrive(&gewe, endpoint, request);
    let _busy =
        call.device.clone().filter(|_| endpoint.is_exclusive()).map(|device| Busy::new(&gewe, device, &mut call));
    let waiting =
        Duration::from_millis(settings.latency_milliseconds) + fault.as_ref().map(Fault::lateness).unwrap_or_default();
    gewe.host().pause(waiting).await;
    if fault.as_ref().is_some_and(|fault| !fault.is_carried_out()) {
        return conclude(&gewe, call, fault.as_ref(), None);
    }
    let step = {
        let mut world = gewe.world();
        if matches!(fault, Some(Fault { effect: Effect::LoseSession, .. })) {
            let device = call.device.as_ref().and_then(|name| world.devices.get_mut(name));
            if let Some(device) = device {
                device.state = DeviceState::Offline;
            }
        }
        let step = api::decide(&mut world, &mut call, gewe.host().now());
        // Concluded under the same lock as it was decided: the journal's order is the order of the deeds.
        match step {
            Step::Done(outcome) => return conclude(&gewe, call, fault.as_ref(), Some(outcome)),
            other => other,
        }
    };
    let outcome = match step {
        Step::Done(outcome) => outcome,
        Step::Fetch(wanted) => {
            let files = join_all(wanted.0.iter().map(|url| fetch::download(gewe.host(), url, &settings))).await;
            let now = gewe.host().now();
            let downloads = wanted.0.iter().zip(&files).filter_map(|(url, file)| Some((url, file.as_ref()?)));
            let mut world = gewe.world();
            world.downloads.extend(downloads.map(|(url, file)| fetch::Download::of(url, now, file)));
            api::fetched(&mut world, &call, &files)
        }
        Step::Probe(address) => {
            let answered = gewe.probe(&address).await;
            api::probed(&mut gewe.world(), &call, address, answered)
        }
    };
    conclude(&gewe, call, fault.as_ref(), Some(outcome))
}

fn arrive(gewe: &Gewe, endpoint: GeweEndpoint, request: Incoming) -> (Call, Option<GeweFault>, super::GeweSettings) {
    let mut world = gewe.world();
    let body = request.json().unwrap_or_default();
    let app_id = body.get("appId").and_then(serde_json::Value::as_str);
    let device = app_id.and_then(|app_id| world.name_of(app_id)).map(str::to_owned);
    let fault = world.faults.meet(endpoint, device.as_deref());
    let violations = strict::violations(endpoint, &request);
    let call = Call { endpoint, request, body: Map::new(), device, violations, publication: None };
    (call, fault, world.settings.clone())
}

/// Writes the call down and makes its answer. Without an outcome the gateway never saw it.
fn conclude(gewe: &Gewe, call: Call, fault: Option<&GeweFault>, outcome: Option<Outcome>) -> Reply {
    let endpoint = call.endpoint;
    gewe.host().record(Entry {
        endpoint: endpoint.name().to_owned(),
        code: outcome.as_ref().map(|outcome| if outcome.is_ok() { 200 } else { 500 }),
        fault: fault.map(Fault::label),
        account: call.device,
        publication: call.publication.map(Box::new),
        violations: call.violations,
        ..Entry::default()
    });
    Reply::after_fault(fault, outcome.map(|outcome| Reply::json(api::wrap(&outcome))), |ret, message| {
        let problem = Problem { message: endpoint.failure().to_owned(), detail: message.map(str::to_owned) };
        Reply::json(api::refusal(ret, &problem).to_string())
    })
}

/// An exclusive call under way.
struct Busy {
    gewe: Gewe,
    device: String,
}

impl Busy {
    fn new(gewe: &Gewe, device: String, call: &mut Call) -> Self {
        if let Some(device) = gewe.world().devices.get_mut(&device) {
            if device.busy > 0 {
                call.violation("sent while another call for this device was under way");
            }
            device.busy += 1;
        }
        Self { gewe: gewe.clone(), device }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(device) = self.gewe.world().devices.get_mut(&self.device) {
            device.busy -= 1;
        }
    }
}
