//! One call as it arrived: its parameters wherever the platform looks for them, and what was improper about it.

use std::borrow::Cow;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use url::form_urlencoded;

use super::endpoint::Endpoint;

/// No documented call comes near this.
const LARGEST_BODY: usize = 256 * 1024;

/// The ticks of the consent form; nothing the platform documents may come twice.
const REPEATABLE: [&str; 2] = ["tick", "untick"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    None,
    Form,
    Json,
    Multipart,
    /// Of no type the platform reads; its content is ignored.
    Other,
}

pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) kind: BodyKind,
    pub(crate) has_slash: bool,
    headers: HeaderMap,
    raw_query: String,
    query: Vec<(String, String)>,
    body: Vec<(String, String)>,
}

impl Incoming {
    pub(crate) async fn read(request: Request) -> Self {
        let (parts, body) = request.into_parts();
        // An unreadable or oversized body is as good as none: the parameters are missing then.
        let bytes = body::to_bytes(Body::new(body), LARGEST_BODY).await.unwrap_or_default();
        Self::new(parts.method, parts.uri.path(), parts.uri.query().unwrap_or_default(), parts.headers, &bytes)
    }

    pub(crate) fn new(method: Method, path: &str, query: &str, headers: HeaderMap, bytes: &[u8]) -> Self {
        let content_type = text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let (kind, body) = read_body(&content_type, bytes);
        Self {
            method,
            kind,
            has_slash: path.ends_with('/'),
            headers,
            raw_query: query.to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            body,
        }
    }

    /// A parameter, from the body or else the query; empty is missing.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.in_body(name).or_else(|| self.in_query(name))
    }

    pub(crate) fn in_body(&self, name: &str) -> Option<&str> {
        find(&self.body, name)
    }

    pub(crate) fn in_query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Every value of a repeatable query parameter.
    pub(crate) fn all_in_query<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name).filter(|value| !value.is_empty())
    }

    /// Whether an id stands in the query with characters that had to be percent-encoded. The platform misreads such an
    /// id and blames the token.
    pub(crate) fn has_unencoded(&self, name: &str) -> bool {
        self.raw_query.split('&').filter_map(|pair| pair.split_once('=')).any(|(key, value)| {
            key == name && value.chars().any(|c| matches!(c, '@' | '+' | '/' | '=' | ' ') || !c.is_ascii())
        })
    }

    /// What a strict reader of the documents would object to, although the platform lets it pass.
    pub(crate) fn violations(&self, endpoint: Endpoint) -> Vec<String> {
        let mut found = Vec::new();
        let mut note = |text: Cow<'static, str>| {
            if !found.iter().any(|known: &String| *known == text) {
                found.push(text.into_owned());
            }
        };
        if !self.has_slash {
            note("path without its final slash".into());
        }
        let documented = endpoint.parameters();
        let all = || self.body.iter().chain(&self.query).map(|(name, _)| name.as_str());
        for name in all() {
            if !documented.contains(&name) {
                note(format!("undocumented parameter {}", printable(name)).into());
            }
            if !REPEATABLE.contains(&name) && all().filter(|other| *other == name).count() > 1 {
                note(format!("parameter {} sent twice", printable(name)).into());
            }
        }
        for name in ["client_secret", "access_token", "refresh_token", "code"] {
            if self.in_query(name).is_some() {
                note(format!("{name} in the query, where logs keep it").into());
            }
        }
        if self.has_unencoded("open_id") {
            note("open_id not percent-encoded".into());
        }
        let proper = match endpoint {
            Endpoint::AccessToken | Endpoint::RefreshToken | Endpoint::RenewRefreshToken | Endpoint::UserInfo => {
                self.method == Method::POST && self.kind == BodyKind::Form
            }
            Endpoint::ClientToken | Endpoint::StableClientToken => {
                self.method == Method::POST && self.kind == BodyKind::Json
            }
            Endpoint::FansList | Endpoint::FansCheck => {
                if self.header("content-type") != Some("application/json") {
                    note("content-type is not application/json".into());
                }
                if self.header("access_token").is_some() {
                    note("header access_token, which is not read here".into());
                }
                if self.in_body("access_token").is_some() {
                    note("access_token in the body, where it is ignored".into());
                }
                self.method == Method::GET && self.kind != BodyKind::Form
            }
            Endpoint::Connect => self.method == Method::GET,
        };
        if !proper {
            note(format!("sent as {} with {:?} body", self.method, self.kind).into());
        }
        found
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A parameter name fit for the journal; a token sent as a name must not get there whole.
fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(32).collect()
}

