//! What template.yaml declares about each function, as far as anything is generated from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::stack::Written;

/// Whose functions there are: each has a log group of its own.
const OWNERS: [&str; 3] = ["leads", "moments", "platform"];

/// All functions, in the order in which they are written.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    pub(super) functions: Vec<Function>,
}

/// A function.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// The one name it has everywhere: SAM's `Binary`.
    pub(super) bin: String,
    /// A domain, or `platform`.
    pub(super) owner: String,
    /// What it does, as a sentence without its full stop.
    pub(super) summary: String,
    pub(super) trigger: Trigger,
}

/// What starts a function.
#[derive(Debug, Clone)]
pub(super) enum Trigger {
    Route(Route),
    /// Messages of the queue with this logical id.
    Queue(String),
    /// This schedule expression.
    Schedule(String),
}

/// A route of the API.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) access: Access,
}

/// Who may call a route.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// Whoever has a token that grants this.
    Permission(String),
    /// This stands in place of a token.
    ProtectedBy(String),
}

impl Function {
    /// Its name as a Rust module: that of its handler's file.
    pub(super) fn module(&self) -> String {
        self.bin.replace('-', "_")
    }

    /// Its route, if it has one.
    pub(super) fn route(&self) -> Option<&Route> {
        match &self.trigger {
            Trigger::Route(route) => Some(route),
            Trigger::Queue(_) | Trigger::Schedule(_) => None,
        }
    }

    /// What starts it and what it does, as the first line of its documentation.
    pub(super) fn title(&self) -> String {
        let summary = &self.summary;
        match &self.trigger {
            Trigger::Route(Route { method, path, .. }) => format!("`{method} {path}`: {summary}."),
            Trigger::Queue(queue) => format!("Messages of `{queue}`: {summary}."),
            Trigger::Schedule(schedule) => format!("`{schedule}`: {summary}."),
        }
    }
}

impl Declaration {
    /// Reads the template of a checkout.
    pub(super) fn read(root: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(root.join("template.yaml")).context("cannot read template.yaml")?)
    }

    /// Reads the text of a template.
    ///
    /// # Errors
    /// When a function lacks something, or says what contradicts something else.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let template = Written::parse(text)?;
        let resources = &template.body["Resources"];
        let is_function = |id: &&String| resources[id.as_str()]["Type"] == "AWS::Serverless::Function";
        let functions = template.order.iter().filter(is_function);
        let functions = functions.map(|id| function(id, resources).with_context(|| format!("{id} in template.yaml")));
        let functions = functions.collect::<Result<Vec<_>>>()?;
        let mut seen = BTreeSet::new();
        for function in &functions {
            ensure!(seen.insert(function.bin.clone()), "two functions are called {}", function.bin);
            if let Some(Route { method, path, .. }) = function.route() {
                ensure!(seen.insert(format!("{method} {path}")), "two functions answer {method} {path}");
            }
        }
        Ok(Self { functions })
    }

    /// The functions behind the API, each with its route.
    pub(super) fn routes(&self) -> impl Iterator<Item = (&Function, &Route)> {
        self.functions.iter().filter_map(|function| Some((function, function.route()?)))
    }

    /// The others.
    pub(super) fn workers(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|function| function.route().is_none())
    }
}

fn function(id: &str, resources: &Value) -> Result<Function> {
    let resource = &resources[id];
    let metadata = &resource["Metadata"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let bin = text(&metadata["BuildProperties"]["Binary"]).context("Metadata.BuildProperties names no Binary")?;
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    ensure!(is_name(&bin), "the name {bin} is not made of small letters and hyphens");
    let owner = text(&metadata["Owner"]).context("Metadata has no Owner")?;
    ensure!(OWNERS.contains(&owner.as_str()), "its Owner is none of {OWNERS:?}");
    let summary = text(&metadata["Summary"]).context("Metadata has no Summary")?;
    let is_plain = !summary.is_empty() && !summary.ends_with('.') && !summary.contains(['|', '\n']);
    ensure!(is_plain, "its Summary is not a plain sentence without a full stop");
    let access = access(metadata)?;

    let mut triggers = Vec::new();
    for event in resource["Properties"]["Events"].as_object().into_iter().flatten().map(|(_, event)| event) {
        let property = |name: &str| text(&event["Properties"][name]).with_context(|| format!("an event has no {name}"));
        triggers.push(match event["Type"].as_str() {
            Some("HttpApi") => {
                let access = access.clone().context("Metadata has neither Permission nor ProtectedBy")?;
                Trigger::Route(Route { method: property("Method")?, path: property("Path")?, access })
            }
            Some("ScheduleV2") => Trigger::Schedule(property("ScheduleExpression")?),
            other => bail!("an event is of type {other:?}"),
        });
    }
    for (_, source) in resources.as_object().into_iter().flatten() {
        if source["Type"] == "AWS::Lambda::EventSourceMapping" && source["Properties"]["FunctionName"]["Ref"] == *id {
            let queue = text(&source["Properties"]["EventSourceArn"]["Fn::GetAtt"]);
            let queue = queue.context("its event source is no queue of this template")?;
            triggers.push(Trigger::Queue(queue.trim_end_matches(".Arn").to_owned()));
        }
    }
    let trigger = match (triggers.pop(), triggers.pop()) {
        (Some(trigger), None) => trigger,
        (None, _) => bail!("nothing starts it"),
        (Some(_), Some(_)) => bail!("more than one thing starts it"),
    };
    let is_route = matches!(trigger, Trigger::Route(_));
    ensure!(is_route || access.is_none(), "nobody calls it, so it has neither Permission nor ProtectedBy");
    Ok(Function { bin, owner, summary, trigger })
}

fn access(metadata: &Value) -> Result<Option<Access>> {
    let words = |name: &str| metadata[name].as_str().map(str::to_owned);
    Ok(match (words("Permission"), words("ProtectedBy")) {
        (Some(_), Some(_)) => bail!("Metadata has both Permission and ProtectedBy"),
        (Some(permission), None) => {
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b':';
            ensure!(permission.bytes().all(is_name), "{permission} is not how permissions are written");
            Some(Access::Permission(permission))
        }
        (None, words) => words.map(Access::ProtectedBy),
    })
}
