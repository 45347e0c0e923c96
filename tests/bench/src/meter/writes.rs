//! What DynamoDB charges for a write: a unit per KB of the larger of the row before and after, twice that in a
//! transaction; and for every index whose entry changes a unit per KB of the entry, two entries when its key moves.
//! Indexes are brought up to date after the transaction, at the single price.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::size::{self, Item};

const UNIT: u64 = 1_024;

/// A row that a request writes.
#[derive(Debug)]
pub struct Target {
    pub table: String,
    /// Its key; for a put the whole row, of which the key is still to be cut out.
    pub row: Item,
    /// 2 in a transaction.
    pub factor: u64,
}

/// The rows a request writes; none for a request that only reads.
pub fn targets(operation: &str, request: &Value) -> Result<Vec<Target>> {
    let one = |action: &Value, factor| -> Result<Target> {
        let table = action.get("TableName").and_then(Value::as_str).context("a write without a table")?;
        let row = action.get("Item").or_else(|| action.get("Key")).and_then(Value::as_object);
        Ok(Target { table: table.to_owned(), row: row.context("a write without a key")?.clone(), factor })
    };
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => Ok(vec![one(request, 1)?]),
        "TransactWriteItems" => {
            let actions = request.get("TransactItems").and_then(Value::as_array).into_iter().flatten();
            actions.flat_map(|action| action.as_object().into_iter().flatten()).map(|(_, what)| one(what, 2)).collect()
        }
        "GetItem" | "Query" | "BatchGetItem" => Ok(Vec::new()),
        other => bail!("{other} is not priced"),
    }
}

/// The part of `DescribeTable` that decides prices.
#[derive(Debug, Clone)]
pub struct Table {
    key: Vec<String>,
    indexes: Vec<Index>,
}

#[derive(Debug, Clone)]
struct Index {
    key: Vec<String>,
    /// Attributes besides the keys; `None` for all.
    projected: Option<Vec<String>>,
}

impl Table {
    /// From the answer of `DescribeTable`.
    pub fn new(described: &Value) -> Result<Self> {
        let table = described.get("Table").context("no such table")?;
        ensure!(table.get("LocalSecondaryIndexes").is_none(), "local indexes are not priced");
        let key = key_of(table)?;
        let indexes = table.get("GlobalSecondaryIndexes").and_then(Value::as_array).into_iter().flatten();
        let indexes = indexes.map(|index| Ok(Index { key: key_of(index)?, projected: projected(index) }));
        Ok(Self { key, indexes: indexes.collect::<Result<_>>()? })
    }

    /// The key of a row.
    pub fn key(&self, row: &Item) -> Item {
        only(row, |name| self.key.iter().any(|key| key == name))
    }

    /// Units of a write that made `after` of `before`: those of the table and those of its indexes.
    pub fn price(&self, before: Option<&Item>, after: Option<&Item>, factor: u64) -> Result<(u64, u64)> {
        let bytes = |row: Option<&Item>| row.map_or(Ok(0), size::of);
        let table = steps(bytes(before)?.max(bytes(after)?)) * factor;
        let indexes = self.indexes.iter().map(|index| index.price(&self.key, before, after)).sum::<Result<u64>>()?;
        Ok((table, indexes))
    }
}

impl Index {
    fn price(&self, table_key: &[String], before: Option<&Item>, after: Option<&Item>) -> Result<u64> {
        let entry = |row: Option<&Item>| row.and_then(|row| self.entry(table_key, row));
        let units = |entry: &Item| size::of(entry).map(steps);
        match (entry(before), entry(after)) {
            (None, None) => Ok(0),
            (Some(entry), None) | (None, Some(entry)) => units(&entry),
            (Some(old), Some(new)) if old == new => Ok(0),
            (Some(old), Some(new)) if self.key.iter().any(|name| old.get(name) != new.get(name)) => {
                Ok(units(&old)? + units(&new)?)
            }
            (Some(old), Some(new)) => Ok(units(&old)?.max(units(&new)?)),
        }
    }

