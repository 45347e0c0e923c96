//! Learning the functions' environments from CloudFormation: every expression in them becomes an output of the stack,
//! so what a function sees is what the template says, by CloudFormation's own evaluation, even where the functions
//! themselves are not deployed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::Environment;
use super::template::Function;

/// No output of the template starts like this.
const PREFIX: &str = "EnvironmentValue";

/// Where the value of a variable comes from.
#[derive(Debug)]
enum Source {
    Literal(String),
    Output(String),
}

/// The expressions of a template's functions, placed as outputs.
#[derive(Debug, Default)]
pub(super) struct Probes {
    variables: Vec<(String, String, Source)>,
}

impl Probes {
    /// Adds the outputs to a template. Equal expressions share one, which keeps far below the limit of 200.
    pub(super) fn place(functions: &[Function], body: &mut Value) -> Self {
        let mut probes = Self::default();
        let mut expressions: Vec<&Value> = Vec::new();
        for function in functions {
            for (variable, value) in &function.environment {
                let source = match value {
                    Value::String(text) => Source::Literal(text.clone()),
                    Value::Number(number) => Source::Literal(number.to_string()),
                    expression => {
                        let known = expressions.iter().position(|seen| *seen == expression);
                        Source::Output(key(known.unwrap_or_else(|| {
                            expressions.push(expression);
                            expressions.len() - 1
                        })))
                    }
                };
                probes.variables.push((function.bin.clone(), variable.clone(), source));
            }
        }
        if let Some(body) = body.as_object_mut() {
            let outputs = body.entry("Outputs").or_insert_with(|| Map::new().into());
            if let Some(outputs) = outputs.as_object_mut() {
                let placed = expressions.iter().enumerate();
                outputs.extend(placed.map(|(index, expression)| (key(index), json!({ "Value": expression }))));
            }
        }
        probes
    }

    /// The template's own outputs, and the environments by bin.
    pub(super) fn read(
        self,
        outputs: BTreeMap<String, String>,
    ) -> Result<(BTreeMap<String, String>, BTreeMap<String, Environment>)> {
        let (values, outputs): (BTreeMap<_, _>, BTreeMap<_, _>) =
            outputs.into_iter().partition(|(key, _)| key.starts_with(PREFIX));
        let mut environments: BTreeMap<String, Environment> = BTreeMap::new();
        for (bin, variable, source) in self.variables {
            let value = match source {
                Source::Literal(text) => text,
                Source::Output(key) => values
                    .get(&key)
                    .cloned()
                    .with_context(|| format!("CloudFormation did not evaluate {variable} of {bin}"))?,
            };
            environments.entry(bin).or_default().insert(variable, value);
        }
        Ok((outputs, environments))
    }
}

fn key(index: usize) -> String {
    format!("{PREFIX}{index}")
}
