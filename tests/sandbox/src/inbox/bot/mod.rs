//! Group bots of three vendors: how many messages each takes, and what is said of each.
//!
//! - `WeCom` (<https://developer.work.weixin.qq.com/document/path/91770>): the address holds a key, nothing is signed.
//! - `DingTalk` (<https://open.dingtalk.com/document/robots/custom-robot-access>): the address holds a token; with 加签 the
//!   query has a time and a signature.
//! - Feishu (<https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>): the address holds a token; with 签名校验
//!   the body has a time and a signature.

mod vendor;

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::verify::Problem;
use crate::clock::later;
use crate::incoming::Incoming;

pub(super) use vendor::mentions_somebody;

/// How far the time of a signed message may be from the vendor's.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(1);

/// A vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BotKind {
    Wecom,
    Dingtalk,
    Feishu,
}

/// A bot to be added to a group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum BotSpec {
    /// Nothing is signed. (With braces, because serde takes unknown fields for a variant without them.)
    Wecom {},
    Dingtalk {
        /// Messages have to be signed with it; nothing: they are not signed.
        #[serde(default)]
        secret: Option<String>,
    },
    Feishu {
        /// Messages have to be signed with it; nothing: they are not signed.
        #[serde(default)]
        secret: Option<String>,
    },
}

/// A bot in a group.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) kind: BotKind,
    pub(super) token: String,
    pub(super) secret: Option<String>,
    /// When it took its latest messages, those beyond the longest limit forgotten.
    taken: VecDeque<Timestamp>,
    blocked_until: Timestamp,
}

/// What a vendor says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    /// 0 when it is in the group.
    pub(super) code: i64,
    message: &'static str,
    pub(super) problem: Option<Problem>,
}

impl Ruling {
    const fn new(code: i64, message: &'static str) -> Self {
        Self { code, message, problem: None }
    }

    const fn unsigned(code: i64, message: &'static str, problem: Problem) -> Self {
        Self { code, message, problem: Some(problem) }
    }

    /// The body of the answer, whose status is 200 in any case.
    pub(super) fn body(self, kind: BotKind) -> String {
        let Self { code, message, .. } = self;
        match (kind, code) {
            // The older names are still sent along with a success.
            (BotKind::Feishu, 0) => {
                json!({"StatusCode": 0, "StatusMessage": message, "code": 0, "data": {}, "msg": message})
            }
            (BotKind::Feishu, _) => json!({"code": code, "data": {}, "msg": message}),
            (BotKind::Wecom | BotKind::Dingtalk, _) => json!({"errcode": code, "errmsg": message}),
        }
        .to_string()
    }
}

impl BotSpec {
    fn into_parts(self) -> (BotKind, Option<String>) {
        match self {
            Self::Wecom {} => (BotKind::Wecom, None),
            Self::Dingtalk { secret } => (BotKind::Dingtalk, secret),
            Self::Feishu { secret } => (BotKind::Feishu, secret),
        }
    }
}

impl BotKind {
    /// The journal's name for its messages.
    pub(super) const fn endpoint(self) -> &'static str {
        match self {
            Self::Wecom => "bot/wecom",
            Self::Dingtalk => "bot/dingtalk",
            Self::Feishu => "bot/feishu",
        }
    }

    /// How many messages one bot takes within how long.
    const fn limits(self) -> &'static [(usize, SignedDuration)] {
        const MINUTE: SignedDuration = SignedDuration::from_mins(1);
        const SECOND: SignedDuration = SignedDuration::from_secs(1);
        match self {
            Self::Wecom | Self::Dingtalk => &[(20, MINUTE)],
            Self::Feishu => &[(100, MINUTE), (5, SECOND)],
        }
    }

    /// How long it takes nothing after one message too many.
    const fn block(self) -> SignedDuration {
        match self {
            Self::Dingtalk => SignedDuration::from_mins(10),
            Self::Wecom | Self::Feishu => SignedDuration::ZERO,
        }
    }
}

impl Bot {
    /// With a token that nobody can guess.
    pub(super) fn new(spec: BotSpec) -> Self {
        let (kind, secret) = spec.into_parts();
        let token = hex::encode(rand::random::<[u8; 16]>());
        Self { kind, token, secret, taken: VecDeque::new(), blocked_until: Timestamp::MIN }
    }

    /// What its address ends in.
    pub(super) fn path(&self) -> String {
        let Self { token, .. } = self;
        match self.kind {
            BotKind::Wecom => format!("wecom/{token}"),
            BotKind::Dingtalk => format!("dingtalk?access_token={token}"),
            BotKind::Feishu => format!("feishu/{token}"),
        }
    }

    /// Takes a message, or says why not.
    pub(super) fn judge(&mut self, request: &Incoming, now: Timestamp) -> Ruling {
        if let Err(ruling) = vendor::check(self.kind, self.secret.as_deref(), request, now) {
            return ruling;
        }
        if !self.has_room(now) {
            return vendor::too_many(self.kind);
        }
        self.taken.push_back(now);
        vendor::success(self.kind)
    }

    fn has_room(&mut self, now: Timestamp) -> bool {
        if now < self.blocked_until {
            return false;
        }
        let since = |within: SignedDuration| later(now, -within);
        let within_limits = self
            .kind
            .limits()
            .iter()
            .all(|(most, within)| self.taken.iter().filter(|taken| **taken > since(*within)).count() < *most);
        if !within_limits {
            self.blocked_until = later(now, self.kind.block());
        }
        let longest = self.kind.limits().iter().map(|(_, within)| *within).max().unwrap_or_default();
        while self.taken.front().is_some_and(|taken| *taken <= since(longest)) {
            self.taken.pop_front();
        }
        within_limits
    }
}

/// What is said when no bot has the token of an address.
pub(super) const fn unknown(kind: BotKind) -> Ruling {
    match kind {
        BotKind::Wecom => Ruling::new(93_000, "invalid webhook url"),
        BotKind::Dingtalk => Ruling::new(300_005, "token is not exist"),
        BotKind::Feishu => Ruling::new(19_001, "param invalid: incoming webhook access token invalid"),
    }
}
