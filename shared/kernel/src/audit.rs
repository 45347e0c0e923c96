//! `t_audit`: who has done what, and to what. A row is written in the transaction that it tells of, so there is one if and
//! only if that was carried out.
//!
//! A row holds ids, statuses and numbers: no secrets, and of a lead nothing but its id. So erasing a person need not look
//! here. It expires after [`AUDIT_RETENTION_DAYS`](crate::config::AUDIT), by the table's TTL, which deletes days late; a
//! list leaves out what has expired.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::caller::Actor;
use crate::config::{AUDIT, ConfigError};
use crate::context::Context;
use crate::dynamo::{decode, n, page_of_keys, put, s, seconds};
use crate::error::Result;
use crate::ids::UserId;
use crate::instant::{after, before};
use crate::page::{Page, PageRequest};

const WHAT: &str = "audit row";

/// How far back a list goes that does not say from when: all of its range is read for its total, and the log may be of years.
pub const DEFAULT_RANGE: Duration = Duration::from_secs(30 * 86_400);

/// What was done, by a word that no other deed has. Each domain has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Action(&'static str);

impl Action {
    /// The action of this word.
    #[must_use]
    pub const fn new(word: &'static str) -> Self {
        Self(word)
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A deed to be written down.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Whose log it belongs to.
    pub tenant: UserId,
    /// Who of them it was.
    pub actor: &'a Actor,
    /// What was done.
    pub action: Action,
    /// What it was done to: its kind and its id, as `moment-task/7`.
    pub object: String,
    /// How that was before, as far as it changed; null if it was not there.
    pub before: Value,
    /// How it is since; null if it is gone.
    pub after: Value,
}

/// A deed as it was written down.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// When.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub time: Timestamp,
    /// Who, by the token's `sub`.
    pub actor_id: String,
    /// Their name at the time, if the token had one.
    pub actor_name: Option<String>,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub object: String,
    before: String,
    after: String,
}

impl Entry {
    /// How the object was before.
    #[must_use]
    pub fn before(&self) -> Value {
        serde_json::from_str(&self.before).unwrap_or_default()
    }

    /// How it is since.
    #[must_use]
    pub fn after(&self) -> Value {
        serde_json::from_str(&self.after).unwrap_or_default()
    }
}

/// What is asked of the log. Both ends of the range belong to it.
#[derive(Debug, Clone, Default)]
pub struct Query<'a> {
    /// The first instant; without one the log is read from [`DEFAULT_RANGE`] before the last.
    pub from: Option<Timestamp>,
    /// The last instant; without one it is now.
    pub to: Option<Timestamp>,
    /// Only what this actor did, by its id.
    pub actor: Option<&'a str>,
    /// Only this.
    pub action: Option<Action>,
}

/// Access to the table.
#[derive(Debug, Clone)]
pub struct AuditLog {
    client: Client,
    table: String,
    retention: Duration,
}

impl AuditLog {
    /// The log of this installation.
    ///
    /// # Errors
    /// When the prefix of the tables is missing, or the retention is no number of days.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let days: u64 = AUDIT.of(&cx.env).number("AUDIT_RETENTION_DAYS")?;
        let retention = Duration::from_secs(days * 86_400);
        Ok(Self { client: cx.aws.dynamodb.clone(), table: cx.table("t_audit")?, retention })
    }

    /// A row, as one action of the transaction that it tells of. Its key holds the time and 64 random bits, so it is nobody
    /// else's, and two units are all that it adds.
    pub fn row(&self, row: &Row<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let random = hex::encode(crate::crypto::random::<8>());
        let mut builder = Put::builder()
            .table_name(&self.table)
            .item("user_id", n(row.tenant))
            .item("entry", s(format!("{}#{random}", moment(now))))
            .item("time", n(now.as_millisecond()))
            .item("actor_id", s(&row.actor.id))
            .item("action", s(row.action.as_str()))
            .item("object", s(&row.object))
            .item("before", s(row.before.to_string()))
            .item("after", s(row.after.to_string()))
            .item("expires_at", seconds(after(now, self.retention)));
        if let Some(name) = &row.actor.name {
            builder = builder.item("actor_name", s(name));
        }
        put(builder)
    }

    /// A page of a tenant's log, newest first. All of the range is read, because its number is told: one request for each
    /// 1 MB, some three thousand rows.
    pub async fn page(
        &self,
        tenant: UserId,
        query: &Query<'_>,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Page<Entry>> {
        // What follows the instant in a key is less than `~`.
        let to = query.to.map_or_else(|| "~".to_owned(), |to| format!("{}#~", moment(to)));
        let from = query.from.unwrap_or_else(|| before(query.to.unwrap_or(now), DEFAULT_RANGE));
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("user_id = :tenant AND entry BETWEEN :from AND :to")
            .expression_attribute_values(":tenant", n(tenant))
            .expression_attribute_values(":from", s(moment(from)))
            .expression_attribute_values(":to", s(to))
            .expression_attribute_values(":now", seconds(now));
        let mut filter = "expires_at > :now".to_owned();
        if let Some(actor) = query.actor {
            filter.push_str(" AND actor_id = :actor");
            request = request.expression_attribute_values(":actor", s(actor));
        }
        if let Some(action) = query.action {
            filter.push_str(" AND #action = :action");
            request = request
                .expression_attribute_names("#action", "action")
                .expression_attribute_values(":action", s(action.as_str()));
        }
        let (rows, total) = page_of_keys(request.filter_expression(filter), page.offset(), page.size).await?;
        let entries = rows.into_iter().map(|row| decode(WHAT, row)).collect::<Result<_>>()?;
        Ok(page.answer(entries, total))
    }
}

/// An instant as keys begin with it, in the order of time. None before 1970 has rows.
fn moment(time: Timestamp) -> String {
    format!("{:015}", time.as_millisecond().max(0))
}

/// The actor of what no person asked for.
#[must_use]
pub fn system() -> Actor {
    Actor { id: "system".to_owned(), name: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_keys_are_in_the_order_of_time() {
        let at = |text: &str| moment(text.parse().unwrap());
        assert!(at("1969-12-31T00:00:00Z") <= at("1970-01-01T00:00:00Z"));
        assert!(at("2026-11-20T08:00:00.001Z") < at("2026-11-20T08:00:00.002Z"));
        assert!(at("2026-11-20T08:00:00Z") < at("9999-12-30T00:00:00Z"));
        assert_eq!(at("9999-12-30T00:00:00Z").len(), at("2026-11-20T08:00:00Z").len());
    }
}
