//! `GET /api/v1/audit`: who has done what, newest first.

use jiff::Timestamp;
use kernel::audit::{self, Action, AuditLog, Entry};
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use kernel::page::Page;
use kernel::rfc3339::Rfc3339;
use kernel::{Clock, Context, Error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem, page_request};
use crate::views::leads::ActorView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    log: AuditLog,
    clock: Clock,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, log: AuditLog::new(cx)?, clock: cx.clock.clone() })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    #[serde(default, deserialize_with = "Rfc3339::or_absent")]
    from: Option<Rfc3339>,
    #[serde(default, deserialize_with = "Rfc3339::or_absent")]
    to: Option<Rfc3339>,
    actor: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::AuditAction>"))]
    action: Option<String>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_PAGE)))]
    page: Option<u64>,
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = kernel::page::MAX_SIZE)))]
    size: Option<u64>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AuditEntry"))]
pub(crate) struct EntryView {
    time: Timestamp,
    actor: ActorView,
    action: String,
    object: String,
    before: Value,
    after: Value,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let (before, after) = (entry.before(), entry.after());
        let actor = ActorView { id: entry.actor_id, name: entry.actor_name };
        Self { time: entry.time, actor, action: entry.action, object: entry.object, before, after }
    }
}

/// Everything that is written down.
pub(crate) fn actions() -> impl Iterator<Item = Action> {
    leads::audit::ACTIONS.iter().chain(moments::audit::ACTIONS).chain(webhooks::audit::ACTIONS).copied()
}

/// The action of this word, if there is one.
fn action(word: &str) -> kernel::Result<Action> {
    let found = actions().find(|action| action.as_str() == word);
    found.ok_or_else(|| Error::invalid("action", "没有这种操作，请检查拼写"))
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::AUDIT.permission).await?;
    let query: Query = request.query()?;
    let wanted = page_request(query.page, query.size)?;
    let (from, to) = (query.from.map(|time| time.0), query.to.map(|time| time.0));
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Error::invalid("from", "开始时间不能晚于结束时间").into());
    }
    let asked = audit::Query {
        from,
        to,
        actor: query.actor.as_deref(),
        action: query.action.as_deref().map(action).transpose()?,
    };
    let page = app.log.page(caller.user_id, &asked, wanted, app.clock.now()).await?;
    let records = page.records.into_iter().map(EntryView::from).collect();
    ApiResponse::ok(Page { records, total: page.total, size: page.size, current: page.current, pages: page.pages })
}