fn read_body(content_type: &str, bytes: &[u8]) -> (BodyKind, Vec<(String, String)>) {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        _ if bytes.is_empty() => (BodyKind::None, Vec::new()),
        "application/x-www-form-urlencoded" => (BodyKind::Form, form_urlencoded::parse(bytes).into_owned().collect()),
        "application/json" => (BodyKind::Json, json_fields(bytes)),
        "multipart/form-data" => (BodyKind::Multipart, multipart_fields(content_type, bytes)),
        _ => (BodyKind::Other, Vec::new()),
    }
}

fn json_fields(bytes: &[u8]) -> Vec<(String, String)> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// The text fields of a multipart form; the old page of one endpoint asks for that form. No file is ever expected.
fn multipart_fields(content_type: &str, bytes: &[u8]) -> Vec<(String, String)> {
    let Some((_, boundary)) = content_type.split_once("boundary=") else { return Vec::new() };
    let boundary = format!("--{}", boundary.split(';').next().unwrap_or_default().trim().trim_matches('"'));
    let content = String::from_utf8_lossy(bytes);
    let field = |part: &str| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let (_, name) = head.split_once("name=\"")?;
        let (name, _) = name.split_once('"')?;
        Some((name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned()))
    };
    content.split(boundary.as_str()).filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(method: Method, path_and_query: &str, content_type: &str, body: &str) -> Incoming {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        Incoming::new(method, path, query, headers, body.as_bytes())
    }

    #[test]
    fn douyin_request_parameters_are_read_from_every_form_of_body() {
        let multipart = "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\na b\r\n--x--\r\n";
        for (content_type, body, kind) in [
            ("application/x-www-form-urlencoded", "code=a+b&empty=", BodyKind::Form),
            ("application/json; charset=utf-8", r#"{"code":"a b","n":5}"#, BodyKind::Json),
            ("multipart/form-data; boundary=x", multipart, BodyKind::Multipart),
        ] {
            let request = incoming(Method::POST, "/oauth/access_token/", content_type, body);
            assert_eq!((request.kind, request.param("code")), (kind, Some("a b")), "{content_type}");
            assert_eq!(request.param("empty"), None);
        }
        let unread = incoming(Method::POST, "/x/", "text/plain", "code=1");
        assert_eq!((unread.kind, unread.param("code")), (BodyKind::Other, None));
    }

    #[test]
    fn douyin_request_that_is_proper_has_no_violations() {
        let form = "application/x-www-form-urlencoded";
        let body = "client_key=k&grant_type=refresh_token&refresh_token=r";
        let request = incoming(Method::POST, "/oauth/refresh_token/", form, body);
        assert_eq!(request.violations(Endpoint::RefreshToken), Vec::<String>::new());
        let page = incoming(Method::GET, "/fans/list/?open_id=%40a%2B%2F%3D&count=20", "application/json", "");
        assert_eq!(page.violations(Endpoint::FansList), Vec::<String>::new());
        assert!(!page.has_unencoded("open_id"));
    }

    #[test]
    fn douyin_request_that_is_improper_names_its_violations() {
        let form = "application/x-www-form-urlencoded";
        let body = "client_key=k&client_secret=s&refresh_token=r&refresh_token=q";
        let request = incoming(Method::POST, "/oauth/refresh_token?code=1", form, body);
        assert_eq!(
            request.violations(Endpoint::RefreshToken),
            [
                "path without its final slash",
                "undocumented parameter client_secret",
                "parameter refresh_token sent twice",
                "undocumented parameter code",
                "code in the query, where logs keep it",
            ]
        );
        let page = incoming(Method::GET, "/fans/list/?open_id=@a+/=&count=20&access_token=t", "", "");
        assert_eq!(
            page.violations(Endpoint::FansList),
            [
                "access_token in the query, where logs keep it",
                "open_id not percent-encoded",
                "content-type is not application/json",
            ]
        );
    }
}
