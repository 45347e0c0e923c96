//! What tenants ask for, and what is wrong with it.

use kernel::public_http::{AddressProblem, Judge, MAX_URL_LENGTH, Target};
use kernel::{Error, FieldProblem, Result};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::may_sign;
use crate::kind::{Bot, Kind};
use crate::store::webhook::WebhookStatus;
use crate::types::EVENT_TYPES;

/// Bytes of a bot's secret: several times those there are, and little enough to be encrypted with the address by KMS in one call.
pub const MAX_BOT_SECRET: usize = 256;

/// A webhook to be made.
#[derive(Debug)]
pub struct NewWebhook {
    /// Where events are to be sent. Of a bot it holds its key.
    pub url: SecretString,
    /// Who listens there.
    pub kind: Kind,
    /// The types that are wanted; nothing: what this kind is told by default.
    pub types: Option<Vec<String>>,
    /// What the bot's vendor has given its owner to have messages signed with.
    pub bot_secret: Option<SecretString>,
}

/// What is to change of a webhook. What is absent stays.
#[derive(Debug, Default)]
pub struct Change {
    /// Another address.
    pub url: Option<SecretString>,
    /// Other types.
    pub types: Option<Vec<String>>,
    /// ACTIVE or PAUSED.
    pub status: Option<WebhookStatus>,
    /// Whether deliveries are to be signed with a new secret.
    pub rotate_secret: bool,
    /// Another secret of a bot.
    pub bot_secret: Option<SecretString>,
}

impl NewWebhook {
    /// The address as it is shown.
    pub(super) fn check(&self, judge: &Judge) -> Result<String> {
        let mut problems = Vec::new();
        let shown = checked_url(judge, self.kind, &self.url, &mut problems);
        check_types(self.types.as_deref(), &mut problems);
        check_bot_secret(self.kind, self.bot_secret.as_ref(), &mut problems);
        match shown {
            Some(shown) if problems.is_empty() => Ok(shown),
            _ => Err(Error::InvalidRequest(problems)),
        }
    }
}

impl Change {
    /// The new address as it is shown, if there is one.
    pub(super) fn check(&self, judge: &Judge, kind: Kind) -> Result<Option<String>> {
        let Self { url, types, status, rotate_secret, bot_secret } = self;
        let is_empty = url.is_none() && types.is_none() && status.is_none() && !rotate_secret && bot_secret.is_none();
        if is_empty {
            return Err(Error::invalid(
                "body",
                "请至少填写一项要修改的内容：url、types、status、rotateSecret 或 botSecret",
            ));
        }
        let mut problems = Vec::new();
        let shown = url.as_ref().and_then(|url| checked_url(judge, kind, url, &mut problems));
        check_types(types.as_deref(), &mut problems);
        check_bot_secret(kind, bot_secret.as_ref(), &mut problems);
        if *status == Some(WebhookStatus::Disabled) {
            problems.push(FieldProblem::new("status", "只能设为 ACTIVE（启用）或 PAUSED（暂停）"));
        }
        if *rotate_secret && kind.bot().is_some() {
            problems.push(FieldProblem::new(
                "rotateSecret",
                "群机器人没有签名密钥可更换，请在机器人设置中重置后修改 url 或 botSecret",
            ));
        }
        if problems.is_empty() { Ok(shown) } else { Err(Error::InvalidRequest(problems)) }
    }

    /// What is written down of it, beside how the webhook is then.
    pub(super) fn noted(&self, mut state: Value) -> Value {
        let said = json!({
            "newUrl": self.url.is_some(),
            "newSecret": self.rotate_secret,
            "newBotSecret": self.bot_secret.is_some(),
        });
        if let (Some(state), Value::Object(said)) = (state.as_object_mut(), said) {
            state.extend(said);
        }
        state
    }
}