    /// What the index holds of a row: nothing of one that lacks its key.
    fn entry(&self, table_key: &[String], row: &Item) -> Option<Item> {
        self.key.iter().all(|name| row.contains_key(name)).then(|| match &self.projected {
            None => row.clone(),
            Some(names) => only(row, |name| self.key.iter().chain(table_key).chain(names).any(|kept| kept == name)),
        })
    }
}

fn only(row: &Item, wanted: impl Fn(&str) -> bool) -> Item {
    row.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn key_of(described: &Value) -> Result<Vec<String>> {
    let parts = described.get("KeySchema").and_then(Value::as_array).context("no key schema")?;
    parts
        .iter()
        .map(|part| {
            Ok(part.get("AttributeName").and_then(Value::as_str).context("a key part without name")?.to_owned())
        })
        .collect()
}

fn projected(index: &Value) -> Option<Vec<String>> {
    if index.pointer("/Projection/ProjectionType").and_then(Value::as_str) == Some("ALL") {
        return None;
    }
    let names = index.pointer("/Projection/NonKeyAttributes").and_then(Value::as_array).into_iter().flatten();
    Some(names.filter_map(Value::as_str).map(str::to_owned).collect())
}

fn steps(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT).max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(projection: &Value) -> Table {
        let index = json!({"KeySchema": [{"AttributeName": "due"}], "Projection": projection});
        let described = json!({"Table": {"KeySchema": [{"AttributeName": "id"}], "GlobalSecondaryIndexes": [index]}});
        Table::new(&described).unwrap()
    }

    fn row(fields: Value) -> Item {
        fields.as_object().unwrap().clone()
    }

    #[test]
    fn write_units_are_of_the_larger_row_and_double_in_a_transaction() {
        let keys_only = table(&json!({"ProjectionType": "KEYS_ONLY"}));
        let small = row(json!({"id": {"S": "1"}}));
        let large = row(json!({"id": {"S": "1"}, "text": {"S": "x".repeat(1_500)}}));
        let price = |before, after, factor| keys_only.price(before, after, factor).unwrap();
        assert_eq!(price(None, Some(&small), 1), (1, 0));
        assert_eq!(price(Some(&large), Some(&small), 1), (2, 0));
        assert_eq!(price(Some(&small), Some(&large), 2), (4, 0));
        assert_eq!(price(Some(&large), None, 2), (4, 0));
    }

    #[test]
    fn write_units_of_an_index_are_of_what_changes_in_it() {
        let keys_only = table(&json!({"ProjectionType": "KEYS_ONLY"}));
        let all = table(&json!({"ProjectionType": "ALL"}));
        let bare = row(json!({"id": {"S": "1"}}));
        let due = row(json!({"id": {"S": "1"}, "due": {"N": "5"}}));
        let later = row(json!({"id": {"S": "1"}, "due": {"N": "6"}}));
        let noted = row(json!({"id": {"S": "1"}, "due": {"N": "5"}, "note": {"S": "x".repeat(1_500)}}));
        let index = |table: &Table, before, after| table.price(Some(before), Some(after), 2).unwrap().1;
        assert_eq!(index(&keys_only, &bare, &due), 1, "an entry appears");
        assert_eq!(index(&keys_only, &due, &bare), 1, "it goes");
        assert_eq!(index(&keys_only, &due, &later), 2, "it moves");
        assert_eq!(index(&keys_only, &due, &noted), 0, "it holds nothing of the change");
        assert_eq!(index(&all, &due, &noted), 2, "it holds all of it");
        assert_eq!(index(&all, &due, &due), 0);
    }

    #[test]
    fn write_units_are_read_from_the_request() {
        let put = json!({"Put": {"TableName": "t", "Item": {"id": {"S": "1"}, "a": {"N": "1"}}}});
        let check = json!({"ConditionCheck": {"TableName": "u", "Key": {"id": {"S": "2"}}}});
        let found = targets("TransactWriteItems", &json!({"TransactItems": [put, check]})).unwrap();
        let tables: Vec<_> = found.iter().map(|target| (&*target.table, target.factor)).collect();
        assert_eq!(tables, [("t", 2), ("u", 2)]);
        assert!(targets("Query", &json!({})).unwrap().is_empty());
        assert!(targets("BatchWriteItem", &json!({})).is_err(), "what is not priced must not pass for free");
    }
}
