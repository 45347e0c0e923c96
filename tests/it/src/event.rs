//! The sample events, varied by a test, and the answers to them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use functions::http::HttpEvent;
use http::Response;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

/// A sample event of `events/`, to be varied and handed to [`World::call`](crate::World::call).
#[derive(Debug, Clone)]
pub struct Event {
    /// Which function it is for.
    pub function: String,
    value: Value,
    tracing_header: Option<String>,
}

impl Event {
    /// The sample of a function.
    ///
    /// # Errors
    /// When `events/<function>.json` is missing or no JSON.
    pub fn sample(function: &str) -> Result<Self> {
        let path = local::paths::workspace().join("events").join(format!("{function}.json"));
        let text = std::fs::read_to_string(&path).with_context(|| format!("no sample event {}", path.display()))?;
        Ok(Self::received(function.to_owned(), serde_json::from_str(&text)?))
    }

    /// An event for a function, from elsewhere than the samples.
    #[must_use]
    pub fn received(function: String, value: Value) -> Self {
        Self { function, value, tracing_header: None }
    }

    /// On this trace, which AWS says beside the event.
    #[must_use]
    pub fn tracing_header(mut self, header: &str) -> Self {
        self.tracing_header = Some(header.to_owned());
        self
    }

    /// With a header in place of the sample's.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.value["headers"][name] = value.into();
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        if let Some(headers) = self.value["headers"].as_object_mut() {
            headers.remove(name);
        }
        self
    }

    /// With another method than the sample's.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.value["requestContext"]["http"]["method"] = method.into();
        self
    }

    /// With exactly these cookies, one by one as an HTTP API hands them over.
    #[must_use]
    pub fn cookies(mut self, cookies: &[&str]) -> Self {
        self.value["cookies"] = json!(cookies);
        self
    }

    /// With this bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With exactly these query parameters, encoded.
    #[must_use]
    pub fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.value["rawQueryString"] = encoded.into();
        let mut joined: BTreeMap<&str, String> = BTreeMap::new();
        for (name, value) in parameters {
            joined.entry(name).and_modify(|all| *all = format!("{all},{value}")).or_insert_with(|| (*value).to_owned());
        }
        self.value["queryStringParameters"] = json!(joined);
        self
    }

    /// With a path parameter in place of the sample's.
    #[must_use]
    pub fn path(mut self, name: &str, value: &str) -> Self {
        let old = self.value["pathParameters"][name].as_str().unwrap_or_default().to_owned();
        self.value["pathParameters"][name] = value.into();
        let raw = self.value["rawPath"].as_str().unwrap_or_default().replace(&old, value);
        self.value["rawPath"] = raw.clone().into();
        self.value["requestContext"]["http"]["path"] = raw.into();
        self
    }

    /// With this JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body(&body.to_string())
    }

    /// With this body, byte for byte.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        self.value["body"] = body.into();
        self.value["isBase64Encoded"] = false.into();
        self
    }

    /// As Lambda hands it over.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// As the request a function gets.
    ///
    /// # Errors
    /// When the event is not one of an HTTP API.
    pub fn request(&self) -> Result<LambdaEvent<HttpEvent>> {
        let event = serde_json::from_str(&self.value.to_string()).context("the event is no HTTP API event")?;
        let mut context = lambda_runtime::Context::default();
        context.xray_trace_id.clone_from(&self.tracing_header);
        Ok(LambdaEvent::new(event, context))
    }
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers that are text.
    pub headers: BTreeMap<String, String>,
    /// The body, if it is JSON; otherwise null.
    pub body: Value,
    /// The body as it is.
    pub text: String,
}

impl Answer {
    pub(crate) fn new(response: Response<String>) -> Self {
        let headers = response.headers().iter();
        Self {
            status: response.status().as_u16(),
            headers: headers
                .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
                .collect(),
            body: serde_json::from_str(response.body()).unwrap_or_default(),
            text: response.into_body(),
        }
    }

    /// `data` of the envelope.
    #[must_use]
    pub fn data(&self) -> &Value {
        self.body.get("data").unwrap_or(&Value::Null)
    }

    /// `error.type` of the envelope.
    #[must_use]
    pub fn error_type(&self) -> &str {
        self.body.pointer("/error/type").and_then(Value::as_str).unwrap_or_default()
    }
}
