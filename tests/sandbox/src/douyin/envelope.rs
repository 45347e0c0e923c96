//! The three shapes in which the platform wraps an answer.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};

use super::error::{Family, description};
use super::json::{Fields, Typing};

/// The platform's log ids carry Beijing time.
const BEIJING: i8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// `{"data":{…,"error_code","description"},"message":"success"|"error"}`
    OAuth,
    /// `{"data":{…,"error_code","description"},"extra":{"error_code",…,"logid","now"}}`
    Legacy,
    /// `{"err_no","err_msg","log_id","data":{…}}`
    V1,
}

impl Envelope {
    pub(crate) const fn family(self) -> Family {
        match self {
            Self::OAuth => Family::OAuth,
            Self::Legacy => Family::Legacy,
            Self::V1 => Family::V1,
        }
    }

    /// The whole answer: the data of a success, or the number of a refusal.
    pub(crate) fn wrap(self, typing: &mut Typing, now: Timestamp, result: Result<Fields, i64>) -> String {
        let code = result.as_ref().err().copied().unwrap_or_default();
        let log_id = log_id(now);
        let mut data = result.unwrap_or_default();
        let mut answer = Fields::default();
        match self {
            Self::OAuth => {
                data.text("captcha", "").text("desc_url", "").text("description", description(code));
                data.number(typing, "error_code", code);
                if !typing.departs() {
                    data.text("log_id", &log_id);
                }
                answer.object("data", &data).text("message", if code == 0 { "success" } else { "error" });
            }
            Self::Legacy => {
                data.text("description", description(code)).number(typing, "error_code", code);
                let mut extra = Fields::default();
                // Some samples show nothing but the log id and the time here, so that `data` alone tells of an error.
                if !typing.departs() {
                    extra.number(typing, "error_code", code).text("description", description(code));
                    extra.number(typing, "sub_error_code", 0).text("sub_description", "");
                }
                let documented = if code == 0 { "logid" } else { "log_id" };
                let other = if code == 0 { "log_id" } else { "logid" };
                extra.text(if typing.departs() { other } else { documented }, &log_id);
                extra.number(typing, "now", now.as_millisecond());
                answer.object("data", &data).object("extra", &extra);
            }
            Self::V1 => {
                data.text("description", description(code)).number(typing, "error_code", code).text("log_id", &log_id);
                answer.number(typing, "err_no", code).text("err_msg", description(code)).text("log_id", &log_id);
                answer.object("data", &data);
            }
        }
        answer.finish()
    }
}

/// `yyyymmddHHMMSS` and hexadecimal digits.
pub(crate) fn log_id(now: Timestamp) -> String {
    let time = now.to_zoned(TimeZone::fixed(tz::offset(BEIJING))).datetime();
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}{:020X}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        rand::random::<u64>()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::endpoint::Endpoint;
    use super::super::settings::Numbers;
    use super::*;
    use crate::seed::Seed;

    fn wrapped(envelope: Envelope, numbers: Numbers, answer: u64, result: Result<(), i64>) -> Value {
        let mut typing = Typing::new(numbers, Endpoint::FansList, Seed::new(1), answer);
        let now = "2026-01-05T16:00:09.007Z".parse().unwrap();
        let fields = result.map(|()| {
            let mut fields = Fields::default();
            fields.number(&mut typing, "total", 37);
            fields
        });
        serde_json::from_str(&envelope.wrap(&mut typing, now, fields)).unwrap()
    }

    fn without_log_ids(mut value: Value) -> Value {
        for place in ["", "/data", "/extra"] {
            if let Some(object) = value.pointer_mut(place).and_then(Value::as_object_mut) {
                for key in ["logid", "log_id"] {
                    let id = object.remove(key);
                    assert!(id.is_none_or(|id| id.as_str().is_some_and(|id| id.starts_with("20260106000009"))));
                }
            }
        }
        value
    }

    #[test]
    fn douyin_envelopes_are_as_documented() {
        let shown = |envelope, result| without_log_ids(wrapped(envelope, Numbers::Strict, 1, result));
        assert_eq!(
            shown(Envelope::OAuth, Ok(())),
            json!({"data": {"total": 37, "captcha": "", "desc_url": "", "description": "", "error_code": 0}, "message": "success"})
        );
        assert_eq!(
            shown(Envelope::OAuth, Err(10_007)),
            json!({"data": {"captcha": "", "desc_url": "", "description": "授权码过期", "error_code": 10007}, "message": "error"})
        );
        assert_eq!(
            shown(Envelope::Legacy, Err(2_100_005)),
            json!({"data": {"description": "参数不合法", "error_code": 2100005},
                   "extra": {"error_code": 2100005, "description": "参数不合法", "sub_error_code": 0,
                             "sub_description": "", "now": 1_767_628_809_007_i64}})
        );
        assert_eq!(
            shown(Envelope::V1, Ok(())),
            json!({"err_no": 0, "err_msg": "", "data": {"total": 37, "description": "", "error_code": 0}})
        );
    }

    #[test]
    fn douyin_envelopes_when_mixed_vary() {
        let answers: Vec<Value> =
            (0..200).map(|answer| wrapped(Envelope::Legacy, Numbers::Mixed, answer, Err(2_100_005))).collect();
        let share = |found: fn(&Value) -> bool| answers.iter().filter(|answer| found(answer)).count();
        assert!((20..80).contains(&share(|answer| answer.pointer("/extra/logid").is_some())));
        assert!((20..80).contains(&share(|answer| answer.pointer("/extra/error_code").is_none())));
        assert!((30..110).contains(&share(|answer| answer.pointer("/data/error_code").is_some_and(Value::is_string))));
        assert_eq!(share(|answer| answer.pointer("/data/error_code").is_none()), 0, "data always tells");
    }
}
