//! By what the tests below judge: everything a request can leave behind, what a refused one may say, and the sample
//! events.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use futures::future::{try_join, try_join_all};
use serde_json::Value;

use crate::tables::Row;
use crate::{Answer, Event, World};

/// All rows of all tables, how many messages each queue holds and when each schedule fires. A test that compares two of
/// them prints no rows, for those hold tokens: it prints which table differs.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    tables: BTreeMap<String, Vec<Row>>,
    queued: BTreeMap<String, u64>,
    scheduled: BTreeMap<String, String>,
}

impl Snapshot {
    /// Fails when `self` is not what `before` was.
    pub fn assert_unchanged_since(&self, before: &Self, what: &str) {
        let tables = before.tables.iter().filter(|(name, rows)| self.tables.get(*name) != Some(rows));
        let changed: Vec<&String> = tables.map(|(name, _)| name).collect();
        assert!(changed.is_empty(), "{what}: something was written to {changed:?}");
        assert_eq!(self.queued, before.queued, "{what}: messages in the queues");
        assert_eq!(self.scheduled, before.scheduled, "{what}: schedules");
    }

    /// Calls a function that must refuse, after which everything must be as it is here: one snapshot serves a table.
    pub async fn refuses(&self, world: &World, what: &str, event: &Event, refusal: &ExpectedError<'_>) -> Result<()> {
        refusal.check(what, &world.call(event).await?);
        world.snapshot().await?.assert_unchanged_since(self, what);
        Ok(())
    }

    /// The same without this authorisation: a callback consumes the state it was given, whatever comes of it.
    #[must_use]
    pub fn without_state(mut self, hash: &str) -> Self {
        let states = self.tables.entry("t_oauth_state".to_owned()).or_default();
        let all = states.len();
        states.retain(|row| row["state_hash"] != hash);
        assert_eq!(states.len() + 1, all, "there is no such state");
        self
    }

    /// The rows of a table.
    pub fn rows(&self, table: &str) -> &[Row] {
        &self.tables[table]
    }
}

impl World {
    /// Everything there is: the tables and the queues of the stack, so a new one is looked at too.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let prefix = self.table("");
        let names = self.stack.physical_ids("AWS::DynamoDB::Table").into_values();
        let tables = try_join_all(names.map(async |name| {
            let name = name.strip_prefix(prefix.as_str()).context("a table is named otherwise")?.to_owned();
            let rows = self.rows(&name).await?;
            Ok::<_, anyhow::Error>((name, rows))
        }));
        let queues = self.stack.physical_ids("AWS::SQS::Queue").into_iter();
        let queued = try_join_all(queues.map(|(id, url)| async move { Ok((id, self.depth(&url).await?)) }));
        let ((tables, queued), scheduled) = try_join(try_join(tables, queued), self.scheduled()).await?;
        Ok(Snapshot { tables: tables.into_iter().collect(), queued: queued.into_iter().collect(), scheduled })
    }

    /// The schedules there are, each with when it fires.
    pub async fn scheduled(&self) -> Result<BTreeMap<String, String>> {
        let listed = self.aws.scheduler.list_schedules().send().await?.schedules;
        let asked = listed.iter().map(|schedule| async move {
            let name = schedule.name().context("a schedule without a name")?;
            let of_group = self.aws.scheduler.get_schedule().set_group_name(schedule.group_name.clone());
            let found = of_group.name(name).send().await?;
            Ok::<_, anyhow::Error>((name.to_owned(), found.schedule_expression.unwrap_or_default()))
        });
        Ok(try_join_all(asked).await?.into_iter().collect())
    }

    /// Calls a function that must refuse and must leave no trace.
    pub async fn refused(&self, what: &str, event: &Event, refusal: &ExpectedError<'_>) -> Result<()> {
        self.snapshot().await?.refuses(self, what, event, refusal).await
    }
}

/// An answer that must not be what was asked for.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedError<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `error.type`.
    pub error_type: &'static str,
    /// The paths of `error.fields`, in order.
    pub fields: &'a [&'a str],
    /// `message`, where several reasons share status and code.
    pub message: Option<&'static str>,
}

impl<'a> ExpectedError<'a> {
    /// A refusal that blames no field.
    pub const fn new(status: u16, error_type: &'static str) -> Self {
        Self { status, error_type, fields: &[], message: None }
    }

