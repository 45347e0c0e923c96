//! What DynamoDB charges for a read: half a unit per 4 KB read, eventually consistent; a whole one, consistent.
//!
//! Computed from the answers, because an emulator need not report them as AWS does. That is exact as long as an
//! answer holds all that was read, so a filter or a projection is refused here rather than priced wrongly.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::size::{self, Item};

const UNIT: u64 = 4_096;

/// Read units of a call; `None` when the operation reads no items.
pub fn units(operation: &str, request: &Value, answer: &Value) -> Result<Option<f64>> {
    match operation {
        "GetItem" => {
            let item = answer.get("Item").and_then(Value::as_object);
            complete(request)?;
            Ok(Some(price(item.map(size::of).transpose()?.unwrap_or_default(), request)))
        }
        // All rows of one answer are added up before they are rounded.
        "Query" => {
            complete(request)?;
            let rows = answer.get("Items").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
            let bytes = rows.map(size::of).sum::<Result<u64>>()?;
            Ok(Some(price(bytes, request)))
        }
        "BatchGetItem" => batch(request, answer).map(Some),
        _ => Ok(None),
    }
}

/// Every row of a batch is rounded by itself, and a key without a row costs as much as the smallest one.
fn batch(request: &Value, answer: &Value) -> Result<f64> {
    let mut units = 0.0;
    for (table, asked) in request.get("RequestItems").and_then(Value::as_object).into_iter().flatten() {
        complete(asked)?;
        let count = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
        let rows = answer.pointer("/Responses").and_then(|tables| tables.get(table)).and_then(Value::as_array);
        let rows: Vec<&Item> = rows.into_iter().flatten().filter_map(Value::as_object).collect();
        let left = answer.pointer("/UnprocessedKeys").and_then(|tables| tables.get(table));
        let absent =
            count(asked.get("Keys")).saturating_sub(rows.len() + count(left.and_then(|left| left.get("Keys"))));
        for row in &rows {
            units += price(size::of(row)?, asked);
        }
        units += (0..absent).map(|_| price(0, asked)).sum::<f64>();
    }
    Ok(units)
}

fn complete(request: &Value) -> Result<()> {
    for hides in ["FilterExpression", "ProjectionExpression", "Select", "AttributesToGet"] {
        ensure!(request.get(hides).is_none(), "a read with {hides} does not show all that it read");
    }
    Ok(())
}

fn price(bytes: u64, request: &Value) -> f64 {
    let consistent = request.get("ConsistentRead").and_then(Value::as_bool).unwrap_or_default();
    bytes.div_ceil(UNIT).max(1) as f64 * if consistent { 1.0 } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn read_units_of_a_query_are_rounded_as_a_whole_and_of_a_batch_by_row() {
        let row = json!({"k": {"S": "x".repeat(2_999)}});
        let query = |request| units("Query", &request, &json!({"Items": [row, row, row]})).unwrap();
        assert_eq!(query(json!({})), Some(1.5), "9,000 bytes are three steps");
        assert_eq!(query(json!({"ConsistentRead": true})), Some(3.0));
        assert_eq!(units("Query", &json!({}), &json!({"Items": []})).unwrap(), Some(0.5));
        let keys = json!({"RequestItems": {"t": {"Keys": [1, 2, 3, 4], "ConsistentRead": true}}});
        let answer = json!({"Responses": {"t": [row, row]}, "UnprocessedKeys": {"t": {"Keys": [4]}}});
        assert_eq!(units("BatchGetItem", &keys, &answer).unwrap(), Some(3.0), "two rows, one absent, one not tried");
        assert_eq!(units("GetItem", &json!({"ConsistentRead": true}), &json!({})).unwrap(), Some(1.0));
        assert_eq!(units("TransactWriteItems", &json!({}), &json!({})).unwrap(), None);
    }

    #[test]
    fn read_units_of_a_filtered_request_are_not_computed() {
        let filtered = json!({"FilterExpression": "a = :a"});
        assert!(units("Query", &filtered, &json!({"Items": []})).is_err());
    }
}
