//! Each rule by itself, on a table of two items.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dynoxide::Database;
use serde_json::{Value, json};

use super::conflicts::Items;
use super::draw::Random;
use super::partial::{self, Cut};
use super::replica::Replica;
use super::request::{Request, Schemas};
use super::throttle::Partitions;
use super::{Outcome, Rule, Rules};
use crate::aws::dynamodb::{self, Answer, Databases};

struct Table {
    database: Database,
    schemas: Schemas,
}

impl Table {
    fn new() -> Self {
        let table = Self { database: Database::memory().unwrap(), schemas: Schemas::default() };
        let declared = json!({ "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] });
        table.ask("CreateTable", &declared);
        table.ask("PutItem", &put("a", "1"));
        table.ask("PutItem", &put("b", "1"));
        table
    }

    fn ask(&self, operation: &str, request: &Value) -> Value {
        body(&dynamodb::run(&self.database, operation, request.to_string().as_bytes()).unwrap())
    }

    fn request(&self, operation: &str, request: &Value) -> Request {
        Request::read(operation, request.to_string().as_bytes(), &self.database, &self.schemas).unwrap()
    }

    fn transaction(&self, ids: &[&str]) -> Request {
        let actions: Vec<Value> = ids.iter().map(|id| json!({ "Put": put(id, "2") })).collect();
        self.request("TransactWriteItems", &json!({ "TransactItems": actions }))
    }
}

fn put(id: &str, n: &str) -> Value {
    json!({ "TableName": "table", "Item": { "id": { "S": id }, "n": { "N": n } } })
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn conflict_rule_cancels_a_transaction_on_an_item_of_another_with_its_reason() {
    let (table, items) = (Table::new(), Arc::new(Items::default()));
    let first = items.hold(&table.transaction(&["b"])).unwrap();
    let refusal = body(&items.hold(&table.transaction(&["a", "b"])).unwrap_err());
    assert!(refusal["__type"].as_str().unwrap().ends_with("#TransactionCanceledException"), "{refusal}");
    assert_eq!(refusal.pointer("/CancellationReasons/0/Code"), Some(&json!("None")));
    assert_eq!(refusal.pointer("/CancellationReasons/1/Code"), Some(&json!("TransactionConflict")));
    drop(first);
    items.hold(&table.transaction(&["a", "b"])).unwrap();
}

#[test]
fn conflict_rule_refuses_a_write_during_a_transaction_and_not_beside_a_write() {
    let (table, items) = (Table::new(), Arc::new(Items::default()));
    let write = table.request("PutItem", &put("a", "2"));
    let transaction = items.hold(&table.transaction(&["a"])).unwrap();
    let refusal = body(&items.hold(&write).unwrap_err());
    assert!(refusal["__type"].as_str().unwrap().ends_with("#TransactionConflictException"), "{refusal}");
    drop(transaction);
    let _first = items.hold(&write).unwrap();
    let _second = items.hold(&write).unwrap();
    items.hold(&table.transaction(&["a"])).unwrap_err();
}

#[tokio::test]
async fn requests_of_a_held_function_meet_others_until_it_is_released() {
    let databases = Databases::new(None);
    let rules = Rules::new(databases).of("000000000000", "held").unwrap();
    rules.switch_off(&Rule::ALL);
    let declared = json!({ "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }] });
    let ask = async |operation: &str, request: &Value, function: Option<&str>| {
        let served =
            Arc::clone(&rules).serve(operation.to_owned(), request.to_string().into(), function.map(str::to_owned));
        match served.await {
            Outcome::Answered(answer) => body(&answer)["__type"].as_str().unwrap_or_default().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let transaction = json!({ "TransactItems": [{ "Put": put("a", "1") }] });
    let get = json!({ "TableName": "table", "Key": { "id": { "S": "a" } } });
    ask("CreateTable", &declared, None).await;
    rules.hold("writer");
    let refused = ask("TransactWriteItems", &transaction, Some("writer")).await;
    assert!(refused.ends_with("#TransactionCanceledException"), "{refused}");
    let refused = ask("PutItem", &put("a", "1"), Some("writer")).await;
    assert!(refused.ends_with("#TransactionConflictException"), "{refused}");
    let reading = json!({ "TransactItems": [{ "Get": &get }] });
    let refused = ask("TransactGetItems", &reading, Some("writer")).await;
    assert!(refused.ends_with("#TransactionCanceledException"), "{refused}");
    for (function, operation, request) in [
        (Some("writer"), "GetItem", &get),
        (Some("other"), "TransactWriteItems", &transaction),
        (None, "PutItem", &put("a", "1")),
    ] {
        assert_eq!(ask(operation, request, function).await, "", "{function:?} {operation}");
    }
    rules.release("writer");
    assert_eq!(ask("TransactWriteItems", &transaction, Some("writer")).await, "");
}

#[test]
fn conflict_rule_lets_reads_pass_and_cancels_a_reading_transaction_during_a_write() {
    let (table, items) = (Table::new(), Arc::new(Items::default()));
    let get = json!({ "TransactItems": [{ "Get": { "TableName": "table", "Key": { "id": { "S": "a" } } } }] });
    let get = table.request("TransactGetItems", &get);
    let reading = items.hold(&get).unwrap();
    let writing = items.hold(&table.transaction(&["a"])).unwrap();
    items.hold(&get).unwrap_err();
    drop((reading, writing));
    items.hold(&get).unwrap();
}

#[test]
fn replica_rule_serves_the_old_item_until_the_copy_arrives() {
    let table = Table::new();
    let replica = Replica::of(&table.database).unwrap();
    let write = table.request("PutItem", &put("a", "2"));
    table.ask("PutItem", &put("a", "2"));
    replica.note(&table.database, &write.items);
    let get = json!({ "TableName": "table", "Key": { "id": { "S": "a" } } });
    let read = table.request("GetItem", &get);
    assert!(read.is_eventually_consistent());
    let mut seen = Vec::new();
    for seed in 0..20 {
        let late = replica.read(&table.database, &read, get.to_string().as_bytes(), &Random::new(seed, "read"));
        seen.extend(late.map(|(answer, differs)| (body(&answer)["Item"]["n"]["N"].clone(), differs)));
    }
    assert!(!seen.is_empty() && seen.iter().all(|one| *one == (json!("1"), true)), "{seen:?}");
    replica.settle(&table.database);
    assert!(replica.read(&table.database, &read, get.to_string().as_bytes(), &Random::new(0, "read")).is_none());
}

#[test]
fn partial_batch_names_the_unprocessed_rest() {
    let table = Table::new();
    let keys = ["a", "b"].map(|id| json!({ "id": { "S": id } }));
    let whole = json!({ "RequestItems": { "table": { "Keys": keys, "ConsistentRead": true } } });
    let mut cuts = 0;
    for seed in 0..40 {
        let mut request = table.request("BatchGetItem", &whole);
        let Cut::Batch(rest) = partial::cut(&mut request, &Random::new(seed, "batch")) else { continue };
        cuts += 1;
        let mut answer = table.ask("BatchGetItem", &request.body);
        rest.add_to(&mut answer);
        assert_eq!(answer.pointer("/Responses/table").unwrap().as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer.pointer("/UnprocessedKeys/table/Keys").unwrap().as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(answer.pointer("/UnprocessedKeys/table/ConsistentRead"), Some(&json!(true)));
    }
    assert!(cuts > 3, "{cuts} of 40");
}

#[test]
fn throttle_rule_refuses_above_a_thousand_write_units_of_one_partition() {
    let (table, partitions) = (Table::new(), Partitions::default());
    let large = put("a", &"9".repeat(30_000));
    let large = table.request("PutItem", &large);
    let refused = (0..60).filter(|_| partitions.charge(&large).is_err()).count();
    assert!(refused > 10, "{refused} of 60 writes of 30 units each");
    partitions.charge(&table.request("PutItem", &put("b", "1"))).unwrap();
}

#[test]
fn throttle_rule_recovers_while_code_pauses_on_a_simulated_clock() {
    let (table, partitions) = (Table::new(), Partitions::default());
    let paused = Arc::new(AtomicU64::new(0));
    let seconds = Arc::clone(&paused);
    partitions.follow(move || Duration::from_secs(seconds.load(Ordering::Relaxed)));
    let large = table.request("PutItem", &put("a", &"9".repeat(300_000)));
    while partitions.charge(&large).is_ok() {}
    paused.store(2, Ordering::Relaxed);
    partitions.charge(&large).unwrap();
}
