//! `docs/openapi.json`: the routes as an OpenAPI 3.1 document, without the schemas of bodies and answers.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

use super::BANNER;
use super::declaration::{Access, Declaration, Function, Route};
use super::part::Part;

/// Name of the security scheme of routes that take a token.
const BEARER: &str = "bearer";

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "x-generated")]
    generated: &'static str,
    openapi: &'static str,
    info: Info,
    paths: InOrder<&'a str, InOrder<String, Operation<'a>>>,
    components: Components,
}

#[derive(Serialize)]
struct Info {
    title: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation<'a> {
    operation_id: &'a str,
    summary: &'a str,
    tags: [&'a str; 1],
    security: Vec<BTreeMap<&'static str, [&'static str; 0]>>,
    #[serde(rename = "x-permission", skip_serializing_if = "Option::is_none")]
    permission: Option<&'a str>,
    #[serde(rename = "x-protected-by", skip_serializing_if = "Option::is_none")]
    protected_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    r#in: &'static str,
    required: bool,
    schema: Schema,
}

#[derive(Serialize)]
struct Schema {
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityScheme {
    r#type: &'static str,
    scheme: &'static str,
    bearer_format: &'static str,
}

/// An object whose fields keep their order.
struct InOrder<K, V>(Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for InOrder<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

pub(super) fn part(declaration: &Declaration) -> Result<Part> {
    let mut paths: InOrder<&str, InOrder<String, Operation<'_>>> = InOrder(Vec::new());
    for (function, route) in declaration.routes() {
        let operation = (route.method.to_lowercase(), operation(function, route));
        match paths.0.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, operations)) => operations.0.push(operation),
            None => paths.0.push((&route.path, InOrder(vec![operation]))),
        }
    }
    let scheme = SecurityScheme { r#type: "http", scheme: "bearer", bearer_format: "JWT" };
    let document = Document {
        generated: BANNER,
        openapi: "3.1.0",
        info: Info { title: "存客宝 acquisition backend", version: env!("CARGO_PKG_VERSION") },
        paths,
        components: Components { security_schemes: [(BEARER, scheme)].into() },
    };
    let text = serde_json::to_string_pretty(&document).context("the OpenAPI document is no JSON")?;
    Ok(Part::file("docs/openapi.json", text + "\n"))
}

fn operation<'a>(function: &'a Function, route: &'a Route) -> Operation<'a> {
    let names = route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let schema = |name| Parameter { name, r#in: "path", required: true, schema: Schema { r#type: "string" } };
    let (permission, protected_by) = match &route.access {
        Access::Permission(permission) => (Some(permission.as_str()), None),
        Access::ProtectedBy(words) => (None, Some(words.as_str())),
    };
    Operation {
        operation_id: &function.bin,
        summary: &function.summary,
        tags: [&function.owner],
        security: permission.map(|_| [(BEARER, [])].into()).into_iter().collect(),
        permission,
        protected_by,
        parameters: names.map(schema).collect(),
    }
}
