//! Decides for each request of a function, and remembers which rights were used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::Value;

use super::resolve::Names;
use super::{Access, Statement};
use crate::stack::{Expressions, Stack, Template};

/// Whether a request may be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Refuse it: the first access that no statement allows.
    Denied(Access),
}

/// The policies of the functions of one account.
#[derive(Debug, Default)]
pub struct Enforcer {
    statements: BTreeMap<String, Vec<Statement>>,
    /// By bin: action and the statement's own spelling of the resource.
    used: Mutex<BTreeMap<String, BTreeSet<(String, String)>>>,
    denied: Mutex<Vec<String>>,
}

impl Enforcer {
    /// The policies of a template's functions as they are in a deployed stack.
    ///
    /// # Errors
    /// When a policy uses something that is not understood.
    pub fn new(account: &str, template: &Template, stack: &Stack) -> Result<Self> {
        let expressions = Expressions::new(template, &stack.parameters);
        let names = Names { account, stack: &stack.name, resources: &stack.resources, expressions };
        let mut statements = BTreeMap::new();
        for function in &template.functions {
            let resolved = function.statements().map(|statement| names.resolve(statement));
            // A statement whose condition does not hold is none.
            let there = resolved.filter(|statement| !matches!(statement, Ok(Value::Null)));
            let parsed = there.map(|statement| Statement::parse(&statement?)).collect::<Result<Vec<_>>>();
            let parsed = parsed.with_context(|| format!("policies of {}", function.bin))?;
            statements.insert(function.bin.clone(), parsed);
        }
        Ok(Self { statements, ..Self::default() })
    }

    /// The rights of a function: actions and resources.
    pub fn rights(&self, bin: &str) -> impl Iterator<Item = (String, String)> {
        let statements = self.statements.get(bin).into_iter().flatten();
        statements.flat_map(|statement| {
            let resources = &statement.resources;
            statement.actions.iter().flat_map(|action| resources.iter().map(|on| (action.clone(), on.clone())))
        })
    }

    /// The same without one right of one function: what forgetting it would do.
    #[must_use]
    pub fn without(mut self, bin: &str, action: &str, resource: &str) -> Self {
        for statement in self.statements.entry(bin.to_owned()).or_default() {
            if statement.resources.iter().any(|allowed| allowed == resource) {
                statement.actions.retain(|allowed| allowed != action);
            }
        }
        self
    }

    /// Decides about a request of a function.
    pub fn decide(&self, bin: &str, accesses: &[Access]) -> Decision {
        let statements = self.statements.get(bin).map(Vec::as_slice).unwrap_or_default();
        for access in accesses {
            let Some(statement) = statements.iter().find(|statement| statement.allows(access)) else {
                let line = format!("{bin}: {} on {}", access.action, access.resource);
                self.denied.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                return Decision::Denied(access.clone());
            };
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            let used = used.entry(bin.to_owned()).or_default();
            used.extend(statement.resources.iter().map(|resource| (access.action.clone(), resource.clone())));
        }
        Decision::Allowed
    }

    /// What was refused so far, a line each.
    #[must_use]
    pub fn denied(&self) -> Vec<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rights that no request has needed so far, a line each.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unused = Vec::new();
        for bin in self.statements.keys() {
            let used = used.get(bin);
            for right in self.rights(bin).filter(|right| used.is_none_or(|used| !used.contains(right))) {
                unused.push(format!("{bin}: {} on {}", right.0, right.1));
            }
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn enforcer() -> Enforcer {
        let statement = json!({ "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:Purge"], "Resource": "q" });
        let statements = [("worker".to_owned(), vec![Statement::parse(&statement).unwrap()])].into();
        Enforcer { statements, ..Enforcer::default() }
    }

    fn access(action: &str, resource: &str) -> Access {
        Access { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    #[test]
    fn request_is_denied_unless_every_part_is_allowed() {
        let enforcer = enforcer();
        let send = access("sqs:SendMessage", "q");
        assert_eq!(enforcer.decide("worker", std::slice::from_ref(&send)), Decision::Allowed);
        let foreign = access("sqs:SendMessage", "other");
        assert_eq!(enforcer.decide("worker", &[send.clone(), foreign.clone()]), Decision::Denied(foreign));
        assert_eq!(enforcer.decide("stranger", std::slice::from_ref(&send)), Decision::Denied(send));
        assert_eq!(enforcer.denied(), ["worker: sqs:SendMessage on other", "stranger: sqs:SendMessage on q"]);
    }

    #[test]
    fn right_that_nothing_needed_is_reported_as_unused() {
        let enforcer = enforcer();
        enforcer.decide("worker", &[access("sqs:SendMessage", "q")]);
        assert_eq!(enforcer.unused(), ["worker: sqs:Purge on q"]);
    }

    #[test]
    fn right_that_is_taken_away_is_denied() {
        let enforcer = enforcer().without("worker", "sqs:SendMessage", "q");
        assert_eq!(enforcer.rights("worker").collect::<Vec<_>>(), [("sqs:Purge".to_owned(), "q".to_owned())]);
        let send = access("sqs:SendMessage", "q");
        assert_eq!(enforcer.decide("worker", std::slice::from_ref(&send)), Decision::Denied(send));
    }
}
