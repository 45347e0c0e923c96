//! One row per shape an answer is documented, or was seen, to have.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use Endpoint::{AccessToken, FansList, RefreshToken, RenewRefreshToken, UserInfo};
use FailureKind as Kind;

#[derive(Debug, Deserialize)]
struct Sample {
    word: String,
}

fn answer(endpoint: Endpoint, body: &Value) -> Result<Answer<Sample>, PlatformError> {
    unwrap(endpoint, 200, body.to_string().as_bytes())
}

#[test]
fn wire_success_is_read_from_every_envelope() {
    let log = Some("20261120201500A1");
    for (name, body, log_id) in [
        (
            "oauth",
            json!({"data": {"word": "w", "error_code": 0, "description": "", "captcha": ""}, "message": "success"}),
            None,
        ),
        (
            "oauth, code quoted",
            json!({"data": {"word": "w", "error_code": "0", "log_id": log}, "message": "success"}),
            log,
        ),
        (
            "legacy",
            json!({"data": {"word": "w", "error_code": 0}, "extra": {"error_code": 0, "sub_error_code": 0, "logid": log, "now": 1}}),
            log,
        ),
        ("legacy, short extra", json!({"data": {"word": "w"}, "extra": {"logid": log, "now": "1"}}), log),
        ("v1", json!({"err_no": 0, "err_msg": "", "log_id": log, "data": {"word": "w"}}), log),
        ("business", json!({"error_code": 0, "message": "", "data": {"word": "w"}}), None),
        (
            "codes null or empty",
            json!({"err_no": null, "error_code": "", "data": {"word": "w", "error_code": null}}),
            None,
        ),
        ("log id null", json!({"log_id": null, "data": {"word": "w", "log_id": log}, "extra": null}), log),
    ] {
        let answer = answer(FansList, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer.data.word, "w", "{name}");
        assert_eq!(answer.log_id.as_deref(), log_id, "{name}");
    }
}

#[test]
fn wire_failure_is_read_from_every_envelope() {
    let log = Some("20261120201500A1");
    for (name, endpoint, body, kind, code, log_id) in [
        (
            "oauth",
            AccessToken,
            json!({"data": {"captcha": "", "desc_url": "", "description": "secret?", "error_code": 10007}, "message": "error"}),
            Kind::CodeRejected,
            Some(10007),
            None,
        ),
        (
            "oauth, message claims success",
            RefreshToken,
            json!({"data": {"word": "w", "error_code": "10010"}, "message": "success"}),
            Kind::ReauthorizationNeeded,
            Some(10010),
            None,
        ),
        (
            "oauth, sixth renewal",
            RenewRefreshToken,
            json!({"data": {"error_code": 10020, "log_id": log}, "message": "error"}),
            Kind::ReauthorizationNeeded,
            Some(10020),
            log,
        ),
        (
            "legacy, both codes, log_id",
            FansList,
            json!({"data": {"error_code": 2190008, "description": "d"}, "extra": {"error_code": 2190008, "log_id": log}}),
            Kind::TokenInvalid,
            Some(2190008),
            log,
        ),
        (
            "legacy, code in extra only",
            FansList,
            json!({"data": {"word": "w"}, "extra": {"error_code": "28003018", "logid": log}}),
            Kind::RateLimited,
            Some(28003018),
            log,
        ),
        (
            "legacy, code in data only",
            FansList,
            json!({"data": {"error_code": 2190001}, "extra": {"logid": log, "now": 1}}),
            Kind::QuotaExhausted,
            Some(2190001),
            log,
        ),
        (
            "legacy, unknown code with a known detail",
            FansList,
            json!({"data": {"error_code": 2109999}, "extra": {"error_code": 2109999, "sub_error_code": 28003017}}),
            Kind::QuotaExhausted,
            Some(28003017),
            None,
        ),
        (
            "legacy, a detail alone",
            FansList,
            json!({"data": {"word": "w", "error_code": 0}, "extra": {"error_code": 0, "sub_error_code": 7}}),
            Kind::Unknown,
            Some(7),
            None,
        ),
        (
            "legacy, data null",
            FansList,
            json!({"data": null, "extra": {"error_code": 28001056}}),
            Kind::Retired,
            Some(28001056),
            None,
        ),
        (
            "v1",
            UserInfo,
            json!({"err_no": 28001003, "err_msg": "d", "log_id": log, "data": {}}),
            Kind::TokenInvalid,
            Some(28001003),
            log,
        ),
        (
            "v1, no data",
            UserInfo,
            json!({"err_no": "28001016", "err_msg": "d"}),
            Kind::Misconfigured,
            Some(28001016),
            None,
        ),
        (
            "business",
            UserInfo,
            json!({"error_code": 28001005, "message": "d", "data": ""}),
            Kind::Transient,
            Some(28001005),
            None,
        ),
        (
            "word without a code",
            AccessToken,
            json!({"data": {"word": "w"}, "message": "error"}),
            Kind::Unknown,
            None,
            None,
        ),
        ("two unknown codes", UserInfo, json!({"err_no": 3, "error_code": 4}), Kind::Unknown, Some(3), None),
    ] {
        let error = answer(endpoint, &body).unwrap_err();
        assert_eq!(
            error,
            PlatformError { kind, endpoint, code, http_status: Some(200), log_id: log_id.map(str::to_owned) },
            "{name}"
        );
    }
}