    /// 400 that blames these fields.
    pub const fn fields(fields: &'a [&'a str]) -> Self {
        Self { status: 400, error_type: "INVALID_REQUEST", fields, message: None }
    }

    /// The same with these fields to blame.
    #[must_use]
    pub const fn on(self, fields: &'a [&'a str]) -> Self {
        Self { fields, ..self }
    }

    /// The same, told in these words.
    #[must_use]
    pub const fn saying(self, message: &'static str) -> Self {
        Self { message: Some(message), ..self }
    }

    /// Holds an answer against this, and its texts against what a Chinese user can read and act upon.
    pub fn check(&self, what: &str, answer: &Answer) {
        let Answer { status, body, .. } = answer;
        assert_eq!((*status, answer.error_type()), (self.status, self.error_type), "{what}: {body}");
        assert_eq!((&body["code"], &body["data"]), (&self.status.into(), &Value::Null), "{what}: {body}");
        assert!(self.message.is_none_or(|message| body["message"] == message), "{what}: {body}");
        let error = body["error"].as_object().unwrap();
        let mut names: BTreeSet<&str> = BTreeSet::from(["type", "reason", "requestId"]);
        names.extend((!self.fields.is_empty()).then_some("fields"));
        names.extend((self.error_type == "EVENTS_EXPIRED").then_some("oldestSequence"));
        assert_eq!(error.keys().map(String::as_str).collect::<BTreeSet<_>>(), names, "{what}: {body}");
        let fields = error.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let paths: Vec<&str> = fields.iter().map(|field| field["path"].as_str().unwrap()).collect();
        assert_eq!(paths, self.fields, "{what}: {body}");
        let problems = fields.iter().map(|field| &field["problem"]);
        for text in [&body["message"], &error["reason"]].into_iter().chain(problems) {
            self.check_wording(what, text.as_str().unwrap());
        }
    }

    fn check_wording(&self, what: &str, text: &str) {
        assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{what}: not Chinese: {text}");
        let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        for word in words {
            let named = WORDS.contains(&word) || self.fields.iter().any(|path| path.contains(word));
            assert!(named, "{what}: {word:?} means nothing to a user: {text}");
        }
    }
}

/// The words of the contract itself, the only ones a Chinese text may borrow: fields, values and formats the caller
/// has to write that way. Everything else in Latin letters leaked out of the machine room.
const WORDS: &[&str] = &[
    "JSON",
    "RFC",
    "NEW",
    "CONTACTED",
    "CONVERTED",
    "INCREMENTAL",
    "FULL",
    "true",
    "false",
    "requestId",
    "status",
    "notes",
    "version",
    "reopen",
    "leadIds",
    "ownerId",
    "unifiedLeadId",
    // Events.
    "after",
    "limit",
    // The audit log.
    "from",
    "actor",
    "action",
    "includeUnconfirmed",
    "force",
    "douyinUserId",
    "syncStrategy",
    "ticket",
    "page",
    "size",
    "startTime",
    "endTime",
    "keyword",
    "sourceDouyinUserId",
    // What people call it all over the world.
    "HTTP",
    "https",
    "JPG",
    "PNG",
    "MP4",
    "GIF",
    "WebP",
    "SVG",
    // WeChat Moments.
    "contentId",
    "text",
    "mediaUrls",
    "accountIds",
    "scheduledTime",
    "Idempotency",
    "Key",
    "PENDING",
    "PROCESSING",
    "COMPLETED",
    "PARTIAL",
    "SUCCESS",
    "FAILED",
    "CANCELLED",
    "WEWORK",
    "PERSONAL",
    "accountType",
    "corpId",
    "agentId",
    "secret",
    "memberIds",
    "egressProxyUrl",
    "http",
    "appId",
    "gatewayToken",
    "accountName",
    "acceptRisk",
    // Media types by their names.
    "image",
    "gif",
    "webp",
    "svg",
    "xml",
    "plain",
    "application",
    "pdf",
];

/// The names of all sample events.
pub fn samples() -> Result<BTreeSet<String>> {
    let folder = local::paths::workspace().join("events");
    let files = std::fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    Ok(files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect())
}

/// A sample event as it is.
pub fn sample(function: &str) -> Result<Value> {
    let path = local::paths::workspace().join("events").join(format!("{function}.json"));
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// The last parameter of a route's path: that which names what the request is about.
pub fn last_parameter(path: &'static str) -> Option<&'static str> {
    path.split('/').rev().find_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}
