//! template.yaml and the sample events, read into the shapes the parity test compares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use local::stack::Written;
use serde_json::{Map, Value};

/// Where the project is.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the project.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `events/<bin>.json`.
pub fn event(bin: &str) -> Value {
    let path = format!("events/{bin}.json");
    serde_json::from_str(&read(&path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names, without extension, of the files in a folder that end in `extension`.
pub fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// template.yaml, with the short intrinsic functions written out as in JSON (`!Ref x` is `{"Ref": "x"}`).
pub struct Template(Value);

/// A function of the template.
pub struct Function {
    /// The name it has everywhere: SAM's `Binary`.
    pub bin: String,
    pub id: String,
    /// Its properties over those of `Globals`.
    pub properties: Value,
}

impl Template {
    pub fn read() -> Self {
        Self(Written::parse(&read("template.yaml")).unwrap().body)
    }

    /// The resource with this logical id; null when there is none.
    pub fn resource(&self, id: &str) -> &Value {
        &self.0["Resources"][id]
    }

    /// The logical ids of all resources.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0["Resources"].as_object().unwrap().keys().map(String::as_str)
    }

    /// What all functions have.
    pub fn globals(&self) -> &Value {
        &self.0["Globals"]["Function"]
    }

    /// The parameter with this name.
    pub fn parameter(&self, name: &str) -> &Value {
        &self.0["Parameters"][name]
    }

    /// The output with this name.
    pub fn output(&self, name: &str) -> &Value {
        &self.0["Outputs"][name]
    }

    /// All parameters.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0["Parameters"].as_object().unwrap().keys().map(String::as_str)
    }

    /// The parameters that have to be given.
    pub fn required_parameters(&self) -> impl Iterator<Item = &str> {
        self.parameters().filter(|name| self.parameter(name).get("Default").is_none())
    }

    /// The logical ids and properties of the resources of a type.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"].as_object().unwrap();
        resources.iter().filter(move |(_, it)| it["Type"] == kind).map(|(id, it)| (id.as_str(), &it["Properties"]))
    }

    /// Every function by its bin.
    pub fn functions(&self) -> BTreeMap<String, Function> {
        let ids: Vec<&str> = self.of_type("AWS::Serverless::Function").map(|(id, _)| id).collect();
        let functions: BTreeMap<String, Function> = ids
            .iter()
            .map(|id| {
                let it = self.resource(id);
                let bin = it["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap().to_owned();
                let properties = merged(self.globals(), &it["Properties"]);
                (bin.clone(), Function { bin, id: (*id).to_owned(), properties })
            })
            .collect();
        assert_eq!(functions.len(), ids.len(), "two functions share a Binary");
        functions
    }
}

impl Function {
    /// Its timeout in seconds.
    pub fn timeout(&self) -> u64 {
        self.properties["Timeout"].as_u64().unwrap()
    }

    pub fn environment(&self) -> &Map<String, Value> {
        self.properties["Environment"]["Variables"].as_object().unwrap()
    }

    /// The properties of its events of a type.
    pub fn events<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let events = self.properties["Events"].as_object();
        events.into_iter().flatten().map(|(_, it)| it).filter(move |it| it["Type"] == kind).map(|it| &it["Properties"])
    }

    /// Method and path of each of its routes.
    pub fn routes(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.events("HttpApi").map(|it| (text(&it["Method"]), text(&it["Path"]))).collect()
    }

    /// The statements of its policies, with those that depend on a condition.
    pub fn statements(&self) -> Vec<&Value> {
        let policies = self.properties["Policies"].as_array().unwrap();
        let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
        statements.map(|statement| statement["Fn::If"].get(1).unwrap_or(statement)).collect()
    }
}

/// SAM's rule for `Globals`: maps are merged, everything else is replaced.
fn merged(global: &Value, own: &Value) -> Value {
    match (global, own) {
        (Value::Object(global), Value::Object(own)) => {
            let mut result = global.clone();
            for (key, value) in own {
                result.insert(key.clone(), merged(global.get(key).unwrap_or(&Value::Null), value));
            }
            Value::Object(result)
        }
        _ => own.clone(),
    }
}
