//! Reading the template: the SAM transform, its functions, and the part of it that holds data.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::{paths, python};

/// What keeps data, and so has to be there for the code to run at all.
const STATEFUL: [&str; 6] = [
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::SecretsManager::Secret",
];

const STACK_NAME: &str = "${AWS::StackName}";

/// What Lambda adds to a function's environment by itself, and the property it takes it from.
const TOLD_BY_LAMBDA: [(&str, &str); 3] = [
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "/Properties/MemorySize"),
    ("AWS_LAMBDA_LOG_FORMAT", "/Properties/LoggingConfig/LogFormat"),
    ("AWS_LAMBDA_LOG_LEVEL", "/Properties/LoggingConfig/ApplicationLogLevel"),
];

/// A SAM template as plain CloudFormation, with the functions it declares.
#[derive(Debug, Clone)]
pub struct Template {
    pub body: Value,
    /// Its functions; those of the whole template, also when the body is only a part of it.
    pub functions: Vec<Function>,
}

/// A function a template declares.
#[derive(Debug, Clone)]
pub struct Function {
    /// The binary that implements it.
    pub bin: String,
    /// Its name, with `${AWS::StackName}` in it.
    name: String,
    /// What Lambda puts into its environment, as CloudFormation expressions.
    pub(crate) environment: Map<String, Value>,
    /// The statements of its role's own policies, as CloudFormation expressions.
    statements: Vec<Value>,
}

impl Function {
    /// Its name in a stack.
    #[must_use]
    pub fn name(&self, stack: &str) -> String {
        self.name.replace(STACK_NAME, stack)
    }

    /// The variables of its environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.environment.keys().map(String::as_str)
    }

    /// The statements of its role's own policies, unresolved. The managed policies that the SAM transform adds, to write
    /// logs and to poll its queue, are not its own: Lambda uses them, not our code.
    pub fn statements(&self) -> impl Iterator<Item = &Value> {
        self.statements.iter()
    }
}

/// Transforms a SAM template. The answer is kept below `target/local`, because starting the translator takes a second.
pub async fn transform(template: &Path) -> Result<Template> {
    let shown = template.display();
    let source = fs::read(template).with_context(|| format!("{shown} cannot be read"))?;
    let script = paths::script("transform.py");
    let mut hasher = DefaultHasher::new();
    (&source, fs::read(&script)?, include_str!("../../python/requirements.txt")).hash(&mut hasher);
    let kept = paths::local("transformed").join(format!("{:016x}.json", hasher.finish()));
    if let Ok(transformed) = fs::read(&kept) {
        return Template::new(serde_json::from_slice(&transformed)?);
    }
    let venv = python::ensure().await?;
    let output = tokio::process::Command::new(venv.python())
        .arg("-I")
        .arg(&script)
        .arg(template)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("the SAM translator does not start")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} is not a valid SAM template: {}", said.lines().last().unwrap_or("no reason given"));
    }
    let body = serde_json::from_slice(&output.stdout).context("the SAM translator's answer is not JSON")?;
    paths::write(&kept, &output.stdout)?;
    Template::new(body)
}

impl Template {
    pub(crate) fn new(body: Value) -> Result<Self> {
        let declared = resources(&body).iter().filter(|(_, resource)| kind(resource) == "AWS::Lambda::Function");
        let functions =
            declared.map(|(logical_id, resource)| function(&body, logical_id, resource)).collect::<Result<_>>()?;
        Ok(Self { body, functions })
    }

    /// The logical ids of its functions.
    pub(crate) fn functions_by_id(&self) -> Vec<&str> {
        let declared = resources(&self.body).iter().filter(|(_, resource)| kind(resource) == "AWS::Lambda::Function");
        declared.map(|(id, _)| id.as_str()).collect()
    }

    fn resources_mut(&mut self) -> Result<&mut Map<String, Value>> {
        self.body.get_mut("Resources").and_then(Value::as_object_mut).context("no resources")
    }

