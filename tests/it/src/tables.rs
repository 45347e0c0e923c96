//! Looking into the tables, to compare what was written with what was promised.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::world::World;

/// A row in comparable form.
pub type Row = BTreeMap<String, String>;

impl World {
    /// The full name of a table of the specification, as functions make it.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}", self.stack.environment()["TABLE_PREFIX"])
    }

    /// All rows of a table of the specification (`t_douyin_lead`), in key order of no meaning but always the same for
    /// the same rows.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn rows(&self, name: &str) -> Result<Vec<Row>> {
        let table = self.table(name);
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .aws
                .dynamodb
                .scan()
                .table_name(&table)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await?;
            let items = page.items.unwrap_or_default().into_iter();
            rows.extend(
                items.map(|item| item.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Row>()),
            );
            start = page.last_evaluated_key;
            if start.is_none() {
                rows.sort();
                return Ok(rows);
            }
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
