//! What the rules have to know of a request: the items it names, and whether it writes or reads them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::Database;
use serde_json::{Map, Value, json};

use crate::aws::dynamodb;

/// The operations on items. The others (on tables, and PartiQL, which nobody here uses) meet no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    BatchGet,
    TransactGet,
    Query,
    Scan,
    Write,
    BatchWrite,
    TransactWrite,
}

/// A request on items.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) operation: String,
    pub(super) kind: Kind,
    pub(super) body: Value,
    /// Those it names, in the order of its actions; a query and a scan name none.
    pub(super) items: Vec<Item>,
}

/// An item a request names.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) table: String,
    /// Its primary key as DynamoDB takes it.
    pub(super) key: Value,
    /// Table and partition key, as text.
    pub(super) partition: String,
    /// Table and primary key, as text.
    pub(super) id: String,
    /// Whether the request changes it; a condition check does not.
    pub(super) written: bool,
    /// Length of what the request says about it, in bytes: about what will be written.
    pub(super) bytes: usize,
}

impl Request {
    /// Reads a request; nothing when it is not about items, or not one that DynamoDB could carry out.
    pub(super) fn read(operation: &str, body: &[u8], database: &Database, schemas: &Schemas) -> Option<Self> {
        let kind = match operation {
            "GetItem" => Kind::Get,
            "BatchGetItem" => Kind::BatchGet,
            "TransactGetItems" => Kind::TransactGet,
            "Query" => Kind::Query,
            "Scan" => Kind::Scan,
            "PutItem" | "UpdateItem" | "DeleteItem" => Kind::Write,
            "BatchWriteItem" => Kind::BatchWrite,
            "TransactWriteItems" => Kind::TransactWrite,
            _ => return None,
        };
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut request = Self { operation: operation.to_owned(), kind, body, items: Vec::new() };
        request.items = request.named(|table| schemas.of(database, table))?;
        Some(request)
    }

    /// The table of a request that has one.
    pub(super) fn table(&self) -> Option<&str> {
        self.body.get("TableName").and_then(Value::as_str)
    }

    /// Whether it may be answered from a copy that lags behind.
    pub(super) fn is_eventually_consistent(&self) -> bool {
        let consistent = |of: &Value| of.get("ConsistentRead").and_then(Value::as_bool) == Some(true);
        match self.kind {
            Kind::Get | Kind::Query | Kind::Scan => !consistent(&self.body),
            Kind::BatchGet => {
                let tables = self.body.get("RequestItems").and_then(Value::as_object).into_iter().flatten();
                tables.into_iter().all(|(_, keys)| !consistent(keys))
            }
            _ => false,
        }
    }

    /// Whether it changes something.
    pub(super) fn writes(&self) -> bool {
        matches!(self.kind, Kind::Write | Kind::BatchWrite | Kind::TransactWrite)
    }

    fn named(&self, schema: impl Fn(&str) -> Option<Arc<Schema>>) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        let mut add = |table: &str, action: &Value, written: bool| {
            let schema = schema(table)?;
            let holder = action.get("Key").or_else(|| action.get("Item")).and_then(Value::as_object)?;
            items.push(schema.item(table, holder, written, action.to_string().len())?);
            Some(())
        };
        let table_of = |action: &Value| action.get("TableName").and_then(Value::as_str).map(str::to_owned);
        let batch = || self.body.get("RequestItems").and_then(Value::as_object);
        match self.kind {
            Kind::Get => add(self.table()?, &self.body, false)?,
            Kind::Write => add(self.table()?, &self.body, true)?,
            Kind::BatchGet => {
                for (table, keys) in batch()? {
                    for key in keys.get("Keys")?.as_array()? {
                        add(table, &json!({ "Key": key }), false)?;
                    }
                }
            }
            Kind::BatchWrite => {
                for (table, actions) in batch()? {
                    for action in actions.as_array()?.iter().filter_map(Value::as_object).flat_map(Map::values) {
                        add(table, action, true)?;
                    }
                }
            }
            Kind::TransactGet | Kind::TransactWrite => {
                for action in self.body.get("TransactItems")?.as_array()? {
                    let (kind, action) = action.as_object()?.iter().find(|(_, action)| !action.is_null())?;
                    let written = self.kind == Kind::TransactWrite && kind != "ConditionCheck";
                    add(&table_of(action)?, action, written)?;
                }
            }
            Kind::Query | Kind::Scan => {}
        }
        Some(items)
    }
}

/// The key attributes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    hash: String,
    range: Option<String>,
}

impl Schema {
    fn item(&self, table: &str, holder: &Map<String, Value>, written: bool, bytes: usize) -> Option<Item> {
        let mut key = Map::new();
        let hash = holder.get(&self.hash)?;
        key.insert(self.hash.clone(), hash.clone());
        let partition = format!("{table} {hash}");
        let id = match &self.range {
            Some(range) => {
                let value = holder.get(range)?;
                key.insert(range.clone(), value.clone());
                format!("{partition} {value}")
            }
            None => partition.clone(),
        };
        Some(Item { table: table.to_owned(), key: key.into(), partition, id, written, bytes })
    }
}

/// The key attributes of an account's tables, read from the database once.
#[derive(Debug, Default)]
pub(super) struct Schemas(Mutex<HashMap<String, Arc<Schema>>>);

impl Schemas {
    pub(super) fn of(&self, database: &Database, table: &str) -> Option<Arc<Schema>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = known.get(table) {
            return Some(Arc::clone(schema));
        }
        let answer = dynamodb::run(database, "DescribeTable", json!({ "TableName": table }).to_string().as_bytes())?;
        let described: Value = serde_json::from_slice(&answer.body).ok()?;
        let keys = described.pointer("/Table/KeySchema")?.as_array()?;
        let of_type = |wanted: &str| {
            let key = keys.iter().find(|key| key.get("KeyType").and_then(Value::as_str) == Some(wanted))?;
            key.get("AttributeName").and_then(Value::as_str).map(str::to_owned)
        };
        let schema = Arc::new(Schema { hash: of_type("HASH")?, range: of_type("RANGE") });
        known.insert(table.to_owned(), Arc::clone(&schema));
        Some(schema)
    }

    /// Forgets them all: a table may have come or gone.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
