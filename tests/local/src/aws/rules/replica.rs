//! Reads without ConsistentRead, and all reads of an index, may see the state of up to two seconds ago.
//!
//! Sources: DynamoDB Developer Guide, "DynamoDB read consistency": an eventually consistent read may not reflect the
//! results of a recently completed write, and reads of a global secondary index are always eventually consistent;
//! "Using Global Secondary Indexes": changes usually reach an index within a fraction of a second, in some failures
//! later. Transactions are no exception ("Isolation levels for DynamoDB transactions"): a reader may see a part of one.
//! Nothing is written about the longest delay; two seconds are ours.
//!
//! A second database holds what such a read may see. The items that were written are noted; before a read, those of
//! them that were written more than two seconds ago are copied, and of the younger ones none or as many as the dice
//! say, in order. So every item is seen as it was at some moment of the last two seconds, and a transaction may be seen in part.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use dynoxide::Database;
use serde_json::{Value, json};

use super::draw::Random;
use super::request::{Item, Kind, Request};
use crate::aws::dynamodb::{self, Answer};

const DELAY: Duration = Duration::from_secs(2);

/// What is due for longer than the delay is copied when so much has gathered, even if nobody reads.
const MANY: usize = 256;

/// The state that lags behind.
pub(super) struct Replica {
    database: Database,
    /// Written, and not yet copied.
    noted: Mutex<VecDeque<Noted>>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}

struct Noted {
    at: Instant,
    table: String,
    key: Value,
}

impl Replica {
    /// A replica of what is in the database now.
    pub(super) fn of(database: &Database) -> Result<Self> {
        let replica =
            Self { database: Database::memory().context("dynoxide does not start")?, noted: Mutex::default() };
        let tables = ask(database, "ListTables", &json!({})).unwrap_or_default();
        for table in tables.get("TableNames").and_then(Value::as_array).into_iter().flatten() {
            let named = json!({ "TableName": table });
            let described = ask(database, "DescribeTable", &named).unwrap_or_default();
            if let Some(table) = described.get("Table") {
                ask(&replica.database, "CreateTable", &as_request(table));
            }
            let mut page = named.clone();
            loop {
                let scanned = ask(database, "Scan", &page).unwrap_or_default();
                for item in scanned.get("Items").and_then(Value::as_array).into_iter().flatten() {
                    ask(&replica.database, "PutItem", &json!({ "TableName": table, "Item": item }));
                }
                let Some(last) = scanned.get("LastEvaluatedKey") else { break };
                page = json!({ "TableName": table, "ExclusiveStartKey": last });
            }
        }
        Ok(replica)
    }

    /// Does to its tables what was done to the original's.
    pub(super) fn follow(&self, operation: &str, body: &[u8]) {
        if matches!(operation, "CreateTable" | "DeleteTable" | "UpdateTable") {
            dynamodb::run(&self.database, operation, body);
        }
    }

    /// Notes what was written.
    pub(super) fn note(&self, original: &Database, items: &[Item]) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let written = items.iter().filter(|item| item.written);
        noted.extend(written.map(|item| Noted { at, table: item.table.clone(), key: item.key.clone() }));
        if noted.len() > MANY {
            self.copy(original, &mut noted, 0);
        }
    }

    /// Copies everything, as if two seconds had passed.
    pub(super) fn settle(&self, original: &Database) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let all = noted.len();
        self.copy(original, &mut noted, all);
    }

    /// The answer to a read, and whether it is not what the original answers. Nothing when nothing is late.
    pub(super) fn read(
        &self,
        original: &Database,
        request: &Request,
        body: &[u8],
        dice: &Random,
    ) -> Option<(Answer, bool)> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let arrived = if dice.once_in(2) { 0 } else { dice.up_to(noted.len()) };
        self.copy(original, &mut noted, arrived);
        let concerned = |noted: &Noted| match request.kind {
            Kind::BatchGet => request.items.iter().any(|item| item.table == noted.table),
            _ => request.table() == Some(noted.table.as_str()),
        };
        if !noted.iter().any(concerned) {
            return None;
        }
        let answer = dynamodb::run(&self.database, &request.operation, body)?;
        let now = dynamodb::run(original, &request.operation, body)?;
        // As JSON: the attributes of an item are written in any order.
        let read = |answer: &Answer| serde_json::from_slice::<Value>(&answer.body).ok();
        let differs = read(&now) != read(&answer);
        Some((answer, differs))
    }

    /// Copies the first `count`, and all that are older than the delay.
    fn copy(&self, original: &Database, noted: &mut VecDeque<Noted>, count: usize) {
        let mut copied = 0;
        while noted.front().is_some_and(|first| copied < count || first.at.elapsed() >= DELAY) {
            let Some(Noted { table, key, .. }) = noted.pop_front() else { break };
            let read = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
            let item = ask(original, "GetItem", &read).and_then(|mut answer| answer.get_mut("Item").map(Value::take));
            match item {
                Some(item) => ask(&self.database, "PutItem", &json!({ "TableName": table, "Item": item })),
                None => ask(&self.database, "DeleteItem", &json!({ "TableName": table, "Key": key })),
            };
            copied += 1;
        }
    }
}

/// The answer to a request that succeeds.
fn ask(database: &Database, operation: &str, request: &Value) -> Option<Value> {
    let answer = dynamodb::run(database, operation, request.to_string().as_bytes())?;
    (answer.status == 200).then(|| serde_json::from_slice(&answer.body).ok()).flatten()
}

/// A described table as a request to make it.
fn as_request(table: &Value) -> Value {
    let mut request = json!({ "BillingMode": "PAY_PER_REQUEST" });
    let Some(fields) = request.as_object_mut() else { return request };
    for field in ["TableName", "AttributeDefinitions", "KeySchema"] {
        fields.insert(field.to_owned(), table.get(field).cloned().unwrap_or_default());
    }
    let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array).into_iter().flatten();
    let indexes: Vec<Value> = indexes
        .map(|index| {
            let of = |field: &str| index.get(field).cloned().unwrap_or_default();
            json!({ "IndexName": of("IndexName"), "KeySchema": of("KeySchema"), "Projection": of("Projection") })
        })
        .collect();
    if !indexes.is_empty() {
        fields.insert("GlobalSecondaryIndexes".to_owned(), indexes.into());
    }
    request
}
