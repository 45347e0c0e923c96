//! The providers there are, and in what they differ beside how they are spoken to. A new one is an arm here, a channel in
//! [`publish`](crate::publish), a client among [`Clients`](crate::config::Clients), and a folder of its own.

use std::fmt;

use kernel::advice::{self, Advice};
use serde::{Deserialize, Serialize};

/// Who drives an account. Its serialised form is the account type of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "AccountType"))]
pub enum Provider {
    /// WeCom, the official interface of companies.
    #[serde(rename = "WEWORK")]
    Wecom,
    /// The gateway of personal accounts.
    #[serde(rename = "PERSONAL")]
    Gateway,
}

/// What a post consists of beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostKind {
    Text,
    /// Up to nine images.
    Images,
    Video,
}

/// In what the providers differ.
struct Profile {
    /// Stable name for logs and claims.
    name: &'static str,
    /// The account type of the contract.
    account_type: &'static str,
    /// What is told of accounts whose credentials are not accepted any more.
    expired: Advice,
    /// What is told when a post fails because its credentials are refused.
    credentials_invalid: Advice,
    /// What is told when they are refused to whoever has just typed them.
    credentials_refused: Advice,
    /// What is told when nobody knows whether a post is out.
    outcome_unknown: Advice,
    /// What is told when it keeps failing for reasons that pass.
    unavailable: Advice,
    /// Whether a video needs a cover of its own.
    videos_need_cover: bool,
    /// Whether its accounts are limited or banned for posting like machines.
    has_pace: bool,
}

impl Provider {
    fn profile(self) -> Profile {
        match self {
            Self::Wecom => Profile {
                name: "wecom",
                account_type: "WEWORK",
                expired: advice::CORP_SECRET_REFUSED,
                credentials_invalid: advice::CORP_CREDENTIALS_INVALID,
                credentials_refused: advice::CORP_CREDENTIALS_REFUSED,
                outcome_unknown: advice::MEMBERS_UNCONFIRMED,
                unavailable: advice::WECHAT_UNAVAILABLE,
                videos_need_cover: false,
                has_pace: false,
            },
            Self::Gateway => Profile {
                name: "gateway",
                account_type: "PERSONAL",
                expired: advice::GATEWAY_TOKEN_INVALID,
                credentials_invalid: advice::GATEWAY_TOKEN_INVALID,
                credentials_refused: advice::GATEWAY_TOKEN_REFUSED,
                outcome_unknown: advice::UNCONFIRMED,
                unavailable: advice::GATEWAY_UNAVAILABLE,
                videos_need_cover: true,
                has_pace: true,
            },
        }
    }

    /// Stable name for logs and claims.
    pub fn as_str(self) -> &'static str {
        self.profile().name
    }

    /// The account type of the contract, as it is stored.
    pub fn account_type(self) -> &'static str {
        self.profile().account_type
    }

    /// What is told when a post fails because the provider keeps failing.
    pub(crate) fn unavailable(self) -> Advice {
        self.profile().unavailable
    }

    /// What is told of its accounts whose credentials are not accepted any more.
    pub(crate) fn expired(self) -> Advice {
        self.profile().expired
    }

    /// What is told when a post fails because its credentials are refused.
    pub(crate) fn credentials_invalid(self) -> Advice {
        self.profile().credentials_invalid
    }

    /// What whoever has just typed them is told when they are refused.
    pub(crate) fn credentials_refused(self) -> Advice {
        self.profile().credentials_refused
    }

    /// What is told when nobody knows whether a post is out.
    pub(crate) fn outcome_unknown(self) -> Advice {
        self.profile().outcome_unknown
    }

    /// Whether its accounts publish at a [`Pace`](crate::pace::Pace).
    pub(crate) fn has_pace(self) -> bool {
        self.profile().has_pace
    }

    /// Why its accounts cannot post something of this kind, if they cannot; `has_cover` says whether there is a cover for
    /// videos.
    pub(crate) fn refuses(self, kind: PostKind, has_cover: bool) -> Option<&'static str> {
        let lacks_cover = kind == PostKind::Video && self.profile().videos_need_cover && !has_cover;
        lacks_cover.then_some("个人号暂不支持发布视频，请改用图片，或只选择企业微信账号")
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_type_is_stored_and_answered_as_the_same_word() {
        for provider in [Provider::Wecom, Provider::Gateway] {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.account_type());
        }
    }
}
