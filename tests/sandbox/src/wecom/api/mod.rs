//! What each endpoint decides about a call. Pure functions of the world, the request and the time: no clock, no waiting,
//! no transport.

mod create;
mod job;
mod list;
mod member;
mod session;
mod token;
mod upload;

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::endpoint::WecomEndpoint;
use super::error::Refusal;
use super::form::Form;
use super::world::World;
use crate::incoming::Incoming;
use crate::publication::Publication;

pub(super) type Fields = Map<String, Value>;
type Outcome = Result<Fields, Refusal>;

/// A call on its way through WeCom.
pub(super) struct Call {
    pub(super) endpoint: WecomEndpoint,
    pub(super) request: Incoming,
    /// The address it comes from.
    pub(super) peer: IpAddr,
    /// Where a file is due.
    pub(super) form: Option<Form>,
    pub(super) body: Fields,
    /// The body could not be read, and was not refused for it.
    pub(super) warning: bool,
    /// Sandbox name of the corp it is about.
    pub(super) corp: Option<String>,
    pub(super) violations: Vec<String>,
    pub(super) publication: Option<Publication>,
    pub(super) note: Option<String>,
}

impl Call {
    /// A text field of the body; empty is missing.
    fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.body.get(name).and_then(Value::as_i64)
    }

    /// The page asked for. A limit beyond the most silently becomes the usual one.
    fn page(&self, usual: usize, most: usize) -> Result<Page, Refusal> {
        let limit = self.number("limit").and_then(|limit| usize::try_from(limit).ok());
        let size = limit.filter(|limit| (1..=most).contains(limit)).unwrap_or(usual);
        let from = match self.text("cursor") {
            None => 0,
            Some(cursor) => cursor.strip_prefix("CURSOR_").and_then(|place| place.parse().ok()).ok_or(40_058)?,
        };
        Ok(Page { from, size })
    }
}

struct Page {
    from: usize,
    size: usize,
}

impl Page {
    /// The items of the page, and the cursor of the next one: empty on the last.
    fn of<T>(&self, items: Vec<T>) -> (Vec<T>, String) {
        let end = self.from.saturating_add(self.size);
        let next = if end < items.len() { format!("CURSOR_{end}") } else { String::new() };
        (items.into_iter().skip(self.from).take(self.size).collect(), next)
    }
}

pub(super) fn decide(world: &mut World, call: &mut Call, now: Timestamp) -> Outcome {
    if call.endpoint == WecomEndpoint::GetToken {
        return token::issue(world, call, now);
    }
    let session = session::admit(world, call, now)?;
    match call.endpoint {
        WecomEndpoint::GetToken => token::issue(world, call, now),
        WecomEndpoint::UploadAttachment | WecomEndpoint::Upload => upload::keep(world, call, &session, now),
        WecomEndpoint::AddMomentTask => create::moment(world, call, &session, now),
        WecomEndpoint::GetMomentTaskResult => job::result(world, call, &session, now),
        WecomEndpoint::GetMomentTask => job::members(world, call, &session, now),
        WecomEndpoint::CancelMomentTask => job::cancel(world, call, &session, now),
        WecomEndpoint::GetMomentList => list::moments(world, call, &session, now),
        WecomEndpoint::UserGet => member::get(world, call, &session),
        WecomEndpoint::GetFollowUserList => member::with_contacts(world, &session),
    }
}

/// The corp a call is about, as far as can be told before it is decided.
pub(super) fn corp_of(world: &World, request: &Incoming) -> Option<String> {
    let token = request.in_query("access_token").and_then(|text| world.tokens.get(text)).map(|token| &token.corp);
    let by_id = || request.in_query("corpid").and_then(|id| world.corp_by_id(id)).map(|corp| &corp.name);
    token.or_else(by_id).cloned()
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
