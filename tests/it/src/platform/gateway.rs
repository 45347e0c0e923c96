//! The HTTP API in front of the functions: what comes of a request before a function sees it, and of its answer after.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::catalog;
use local::gateway::{Api, Gateway, Invoke};
use local::stack::{self, Parameters, Template};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Event, World};

const FRONTEND: &str = "https://app.example.com";

async fn template() -> Result<Template> {
    stack::transform(&local::paths::workspace().join("template.yaml")).await
}

fn parameters(more: &[(&str, &str)]) -> Parameters {
    let all = [("FrontendOrigins", "https://www.example.com,https://app.example.com")]
        .into_iter()
        .chain(more.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A gateway before functions that answer with the event they get.
async fn echo(more: &[(&str, &str)]) -> Result<Gateway> {
    let invoke: Invoke = Arc::new(|_, event| {
        Box::pin(async move { Ok(json!({ "statusCode": 200, "headers": {}, "body": event.to_string() })) })
    });
    Gateway::start(0, Api::new(&template().await?, &parameters(more))?, invoke).await
}

/// A gateway before the functions of a world.
async fn before(world: &Arc<World>) -> Result<Gateway> {
    let world = Arc::clone(world);
    let invoke: Invoke = Arc::new(move |bin, event| {
        let world = Arc::clone(&world);
        Box::pin(async move {
            let answer = world.call(&Event::received(bin, event)).await?;
            let (cookies, headers): (BTreeMap<_, _>, BTreeMap<_, _>) =
                answer.headers.into_iter().partition(|(name, _)| name == "set-cookie");
            let cookies: Vec<String> = cookies.into_values().collect();
            Ok(json!({ "statusCode": answer.status, "headers": headers, "cookies": cookies, "body": answer.text }))
        })
    });
    Gateway::start(0, Api::new(&template().await?, &parameters(&[]))?, invoke).await
}

fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?)
}

async fn json_of(response: Response) -> Result<Value> {
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}

/// The request that a sample event was made of.
fn request_of(url: &str, sample: &Value) -> Result<reqwest::RequestBuilder> {
    let text = |pointer: &str| sample.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let query =
        if text("/rawQueryString").is_empty() { String::new() } else { format!("?{}", text("/rawQueryString")) };
    let method: Method = text("/requestContext/http/method").parse()?;
    let mut request = client()?.request(method, format!("{url}{}{query}", text("/rawPath")));
    for (name, value) in sample["headers"].as_object().context("no headers")? {
        if !["host", "content-length"].contains(&name.as_str()) && !name.starts_with("x-forwarded") {
            request = request.header(name, value.as_str().context("a header that is no text")?);
        }
    }
    if let Some(cookies) = sample["cookies"].as_array() {
        let cookies: Vec<&str> = cookies.iter().filter_map(Value::as_str).collect();
        request = request.header("cookie", cookies.join("; "));
    }
    Ok(match sample["body"].as_str() {
        Some(body) if sample["isBase64Encoded"] == true => request.body(STANDARD.decode(body)?),
        Some(body) => request.body(body.to_owned()),
        None => request,
    })
}

#[tokio::test]
async fn gateway_makes_the_sample_event_of_every_route_from_its_request() -> Result<()> {
    let gateway = echo(&[]).await?;
    let guarded = catalog::ROUTES.iter().map(|route| route.name);
    for name in guarded.chain(catalog::OPEN_ROUTES.iter().map(|route| route.name)) {
        let sample = Event::sample(name)?;
        let sample = sample.value();
        let made = json_of(request_of(gateway.url(), sample)?.send().await?).await.with_context(|| name)?;
        let fields = [
            "version",
            "routeKey",
            "rawPath",
            "rawQueryString",
            "cookies",
            "queryStringParameters",
            "pathParameters",
            "body",
            "isBase64Encoded",
        ];
        for field in fields {
            assert_eq!(made[field], sample[field], "{name}: {field}");
        }
        for field in ["method", "path", "protocol", "userAgent"] {
            assert_eq!(
                made["requestContext"]["http"][field], sample["requestContext"]["http"][field],
                "{name}: {field}"
            );
        }
        for (header, value) in sample["headers"].as_object().context("no headers")? {
            let is_ours = ["host"].contains(&header.as_str()) || header.starts_with("x-forwarded");
            assert!(made["headers"][header].is_string(), "{name}: {header} is missing");
            assert!(is_ours || made["headers"][header] == *value, "{name}: {header}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn gateway_decodes_paths_and_keeps_queries_raw_and_hands_forms_over_as_base64() -> Result<()> {
    let gateway = echo(&[]).await?;
    let url = format!("{}/api/v1/lead/douyin/leads/1%2F2%20x?a=1&a=%22&b", gateway.url());
    let event = json_of(client()?.get(url).send().await?).await?;
    assert_eq!(event["rawPath"], "/api/v1/lead/douyin/leads/1/2 x");
    assert_eq!(event["pathParameters"], json!({ "leadId": "1/2 x" }));
    assert_eq!(event["rawQueryString"], "a=1&a=%22&b");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,\"", "b": "" }));
    let form = client()?.post(format!("{}/api/v1/lead/douyin/webhook", gateway.url())).form(&[("a", "1")]);
    let event = json_of(form.send().await?).await?;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT0x"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn gateway_without_a_function_to_ask_answers_as_api_gateway_does() -> Result<()> {
    let failing: Invoke = Arc::new(|_, _| Box::pin(async { anyhow::bail!("it has panicked") }));
    let api = Api::new(&template().await?, &parameters(&[("ThrottlingBurst", "2"), ("ThrottlingRate", "1")]))?;
    let gateway = Gateway::start(0, api, failing).await?;
    let at = |path: &str| format!("{}{path}", gateway.url());
    let large = vec![b' '; (10 << 20) + 1];
    let requests = [
        (client()?.get(at("/api/v1/nothing")), 404, "Not Found"),
        (client()?.head(at("/api/v1/lead/douyin/leads")), 404, ""),
        (client()?.get(at("/api/v1/lead/douyin/leads")), 500, "Internal Server Error"),
        (client()?.post(at("/api/v1/lead/douyin/webhook")).body(large), 413, "Request Entity Too Large"),
        (client()?.get(at("/api/v1/lead/douyin/leads")), 500, "Internal Server Error"),
        (client()?.get(at("/api/v1/lead/douyin/leads")), 429, "Too Many Requests"),
    ];
    for (request, status, message) in requests {
        let response = request.send().await?;
        assert_eq!(response.status(), status);
        assert!(response.headers().contains_key("apigw-requestid"));
        if !message.is_empty() {
            assert_eq!(json_of(response).await?, json!({ "message": message }));
        }
    }
    Ok(())
}