#[test]
fn wire_answer_that_cannot_be_read_is_undecided() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    for (name, status, body) in [
        ("html", 200, html),
        ("nothing", 200, ""),
        ("cut", 200, r#"{"data":{"word":"w"#),
        ("array", 200, r#"[{"data":{"word":"w"}}]"#),
        ("empty object", 200, "{}"),
        ("data missing", 200, r#"{"message":"success"}"#),
        ("data null", 200, r#"{"err_no":0,"data":null}"#),
        ("data without the field", 200, r#"{"data":{"error_code":0},"message":"success"}"#),
        ("field of a wrong type", 200, r#"{"data":{"word":["act.secret"]},"message":"success"}"#),
        ("code that is no number", 200, r#"{"data":{"word":"w","error_code":"none"}}"#),
        ("gateway", 502, html),
        ("a good body with a bad status", 500, r#"{"data":{"word":"w"}}"#),
        // A proxy that answers for the platform has no authority over tokens.
        ("a code with a bad status", 401, r#"{"err_no":28001003,"data":null}"#),
        ("redirect", 302, ""),
        ("no content", 204, ""),
    ] {
        let error = unwrap::<Sample>(AccessToken, status, body.as_bytes()).unwrap_err();
        let expected = PlatformError {
            kind: Kind::Transient,
            endpoint: AccessToken,
            code: None,
            http_status: Some(status),
            log_id: None,
        };
        assert_eq!(error, expected, "{name}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{name}");
    }
}

#[test]
fn wire_log_id_of_another_form_is_dropped() {
    let long = "a".repeat(65);
    for odd in ["", "act.secret token", "日志", long.as_str()] {
        let error = answer(UserInfo, &json!({"err_no": 28001005, "log_id": odd})).unwrap_err();
        assert_eq!(error.log_id, None, "{odd}");
    }
}

#[test]
fn wire_value_that_is_not_needed_cannot_spoil_an_answer() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for (name, body) in [
        ("a number beyond all bounds", r#"{"data":{"word":"w","age":1e999},"now":1e999}"#.to_owned()),
        ("nested deeply", format!(r#"{{"data":{{"word":"w","tags":{deep}}},"more":{deep}}}"#)),
        ("half an emoji", r#"{"data":{"word":"w","city":"\ud83d"},"by":"\udc27"}"#.to_owned()),
    ] {
        let answer = unwrap::<Sample>(UserInfo, 200, body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer.data.word, "w", "{name}");
    }
    let answer = unwrap::<Sample>(UserInfo, 200, b"{\"data\":{\"word\":\"w\xe5\xb0\"},\"by\":\"\xff\"}").unwrap();
    assert_eq!(answer.data.word, "w\u{fffd}");
}
