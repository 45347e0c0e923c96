//! The few CloudFormation expressions that the API's settings are written in, and what policies depend on.

use serde_json::Value;

use super::{Parameters, Template};

/// Evaluates expressions over parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expressions<'a> {
    template: &'a Template,
    parameters: &'a Parameters,
}

impl<'a> Expressions<'a> {
    pub(crate) fn new(template: &'a Template, parameters: &'a Parameters) -> Self {
        Self { template, parameters }
    }

    /// What an expression comes to; nothing for `AWS::NoValue` and for what is not known before a deployment.
    pub(crate) fn value(&self, expression: &Value) -> Option<Value> {
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
            "Fn::If" => self.value(self.chosen(argument)?),
            _ => Some(serde_json::json!({ name: self.value(argument)? })),
        }
    }

    /// What an `Fn::If` of these arguments comes to, as it is written.
    pub(crate) fn chosen<'b>(&self, arguments: &'b Value) -> Option<&'b Value> {
        let condition = self.template.body.get("Conditions")?.get(arguments.get(0)?.as_str()?)?;
        arguments.get(if self.holds(condition)? { 1 } else { 2 })
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

    /// The value of a parameter, given or its default.
    pub(crate) fn parameter(&self, name: &str) -> Option<Value> {
        if let Some(given) = self.parameters.get(name) {
            return Some(Value::from(given.as_str()));
        }
        self.template.body.get("Parameters")?.get(name)?.get("Default").cloned()
    }
}
