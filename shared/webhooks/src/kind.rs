//! What kind of receiver a webhook has.

use serde::{Deserialize, Serialize};

/// Who listens at the address of a webhook, by which the form and the signature of what is sent are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WebhookKind"))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A program of the tenant's, which gets events as they are and verifies them as Standard Webhooks says.
    Generic,
    /// A group bot of WeCom (企业微信群机器人).
    WecomBot,
    /// A custom bot of DingTalk (钉钉自定义机器人).
    Dingtalk,
    /// A custom bot of Feishu (飞书自定义机器人).
    Feishu,
}

/// The kinds that show people a text in a group chat instead of handing a program an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bot {
    /// A bot of WeCom.
    Wecom,
    /// A bot of DingTalk.
    Dingtalk,
    /// A bot of Feishu.
    Feishu,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Generic, Self::WecomBot, Self::Dingtalk, Self::Feishu];

    /// The word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "GENERIC",
            Self::WecomBot => "WECOM_BOT",
            Self::Dingtalk => "DINGTALK",
            Self::Feishu => "FEISHU",
        }
    }

    /// The kind with this word of the contract. Words in other letters are not words of the contract.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Which bot it is, if it is one.
    #[must_use]
    pub const fn bot(self) -> Option<Bot> {
        match self {
            Self::Generic => None,
            Self::WecomBot => Some(Bot::Wecom),
            Self::Dingtalk => Some(Bot::Dingtalk),
            Self::Feishu => Some(Bot::Feishu),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kind_has_one_word_in_all_its_readings_and_no_other() {
        for (kind, word) in Kind::ALL.into_iter().zip(["GENERIC", "WECOM_BOT", "DINGTALK", "FEISHU"]) {
            assert_eq!(kind.as_str(), word);
            assert_eq!(Kind::parse(word), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), json!(word));
            assert_eq!(serde_json::from_value::<Kind>(json!(word)).unwrap(), kind);
        }
        for word in ["", "generic", "WECOM", "DING_TALK", "FEISHU "] {
            assert_eq!(Kind::parse(word), None, "{word:?}");
        }
    }
}