fn checked_url(judge: &Judge, kind: Kind, url: &SecretString, problems: &mut Vec<FieldProblem>) -> Option<String> {
    let judged = judge.written(url.expose_secret()).map_err(address_text).and_then(|target| match kind.bot() {
        Some(bot) if !target.trusted && !is_of_vendor(bot, &target) => Err(vendor_text(bot).to_owned()),
        _ => Ok(target),
    });
    match judged {
        Ok(target) => Some(shown(kind, &target.url)),
        Err(problem) => {
            problems.push(FieldProblem::new("url", problem));
            None
        }
    }
}

fn address_text(problem: AddressProblem) -> String {
    match problem {
        AddressProblem::NotAUrl => "请填写完整的 https:// 地址".to_owned(),
        AddressProblem::BlankInUrl => "地址中不能有空格或换行".to_owned(),
        AddressProblem::UrlTooLong => format!("地址过长，最多 {MAX_URL_LENGTH} 个字符"),
        AddressProblem::NotHttps => "地址须以 https:// 开头".to_owned(),
        AddressProblem::Credentials => "地址中不能包含用户名或密码".to_owned(),
        AddressProblem::ForbiddenPort(_) => "地址只能使用 443 端口".to_owned(),
        AddressProblem::NotPublic => "地址须可从公网访问，不能使用内网、本机或保留地址".to_owned(),
    }
}

/// Whether the address is one of the vendor's: with any other one the kind was mistaken, and nobody would see the messages.
fn is_of_vendor(bot: Bot, target: &Target) -> bool {
    let host = target.url.host_str().unwrap_or_default();
    match bot {
        Bot::Wecom => host == "qyapi.weixin.qq.com",
        Bot::Dingtalk => matches!(host, "oapi.dingtalk.com" | "api.dingtalk.com"),
        Bot::Feishu => matches!(host, "open.feishu.cn" | "open.larksuite.com"),
    }
}

const fn vendor_text(bot: Bot) -> &'static str {
    match bot {
        Bot::Wecom => "请填写企业微信群机器人的地址（https://qyapi.weixin.qq.com/ 开头）",
        Bot::Dingtalk => "请填写钉钉群机器人的地址（https://oapi.dingtalk.com/ 开头）",
        Bot::Feishu => "请填写飞书群机器人的地址（https://open.feishu.cn/ 开头）",
    }
}

/// The address as it is shown: that of a bot without its key, which is in the query or ends the path.
fn shown(kind: Kind, url: &Url) -> String {
    if kind.bot().is_none() {
        return url.to_string();
    }
    let mut shown = url.clone();
    if shown.query().is_some() {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        shown.query_pairs_mut().clear().extend_pairs(names.iter().map(|name| (name.as_str(), "***")));
    } else if let Ok(mut path) = shown.path_segments_mut() {
        path.pop().push("***");
    }
    shown.to_string()
}

fn check_types(types: Option<&[String]>, problems: &mut Vec<FieldProblem>) {
    let Some(types) = types else { return };
    if types.is_empty() {
        problems.push(FieldProblem::new("types", "请至少选择一种事件；如不再需要，请暂停或删除该 Webhook"));
    }
    if types.len() > EVENT_TYPES.len() {
        problems.push(FieldProblem::new("types", format!("最多 {} 种事件，请去掉重复的", EVENT_TYPES.len())));
        return;
    }
    for (place, name) in types.iter().enumerate() {
        if !EVENT_TYPES.contains(&name.as_str()) {
            let known = EVENT_TYPES.join("、");
            problems.push(FieldProblem::new(format!("types[{place}]"), format!("没有这种事件，可选：{known}")));
        }
    }
}

