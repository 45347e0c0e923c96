//! `events/<name>.json`: a sample event to begin with, for each function that has none yet. What a request needs beyond
//! its route, such as a body that is accepted, is put in by hand and stays.

use super::declaration::{Declaration, Function, Route, Trigger};
use super::part::Part;

/// What stands for any parameter of a path.
const PARAMETER: &str = "1";

pub(super) fn parts(declaration: &Declaration) -> Vec<Part> {
    let functions = declaration.functions.iter();
    functions.map(|function| Part::first_draft(format!("events/{}.json", function.bin), text(function))).collect()
}

fn text(function: &Function) -> String {
    match &function.trigger {
        Trigger::Route(route) => request(route),
        Trigger::Queue(queue) => message(queue),
        Trigger::Schedule(_) => "{}\n".to_owned(),
    }
}

fn request(Route { method, path, .. }: &Route) -> String {
    let names: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let filled = names.iter().fold(path.clone(), |path, name| path.replace(&format!("{{{name}}}"), PARAMETER));
    let parameters: Vec<String> = names.iter().map(|name| format!("    \"{name}\": \"{PARAMETER}\"")).collect();
    let parameters = match parameters.is_empty() {
        true => String::new(),
        false => format!("  \"pathParameters\": {{\n{}\n  }},\n", parameters.join(",\n")),
    };
    let (content_type, body) = match method.as_str() {
        "POST" | "PATCH" | "PUT" => ("\n    \"content-type\": \"application/json\",", "  \"body\": \"{}\",\n"),
        _ => ("", ""),
    };
    format!(
        r#"{{
  "version": "2.0",
  "routeKey": "{method} {path}",
  "rawPath": "{filled}",
  "rawQueryString": "",
  "headers": {{
    "accept": "application/json",
    "authorization": "Bearer <output of: cargo dev token>",{content_type}
    "host": "cunkebao.example.com",
    "user-agent": "Mozilla/5.0",
    "x-forwarded-for": "203.0.113.10",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https"
  }},
  "requestContext": {{
    "accountId": "123456789012",
    "apiId": "a1b2c3d4e5",
    "domainName": "cunkebao.example.com",
    "domainPrefix": "cunkebao",
    "http": {{
      "method": "{method}",
      "path": "{filled}",
      "protocol": "HTTP/1.1",
      "sourceIp": "203.0.113.10",
      "userAgent": "Mozilla/5.0"
    }},
    "requestId": "JKJaXmPLvHcESHA=",
    "routeKey": "{method} {path}",
    "stage": "$default",
    "time": "20/Nov/2026:02:00:00 +0000",
    "timeEpoch": 1795140000000
  }},
{parameters}{body}  "isBase64Encoded": false
}}
"#
    )
}

fn message(queue: &str) -> String {
    format!(
        r#"{{
  "Records": [
    {{
      "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
      "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
      "body": "{{}}",
      "attributes": {{
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1795140000000",
        "SenderId": "AROAEXAMPLE:cunkebao",
        "ApproximateFirstReceiveTimestamp": "1795140000010",
        "MessageGroupId": "1001"
      }},
      "messageAttributes": {{}},
      "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
      "eventSource": "aws:sqs",
      "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:cunkebao-{queue}",
      "awsRegion": "us-east-1"
    }}
  ]
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::paths;

    /// The samples of routes that take neither query nor body are those that anybody would begin with.
    #[test]
    fn first_draft_of_a_plain_route_is_its_sample_event() {
        let root = paths::workspace();
        let declaration = Declaration::read(&root).unwrap();
        let plain = ["douyin-accounts", "douyin-lead", "sweeper"];
        for function in declaration.functions.iter().filter(|function| plain.contains(&function.bin.as_str())) {
            let sample = std::fs::read_to_string(root.join(format!("events/{}.json", function.bin))).unwrap();
            assert_eq!(text(function), sample, "{}", function.bin);
        }
    }

    #[test]
    fn first_draft_of_every_function_is_json() {
        for function in Declaration::read(&paths::workspace()).unwrap().functions {
            assert!(serde_json::from_str::<Value>(&text(&function)).is_ok(), "{}", function.bin);
        }
    }
}
