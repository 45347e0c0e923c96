//! What bots answer. They say 200 also to what they refuse; the number in the body says whether they took it.

use kernel::lenient;
use serde_json::Value;

use crate::kind::{Bot, Kind};

/// A bot has not shown the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The vendor's number of the reason.
    pub code: i64,
    /// Whether the same message may be taken later: the bot has had too many, or is out of order.
    pub later: bool,
}

/// Numbers that speak of the moment and not of the message: `-1` is a busy system, 45009 too many messages, 45033 too many at
/// once. From <https://developer.work.weixin.qq.com/document/path/90313>.
const WECOM_LATER: [i64; 3] = [-1, 45_009, 45_033];
/// `-1` is a busy system. 130101 is "send too fast, exceed 20 times per minute" as users have met it (github.com/ccfos/nightingale,
/// issue 369). 410100 and 660026 are said to be limits of the same kind; we have not met them.
const DINGTALK_LATER: [i64; 4] = [-1, 130_101, 410_100, 660_026];
/// 11232 is what custom bots answer to too many messages, and when many bots send on the hour; 99991400 is the limit of the
/// whole open platform. From <https://open.feishu.cn/document/server-docs/api-call-guide/frequency-control>.
const FEISHU_LATER: [i64; 2] = [11_232, 99_991_400];
/// The document has this number, with the text below, for a body in a wrong form. Too many requests are said to come under the
/// same number with another text; we have not met it. So it is final with this text only.
const FEISHU_EDGE: i64 = 9_499;
const FEISHU_WRONG_FORM: &str = "Bad Request";

/// Why a message was refused that was answered with 200; nothing if it was taken.
///
/// An answer without a number in it is not one of a bot, and counts as its status says. So does every answer of a program.
#[must_use]
pub fn refusal(kind: Kind, answer: &[u8]) -> Option<Refusal> {
    let bot = kind.bot()?;
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let field = match bot {
        Bot::Wecom | Bot::Dingtalk => "errcode",
        Bot::Feishu => "code",
    };
    let code = lenient::integer(answer.get(field)?).ok()?.filter(|code| *code != 0)?;
    let later = match bot {
        Bot::Wecom => WECOM_LATER.contains(&code),
        Bot::Dingtalk => DINGTALK_LATER.contains(&code),
        Bot::Feishu if code == FEISHU_EDGE => answer.get("msg").and_then(Value::as_str) != Some(FEISHU_WRONG_FORM),
        Bot::Feishu => FEISHU_LATER.contains(&code),
    };
    Some(Refusal { code, later })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_of_a_bot_says_whether_and_for_how_long_it_refused() {
        let refused = |code: i64, later: bool| Some(Refusal { code, later });
        for (kind, answer, expected) in [
            (Kind::WecomBot, r#"{"errcode":0,"errmsg":"ok"}"#, None),
            (Kind::WecomBot, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#, refused(45_009, true)),
            (Kind::WecomBot, r#"{"errcode":-1,"errmsg":"system error"}"#, refused(-1, true)),
            (Kind::WecomBot, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#, refused(93_000, false)),
            (Kind::WecomBot, r#"{"errcode":40058,"errmsg":"text.content exceed max length"}"#, refused(40_058, false)),
            (Kind::Dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, None),
            (Kind::Dingtalk, r#"{"errcode":"410100","errmsg":"send too fast"}"#, refused(410_100, true)),
            (
                Kind::Dingtalk,
                r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","errcode":130101,"errmsg":"send too fast"}"#,
                refused(130_101, true),
            ),
            (Kind::Dingtalk, r#"{"errcode":660026,"errmsg":"flow limit"}"#, refused(660_026, true)),
            (Kind::Dingtalk, r#"{"errcode":310000,"errmsg":"sign not match"}"#, refused(310_000, false)),
            (Kind::Feishu, r#"{"code":0,"msg":"success","data":{},"StatusCode":0,"StatusMessage":"success"}"#, None),
            (Kind::Feishu, r#"{"code":11232,"msg":"frequency limited"}"#, refused(11_232, true)),
            (Kind::Feishu, r#"{"code":9499,"msg":"too many request","data":{}}"#, refused(9_499, true)),
            (Kind::Feishu, r#"{"code":9499,"msg":"Bad Request","data":{}}"#, refused(9_499, false)),
            (Kind::Feishu, r#"{"code":19021,"msg":"sign match fail"}"#, refused(19_021, false)),
            (Kind::Feishu, r#"{"code":19024,"msg":"Key Words Not Found"}"#, refused(19_024, false)),
            // What another vendor's bots say, and what no bot says.
            (Kind::Feishu, r#"{"errcode":45009}"#, None),
            (Kind::WecomBot, r#"{"code":9499}"#, None),
            (Kind::WecomBot, r#"{"errcode":null}"#, None),
            (Kind::WecomBot, r#"{"errcode":"?"}"#, None),
            (Kind::Dingtalk, "<html>", None),
            (Kind::Dingtalk, "", None),
            (Kind::Generic, r#"{"errcode":45009,"code":9499}"#, None),
        ] {
            assert_eq!(refusal(kind, answer.as_bytes()), expected, "{kind:?} {answer}");
        }
    }
}