fn check_bot_secret(kind: Kind, secret: Option<&SecretString>, problems: &mut Vec<FieldProblem>) {
    let Some(secret) = secret else { return };
    let text = secret.expose_secret();
    if !may_sign(kind) {
        problems.push(FieldProblem::new("botSecret", "只有钉钉（加签）和飞书（签名校验）的群机器人需要填写"));
    } else if text.is_empty() || text.len() > MAX_BOT_SECRET || !text.chars().all(|c| c.is_ascii_graphic()) {
        problems
            .push(FieldProblem::new("botSecret", format!("须为机器人设置中显示的密钥，1 到 {MAX_BOT_SECRET} 个字符")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: Kind, url: &str, types: Option<&[&str]>, bot_secret: Option<&str>) -> Vec<String> {
        let wanted = NewWebhook {
            url: SecretString::from(url),
            kind,
            types: types.map(|types| types.iter().map(|name| (*name).to_owned()).collect()),
            bot_secret: bot_secret.map(SecretString::from),
        };
        match wanted.check(&Judge::default()) {
            Ok(_) => Vec::new(),
            Err(Error::InvalidRequest(fields)) => fields.into_iter().map(|field| field.path).collect(),
            Err(other) => vec![other.to_string()],
        }
    }

    #[test]
    fn webhook_with_a_wrong_field_is_refused_by_its_name() {
        let (program, bot) = ("https://example.com/hook", "https://oapi.dingtalk.com/robot/send?access_token=t");
        for (kind, url, types, bot_secret, fields) in [
            (Kind::Generic, program, None, None, vec![]),
            (Kind::Generic, program, Some(&["lead.created", "sync.failed"][..]), None, vec![]),
            (Kind::Dingtalk, bot, None, Some("SEC0123"), vec![]),
            (Kind::Generic, "http://example.com/hook", None, None, vec!["url"]),
            (Kind::Generic, "https://127.0.0.1/", None, None, vec!["url"]),
            (Kind::Generic, "https://user:pass@example.com/", None, None, vec!["url"]),
            (Kind::Generic, program, Some(&[]), None, vec!["types"]),
            (Kind::Generic, program, Some(&["lead.created", "lead.gone"]), None, vec!["types[1]"]),
            (Kind::Generic, program, Some(&["lead.created"; 99]), None, vec!["types"]),
            (Kind::Generic, program, None, Some("SEC0123"), vec!["botSecret"]),
            (Kind::WecomBot, bot, None, Some("SEC0123"), vec!["url", "botSecret"]),
            (Kind::Feishu, program, None, Some(""), vec!["url", "botSecret"]),
        ] {
            assert_eq!(refused(kind, url, types, bot_secret), fields, "{kind:?} {url} {types:?}");
        }
    }

    #[test]
    fn address_of_a_bot_is_shown_without_its_key() {
        for (kind, url, expected) in [
            (Kind::Generic, "https://example.com/hook?a=b", "https://example.com/hook?a=b"),
            (
                Kind::WecomBot,
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0f1e2d",
                "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=***",
            ),
            (
                Kind::Feishu,
                "https://open.feishu.cn/open-apis/bot/v2/hook/0f1e2d",
                "https://open.feishu.cn/open-apis/bot/v2/hook/***",
            ),
        ] {
            assert_eq!(shown(kind, &Url::parse(url).unwrap()), expected);
        }
    }

    #[test]
    fn change_of_nothing_and_to_what_cannot_be_asked_for_is_refused() {
        let fields = |change: Change, kind| match change.check(&Judge::default(), kind) {
            Ok(_) => Vec::new(),
            Err(Error::InvalidRequest(fields)) => fields.into_iter().map(|field| field.path).collect::<Vec<_>>(),
            Err(other) => vec![other.to_string()],
        };
        assert_eq!(fields(Change::default(), Kind::Generic), ["body"]);
        let disabled = Change { status: Some(WebhookStatus::Disabled), ..Change::default() };
        assert_eq!(fields(disabled, Kind::Generic), ["status"]);
        assert_eq!(fields(Change { rotate_secret: true, ..Change::default() }, Kind::WecomBot), ["rotateSecret"]);
        assert!(fields(Change { rotate_secret: true, ..Change::default() }, Kind::Generic).is_empty());
    }
}
