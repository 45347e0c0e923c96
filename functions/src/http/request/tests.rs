use kernel::ids::TaskId;
use lambda_runtime::Context;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// An event of API Gateway's HTTP API, payload version 2.0, with `changes`.
pub(crate) fn event(changes: &Value) -> LambdaEvent<HttpEvent> {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/api/v1/lead/douyin/leads",
        "rawQueryString": "",
        "headers": {"host": "api.example"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "gateway-1", "timeEpoch": 0,
            "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"}
        },
        "isBase64Encoded": false
    });
    event.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    LambdaEvent::new(serde_json::from_str(&event.to_string()).unwrap(), Context::default())
}

fn request(changes: &Value) -> ApiRequest {
    ApiRequest::from(event(changes))
}

#[test]
fn request_query_is_decoded_once() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Query {
        keyword: String,
        at: Option<String>,
    }
    let request = request(&json!({"rawQueryString": "keyword=%E5%BC%A0%2B%25+x&at=&utm=1&utm=2"}));
    assert_eq!(request.query::<Query>().unwrap(), Query { keyword: "张+% x".into(), at: None });

    let twice = self::request(&json!({"rawQueryString": "keyword=a&keyword=b"})).query::<Query>();
    assert!(matches!(twice, Err(Error::InvalidRequest(fields)) if fields[0].path == "keyword"));
}

#[test]
fn request_body_is_read_plain_and_base64() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Edit {
        notes: String,
    }
    for (body, encoded) in [(r#"{"notes":"好"}"#, false), ("eyJub3RlcyI6IuWlvSJ9", true)] {
        let request = request(&json!({"body": body, "isBase64Encoded": encoded}));
        assert_eq!(request.body(), r#"{"notes":"好"}"#.as_bytes());
        assert_eq!(request.json_body::<Edit>(100).unwrap().notes, "好");
    }
    assert!(request(&json!({})).json_body::<Edit>(100).is_err());
}

#[test]
fn request_path_that_is_no_id_is_not_found() {
    for (value, expected) in [
        ("7", Some(7)),
        ("%37", Some(7)),
        ("07", None),
        ("7%20", None),
        ("seven", None),
        ("%FF", None),
        ("", None),
        ("9007199254740993", None),
    ] {
        let request = request(&json!({"pathParameters": {"taskId": value}}));
        let id = request.path_id::<TaskId>("taskId", "sync task");
        assert_eq!(id.as_ref().ok().map(|id| id.get()), expected, "{value}");
        assert!(id.is_ok() || matches!(id, Err(Error::NotFound("sync task"))), "{value}");
    }
    assert!(request(&json!({})).path_id::<String>("douyinUserId", "account").is_err());
}

#[test]
fn request_route_names_path_parameters_without_their_values() {
    for (path, parameters, expected) in [
        ("/api/v1/leads", json!({}), "/api/v1/leads"),
        ("/api/v1/leads/7", json!({"leadId": "7"}), "/api/v1/leads/{leadId}"),
        ("/hook/a%2Fb", json!({"secret": "a/b"}), "/hook/{secret}"),
        ("/hook/a%2Fb", json!({"secret": "a%2Fb"}), "/hook/{secret}"),
    ] {
        let request = request(&json!({"rawPath": path, "pathParameters": parameters}));
        assert_eq!(request.route(), expected);
    }
}

#[test]
fn request_id_is_that_of_the_invocation() {
    assert_eq!(request(&json!({})).request_id(), "gateway-1");
    let mut context = Context::default();
    context.request_id = "invocation-1".into();
    context.deadline = 1_795_132_860_000;
    let request = ApiRequest::from(LambdaEvent { context, ..event(&json!({})) });
    assert_eq!(request.request_id(), "invocation-1");
    let now: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    assert_eq!(request.deadline(now, Duration::from_secs(15)).remaining(now), Duration::from_secs(60));
}

/// Each of these a browser or a script can send, and `lambda_http` panics at each.
#[test]
fn request_that_is_no_uri_is_read_as_it_was_sent() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Query {
        keyword: String,
    }
    let long = "a".repeat(70_000);
    for (query, keyword) in [
        ("keyword=\"a\"", "\"a\""),
        ("keyword=<b>", "<b>"),
        ("keyword=a b", "a b"),
        ("keyword=张三", "张三"),
        ("keyword=%FF", "\u{fffd}"),
        ("keyword={`#^|\\}\u{7f}", "{`#^|\\}\u{7f}"),
        (&format!("keyword={long}"), long.as_str()),
    ] {
        let request = request(&json!({"rawQueryString": query}));
        assert_eq!(request.query::<Query>().unwrap().keyword, keyword);
    }
    for (name, value) in [
        ("host", "a b"),
        ("host", "[::1"),
        ("host", "例子:99999"),
        ("x-forwarded-proto", "https, http"),
        ("x-forwarded-proto", ""),
        ("user-agent", "名\u{e9}\u{1}"),
        ("a name", "x"),
    ] {
        let request = request(&json!({"headers": {name: value}}));
        assert_eq!(request.header(name), Some(value));
    }
    for path in ["", "x", "//", "/%", "/\"<>", "/张", "?"] {
        let request = request(&json!({"rawPath": path}));
        assert_eq!(request.route(), path);
    }
}

#[test]
fn request_parts_that_are_absent_or_null_are_empty() {
    let nothing = ["rawPath", "rawQueryString", "headers", "cookies", "pathParameters", "body", "isBase64Encoded"];
    let null = nothing.map(|name| (name.to_owned(), Value::Null)).into_iter().collect::<Value>();
    for changes in [null, json!({"body": "%%%", "isBase64Encoded": true, "requestContext": null})] {
        let request = request(&changes);
        assert_eq!(request.cookies("a").count(), 0);
        assert!(matches!(request.json_body::<Value>(100), Err(Error::InvalidRequest(_))));
    }
}

#[test]
fn request_cookies_are_read_from_the_event_and_from_the_header() {
    for changes in
        [json!({"cookies": ["x=1; key = a", "key=b"]}), json!({"headers": {"cookie": "x=1; key = a;key=b; broken"}})]
    {
        assert_eq!(request(&changes).cookies("key").collect::<Vec<_>>(), ["a", "b"]);
    }
}
