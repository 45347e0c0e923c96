//! What template.yaml declares about each function, as far as anything is generated from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::stack::Written;

/// Whose functions there are: each has a log group of its own.
const OWNERS: [&str; 3] = ["leads", "moments", "platform"];

/// All functions, in the order in which they are written.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    pub(super) functions: Vec<Function>,
    /// The names of the template's parameters.
    pub(super) parameters: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Function {
    /// The one name it has everywhere: SAM's `Binary`.
    pub(super) bin: String,
    /// What it does, as a sentence without its full stop.
    pub(super) summary: String,
    pub(super) trigger: Trigger,
    /// The variables it is given, `Globals` included, as CloudFormation expressions.
    pub(super) environment: Map<String, Value>,
}

/// What starts a function.
#[derive(Debug, Clone)]
pub(super) enum Trigger {
    Route(Route),
    /// Messages of the queue with this logical id.
    Queue(String),
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
    pub(super) fn parse(yaml: &str) -> Result<Self> {
        let template = Written::parse(yaml)?;
        let resources = template.body.get("Resources").and_then(Value::as_object).context("no resources")?;
        let declared = template.order.iter().filter_map(|id| Some((id, resources.get(id)?)));
        let functions = declared.filter(|(_, it)| text(it, "/Type").as_deref() == Some("AWS::Serverless::Function"));
        let functions =
            functions.map(|(id, it)| function(id, it, resources).with_context(|| format!("{id} in template.yaml")));
        let mut functions = functions.collect::<Result<Vec<_>>>()?;
        let mut seen = BTreeSet::new();
        for function in &functions {
            ensure!(seen.insert(function.bin.clone()), "two functions are called {}", function.bin);
            if let Some(Route { method, path, .. }) = function.route() {
                ensure!(seen.insert(format!("{method} {path}")), "two functions answer {method} {path}");
            }
        }
        let globals = environment(template.body.pointer("/Globals/Function"));
        for function in &mut functions {
            let own = std::mem::replace(&mut function.environment, globals.clone());
            function.environment.extend(own);
        }
        let parameters = template.body.get("Parameters").and_then(Value::as_object);
        Ok(Self { functions, parameters: parameters.into_iter().flatten().map(|(name, _)| name.clone()).collect() })
    }

    /// The functions behind the API, each with its route.
    pub(super) fn routes(&self) -> impl Iterator<Item = (&Function, &Route)> {
        self.functions.iter().filter_map(|function| Some((function, function.route()?)))
    }

    pub(super) fn workers(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|function| function.route().is_none())
    }
}

fn function(id: &str, resource: &Value, resources: &Map<String, Value>) -> Result<Function> {
    let bin = text(resource, "/Metadata/BuildProperties/Binary").context("its Metadata names no Binary")?;
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    ensure!(is_name(&bin), "the name {bin} is not made of small letters and hyphens");
    let owner = text(resource, "/Metadata/Owner").context("its Metadata has no Owner")?;
    ensure!(OWNERS.contains(&owner.as_str()), "its Owner is none of {OWNERS:?}");
    let summary = text(resource, "/Metadata/Summary").context("its Metadata has no Summary")?;
    let is_plain = !summary.is_empty() && !summary.ends_with('.') && !summary.contains(['|', '\n']);
    ensure!(is_plain, "its Summary is not a plain sentence without a full stop");
    let access = access(resource)?;
    let mut triggers = events(resource, access.as_ref())?;
    triggers.extend(queues(id, resources)?);
    let trigger = match (triggers.pop(), triggers.pop()) {
        (Some(trigger), None) => trigger,
        (None, _) => bail!("nothing starts it"),
        (Some(_), Some(_)) => bail!("more than one thing starts it"),
    };
    let is_route = matches!(trigger, Trigger::Route(_));
    ensure!(is_route || access.is_none(), "nobody calls it, so it has neither Permission nor ProtectedBy");
    Ok(Function { bin, summary, trigger, environment: environment(resource.get("Properties")) })
}

fn environment(properties: Option<&Value>) -> Map<String, Value> {
    let variables = properties.and_then(|it| it.pointer("/Environment/Variables")).and_then(Value::as_object);
    variables.cloned().unwrap_or_default()
}

fn access(resource: &Value) -> Result<Option<Access>> {
    Ok(match (text(resource, "/Metadata/Permission"), text(resource, "/Metadata/ProtectedBy")) {
        (Some(_), Some(_)) => bail!("its Metadata has both Permission and ProtectedBy"),
        (Some(permission), None) => {
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b':';
            ensure!(permission.bytes().all(is_name), "{permission} is not how permissions are written");
            Some(Access::Permission(permission))
        }
        (None, words) => words.map(Access::ProtectedBy),
    })
}

/// What starts a function by an event in its own block.
fn events(resource: &Value, access: Option<&Access>) -> Result<Vec<Trigger>> {
    let events = resource.pointer("/Properties/Events").and_then(Value::as_object);
    let trigger = |event: &Value| {
        let property = |name: &str| {
            text(event, &format!("/Properties/{name}")).with_context(|| format!("one of its events has no {name}"))
        };
        Ok(match text(event, "/Type").as_deref() {
            Some("HttpApi") => {
                let access = access.cloned().context("its Metadata has neither Permission nor ProtectedBy")?;
                Trigger::Route(Route { method: property("Method")?, path: property("Path")?, access })
            }
            Some("ScheduleV2") => Trigger::Schedule(property("ScheduleExpression")?),
            other => bail!("one of its events is of type {other:?}"),
        })
    };
    events.into_iter().flatten().map(|(_, event)| trigger(event)).collect()
}

/// What starts a function by an event source beside its block.
fn queues(id: &str, resources: &Map<String, Value>) -> Result<Vec<Trigger>> {
    let sources = resources.values().filter(|it| {
        text(it, "/Type").as_deref() == Some("AWS::Lambda::EventSourceMapping")
            && text(it, "/Properties/FunctionName/Ref").as_deref() == Some(id)
    });
    let queue = |source: &Value| text(source, "/Properties/EventSourceArn/Fn::GetAtt");
    sources
        .map(|source| {
            let queue = queue(source).context("its event source is no queue of this template")?;
            Ok(Trigger::Queue(queue.trim_end_matches(".Arn").to_owned()))
        })
        .collect()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    Some(value.pointer(pointer)?.as_str()?.to_owned())
}
