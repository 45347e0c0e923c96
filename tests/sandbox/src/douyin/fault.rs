//! Faults to order: which call meets one, how often, and what then happens to it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// A business error in the endpoint's own envelope, HTTP 200.
    Code {
        /// Any of the platform's numbers.
        code: i64,
    },
    /// An infrastructure error: this HTTP status with a page that is not JSON.
    Http {
        /// For example 502.
        status: u16,
    },
    /// HTTP 200 with HTML where JSON was promised.
    NotJson,
    /// HTTP 200 without a body.
    EmptyBody,
    /// A success whose token fields are empty texts.
    EmptyTokens,
    /// The answer is late, or never comes.
    Hang {
        /// Real time until the true answer to a request that was carried out when it arrived. Nothing: the connection
        /// stays silent until the caller gives up.
        milliseconds: Option<u64>,
    },
    /// The connection ends without a byte of an answer.
    Drop,
    /// The user's access token expires just before this call is looked at.
    ExpireToken,
    /// The user's consent is revoked just before this call is looked at; no webhook.
    Revoke,
}

/// A fault waiting for its call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Where. The consent page is met by people, not by faults: one armed for it waits forever.
    pub endpoint: Endpoint,
    pub effect: Effect,
    /// Whether the platform carries the request out although the answer is spoiled. With [`Effect::Drop`] this is the
    /// lost answer: tokens are rotated, the code is used, but the caller does not learn it. It means nothing for a
    /// business error (never carried out) or for effects whose answer is the true one.
    #[serde(default)]
    pub processed: bool,
    /// Only for calls about this account.
    #[serde(default)]
    pub account: Option<String>,
    /// Only for this page of a fan pass, counted from 1.
    #[serde(default)]
    pub page: Option<u32>,
    /// Lets this many matching calls pass first.
    #[serde(default)]
    pub after: u32,
    /// How many calls meet it; nothing: every one from then on.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// The virtual instant from which on nobody meets it any more: an incident of minutes.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field it fills in")]
const fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Met once, by the next call.
    #[must_use]
    pub const fn new(endpoint: Endpoint, effect: Effect) -> Self {
        Self { endpoint, effect, processed: false, account: None, page: None, after: 0, times: Some(1), until: None }
    }

    /// The business error `code`, once.
    #[must_use]
    pub const fn code(endpoint: Endpoint, code: i64) -> Self {
        Self::new(endpoint, Effect::Code { code })
    }

    /// The request is carried out, then the connection ends.
    #[must_use]
    pub const fn lost_answer(endpoint: Endpoint) -> Self {
        Self::new(endpoint, Effect::Drop).processed()
    }

    /// Carries the request out first.
    #[must_use]
    pub const fn processed(mut self) -> Self {
        self.processed = true;
        self
    }

    /// Only for this account.
    #[must_use]
    pub fn for_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only for this page of a pass, counted from 1.
    #[must_use]
    pub const fn on_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    /// Lets this many matching calls pass first.
    #[must_use]
    pub const fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// Meets this many calls.
    #[must_use]
    pub const fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Meets every call until it is disarmed.
    #[must_use]
    pub const fn permanent(mut self) -> Self {
        self.times = None;
        self
    }

    /// Meets every call until this virtual instant.
    #[must_use]
    pub const fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self.permanent()
    }

    pub(crate) const fn delay(&self) -> Option<Duration> {
        match self.effect {
            Effect::Hang { milliseconds: Some(milliseconds) } => Some(Duration::from_millis(milliseconds)),
            _ => None,
        }
    }

    /// Whether the platform gets to see the request at all.
    pub(crate) const fn is_carried_out(&self) -> bool {
        match self.effect {
            Effect::Code { .. } => false,
            Effect::Http { .. } | Effect::NotJson | Effect::EmptyBody | Effect::Drop => self.processed,
            Effect::Hang { milliseconds } => self.processed || milliseconds.is_some(),
            Effect::EmptyTokens | Effect::ExpireToken | Effect::Revoke => true,
        }
    }

    /// How the journal names it.
    pub(crate) fn label(&self) -> String {
        let what = match self.effect {
            Effect::Code { code } => format!("code {code}"),
            Effect::Http { status } => format!("http {status}"),
            Effect::NotJson => "not json".to_owned(),
            Effect::EmptyBody => "empty body".to_owned(),
            Effect::EmptyTokens => "empty tokens".to_owned(),
            Effect::Hang { milliseconds: Some(milliseconds) } => format!("hang {milliseconds} ms"),
            Effect::Hang { milliseconds: None } => "hang".to_owned(),
            Effect::Drop => "drop".to_owned(),
            Effect::ExpireToken => "token expired".to_owned(),
            Effect::Revoke => "revoked".to_owned(),
        };
        if self.processed { format!("{what}, processed") } else { what }
    }
}

