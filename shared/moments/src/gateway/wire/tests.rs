use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::provider::FailureKind;

#[derive(Debug, PartialEq, Deserialize)]
struct Sample {
    word: String,
}

fn open_with(status: u16, body: &str) -> Result<Sample, ProviderError> {
    decode(Endpoint::GetProfile, &Reply { status, body: body.as_bytes().to_vec() })
}

#[test]
fn gateway_wire_code_of_success_is_one_of_two() {
    for ret in [json!(200), json!(0), json!("200")] {
        let body = json!({"ret": ret, "msg": "操作成功", "data": {"word": "w"}});
        assert_eq!(open_with(200, &body.to_string()), Ok(Sample { word: "w".to_owned() }), "{body}");
    }
}

#[test]
fn gateway_wire_code_of_any_other_value_is_a_failure() {
    for (ret, msg, data, kind) in [
        (500, json!("微信已离线"), json!({"word": "w"}), FailureKind::AccountOffline),
        (500, json!("失败"), json!({"code": "-1", "msg": "微信已离线"}), FailureKind::AccountOffline),
        (500, json!("失败"), json!({"code": "-1", "msg": 7}), FailureKind::Unknown),
        (500, json!(null), json!(null), FailureKind::Unknown),
        (401, json!("失败"), json!("微信已离线"), FailureKind::Unknown),
        (-1, json!({}), json!([]), FailureKind::Unknown),
    ] {
        let body = json!({"ret": ret, "msg": msg, "data": data});
        let error = open_with(200, &body.to_string()).unwrap_err();
        assert_eq!((error.kind, error.code, error.detail), (kind, Some(ret), None), "{body}");
    }
}

#[test]
fn gateway_wire_without_an_envelope_is_undecided() {
    for (status, body, detail) in [
        (200, "", Detail::Unreadable),
        (200, "<html>", Detail::Unreadable),
        (200, r#"{"ret":200,"data":{"wo"#, Detail::Unreadable),
        (200, r#"{"msg":"微信已离线"}"#, Detail::Unreadable),
        (200, r#"{"ret":null,"msg":"微信已离线"}"#, Detail::Unreadable),
        (200, r#"{"ret":"ok","data":{"word":"w"}}"#, Detail::Unreadable),
        (200, r#"{"ret":200,"data":{"word":["secret"]}}"#, Detail::Unreadable),
        (200, r#"{"ret":200}"#, Detail::Unreadable),
        (502, r#"{"ret":200,"data":{"word":"w"}}"#, Detail::HttpStatus(502)),
        (401, r#"{"ret":500,"msg":"微信已离线"}"#, Detail::HttpStatus(401)),
    ] {
        let error = open_with(status, body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{body}");
        assert_eq!((error.kind, error.code, error.detail), (FailureKind::Retry, None, Some(detail)), "{body}");
    }
}

#[test]
fn gateway_wire_reason_of_a_failure_is_read_wherever_it_is() {
    for data in [
        json!({"detail": "微信已离线"}),
        json!({"msg": "微信已离线"}),
        json!({"detail": "失败", "msg": "微信已离线"}),
        json!({"detail": "微信已离线", "msg": "失败", "code": "-1"}),
    ] {
        let body = json!({"ret": 500, "msg": "发送朋友圈失败", "data": data}).to_string().into_bytes();
        let error = decode::<Value>(Endpoint::SendTextSns, &Reply { status: 200, body }).unwrap_err();
        assert_eq!(error.kind, FailureKind::AccountOffline, "{data}");
    }
}
