//! `GET /api/v1/events`: what has changed, in the order of its numbers.

use kernel::config::ConfigError;
use kernel::events::{EventFeed, FeedPage, MAX_LIMIT};
use kernel::jwt::Authenticator;
use kernel::{Clock, Context, Error};
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::views::event_reader::EventReader;
use crate::views::events::EventView;

/// Events of an answer whose number is not said.
const DEFAULT_LIMIT: usize = 100;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    feed: EventFeed,
    reader: EventReader,
    clock: Clock,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            auth: Authenticator::new(cx).await?,
            feed: EventFeed::new(cx)?,
            reader: EventReader::new(cx)?,
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
    let events = app.reader.read(caller.user_id, events).await?;
    ApiResponse::ok(Answer { events, last_sequence })
}
