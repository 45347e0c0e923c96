//! The words beside every field of every schema, and beside every parameter. One without is an error, and so is a word that
//! belongs to nothing.

mod common;
mod leads;
mod moments;
mod webhooks;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// What a schema is, and those of its fields whose words are its own.
type Words = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

fn tables() -> impl Iterator<Item = &'static Words> {
    [leads::WORDS, moments::WORDS, webhooks::WORDS, common::WORDS].into_iter().flatten()
}

/// Writes the words into the schemas.
///
/// # Errors
/// Names what has none, and what is said of nothing.
pub(super) fn describe(schemas: &mut Map<String, Value>) -> Result<(), String> {
    let mut missing = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (name, schema) in schemas.iter_mut() {
        // What an error is made of is the same in each of them.
        let is_failure = name.starts_with("Error") && name != "ErrorCode";
        let entry = tables().find(|(known, ..)| known == name);
        match entry {
            Some((known, about, _)) => {
                used.insert((*known, ""));
                schema["description"] = json!(about);
            }
            None if !is_failure => _ = missing.insert(name.clone()),
            None => {}
        }
        describe_fields(name, schema, &mut missing, &mut used);
    }
    let unused = tables()
        .flat_map(|(name, _, fields)| [(*name, "")].into_iter().chain(fields.iter().map(|(field, _)| (*name, *field))));
    let unused: Vec<String> = unused
        .filter(|it| !used.contains(it))
        .map(|(name, field)| format!("{name}.{field} is said of nothing"))
        .collect();
    if missing.is_empty() && unused.is_empty() {
        return Ok(());
    }
    let missing = missing.into_iter().map(|name| format!("{name} has no words"));
    Err(missing.chain(unused).collect::<Vec<_>>().join("\n"))
}

fn describe_fields(
    name: &str,
    schema: &mut Value,
    missing: &mut BTreeSet<String>,
    used: &mut BTreeSet<(&'static str, &'static str)>,
) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (field, property) in properties {
        let own = tables().find(|(known, ..)| *known == name);
        let own = own.and_then(|(known, _, fields)| Some((*known, fields.iter().find(|(known, _)| known == field)?)));
        let text = match own {
            Some((known, (field, text))) => {
                used.insert((known, *field));
                Some(*text)
            }
            None => common::of_any(field),
        };
        match text {
            Some(text) => property["description"] = json!(text),
            None => _ = missing.insert(format!("{name}.{field}")),
        }
        describe_fields(name, property, missing, used);
    }
}

/// Writes the words of its query's parameters into an operation.
///
/// # Errors
/// Names the parameter that has none.
pub(super) fn describe_parameters(operation: &mut Value) -> Result<(), String> {
    let id = operation["operationId"].clone();
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let text = common::of_parameter(name).ok_or_else(|| format!("parameter {name} of {id} has no words"))?;
        parameter["description"] = json!(text);
    }
    Ok(())
}