    /// Adds a resource.
    pub(crate) fn add(&mut self, id: &str, resource: Value) -> Result<()> {
        self.resources_mut()?.insert(id.to_owned(), resource);
        Ok(())
    }

    /// The properties of a function.
    pub(crate) fn properties_mut(&mut self, bin: &str) -> Result<&mut Map<String, Value>> {
        let of_bin = |resource: &&mut Value| resource.pointer("/Metadata/BuildProperties/Binary") == Some(&bin.into());
        let found = self.resources_mut()?.values_mut().find(|it| kind(it) == "AWS::Lambda::Function" && of_bin(it));
        let properties = found.and_then(|function| function.get_mut("Properties")?.as_object_mut());
        properties.with_context(|| format!("no function of {bin}"))
    }

    /// The part that a test needs: everything that keeps data, whatever else the functions' environments name, and
    /// what those refer to. It deploys in 10 ms instead of 500, so every test can have its own.
    #[must_use]
    pub fn data_plane(&self) -> Self {
        let all = resources(&self.body);
        let mut wanted = BTreeSet::new();
        wanted.extend(all.iter().filter(|(_, resource)| STATEFUL.contains(&kind(resource))).map(|(id, _)| id.clone()));
        for expression in self.functions.iter().flat_map(|function| function.environment.values()) {
            references(expression, &mut wanted);
        }
        let mut kept = Map::new();
        while let Some(logical_id) = wanted.pop_first() {
            if let Some(resource) = all.get(&logical_id).filter(|_| !kept.contains_key(&logical_id)) {
                references(resource, &mut wanted);
                kept.insert(logical_id, resource.clone());
            }
        }
        let outputs = self.body.get("Outputs").and_then(Value::as_object).into_iter().flatten();
        let outputs: Map<_, _> = outputs
            .filter(|(_, output)| {
                let mut named = BTreeSet::new();
                references(output, &mut named);
                named.iter().all(|name| kept.contains_key(name) || !all.contains_key(name))
            })
            .map(|(name, output)| (name.clone(), output.clone()))
            .collect();
        let mut plane = self.clone();
        if let Some(body) = plane.body.as_object_mut() {
            body.insert("Resources".to_owned(), kept.into());
            body.insert("Outputs".to_owned(), outputs.into());
        }
        plane
    }
}

fn function(body: &Value, logical_id: &str, resource: &Value) -> Result<Function> {
    let bin = resource.pointer("/Metadata/BuildProperties/Binary").and_then(Value::as_str);
    let bin = bin.with_context(|| format!("{logical_id} names no Binary in its Metadata"))?.to_owned();
    // The name has to be known before the deployment: it is part of the emulator's own configuration.
    let name = resource.pointer("/Properties/FunctionName/Fn::Sub").and_then(Value::as_str).unwrap_or_default();
    ensure!(
        !name.is_empty() && !name.replace(STACK_NAME, "").contains('$'),
        "the FunctionName of {logical_id} must be made of {STACK_NAME} and plain text"
    );
    let environment = resource.pointer("/Properties/Environment/Variables").and_then(Value::as_object);
    let mut environment = environment.cloned().unwrap_or_default();
    for (variable, property) in TOLD_BY_LAMBDA {
        if let Some(value) = resource.pointer(property) {
            environment.insert(variable.to_owned(), value.clone());
        }
    }
    Ok(Function { bin, name: name.to_owned(), environment, statements: statements(body, resource) })
}

fn statements(body: &Value, function: &Value) -> Vec<Value> {
    let role = function.pointer("/Properties/Role/Fn::GetAtt/0").and_then(Value::as_str);
    let policies = role.and_then(|role| resources(body).get(role)?.pointer("/Properties/Policies")?.as_array());
    let documents = policies.into_iter().flatten().filter_map(|policy| policy.pointer("/PolicyDocument/Statement"));
    documents.filter_map(Value::as_array).flatten().cloned().collect()
}

