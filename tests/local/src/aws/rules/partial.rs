//! Answers that are complete only in part.
//!
//! Sources, all in the DynamoDB API reference. BatchGetItem: when a limit is met or an internal error occurs, a partial
//! result is returned, and what is missing is in UnprocessedKeys. BatchWriteItem: the same with UnprocessedItems. Both
//! fail as a whole only when nothing could be done. Query and Scan: a page ends at 1 MB (which dynoxide does), and "if
//! LastEvaluatedKey is not empty, it does not necessarily mean that there is more data": here a page also ends earlier.

use serde_json::{Map, Value, json};

use super::draw::Random;
use super::request::{Kind, Request};

/// One of so many batches is done in part.
const BATCHES: u64 = 4;
/// One of so many pages ends early.
const PAGES: u64 = 8;
/// So many items at most are on a page that ends early and had no limit.
const SHORT: usize = 24;

/// What was taken out of a batch, to be named in its answer.
#[derive(Debug)]
pub(super) struct Rest {
    name: &'static str,
    tables: Map<String, Value>,
}

/// What happened to a request.
#[derive(Debug)]
pub(super) enum Cut {
    Nothing,
    /// A page that will be shorter.
    Page,
    Batch(Rest),
}

/// Leaves a part of a request out.
pub(super) fn cut(request: &mut Request, dice: &Random) -> Cut {
    match request.kind {
        Kind::Query | Kind::Scan if dice.once_in(PAGES) => {
            let wanted =
                request.body.get("Limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
            let most = wanted.map_or(SHORT, |wanted| wanted.saturating_sub(1));
            let Some(body) = request.body.as_object_mut().filter(|_| most > 0) else { return Cut::Nothing };
            body.insert("Limit".to_owned(), json!(1 + dice.up_to(most - 1)));
            Cut::Page
        }
        Kind::BatchGet if dice.once_in(BATCHES) => batch(request, dice, "UnprocessedKeys"),
        Kind::BatchWrite if dice.once_in(BATCHES) => batch(request, dice, "UnprocessedItems"),
        _ => Cut::Nothing,
    }
}

fn batch(request: &mut Request, dice: &Random, name: &'static str) -> Cut {
    let mut tables = Map::new();
    let wanted = request.body.get_mut("RequestItems").and_then(Value::as_object_mut);
    for (table, wanted) in wanted.into_iter().flatten() {
        let whole = wanted.clone();
        let list = if wanted.is_array() {
            wanted.as_array_mut()
        } else {
            wanted.get_mut("Keys").and_then(Value::as_array_mut)
        };
        let Some(list) = list.filter(|list| list.len() > 1) else { continue };
        let left = list.split_off(1 + dice.up_to(list.len() - 2));
        let mut rest = whole;
        if let Some(keys) = rest.get_mut("Keys") {
            *keys = left.into();
        } else {
            rest = left.into();
        }
        tables.insert(table.clone(), rest);
    }
    if tables.is_empty() { Cut::Nothing } else { Cut::Batch(Rest { name, tables }) }
}

impl Rest {
    /// Names it in the answer, beside what DynamoDB itself left out.
    pub(super) fn add_to(self, answer: &mut Value) {
        let Some(answer) = answer.as_object_mut() else { return };
        let named = answer.entry(self.name).or_insert_with(|| json!({}));
        let Some(named) = named.as_object_mut() else { return };
        for (table, rest) in self.tables {
            let Some(there) = named.get_mut(&table) else {
                named.insert(table, rest);
                continue;
            };
            let keys = rest.get("Keys").cloned().unwrap_or(rest);
            let there = if there.is_array() {
                there.as_array_mut()
            } else {
                there.get_mut("Keys").and_then(Value::as_array_mut)
            };
            if let (Some(there), Value::Array(more)) = (there, keys) {
                there.extend(more);
            }
        }
    }
}
