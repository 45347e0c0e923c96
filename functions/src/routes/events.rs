//! `GET /api/v1/events`: what has changed, in the order of its numbers.

use std::collections::{BTreeSet, HashMap};

use kernel::config::ConfigError;
use kernel::events::{EventFeed, FeedPage, MAX_LIMIT, StoredEvent};
use kernel::jwt::Authenticator;
use kernel::{Clock, Context, Error};
use leads::Stores;
use leads::ids::LeadId;
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::events::{Change, EventView};

/// Events of an answer whose number is not said.
const DEFAULT_LIMIT: usize = 100;

/// Leads that one answer reads and shows: with the longest notes they stay below the 6 MB that Lambda answers. An answer that
/// would have more has fewer events than were asked for, but at least one, which names 20 leads at most.
const MOST_LEADS: usize = 300;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    feed: EventFeed,
    stores: Stores,
    clock: Clock,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: Authenticator::new(cx).await?,
            feed: EventFeed::new(cx)?,
            stores: Stores::new(cx)?,
            clock: cx.clock.clone(),
        })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[cfg_attr(feature = "openapi", schemars(range(max = kernel::ids::MAX_SAFE_INTEGER)))]
    after: Option<u64>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_LIMIT)))]
    limit: Option<usize>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "EventPage"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    events: Vec<EventView>,
    last_sequence: u64,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::EVENTS.permission).await?;
    let query: Query = request.query()?;
    let (after, limit) = (query.after.unwrap_or_default(), query.limit.unwrap_or(DEFAULT_LIMIT));
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", format!("每次读取的事件数须为 1 到 {MAX_LIMIT} 的整数")).into());
    }
    if after > kernel::ids::MAX_SAFE_INTEGER {
        return Err(Error::invalid("after", "事件序号过大，请填写上次读到的最后一个序号").into());
    }
    let FeedPage { events, last_sequence } = app.feed.page(caller.user_id, after, limit, app.clock.now()).await?;
    let mut told = Vec::new();
    let mut named: BTreeSet<LeadId> = BTreeSet::new();
    for event in events {
        let change = change(&event)?;
        named.extend(change.leads());
        if named.len() > MOST_LEADS && !told.is_empty() {
            break;
        }
        told.push((event, change));
    }
    let shown: BTreeSet<LeadId> = told.iter().flat_map(|(_, change)| change.leads()).copied().collect();
    let leads = app.stores.leads.by_ids(caller.user_id, shown).await?;
    let leads: HashMap<LeadId, _> = leads.into_iter().map(|lead| (lead.lead_id, lead)).collect();
    let events = told.into_iter().map(|(event, change)| EventView::new(event, change, &leads)).collect();
    ApiResponse::ok(Answer { events, last_sequence })
}

fn change(event: &StoredEvent) -> kernel::Result<Change> {
    if let Some(change) = event.read()? {
        return Ok(Change::Lead(change));
    }
    event.read()?.map(Change::Moment).ok_or(Error::Corrupt("event"))
}
