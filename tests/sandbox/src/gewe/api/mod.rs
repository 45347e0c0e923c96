//! What each endpoint decides about a call. Pure functions of the world, the request and the time; what has to be
//! fetched from elsewhere is asked for by returning it, and comes back for the rest of the decision.

mod account;
mod list;
mod send;
mod session;
mod upload;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use super::endpoint::GeweEndpoint;
use super::world::World;
use crate::incoming::Incoming;
use crate::publication::Publication;

pub(super) use upload::{Fetched, Wanted};

/// A failure, always `ret` 500 in an HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    /// Goes into `data`, which is absent without it.
    pub(super) detail: Option<String>,
}

impl Problem {
    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), detail: None }
    }

    /// The endpoint's own sentence, with the reason beside it.
    pub(super) fn of(endpoint: GeweEndpoint, detail: impl Into<String>) -> Self {
        Self { message: endpoint.failure().to_owned(), detail: Some(detail.into()) }
    }
}

/// `data` of a success, or nothing where there is none.
pub(super) type Outcome = Result<Option<Value>, Problem>;

/// Where a decision goes on.
pub(super) enum Step {
    Done(Outcome),
    /// Files to fetch first.
    Fetch(Wanted),
    /// An address that must answer before it is accepted.
    Probe(Url),
}

/// A call on its way through the gateway.
pub(super) struct Call {
    pub(super) endpoint: GeweEndpoint,
    pub(super) request: Incoming,
    pub(super) body: Map<String, Value>,
    /// The sandbox name of the device it is about.
    pub(super) device: Option<String>,
    pub(super) violations: Vec<String>,
    pub(super) publication: Option<Publication>,
}

impl Call {
    /// A text field; empty is missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn violation(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }

    /// A number that may be as large as an id; written as a text it is understood, with a frown.
    fn id(&mut self, name: &str) -> Option<u64> {
        match self.body.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => {
                let id = text.parse().ok();
                self.violation(format!("{name} is a string where a number is due"));
                id
            }
            _ => None,
        }
    }
}

/// The first part of a decision; all of it for most endpoints.
pub(super) fn decide(world: &mut World, call: &mut Call, now: Timestamp) -> Step {
    let name = match session::admit(world, call, now) {
        Ok(name) => name,
        Err(problem) => return Step::Done(Err(problem)),
    };
    match call.endpoint {
        GeweEndpoint::CheckOnline => Step::Done(account::check_online(world, &name)),
        GeweEndpoint::GetProfile => Step::Done(account::profile(world, &name)),
        GeweEndpoint::SetCallback => account::set_callback(world, call),
        GeweEndpoint::UploadImage => upload::images(call),
        GeweEndpoint::UploadVideo => upload::video(call),
        GeweEndpoint::SendText | GeweEndpoint::SendImage | GeweEndpoint::SendVideo | GeweEndpoint::SendLink => {
            Step::Done(send::post(world, call, &name, now))
        }
        GeweEndpoint::List => Step::Done(list::feed(world, call, &name, now)),
        GeweEndpoint::ContactList => Step::Done(list::of_contact(world, call, &name, now)),
        GeweEndpoint::Details => Step::Done(list::details(world, call, &name, now)),
        GeweEndpoint::Delete => Step::Done(list::delete(world, call, &name)),
    }
}

/// The second part, with the files at hand.
pub(super) fn fetched(world: &mut World, call: &Call, files: &[Fetched]) -> Outcome {
    upload::keep(world, call, files)
}

/// The second part of setting a callback, after asking it.
pub(super) fn probed(world: &mut World, call: &Call, address: Url, answered: bool) -> Outcome {
    if !answered {
        return Err(Problem::of(call.endpoint, "回调地址不可用"));
    }
    world.set_callback(Some(address));
    Ok(None)
}

pub(super) fn wrap(outcome: &Outcome) -> String {
    match outcome {
        Ok(None) => json!({"ret": 200, "msg": "操作成功"}),
        Ok(Some(data)) => json!({"ret": 200, "msg": "操作成功", "data": data}),
        Err(problem) => refusal(500, problem),
    }
    .to_string()
}

pub(super) fn refusal(ret: i64, problem: &Problem) -> Value {
    match &problem.detail {
        None => json!({"ret": ret, "msg": problem.message}),
        Some(detail) => json!({"ret": ret, "msg": problem.message, "data": {"code": "-1", "msg": detail}}),
    }
}
