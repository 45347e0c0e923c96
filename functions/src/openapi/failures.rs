//! What an operation can fail with, as answers by status: each code with its sentence and remedy.

use std::collections::{BTreeMap, BTreeSet};

use kernel::advice::{Advice, ErrorCode, samples};
use serde_json::{Map, Value, json};

use super::operation::Operation;
use super::schemas::Schemas;

/// Examples that operations share, by name.
pub(super) fn examples(operations: &[Operation]) -> Map<String, Value> {
    let is_used = |advice: &Advice| operations.iter().any(|operation| operation.failures.contains(advice));
    let shared = samples().into_iter().filter(|(name, advice)| is_shared(name) && is_used(advice));
    shared.map(|(name, advice)| (name.to_owned(), example(&advice))).collect()
}

/// Every code with all that is said under it, also of what is no answer: the end of a sync, of an account of a task.
pub(super) fn catalogue() -> String {
    let lines: BTreeSet<String> = samples().iter().map(|(_, advice)| line(advice)).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

fn line(Advice { code, message, remedy, .. }: &Advice) -> String {
    format!("- `{}`：{message}。{remedy}。", code.as_str())
}

/// Whether every operation says it in the same words: what is written with a name or a number has a name in small letters.
fn is_shared(name: &str) -> bool {
    !name.contains(|letter: char| letter.is_ascii_lowercase())
}

fn example(advice: &Advice) -> Value {
    let Advice { code, status, message, remedy } = advice;
    let error = json!({ "type": code, "reason": remedy, "requestId": "8f1c2f9e-6c1b-4d0e-9a53-2f4f6f0d9f11" });
    json!({ "summary": message, "value": { "code": status, "message": message, "data": null, "error": error } })
}

/// The answers to failures, by status.
pub(super) fn responses(operation: &Operation, schemas: &mut Schemas) -> BTreeMap<String, Value> {
    let mut by_status: BTreeMap<u16, Vec<&Advice>> = BTreeMap::new();
    for failure in &operation.failures {
        by_status.entry(failure.status).or_default().push(failure);
    }
    by_status.into_iter().map(|(status, failures)| (status.to_string(), response(status, &failures, schemas))).collect()
}

fn response(status: u16, failures: &[&Advice], schemas: &mut Schemas) -> Value {
    let codes: BTreeSet<&str> = failures.iter().map(|failure| failure.code.as_str()).collect();
    let lines = failures.iter().map(|failure| line(failure));
    let known = samples();
    let examples = failures.iter().map(|failure| {
        let name = known.iter().find(|(_, advice)| advice == *failure).map_or("example", |(name, _)| name);
        let name = if failure.code == ErrorCode::PermissionDenied { "permission_denied" } else { name };
        let shared = json!({ "$ref": format!("#/components/examples/{name}") });
        (name.to_owned(), if is_shared(name) { shared } else { example(failure) })
    });
    let examples: Map<String, Value> = examples.collect();
    json!({
        "description": lines.collect::<Vec<_>>().join("\n"),
        "content": { "application/json": { "schema": schemas.failure(status, &codes), "examples": examples } },
    })
}
