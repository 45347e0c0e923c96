//! Cross-origin requests, answered by API Gateway itself.

use anyhow::{Context, Result, ensure};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::Value;

/// The settings of an API. A preflight is answered without a function; to other answers the headers are added, and
/// those that a function has set itself are dropped.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Cors {
    allow_origins: Vec<String>,
    #[serde(default)]
    allow_credentials: bool,
    #[serde(default)]
    allow_methods: Vec<String>,
    #[serde(default)]
    allow_headers: Vec<String>,
    /// What a page may read of an answer beside the few headers that it always may.
    #[serde(default)]
    expose_headers: Vec<String>,
    #[serde(default)]
    max_age: Option<u64>,
}

impl Cors {
    pub(super) fn new(settings: &Value) -> Result<Self> {
        let cors: Self = serde_json::from_value(settings.clone()).context("the API's CORS settings")?;
        let has_wildcard = cors.allow_origins.iter().any(|origin| origin.contains('*'));
        ensure!(!has_wildcard, "origins with a wildcard are not served here: {:?}", cors.allow_origins);
        Ok(cors)
    }

    /// The origin of a request, if it is an allowed one.
    fn allowed<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        self.allow_origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    /// Whether a request is a preflight, which is answered whatever its path.
    pub(super) fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && request.contains_key(header::ORIGIN)
            && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Headers of the answer to a preflight: none for an origin that is not allowed, and its browser stops there.
    pub(super) fn preflight(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.name_origin(request, &mut headers);
        if headers.is_empty() {
            return headers;
        }
        let lists = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, self.allow_methods.join(",")),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.allow_headers.join(",")),
            (header::ACCESS_CONTROL_MAX_AGE, self.max_age.map(|seconds| seconds.to_string()).unwrap_or_default()),
        ];
        for (name, value) in lists {
            if let (false, Ok(value)) = (value.is_empty(), value.parse()) {
                headers.insert(name, value);
            }
        }
        headers
    }

    /// Puts the headers of an answer that is none to a preflight, in place of the function's own.
    pub(super) fn mark(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        let own: Vec<HeaderName> =
            answer.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
        for name in own {
            answer.remove(name);
        }
        self.name_origin(request, answer);
        let exposed = self.expose_headers.join(",");
        if let (true, false, Ok(exposed)) = (self.allowed(request).is_some(), exposed.is_empty(), exposed.parse()) {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn name_origin(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if let Some(origin) = self.allowed(request) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if self.allow_credentials {
                answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }
}
