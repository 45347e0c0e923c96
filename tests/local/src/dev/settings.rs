//! The environments the functions run with: those of the deployed stack, the emulated AWS, and what `--set` overrides.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::env_dir;
use crate::aws::{ACCOUNT, REGION, SECRET_ACCESS_KEY};
use crate::stack::{Environment, Function, Parameters, Template};
use crate::{iam, paths};

/// Adds to the stack's environments what makes the AWS SDK talk to the emulated AWS, and nothing else on this machine.
pub(super) fn connect(environments: &mut BTreeMap<String, Environment>, aws_url: &str) {
    for (bin, environment) in environments {
        for (name, value) in [
            ("AWS_REGION", REGION),
            // By which the policies of its role are enforced.
            ("AWS_ACCESS_KEY_ID", &iam::key_of(ACCOUNT, bin)),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", aws_url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// The overrides of the command line that are parameters of the template, and those that are variables of functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) parameters: Parameters,
    variables: BTreeMap<String, String>,
}

impl Overrides {
    /// Tells them apart. A name that is neither is refused: it would do nothing.
    pub(super) fn new(overrides: &[(String, String)], template: &Template) -> Result<Self> {
        let parameters = template.body.get("Parameters").and_then(Value::as_object).into_iter().flatten();
        let parameters: BTreeSet<&str> = parameters.map(|(name, _)| name.as_str()).collect();
        let variables: BTreeSet<&str> = template.functions.iter().flat_map(Function::variables).collect();
        let mut sorted = Self::default();
        for (name, value) in overrides {
            let kind = match name.as_str() {
                name if parameters.contains(name) => &mut sorted.parameters,
                name if variables.contains(name) => &mut sorted.variables,
                _ => {
                    let [parameters, variables] = [parameters, variables].map(|it| Vec::from_iter(it).join(", "));
                    bail!(
                        "--set {name}=…: template.yaml has no parameter of that name and no function a variable. \
                         Parameters: {parameters}. Variables: {variables}."
                    );
                }
            };
            kind.insert(name.clone(), value.clone());
        }
        Ok(sorted)
    }

    /// Sets the variables in the environments of all functions that have them.
    pub(super) fn apply(&self, environments: &mut BTreeMap<String, Environment>) {
        for (name, value) in &self.variables {
            for current in environments.values_mut().filter_map(|environment| environment.get_mut(name)) {
                current.clone_from(value);
            }
        }
    }
}

/// Writes them to where [`super::exec`] reads them.
pub(super) fn write(environments: &BTreeMap<String, Environment>) -> Result<()> {
    for (bin, environment) in environments {
        let path = env_dir().join(format!("{bin}.json"));
        paths::write(&path, &serde_json::to_vec_pretty(environment)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Template {
        let function = |bin: &str, variables: Value| {
            json!({ "Type": "AWS::Lambda::Function", "Metadata": { "BuildProperties": { "Binary": bin } },
                "Properties": { "FunctionName": { "Fn::Sub": format!("${{AWS::StackName}}-{bin}") },
                    "Environment": { "Variables": variables } } })
        };
        let body = json!({ "Parameters": { "Cap": { "Type": "Number" } }, "Resources": {
            "A": function("a", json!({ "X": "old", "Y": "old" })), "B": function("b", json!({ "X": { "Ref": "Cap" } })) } });
        Template::new(body).unwrap()
    }

    fn set(name: &str) -> Result<Overrides> {
        Overrides::new(&[(name.to_owned(), "new".to_owned())], &template())
    }

    #[test]
    fn override_of_a_variable_reaches_every_function_that_has_it_and_no_other() {
        let of = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "old".to_owned())).collect();
        let mut environments: BTreeMap<String, Environment> =
            [("a".to_owned(), of(&["X", "Y"])), ("b".to_owned(), of(&["X"])), ("c".to_owned(), of(&["Y"]))].into();
        set("X").unwrap().apply(&mut environments);
        let values: Vec<_> =
            environments.values().map(|environment| environment.get("X").map(String::as_str)).collect();
        assert_eq!(values, [Some("new"), Some("new"), None]);
    }

    #[test]
    fn override_of_a_parameter_is_for_the_deployment() {
        let sorted = set("Cap").unwrap();
        assert_eq!(sorted.parameters, [("Cap".to_owned(), "new".to_owned())].into());
        let mut environments = [("a".to_owned(), Environment::from([("Cap".to_owned(), "old".to_owned())]))].into();
        sorted.apply(&mut environments);
        assert_eq!(environments["a"]["Cap"], "old");
    }

    #[test]
    fn override_of_an_unknown_name_is_refused_and_the_known_names_are_told() {
        let refused = set("Z").unwrap_err().to_string();
        assert!(refused.contains("--set Z") && refused.contains("Cap") && refused.contains("X, Y"), "{refused}");
    }
}
