//! Failures and how they are worded. Clients must branch on the number alone; the hint in the text differs each time.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::endpoint::WecomEndpoint;

/// A failure by its number, with the text some numbers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) text: Option<String>,
}

impl Refusal {
    pub(crate) const fn new(code: i64) -> Self {
        Self { code, text: None }
    }

    pub(crate) fn saying(code: i64, text: &str) -> Self {
        Self { code, text: Some(text.to_owned()) }
    }

    /// `errmsg`.
    pub(crate) fn message(&self, peer: IpAddr) -> String {
        let text = self.text.as_deref().unwrap_or_else(|| text(self.code));
        // Many invalid tokens are answered with the bare text.
        if self.code == 40_014 {
            return text.to_owned();
        }
        let (hint, code) = (rand::random::<u64>(), self.code);
        format!(
            "{text}, hint: [{hint:020}], from ip: {peer}, \
             more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
        )
    }
}

impl From<i64> for Refusal {
    fn from(code: i64) -> Self {
        Self::new(code)
    }
}

/// The whole answer to a call from `peer`. `warning` is what the platform says of a body it could not quite read.
pub(crate) fn wrap(
    endpoint: WecomEndpoint,
    result: Result<Map<String, Value>, Refusal>,
    warning: bool,
    peer: IpAddr,
) -> String {
    let mut answer = Map::new();
    let (code, mut message, fields) = match result {
        Ok(fields) => (0, if endpoint.takes_file() { String::new() } else { "ok".to_owned() }, fields),
        Err(refusal) => (refusal.code, refusal.message(peer), endpoint.empty_fields()),
    };
    if warning {
        message.push_str(" Warning: wrong json format. ");
    }
    answer.insert("errcode".to_owned(), code.into());
    answer.insert("errmsg".to_owned(), message.into());
    answer.extend(fields);
    Value::Object(answer).to_string()
}

const fn text(code: i64) -> &'static str {
    match code {
        -1 => "system busy",
        6_000 => "data version conflict",
        40_001 => "invalid credential",
        40_003 => "invalid userid",
        40_004 => "invalid media type",
        40_005 => "invalid type parameter",
        40_006 => "invalid media size",
        40_007 => "invalid media_id",
        40_009 => "invalid image size",
        40_011 => "invalid video size",
        40_013 => "invalid corpid",
        40_014 => "invalid access_token",
        40_039 => "invalid url size",
        40_058 => "invalid Request Parameter",
        40_063 => "some parameters are empty or of a wrong encoding",
        40_068 => "invalid tagid",
        40_088 => "invalid jobid",
        40_091 => "secret is invalid",
        40_201 => "sensitive content",
        41_001 => "access_token missing",
        41_002 => "corpid missing",
        41_004 => "corpsecret missing",
        41_006 => "media_id missing",
        41_059 => "missing moment id",
        41_060 => "invalid moment id",
        41_063 | 41_079 => "moment is dispatching, try later",
        41_064 => "invalid attachments size",
        41_065 => "invalid attachments msgtype",
        41_067 => "invalid moment type",
        41_078 => "too many running moment jobs",
        41_088 => "attachments empty",
        41_089 => "text and attachments can not be empty at the same time",
        41_090 => "invalid video format",
        42_001 => "access_token expired",
        44_001 => "empty media data",
        45_009 => "api freq out of limit",
        45_033 => "api concurrent out of limit",
        45_034 => "url must start with http or https",
        48_002 => "api forbidden",
        50_003 => "app disabled",
        60_011 => "no privilege to access/modify contact/party/agent",
        60_020 => "not allow to access from your ip",
        60_111 => "userid not found",
        81_013 => "user, party and tag all invalid",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wecom_error_has_empty_fields_and_a_new_hint() {
        let peer = IpAddr::from([127, 0, 0, 1]);
        let answer = |code: i64| -> Value {
            serde_json::from_str(&wrap(WecomEndpoint::GetFollowUserList, Err(code.into()), false, peer)).unwrap()
        };
        let (one, other) = (answer(48_002), answer(48_002));
        assert_eq!((&one["errcode"], &one["follow_user"]), (&48_002.into(), &serde_json::json!([])));
        let message = one["errmsg"].as_str().unwrap();
        assert!(message.starts_with("api forbidden, hint: [") && message.ends_with("?e=48002"), "{message}");
        assert_ne!(one["errmsg"], other["errmsg"]);
        assert_eq!(answer(40_014)["errmsg"], "invalid access_token");
    }
}
