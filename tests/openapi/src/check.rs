//! Requests and answers against what the document says of their operation.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::schema::{Schema, Unnamed};

/// The document, to be asked.
#[derive(Debug)]
pub struct Api {
    document: Value,
    /// Where each operation is, by its id.
    operations: BTreeMap<String, String>,
}

impl Api {
    /// The document as the types of this build say it.
    ///
    /// # Errors
    /// As [`document`](crate::document).
    pub fn of_checkout(root: &Path) -> Result<Self> {
        let document: Value = serde_json::from_str(&crate::document(root)?)?;
        let mut operations = BTreeMap::new();
        for (path, methods) in document["paths"].as_object().context("no paths")? {
            for (method, operation) in methods.as_object().context("no methods")? {
                let id = operation["operationId"].as_str().context("an operation without an id")?;
                operations
                    .insert(id.to_owned(), format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1")));
            }
        }
        Ok(Self { document, operations })
    }

    fn operation(&self, id: &str) -> Option<&Value> {
        self.document.pointer(self.operations.get(id)?)
    }

    fn schema<'a>(&'a self, schema: &'a Value, unnamed: Unnamed) -> Schema<'a> {
        Schema { document: &self.document, schema, unnamed }
    }

    /// What an operation's answer is that the document does not say: its status, a code, a sentence, a field, a value.
    #[must_use]
    pub fn problem_of_answer(&self, id: &str, status: u16, content_type: Option<&str>, body: &Value) -> Option<String> {
        let Some(operation) = self.operation(id) else { return Some(format!("{id} is not described")) };
        let response = &operation["responses"][status.to_string()];
        if response.is_null() {
            return Some(format!("{id} is not described as answering {status}: {body}"));
        }
        let Some(content_type) = content_type else {
            return response.get("content").map(|_| format!("{id} is described as answering {status} with a body"));
        };
        let media = content_type.split(';').next().unwrap_or_default();
        let content = &response["content"][media];
        if media != "application/json" {
            return content.is_null().then(|| format!("{id} is not described as answering {media}"));
        }
        let problem = self.schema(&content["schema"], Unnamed::Refused).problem(body, "answer");
        let problem = problem.or_else(|| self.problem_of_words(content, body));
        problem.map(|problem| format!("{id} {status}: {problem}"))
    }

    /// An error says what one of the examples says, but for numbers and names in it, which begin otherwise in each.
    fn problem_of_words(&self, content: &Value, body: &Value) -> Option<String> {
        let error = body.get("error").filter(|error| !error.is_null())?;
        let written = content["examples"].as_object().into_iter().flatten();
        let mut told = written.map(|(name, example)| {
            let shared =
                example["$ref"].as_str().and_then(|reference| self.document.pointer(reference.strip_prefix('#')?));
            (name, &shared.unwrap_or(example)["value"])
        });
        let is_told = told.any(|(name, value)| {
            let has_blanks = name.bytes().any(|byte| byte.is_ascii_lowercase());
            value["error"]["type"] == error["type"] && (has_blanks || value["error"]["reason"] == error["reason"])
        });
        (!is_told).then(|| format!("{error} is no example"))
    }

    /// What a request is that the document would not let it be. One that a function has done as asked has none.
    #[must_use]
    pub fn problem_of_request(&self, id: &str, raw_query: &str, body: Option<&str>) -> Option<String> {
        let operation = self.operation(id)?;
        // What platforms send is described as they document it, and read whatever it looks like.
        if operation["security"] == json!([]) {
            return None;
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described: BTreeMap<&str, &Value> = parameters
            .filter(|it| it["in"] == "query")
            .filter_map(|it| Some((it["name"].as_str()?, &it["schema"])))
            .collect();
        let mut query = form_urlencoded::parse(raw_query.as_bytes()).filter(|(_, value)| !value.is_empty());
        let problem_of_query = query.find_map(|(name, value)| {
            let schema = described.get(&*name)?;
            let typed = value.parse::<u64>().ok().filter(|_| schema["type"] == "integer").map(Value::from);
            self.schema(schema, Unnamed::AsWritten)
                .problem(&typed.unwrap_or_else(|| json!(value)), &format!("query.{name}"))
        });
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body = body.and_then(|body| serde_json::from_str::<Value>(body).ok()).filter(|_| !schema.is_null());
        let problem_of_body = || self.schema(schema, Unnamed::AsWritten).problem(&body?, "body");
        problem_of_query.or_else(problem_of_body).map(|problem| format!("{id}: {problem}"))
    }
}
