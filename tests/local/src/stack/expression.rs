//! The few CloudFormation expressions that the API's settings are written in.

use serde_json::Value;

use crate::stack::{Parameters, Template};

/// Evaluates expressions over parameters.
pub(super) struct Expressions<'a> {
    template: &'a Template,
    parameters: &'a Parameters,
}

impl<'a> Expressions<'a> {
    pub(super) fn new(template: &'a Template, parameters: &'a Parameters) -> Self {
        Self { template, parameters }
    }

    /// What an expression comes to; nothing for `AWS::NoValue` and for what is not known before a deployment.
    pub(super) fn value(&self, expression: &Value) -> Option<Value> {
        let Some(fields) = expression.as_object() else { return Some(expression.clone()) };
        let (Some((name, argument)), 1) = (fields.iter().next(), fields.len()) else {
            return Some(Value::Object(
                fields.iter().filter_map(|(name, field)| Some((name.clone(), self.value(field)?))).collect(),
            ));
        };
        match name.as_str() {
            "Ref" => self.parameter(argument.as_str()?),
            "Fn::Split" => {
                let text = self.value(argument.get(1)?)?;
                let parts = text.as_str()?.split(argument.get(0)?.as_str()?);
                Some(parts.map(Value::from).collect())
            }
            "Fn::If" => {
                let condition =
                    self.template.body.get("Conditions").and_then(|all| all.get(argument.get(0)?.as_str()?))?;
                let chosen = if self.holds(condition)? { 1 } else { 2 };
                self.value(argument.get(chosen)?)
            }
            _ => Some(serde_json::json!({ name: self.value(argument)? })),
        }
    }

    fn holds(&self, condition: &Value) -> Option<bool> {
        let (name, argument) = condition.as_object()?.iter().next()?;
        match name.as_str() {
            "Fn::Not" => Some(!self.holds(argument.get(0)?)?),
            "Fn::Equals" => {
                let [left, right] = [0, 1].map(|index| argument.get(index).and_then(|side| self.value(side)));
                Some(left? == right?)
            }
            _ => None,
        }
    }

    fn parameter(&self, name: &str) -> Option<Value> {
        if let Some(given) = self.parameters.get(name) {
            return Some(Value::from(given.as_str()));
        }
        self.template.body.get("Parameters")?.get(name)?.get("Default").cloned()
    }
}
