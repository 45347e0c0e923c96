//! The CloudFormation stack: `template.yaml`, transformed and deployed onto the emulated AWS.

mod alarms;
mod deploy;
mod expression;
mod numbers;
mod probe;
mod tables;
mod template;
mod upload;
mod world;
mod written;

use std::collections::BTreeMap;

pub use deploy::{Parameters, deploy};
pub(crate) use expression::Expressions;
pub use template::{Function, Template, transform};
pub(crate) use template::{kind, resources};
pub(crate) use upload::{bucket_of, put_object};
pub use world::World;
pub use written::Written;

/// Environment variables by name.
pub type Environment = BTreeMap<String, String>;

#[derive(Debug, Clone, Default)]
pub struct Stack {
    pub name: String,
    /// The values that its parameters were given.
    pub parameters: Parameters,
    pub outputs: BTreeMap<String, String>,
    /// Every resource by logical id.
    pub resources: BTreeMap<String, Resource>,
    /// The environment of every function the template declares, by bin; also of those a data plane leaves out.
    pub environments: BTreeMap<String, Environment>,
}

/// A resource of a stack.
#[derive(Debug, Clone)]
pub struct Resource {
    /// For example `AWS::SQS::Queue`.
    pub kind: String,
    /// For example the queue's URL.
    pub physical_id: String,
}

impl Stack {
    /// The variables of all functions in one map, for a test that plays several of them. Variables that are not the
    /// same everywhere (`FUNCTION_TIMEOUT_SECONDS`) are not in it.
    #[must_use]
    pub fn environment(&self) -> Environment {
        let mut all: BTreeMap<&String, Option<&String>> = BTreeMap::new();
        for (name, value) in self.environments.values().flatten() {
            all.entry(name).and_modify(|seen| *seen = seen.filter(|seen| *seen == value)).or_insert(Some(value));
        }
        all.into_iter().filter_map(|(name, value)| Some((name.clone(), value?.clone()))).collect()
    }

    /// Physical ids of one kind of resource, by logical id.
    #[must_use]
    pub fn physical_ids(&self, kind: &str) -> BTreeMap<String, String> {
        let of_kind = self.resources.iter().filter(|(_, resource)| resource.kind == kind);
        of_kind.map(|(logical_id, resource)| (logical_id.clone(), resource.physical_id.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_common_environment_leaves_out_what_differs() {
        let environment = |timeout: &str| {
            [("TABLE", "t"), ("TIMEOUT", timeout)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        };
        let environments = ["a", "b", "c"].iter().zip(["15", "300", "15"]);
        let stack = Stack {
            environments: environments.map(|(bin, timeout)| ((*bin).to_owned(), environment(timeout))).collect(),
            ..Stack::default()
        };
        assert_eq!(stack.environment(), [("TABLE".to_owned(), "t".to_owned())].into());
    }
}
