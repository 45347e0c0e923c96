//! The relay: takes a request, prices it, passes it on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use it::World;
use serde_json::{Map, Value, json};

use super::request::Request;
use super::size::Item;
use super::writes::{Table, Target, targets};
use super::{Call, Write, reads};

/// At most this many keys fit one BatchGetItem.
const BATCH_KEYS: usize = 100;

pub(super) struct Relay {
    emulator: String,
    stack: String,
    http: reqwest::Client,
    log: Mutex<Log>,
    tables: Mutex<HashMap<String, Table>>,
    /// Whether calls are priced, or only counted and timed.
    priced: bool,
    /// The least a call takes.
    takes: Duration,
    /// Writes pass one at a time where they are priced, so that the rows before and after are those of one write.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Log {
    calls: Vec<Call>,
    problem: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Passes a request on. What cannot be metered is answered as a failure of the service: the run then fails loudly.
pub(super) async fn pass(
    State(relay): State<Arc<Relay>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let metered = async { relay.metered(Request::read(method, &uri, headers, &body)?).await };
    match metered.await {
        Ok(answer) => (answer.status, answer.headers, answer.body).into_response(),
        Err(problem) => {
            relay.log().problem = Some(format!("{problem:#}"));
            StatusCode::NOT_IMPLEMENTED.into_response()
        }
    }
}

impl Relay {
    pub(super) fn new(world: &World, priced: bool, takes: Duration) -> Result<Self> {
        Ok(Self {
            emulator: world.aws_url.clone(),
            stack: format!("{}-", world.stack.name),
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?,
            log: Mutex::default(),
            tables: Mutex::default(),
            priced,
            takes,
            writing: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn take(&self) -> (Vec<Call>, Option<String>) {
        let log = std::mem::take(&mut *self.log());
        (log.calls, log.problem)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn metered(&self, request: Request) -> Result<Answer> {
        if self.priced && request.is_dynamodb() {
            return self.dynamodb(request).await;
        }
        let began = Instant::now();
        let answer = self.forward(&request).await?;
        // The timer is exact to a millisecond and never early.
        tokio::time::sleep_until((began + self.takes).into()).await;
        self.record(request.name(), began, &answer, 0.0, Vec::new(), 0.0);
        Ok(answer)
    }

    async fn dynamodb(&self, mut request: Request) -> Result<Answer> {
        let targets = targets(&request.operation, &request.body)?;
        let _turn = if targets.is_empty() { None } else { Some(self.writing.lock().await) };
        if let Some(fields) = request.body.as_object_mut() {
            fields.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
        }
        let before = self.images(&request, &targets).await?;
        let began = Instant::now();
        let answer = self.forward(&request).await?;
        let text: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reads = reads::units(&request.operation, &request.body, &text)?.unwrap_or_default();
        let after = self.images(&request, &targets).await?;
        let mut writes = Vec::with_capacity(targets.len());
        for (target, (old, new)) in targets.iter().zip(before.iter().zip(&after)) {
            let table = self.table(&request, &target.table).await?;
            let (table_units, index_units) = table.price(old.as_ref(), new.as_ref(), target.factor)?;
            let table = target.table.strip_prefix(&self.stack).unwrap_or(&target.table).to_owned();
            writes.push(Write { table, table_units, index_units });
        }
        let reported = if targets.is_empty() { 0.0 } else { capacity(&text) };
        self.record(request.name(), began, &answer, reads, writes, reported);
        Ok(answer)
    }

    fn record(
        &self,
        operation: String,
        began: Instant,
        answer: &Answer,
        reads: f64,
        writes: Vec<Write>,
        reported: f64,
    ) {
        let refused = !answer.status.is_success();
        let ended = Instant::now();
        self.log().calls.push(Call { operation, began, ended, reads, writes, reported, refused });
    }

    async fn forward(&self, request: &Request) -> Result<Answer> {
        let mut headers = request.headers.clone();
        for ours in [header::HOST, header::CONTENT_LENGTH] {
            headers.remove(ours);
        }
        let url = format!("{}{}", self.emulator, request.path);
        let sent = self.http.request(request.method.clone(), url).headers(headers);
        let sent = sent.body(request.body.to_string()).send().await?;
        let (status, mut headers) = (sent.status(), sent.headers().clone());
        for theirs in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
            headers.remove(theirs);
        }
        Ok(Answer { status, headers, body: sent.bytes().await? })
    }

    /// Asks DynamoDB something of our own, as the sender of `like`.
    async fn ask(&self, like: &Request, operation: &str, body: Value) -> Result<Value> {
        let answer = self.forward(&like.like(operation, body)?).await?;
        if !answer.status.is_success() {
            bail!("{operation} was refused: {}", String::from_utf8_lossy(&answer.body));
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }

    async fn table(&self, like: &Request, name: &str) -> Result<Table> {
        let known = self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(table) = known {
            return Ok(table);
        }
        let table = Table::new(&self.ask(like, "DescribeTable", json!({ "TableName": name })).await?)?;
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), table.clone());
        Ok(table)
    }

    /// The rows as they are now, each in the place of its target.
    async fn images(&self, like: &Request, targets: &[Target]) -> Result<Vec<Option<Item>>> {
        let mut images = Vec::with_capacity(targets.len());
        for part in targets.chunks(BATCH_KEYS) {
            let mut asked: HashMap<&str, Vec<Item>> = HashMap::new();
            let mut keys = Vec::with_capacity(part.len());
            for target in part {
                let key = self.table(like, &target.table).await?.key(&target.row);
                asked.entry(&target.table).or_default().push(key.clone());
                keys.push((&target.table, key));
            }
            let tables: Map<String, Value> = asked
                .into_iter()
                .map(|(table, keys)| (table.to_owned(), json!({ "Keys": keys, "ConsistentRead": true })))
                .collect();
            let answer = self.ask(like, "BatchGetItem", json!({ "RequestItems": tables })).await?;
            let rows = |table: &str| answer.pointer("/Responses")?.get(table)?.as_array();
            images.extend(keys.iter().map(|(table, key)| {
                let mut rows = rows(table).into_iter().flatten().filter_map(Value::as_object);
                rows.find(|row| key.iter().all(|(name, value)| row.get(name) == Some(value))).cloned()
            }));
        }
        Ok(images)
    }
}

/// What the emulator says a call consumed.
fn capacity(answer: &Value) -> f64 {
    let units = |one: &Value| one.get("CapacityUnits").and_then(Value::as_f64).unwrap_or_default();
    match answer.get("ConsumedCapacity") {
        Some(Value::Array(tables)) => tables.iter().map(units).sum(),
        Some(one) => units(one),
        None => 0.0,
    }
}
