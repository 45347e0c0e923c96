use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::provider::FailureKind;

#[derive(Debug, PartialEq, Deserialize)]
struct Sample {
    word: String,
}

fn open_with(status: u16, body: &str) -> Result<Sample, ProviderError> {
    decode(Endpoint::UserGet, &Reply { status, body: body.as_bytes().to_vec() })
}

#[test]
fn wecom_wire_success_may_lack_the_code() {
    for body in [
        json!({"errcode": 0, "errmsg": "ok", "word": "w"}),
        json!({"errcode": "0", "errmsg": "", "word": "w"}),
        json!({"errcode": null, "word": "w"}),
        json!({"word": "w"}),
        // The platform read our JSON, if not gladly.
        json!({"errcode": 0, "errmsg": "ok. Warning: wrong json format.", "word": "w"}),
    ] {
        assert_eq!(open_with(200, &body.to_string()), Ok(Sample { word: "w".to_owned() }), "{body}");
    }
}

#[test]
fn wecom_wire_failure_with_data_is_still_a_failure() {
    for body in [
        json!({"errcode": 40014, "errmsg": "invalid access_token", "word": "w"}),
        json!({"errcode": "40014", "word": ""}),
        json!({"errcode": 40014, "errmsg": null}),
        json!({"errcode": 40014, "errmsg": {"odd": 1}}),
    ] {
        let error = open_with(200, &body.to_string()).unwrap_err();
        assert_eq!((error.kind, error.code, error.detail), (FailureKind::TokenInvalid, Some(40014), None), "{body}");
    }
}

#[test]
fn wecom_wire_answer_that_cannot_be_read_is_undecided() {
    for (status, body, detail) in [
        (200, "", Detail::Unreadable),
        (200, "<html>", Detail::Unreadable),
        (200, r#"{"word":"w"#, Detail::Unreadable),
        (200, r#"[{"word":"w"}]"#, Detail::Unreadable),
        (200, r#"{"errcode":0}"#, Detail::Unreadable),
        (200, r#"{"errcode":0,"word":["secret"]}"#, Detail::Unreadable),
        (200, r#"{"errcode":"none","word":"w"}"#, Detail::Unreadable),
        (200, r#"{"errcode":1.5,"word":"w"}"#, Detail::Unreadable),
        // An unknown path is a 404 with nothing in it; the others are of what stands before the platform.
        (404, "", Detail::HttpStatus(404)),
        (301, "", Detail::HttpStatus(301)),
        (502, r#"{"word":"w"}"#, Detail::HttpStatus(502)),
        (401, r#"{"errcode":40014}"#, Detail::HttpStatus(401)),
    ] {
        let error = open_with(status, body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{body}");
        assert_eq!((error.kind, error.code, error.detail), (FailureKind::Retry, None, Some(detail)), "{body}");
    }
}
