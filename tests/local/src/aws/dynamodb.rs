//! DynamoDB: one dynoxide database for each account, in memory or in a file.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer of DynamoDB: the HTTP status and the JSON body.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// The databases of all accounts. They are made when they are first asked for.
pub(super) struct Databases {
    /// Where their files are; in memory without.
    dir: Option<PathBuf>,
    open: Mutex<HashMap<String, Database>>,
}

impl std::fmt::Debug for Databases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Databases").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Databases {
    /// No database yet.
    pub(super) fn new(dir: Option<PathBuf>) -> Self {
        Self { dir, open: Mutex::default() }
    }

    /// The database of an account.
    pub(super) fn of(&self, account: &str) -> Result<Database> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.get(account) {
            return Ok(database.clone());
        }
        let database = match &self.dir {
            None => Database::memory(),
            Some(dir) => {
                fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
                let file = dir.join(format!("dynamodb-{account}.sqlite"));
                Database::new(file.to_str().context("the path of the state is not UTF-8")?)
            }
        };
        let database = database.context("dynoxide does not start")?;
        open.insert(account.to_owned(), database.clone());
        Ok(database)
    }

    /// Closes them all, which completes their files.
    pub(super) fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Carries out one operation, on the calling thread. Nothing for an operation that dynoxide does not know.
pub(super) fn run(database: &Database, operation: &str, body: &[u8]) -> Option<Answer> {
    let outcome = match operation {
        "BatchExecuteStatement" => call(body, |request| database.batch_execute_statement(request)),
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => call(body, |request| database.batch_write_item(request)),
        "CreateTable" => call(body, |request| database.create_table(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "DeleteTable" => call(body, |request| database.delete_table(request)),
        "DescribeTable" => call(body, |request| database.describe_table(request)),
        "DescribeTimeToLive" => call(body, |request| database.describe_time_to_live(request)),
        "ExecuteStatement" => call(body, |request| database.execute_statement(request)),
        "ExecuteTransaction" => call(body, |request| database.execute_transaction(request)),
        "GetItem" => call(body, |request| database.get_item(request)),
        "ListTables" => call(body, |request| database.list_tables(request)),
        "ListTagsOfResource" => call(body, |request| database.list_tags_of_resource(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "Query" => call(body, |request| database.query(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "TagResource" => call(body, |request| database.tag_resource(request)),
        "TransactGetItems" => call(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        "UntagResource" => call(body, |request| database.untag_resource(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        "UpdateTable" => call(body, |request| database.update_table(request)),
        "UpdateTimeToLive" => call(body, |request| database.update_time_to_live(request)),
        _ => return None,
    };
    Some(outcome.unwrap_or_else(|error| Answer { status: error.status_code(), body: error.to_json().into_bytes() }))
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Answer, DynoxideError> {
    let request = serde_json::from_slice(body).map_err(|error| {
        // dynoxide marks the errors of its own readers with the class they belong to.
        let text = error.to_string();
        let text = text.trim_start_matches("VALIDATION_REQUEST:").trim_start_matches("VALIDATION:");
        DynoxideError::ValidationException(text.to_owned())
    })?;
    let answer = operation(request)?;
    let body = serde_json::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    Ok(Answer { status: 200, body })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ask(databases: &Databases, account: &str, operation: &str, request: &Value) -> (u16, Value) {
        let database = databases.of(account).unwrap();
        let answer = run(&database, operation, request.to_string().as_bytes()).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    fn table() -> Value {
        json!({ "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] })
    }

    #[test]
    fn table_of_one_account_is_unknown_to_another() {
        let databases = Databases::new(None);
        let item = json!({ "TableName": "table", "Item": { "id": { "S": "a" } } });
        assert_eq!(ask(&databases, "1", "CreateTable", &table()).0, 200);
        assert_eq!(ask(&databases, "1", "PutItem", &item).0, 200);
        let (status, refusal) = ask(&databases, "2", "PutItem", &item);
        assert_eq!(status, 400);
        assert!(refusal["__type"].as_str().unwrap().ends_with("#ResourceNotFoundException"), "{refusal}");
    }

    #[test]
    fn item_kept_in_a_file_is_there_at_the_next_start() {
        let dir = std::env::temp_dir().join(format!("local-dynamodb-{}", std::process::id()));
        let item = json!({ "id": { "S": "a" }, "n": { "N": "1" } });
        {
            let databases = Databases::new(Some(dir.clone()));
            ask(&databases, "1", "CreateTable", &table());
            ask(&databases, "1", "PutItem", &json!({ "TableName": "table", "Item": item }));
            databases.close();
        }
        let databases = Databases::new(Some(dir.clone()));
        let key = json!({ "TableName": "table", "Key": { "id": { "S": "a" } } });
        assert_eq!(ask(&databases, "1", "GetItem", &key), (200, json!({ "Item": item })));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn operation_unknown_to_dynoxide_is_left_to_others() {
        let database = Databases::new(None).of("1").unwrap();
        assert!(run(&database, "DescribeContinuousBackups", b"{}").is_none());
    }
}
