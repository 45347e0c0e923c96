//! What each type of events tells, by an example. They are in `examples.json`, by the name of the schema.

use serde_json::{Map, Value, json};

const EXAMPLES: &str = include_str!("examples.json");

/// Writes the examples into the schemas.
///
/// # Errors
/// Names the example that is one of nothing, and the type of events that has none.
pub(super) fn show(schemas: &mut Map<String, Value>) -> Result<(), String> {
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).map_err(|error| error.to_string())?;
    for (name, example) in examples {
        let schema =
            schemas.get_mut(&name).ok_or_else(|| format!("there is an example of {name}, which is no type"))?;
        schema["examples"] = json!([example]);
    }
    let of_events = schemas.get("EventData").and_then(|data| data["anyOf"].as_array()).into_iter().flatten();
    for reference in of_events.filter_map(|choice| choice["$ref"].as_str()) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if schemas.get(name).is_none_or(|schema| schema["examples"].is_null()) {
            return Err(format!("{name} has no example"));
        }
    }
    Ok(())
}
