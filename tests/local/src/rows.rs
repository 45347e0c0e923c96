//! Rows of tables in comparable form.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// A row, attribute by attribute as text; sets and maps in order, bytes in hexadecimal digits.
pub type Row = BTreeMap<String, String>;

/// All rows of a table, read consistently, in key order of no meaning but always the same for the same rows.
///
/// # Errors
/// When there is no such table, or it may not be read.
pub async fn scan(client: &Client, table: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut start = None;
    loop {
        let page = client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(start).send().await?;
        let items = page.items.unwrap_or_default().into_iter();
        rows.extend(items.map(|item| item.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Row>()));
        start = page.last_evaluated_key;
        if start.is_none() {
            rows.sort();
            return Ok(rows);
        }
    }
}

/// An attribute as text; sets and maps in order.
fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::Bool(value) => value.to_string(),
        AttributeValue::B(bytes) => bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        AttributeValue::M(entries) => {
            let entries: BTreeMap<_, _> = entries.iter().map(|(name, value)| (name, text(value))).collect();
            format!("{entries:?}")
        }
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            texts.join(",")
        }
        AttributeValue::Ns(numbers) => {
            let mut numbers = numbers.clone();
            numbers.sort();
            numbers.join(",")
        }
        AttributeValue::L(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}