#[tokio::test]
async fn gateway_answers_preflights_and_marks_answers_for_the_configured_origins_alone() -> Result<()> {
    let gateway = echo(&[]).await?;
    // Also for a path that does not exist: a browser is told so by the request itself.
    let url = format!("{}/api/v1/lead/douyin/nothing", gateway.url());
    for (origin, is_allowed) in [(FRONTEND, true), ("https://app.example.com.evil.example", false), ("null", false)] {
        let preflight = client()?.request(Method::OPTIONS, &url).header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "PATCH").send().await?;
        assert_eq!(preflight.status(), 204);
        let header = |name: &str| preflight.headers().get(name).and_then(|value| value.to_str().ok());
        let expected = [
            ("access-control-allow-origin", FRONTEND),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "authorization,content-type,idempotency-key"),
            ("access-control-max-age", "3600"),
        ];
        for (name, value) in expected {
            assert_eq!(header(name), is_allowed.then_some(value), "{origin}: {name}");
        }
        let answer = client()?.get(&url).header("origin", origin).send().await?;
        let marked = answer.headers().get("access-control-allow-origin").and_then(|value| value.to_str().ok());
        assert_eq!((answer.status().as_u16(), marked), (404, is_allowed.then_some(FRONTEND)));
        let exposed = answer.headers().get("access-control-expose-headers").and_then(|value| value.to_str().ok());
        assert_eq!(exposed, is_allowed.then_some("content-disposition"));
    }
    let without_origin = client()?.request(Method::OPTIONS, &url).send().await?;
    assert_eq!(without_origin.status(), 404);
    Ok(())
}

/// Sends a request as it is written here, for what no HTTP client would send. A quotation mark, `<` or blank in the query is
/// refused by the HTTP server of this front already; what a function does with them is tested by its events.
async fn raw(gateway: &Gateway, target: &str, headers: &str) -> Result<(u16, String)> {
    let address = gateway.url().strip_prefix("http://").context("no address")?;
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateway_before_the_functions_answers_in_the_envelope_whatever_a_browser_sends() -> Result<()> {
    let world = Arc::new(World::start().await?);
    let gateway = before(&world).await?;
    let token = world.token(7, &["lead:douyin:*"])?;
    let list = format!("{}/api/v1/lead/douyin/leads?page=1&size=10", gateway.url());
    let answer = client()?.get(&list).bearer_auth(&token).send().await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(json_of(answer).await?["data"]["total"], 0);
    assert_eq!(json_of(client()?.get(&list).send().await?).await?["error"]["type"], "UNAUTHENTICATED");

    let authorization = format!("authorization: Bearer {token}\r\n");
    for (target, headers, status) in [
        ("/api/v1/lead/douyin/leads?keyword={}", "x-forwarded-proto: \"ht tp\"\r\n", 200),
        ("/api/v1/lead/douyin/leads?page=%", "", 400),
        ("/api/v1/lead/douyin/leads/%00", "x-forwarded-host: <x>\r\n", 404),
        ("/api/v1/lead/douyin/leads/%FF", "", 404),
    ] {
        let (seen, body) = raw(&gateway, target, &format!("{authorization}{headers}")).await?;
        assert_eq!(seen, status, "{target}: {body}");
        let body: Value = serde_json::from_str(&body).with_context(|| format!("{target}: no JSON: {body}"))?;
        assert!(body["code"].is_number() && body["message"].is_string(), "{target}: {body}");
    }

    // The cookie that ties a link to its browser comes through.
    let link =
        client()?.get(format!("{}/api/v1/lead/douyin/auth/url", gateway.url())).bearer_auth(&token).send().await?;
    ensure!(link.headers().get("set-cookie").is_some(), "no cookie in {:?}", link.headers());
    Ok(())
}