pub(crate) fn resources(body: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    body.get("Resources").and_then(Value::as_object).unwrap_or(&NONE)
}

pub(crate) fn kind(resource: &Value) -> &str {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default()
}

/// Adds the names that `Ref`, `Fn::GetAtt`, `Fn::Sub` and `DependsOn` mention anywhere in `value`.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    let owner = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        Value::Object(fields) => {
            for (key, field) in fields {
                let texts: Vec<&str> = match field {
                    Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                    field => field.as_str().into_iter().collect(),
                };
                match (key.as_str(), texts.first()) {
                    ("Ref" | "Fn::GetAtt", Some(name)) => _ = names.insert(owner(name)),
                    ("DependsOn", _) => names.extend(texts.iter().map(|name| (*name).to_owned())),
                    ("Fn::Sub", Some(text)) => {
                        let holes = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
                        names.extend(holes.filter(|hole| !hole.starts_with('!')).map(owner));
                    }
                    _ => {}
                }
                references(field, names);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({
            "Parameters": { "Rate": { "Type": "Number" } },
            "Resources": {
                "Work": { "Type": "AWS::Lambda::Function", "Metadata": { "BuildProperties": { "Binary": "work" } },
                    "Properties": { "FunctionName": { "Fn::Sub": "${AWS::StackName}-work" },
                        "Role": { "Fn::GetAtt": ["WorkRole", "Arn"] }, "LoggingConfig": { "ApplicationLogLevel": "INFO" },
                        "Environment": { "Variables": { "QUEUE": { "Ref": "Queue" }, "RATE": { "Ref": "Rate" },
                            "FIRE_ROLE": { "Fn::GetAtt": "FireRole.Arn" } } } } },
                "WorkRole": { "Type": "AWS::IAM::Role" },
                "FireRole": { "Type": "AWS::IAM::Role", "Properties": { "To": { "Fn::Sub": "${!x}${Topic.Arn}/${AWS::Region}" } } },
                "Topic": { "Type": "AWS::SNS::Topic", "DependsOn": ["Trail"] },
                "Trail": { "Type": "AWS::CloudTrail::Trail" },
                "Queue": { "Type": "AWS::SQS::Queue", "Properties": { "To": { "Fn::GetAtt": ["Dead", "Arn"] } } },
                "Dead": { "Type": "AWS::SQS::Queue" },
                "Alarm": { "Type": "AWS::CloudWatch::Alarm", "Properties": { "On": { "Ref": "Queue" } } },
                "Table": { "Type": "AWS::DynamoDB::Table" },
            },
            "Outputs": { "Q": { "Value": { "Ref": "Queue" } }, "W": { "Value": { "Ref": "Work" } }, "R": { "Value": { "Ref": "Rate" } } },
        })
    }

    #[test]
    fn template_data_plane_is_the_data_and_what_environments_name() {
        let plane = Template::new(template()).unwrap().data_plane();
        let names = |part: &str| plane.body.get(part).unwrap().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names("Resources"), ["Dead", "FireRole", "Queue", "Table", "Topic", "Trail"]);
        assert_eq!(names("Outputs"), ["Q", "R"]);
        assert_eq!(names("Parameters"), ["Rate"]);
    }

    #[test]
    fn template_function_has_name_and_environment_and_must_have_a_binary() {
        let mut body = template();
        let functions = Template::new(body.clone()).unwrap().functions;
        let [work] = functions.as_slice() else { panic!("{functions:?}") };
        assert_eq!((work.bin.as_str(), work.name("local").as_str()), ("work", "local-work"));
        let variables: Vec<_> = work.environment.keys().map(String::as_str).collect();
        assert_eq!(variables, ["AWS_LAMBDA_LOG_LEVEL", "FIRE_ROLE", "QUEUE", "RATE"]);
        body.pointer_mut("/Resources/Work").unwrap().as_object_mut().unwrap().remove("Metadata");
        assert!(Template::new(body).unwrap_err().to_string().contains("Work names no Binary"));
    }
}
