//! The API that the transformed template declares.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::cors::Cors;
use super::routes::{Route, Routes};
use super::throttle::Limit;
use crate::stack::{Expressions, Parameters, Template, kind, resources};

/// An API's definition, with the values its parameters have.
#[derive(Debug, Clone)]
pub struct Api {
    pub(super) routes: Routes,
    pub(super) cors: Option<Cors>,
    /// Of every route by itself: the stage's default settings.
    pub(super) limit: Limit,
}

impl Api {
    /// Reads it from a template. Parameters that are not given have their defaults.
    ///
    /// # Errors
    /// When the template declares no HTTP API, or one that this front cannot serve.
    pub fn new(template: &Template, parameters: &Parameters) -> Result<Self> {
        let expressions = Expressions::new(template, parameters);
        let bins: BTreeMap<&str, &str> = resources(&template.body)
            .iter()
            .filter_map(|(id, resource)| {
                Some((id.as_str(), resource.pointer("/Metadata/BuildProperties/Binary")?.as_str()?))
            })
            .collect();
        let body = of_kind(template, "AWS::ApiGatewayV2::Api")?.pointer("/Properties/Body");
        let body = body.context("the API has no definition")?;
        let mut routes = Vec::new();
        for (path, operations) in body.get("paths").and_then(Value::as_object).context("the API has no paths")? {
            for (method, operation) in operations.as_object().into_iter().flatten() {
                let integration = operation.get("x-amazon-apigateway-integration").context("no integration")?;
                let is_current = integration.get("payloadFormatVersion").is_some_and(|version| version == "2.0");
                ensure!(is_current, "{method} {path} has another payload format than 2.0");
                let uri = integration.pointer("/uri/Fn::Sub").and_then(Value::as_str).context("no function")?;
                let id = uri.split("/functions/${").nth(1).and_then(|rest| rest.split(".Arn}").next());
                let bin = id.and_then(|id| bins.get(id)).with_context(|| format!("{method} {path} has no function"))?;
                routes.push(Route::new(&method.to_uppercase(), path, bin)?);
            }
        }
        let cors = body.get("x-amazon-apigateway-cors").and_then(|settings| expressions.value(settings));
        let cors = cors.map(|settings| Cors::new(&settings)).transpose()?;
        let stage = of_kind(template, "AWS::ApiGatewayV2::Stage")?.pointer("/Properties/DefaultRouteSettings");
        let stage = stage.and_then(|settings| expressions.value(settings)).context("the stage has no settings")?;
        let limit =
            Limit { burst: number(&stage, "ThrottlingBurstLimit")?, rate: number(&stage, "ThrottlingRateLimit")? };
        Ok(Self { routes: Routes::new(routes), cors, limit })
    }

    /// Method, path template and function of every route.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.routes.iter().map(|route| (route.method.as_str(), route.path.as_str(), route.bin.as_str()))
    }
}

fn of_kind<'a>(template: &'a Template, wanted: &str) -> Result<&'a Value> {
    let mut found = resources(&template.body).values().filter(|resource| kind(resource) == wanted);
    let first = found.next().with_context(|| format!("the template has no {wanted}"))?;
    ensure!(found.next().is_none(), "the template has more than one {wanted}");
    Ok(first)
}

/// A number, or the text of one: parameters are text.
fn number(settings: &Value, name: &str) -> Result<f64> {
    let value = settings.get(name).with_context(|| format!("the stage has no {name}"))?;
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.with_context(|| format!("{name} of the stage is no number: {value}"))
}