/// An armed fault and how often it struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmedFault {
    pub id: u64,
    /// As armed; `after` and `times` count down.
    pub fault: Fault,
    pub met: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    last: u64,
    armed: Vec<ArmedFault>,
}

impl Faults {
    pub(crate) fn arm(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        self.armed.push(ArmedFault { id: self.last, fault, met: 0 });
        self.last
    }

    pub(crate) fn disarm(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.id != id);
        self.armed.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// All ever armed since the last clearing, the spent ones too: a test asserts that its fault was met.
    pub(crate) fn list(&self) -> Vec<ArmedFault> {
        self.armed.clone()
    }

    /// The fault this call meets: the earliest armed that matches. Every matching one counts the call.
    pub(crate) fn meet(
        &mut self,
        endpoint: Endpoint,
        account: Option<&str>,
        page: Option<u32>,
        now: Timestamp,
    ) -> Option<Fault> {
        let mut met = None;
        for armed in &mut self.armed {
            let fault = &mut armed.fault;
            let matches = fault.endpoint == endpoint
                && fault.times != Some(0)
                && fault.until.is_none_or(|end| now < end)
                && (fault.account.is_none() || fault.account.as_deref() == account)
                && (fault.page.is_none() || fault.page == page);
            if !matches || met.is_some() {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            armed.met += 1;
            met = Some(fault.clone());
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Endpoint::{FansList, UserInfo};

    #[test]
    fn douyin_fault_meets_the_calls_it_was_armed_for() {
        let mut faults = Faults::default();
        faults.arm(Fault::code(FansList, 1).for_account("ann").on_page(3).after(1).times(2));
        let met: Vec<bool> =
            (0..5).map(|_| faults.meet(FansList, Some("ann"), Some(3), Timestamp::UNIX_EPOCH).is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(faults.list()[0].met, 2);
        faults.clear();
        faults.arm(Fault::code(FansList, 1).for_account("ann").on_page(3));
        assert_eq!(faults.meet(UserInfo, Some("ann"), Some(3), Timestamp::UNIX_EPOCH), None);
        assert_eq!(faults.meet(FansList, Some("bob"), Some(3), Timestamp::UNIX_EPOCH), None);
        assert_eq!(faults.meet(FansList, Some("ann"), Some(2), Timestamp::UNIX_EPOCH), None);
        assert!(faults.meet(FansList, Some("ann"), Some(3), Timestamp::UNIX_EPOCH).is_some());
    }

    #[test]
    fn douyin_fault_that_is_permanent_stays_until_disarmed() {
        let mut faults = Faults::default();
        faults.arm(Fault::code(UserInfo, 1));
        let permanent = faults.arm(Fault::code(UserInfo, 2).permanent());
        let codes: Vec<Effect> = (0..3)
            .filter_map(|_| faults.meet(UserInfo, None, None, Timestamp::UNIX_EPOCH))
            .map(|fault| fault.effect)
            .collect();
        assert_eq!(codes, [1, 2, 2].map(|code| Effect::Code { code }));
        // Its end has come.
        faults.arm(Fault::code(UserInfo, 3).until(Timestamp::UNIX_EPOCH));
        assert!(faults.disarm(permanent));
        assert_eq!(faults.meet(UserInfo, None, None, Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn douyin_fault_is_read_from_what_a_person_types() {
        let fault: Fault =
            serde_json::from_str(r#"{"endpoint":"fans/list","effect":{"kind":"code","code":2100004},"page":3}"#)
                .unwrap();
        assert_eq!(fault, Fault::code(FansList, 2_100_004).on_page(3));
        let hang: Fault = serde_json::from_str(
            r#"{"endpoint":"oauth/userinfo","effect":{"kind":"hang","milliseconds":9000},"times":null,"processed":true}"#,
        )
        .unwrap();
        assert_eq!(hang.delay(), Some(Duration::from_secs(9)));
        assert_eq!((hang.times, hang.processed), (None, true));
    }
}
