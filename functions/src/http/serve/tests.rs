use futures::FutureExt;
use futures::future::ready;
use jsonwebtoken::{EncodingKey, Header, encode};
use kernel::advice::stale_version;
use kernel::jwt::Authenticator;
use kernel::platform_secret::{Secrets, Version};
use kernel::{Clock, Context, Error};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::MAX_BODY;
use super::super::request::tests::event;
use super::*;
use crate::log_capture::LogCapture;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct App {
    auth: Authenticator,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Edit {
    notes: String,
}

async fn edit(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, "lead:douyin:leads:edit").await?;
    let lead_id: u64 = request.path_id("leadId", "lead")?;
    let edit: Edit = request.json_body(MAX_BODY)?;
    match edit.notes.as_str() {
        "broken" => Err(Error::Corrupt("lead row").into()),
        "away" => ApiResponse::redirect("https://app.example/"),
        "panics" => panic!("a bug"),
        "stale" => Err(Problem::of(stale_version(3), &[], "lead is at version 3")),
        notes => ApiResponse::ok(json!({"leadId": lead_id, "notes": notes, "userId": caller.user_id})),
    }
}

async fn app() -> App {
    let secret = json!({"douyinClientKey": "k", "douyinClientSecret": "s", "jwtSecret": SECRET}).to_string();
    let read = move || ready(Version::parse("1", &secret)).boxed();
    let secrets = Secrets::read_by(Box::new(read), Clock::System).await.unwrap();
    let cx = Context::load(&[("AWS_REGION", "us-east-1")].into_iter().collect()).unwrap();
    App { auth: Authenticator::with_secrets(&cx, secrets).await.unwrap() }
}

fn token(permission: &str) -> String {
    let exp = kernel::Clock::System.now().as_second() + 3_600;
    let claims = json!({"userId": 1001, "permissions": [permission], "exp": exp});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn patch(token: &str, lead_id: &str, body: &str) -> LambdaEvent<HttpEvent> {
    let mut context = lambda_runtime::Context::default();
    context.request_id = "r-1".into();
    let sent = event(&json!({
        "rawPath": format!("/api/v1/lead/douyin/leads/{lead_id}"),
        "rawQueryString": "query=query-secret",
        "pathParameters": {"leadId": lead_id},
        "headers": {"authorization": format!("Bearer {token}")},
        "body": body,
    }));
    LambdaEvent { context, ..sent }
}

/// The answer to `request` and everything logged for it at TRACE.
async fn answer(request: LambdaEvent<HttpEvent>) -> (Response<String>, Vec<Value>) {
    let (captured, _guard) = LogCapture::start();
    let response = dispatch(&app().await, edit, request).await;
    let text = captured.text();
    for secret in ["Bearer e", "eyJ", "query-secret", "note-secret"] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    (response, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test]
async fn serve_turns_an_outcome_into_one_answer_and_one_log_line() {
    let editor = token("lead:douyin:*");
    for (case, request, status, error_type, user) in [
        ("good", patch(&editor, "7", r#"{"notes":"note-secret"}"#), 200, Value::Null, json!(1001)),
        ("redirect", patch(&editor, "7", r#"{"notes":"away"}"#), 302, Value::Null, json!(1001)),
        ("no token", patch("", "7", "{}"), 401, json!("UNAUTHENTICATED"), Value::Null),
        ("no permission", patch(&token("x:*"), "7", "{}"), 403, json!("PERMISSION_DENIED"), json!(1001)),
        ("bad body", patch(&editor, "7", r#"{"note-secret":1}"#), 400, json!("INVALID_REQUEST"), json!(1001)),
        ("no such id", patch(&editor, "x7", "{}"), 404, json!("NOT_FOUND"), json!(1001)),
        ("conflict", patch(&editor, "7", r#"{"notes":"stale"}"#), 409, json!("CONFLICT"), json!(1001)),
        ("our fault", patch(&editor, "7", r#"{"notes":"broken"}"#), 500, json!("INTERNAL"), json!(1001)),
    ] {
        let (response, lines) = answer(request).await;
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(response.headers()["x-request-id"], "r-1", "{case}");
        if status != 302 {
            let body: Value = serde_json::from_str(response.body()).unwrap();
            assert_eq!(body["code"], status, "{case}");
            assert_eq!(body["error"]["type"], error_type, "{case}");
            assert_eq!(body["error"]["requestId"], if error_type.is_null() { Value::Null } else { json!("r-1") });
        }

        let [line] = lines.as_slice() else { panic!("{case}: {lines:#?}") };
        assert_eq!(line["level"], if status == 500 { "ERROR" } else { "INFO" }, "{case}");
        assert_eq!(line["method"], "GET", "{case}");
        assert_eq!(line["route"], "/api/v1/lead/douyin/leads/{leadId}", "{case}");
        assert_eq!(line["status"], status, "{case}");
        assert_eq!(line["error.type"], error_type, "{case}");
        assert!(line["duration_ms"].is_u64(), "{case}");
        assert_eq!(line["spans"][0]["request.id"], "r-1", "{case}");
        assert_eq!(line["spans"][0]["user.id"], user, "{case}");
    }
}

#[tokio::test]
async fn serve_logs_internal_causes_and_does_not_answer_them() {
    let (response, lines) = answer(patch(&token("*"), "7", r#"{"notes":"broken"}"#)).await;
    assert_eq!(lines[0]["error.cause"], "lead row cannot be decoded");
    assert!(!response.body().contains("lead row"));
}

#[tokio::test]
async fn serve_answers_a_panic_in_the_envelope() {
    let (response, lines) = answer(patch(&token("*"), "7", r#"{"notes":"panics"}"#)).await;
    assert_eq!(response.status(), 500);
    let body: Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!((&body["error"]["type"], &body["error"]["requestId"]), (&json!("INTERNAL"), &json!("r-1")));
    assert_eq!(lines.last().unwrap()["error.cause"], "internal error: the handler panicked");
}

#[test]
fn serve_answers_as_an_http_api_takes_it() {
    let response = Response::builder().status(302).header("location", "https://app.example/");
    let response = response.header("set-cookie", "a=1").header("set-cookie", "b=2").body(String::new()).unwrap();
    let answer = serde_json::to_value(HttpAnswer::from(response)).unwrap();
    let expected = json!({
        "statusCode": 302, "headers": {"location": "https://app.example/"}, "cookies": ["a=1", "b=2"], "body": "",
        "isBase64Encoded": false,
    });
    assert_eq!(answer, expected);
}
