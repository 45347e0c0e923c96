//! What each vendor wants of a message, and its words for what is wrong with one.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{BotKind, Ruling, TOLERANCE};
use crate::inbox::verify::Problem;
use crate::incoming::Incoming;

/// A text of `WeCom` in bytes.
const LONGEST_TEXT: usize = 2048;
/// A body of `DingTalk` in bytes.
const LONGEST_DINGTALK_BODY: usize = 20_000;
/// A body of Feishu in bytes.
const LONGEST_FEISHU_BODY: usize = 20 * 1024;

const NOT_SIGNED_DINGTALK: &str = "sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]";
const NOT_SIGNED_FEISHU: &str = "sign match fail or timestamp is not within one hour from current time";
const BAD_FEISHU_REQUEST: Ruling = Ruling::new(9_499, "Bad Request");

pub(super) const fn success(kind: BotKind) -> Ruling {
    match kind {
        BotKind::Wecom | BotKind::Dingtalk => Ruling::new(0, "ok"),
        BotKind::Feishu => Ruling::new(0, "success"),
    }
}

pub(super) const fn too_many(kind: BotKind) -> Ruling {
    match kind {
        BotKind::Wecom => Ruling::new(45_009, "api freq out of limit"),
        BotKind::Dingtalk => Ruling::new(130_101, "send too fast, exceed 20 times per minute"),
        BotKind::Feishu => Ruling::new(9_499, "too many request"),
    }
}

/// Whether a message is signed as its bot wants it, and of the form that the vendor wants.
pub(super) fn check(kind: BotKind, secret: Option<&str>, request: &Incoming, now: Timestamp) -> Result<(), Ruling> {
    let body = request.json();
    match kind {
        BotKind::Wecom => wecom(&body.ok_or(Ruling::new(47_001, "data format error"))?),
        BotKind::Dingtalk => {
            if let Some(secret) = secret {
                dingtalk_signature(secret, request, now)?;
            }
            if request.body.len() > LONGEST_DINGTALK_BODY {
                return Err(Ruling::new(460_101, "message too long, exceed 20000 bytes"));
            }
            let body = body.ok_or(Ruling::new(40_035, "缺少参数 json"))?;
            content(kind, &body).map(|_| ()).ok_or(Ruling::new(40_035, "缺少参数 text.content"))
        }
        BotKind::Feishu => {
            let body = body.filter(|_| request.body.len() <= LONGEST_FEISHU_BODY).ok_or(BAD_FEISHU_REQUEST)?;
            if let Some(secret) = secret {
                feishu_signature(secret, &body, now)?;
            }
            if !body.contains_key("msg_type") {
                return Err(Ruling::new(19_002, "params error, msg_type need"));
            }
            content(kind, &body).map(|_| ()).ok_or(BAD_FEISHU_REQUEST)
        }
    }
}

fn wecom(body: &Map<String, Value>) -> Result<(), Ruling> {
    if body.get("msgtype").and_then(Value::as_str) != Some("text") {
        return Err(Ruling::new(40_008, "invalid message type"));
    }
    let text = content(BotKind::Wecom, body).ok_or(Ruling::new(44_004, "empty content"))?;
    if text.len() > LONGEST_TEXT {
        return Err(Ruling::new(40_058, "text.content exceed max length 2048"));
    }
    Ok(())
}

/// Of the query: the Base64 of HMAC-SHA256 with the secret of the time in milliseconds, a line end and the secret.
fn dingtalk_signature(secret: &str, request: &Incoming, now: Timestamp) -> Result<(), Ruling> {
    let wrong = |problem| Ruling::unsigned(310_000, NOT_SIGNED_DINGTALK, problem);
    let given = |name| request.in_query(name).ok_or_else(|| wrong(Problem::MissingSignature));
    let (time, sign) = (given("timestamp")?, given("sign")?);
    let milliseconds = time.parse().map_err(|_| wrong(Problem::NotATime))?;
    let sent = Timestamp::from_millisecond(milliseconds).map_err(|_| wrong(Problem::NotATime))?;
    in_time(sent, now).map_err(|problem| Ruling::unsigned(310_000, "invalid timestamp", problem))?;
    is_signed(secret, &format!("{time}\n{secret}"), sign).map_err(wrong)
}

/// Of the body: the Base64 of HMAC-SHA256 of nothing with the time in seconds, a line end and the secret as the key.
fn feishu_signature(secret: &str, body: &Map<String, Value>, now: Timestamp) -> Result<(), Ruling> {
    let wrong = |problem| Ruling::unsigned(19_021, NOT_SIGNED_FEISHU, problem);
    let given = |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(|| wrong(Problem::MissingSignature));
    let (time, sign) = (given("timestamp")?, given("sign")?);
    let seconds = time.parse().map_err(|_| wrong(Problem::NotATime))?;
    let sent = Timestamp::from_second(seconds).map_err(|_| wrong(Problem::NotATime))?;
    in_time(sent, now).map_err(wrong)?;
    is_signed(&format!("{time}\n{secret}"), "", sign).map_err(wrong)
}

fn in_time(sent: Timestamp, now: Timestamp) -> Result<(), Problem> {
    match now.duration_since(sent) {
        age if age > TOLERANCE => Err(Problem::TooOld),
        age if age < -TOLERANCE => Err(Problem::TooNew),
        _ => Ok(()),
    }
}

fn is_signed(key: &str, text: &str, sign: &str) -> Result<(), Problem> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let sign = STANDARD.decode(sign).map_err(|_| Problem::WrongSignature)?;
    hmac::verify(&key, text.as_bytes(), &sign).map_err(|_| Problem::WrongSignature)
}

/// The text of a message; nothing when there is none or an empty one.
fn content(kind: BotKind, body: &Map<String, Value>) -> Option<&str> {
    let (outer, inner) = match kind {
        BotKind::Wecom | BotKind::Dingtalk => ("text", "content"),
        BotKind::Feishu => ("content", "text"),
    };
    body.get(outer)?.get(inner)?.as_str().filter(|text| !text.is_empty())
}

/// Whether a message calls somebody, as its vendor has it: nobody is to be called by words that a stranger wrote.
pub(in crate::inbox) fn mentions_somebody(kind: BotKind, body: &Map<String, Value>) -> bool {
    let text = content(kind, body).unwrap_or_default();
    let names = |list: &str, of: &str| body.get(list).and_then(|list| list.get(of)).is_some_and(is_told);
    match kind {
        BotKind::Wecom => {
            text.contains("<@") || names("text", "mentioned_list") || names("text", "mentioned_mobile_list")
        }
        BotKind::Dingtalk => ["isAtAll", "atMobiles", "atUserIds"].into_iter().any(|of| names("at", of)),
        BotKind::Feishu => text.contains("<at"),
    }
}

/// Whether a field says anything: `false` and an empty list do not.
fn is_told(field: &Value) -> bool {
    match field {
        Value::Array(names) => !names.is_empty(),
        other => other == &Value::Bool(true),
    }
}
