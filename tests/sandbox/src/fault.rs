//! Faults to order at the platforms of WeChat publishing: which call meets one, how often, and what then happens to it.
//! Generic over the platform's endpoints; the Douyin platform has its own, because fan passes have pages.

use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// A business error in the platform's own envelope, HTTP 200. Processed, it is the lie that makes callers post
    /// twice: carried out, and then called a failure.
    Code {
        /// `errcode` of WeCom, `ret` of the gateway.
        code: i64,
        /// The text beside it; the platform's usual one when absent.
        #[serde(default)]
        message: Option<String>,
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
    /// The answer is late, or never comes.
    Hang {
        /// Real time until the true answer to a request that was carried out when it arrived. Nothing: the connection
        /// stays silent until the caller gives up.
        milliseconds: Option<u64>,
    },
    /// The request is carried out, and answered, only after so much real time: long after the caller gave up and looked
    /// whether it had been.
    Late {
        /// Until the platform looks at it.
        milliseconds: u64,
    },
    /// The connection ends without a byte of an answer.
    Drop,
    /// Just before the call is looked at, what it stands on goes: WeCom voids the access token, the gateway's device
    /// drops off the line.
    LoseSession,
}

/// A fault waiting for its call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault<E> {
    pub endpoint: E,
    pub effect: Effect,
    /// Whether the platform carries the request out although the answer is spoiled. With [`Effect::Drop`] this is the
    /// lost answer: it is published, and the caller does not learn it.
    #[serde(default)]
    pub processed: bool,
    /// Only for calls about this corp or device, by its sandbox name.
    #[serde(default)]
    pub account: Option<String>,
    /// Lets this many matching calls pass first.
    #[serde(default)]
    pub after: u32,
    /// How many calls meet it; nothing: every one from then on.
    #[serde(default = "once")]
    pub times: Option<u32>,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field it fills in")]
const fn once() -> Option<u32> {
    Some(1)
}

impl<E> Fault<E> {
    /// Met once, by the next call.
    #[must_use]
    pub const fn new(endpoint: E, effect: Effect) -> Self {
        Self { endpoint, effect, processed: false, account: None, after: 0, times: Some(1) }
    }

    /// The business error `code`, once.
    #[must_use]
    pub const fn code(endpoint: E, code: i64) -> Self {
        Self::new(endpoint, Effect::Code { code, message: None })
    }

    /// The request is carried out, then the connection ends.
    #[must_use]
    pub const fn lost_answer(endpoint: E) -> Self {
        Self::new(endpoint, Effect::Drop).processed()
    }

    /// Carries the request out first.
    #[must_use]
    pub const fn processed(mut self) -> Self {
        self.processed = true;
        self
    }

    /// Only for this corp or device.
    #[must_use]
    pub fn for_account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
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

    pub(crate) const fn delay(&self) -> Option<Duration> {
        match self.effect {
            Effect::Hang { milliseconds: Some(milliseconds) } => Some(Duration::from_millis(milliseconds)),
            _ => None,
        }
    }

    /// How long the request lies about before the platform looks at it.
    pub(crate) const fn lateness(&self) -> Duration {
        match self.effect {
            Effect::Late { milliseconds } => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        }
    }

    /// Whether the platform gets to see the request at all.
    pub(crate) const fn is_carried_out(&self) -> bool {
        self.processed
            || matches!(self.effect, Effect::Hang { milliseconds: Some(_) } | Effect::Late { .. } | Effect::LoseSession)
    }

    /// How the journal names it.
    pub(crate) fn label(&self) -> String {
        let what = match &self.effect {
            Effect::Code { code, .. } => format!("code {code}"),
            Effect::Http { status } => format!("http {status}"),
            Effect::NotJson => "not json".to_owned(),
            Effect::EmptyBody => "empty body".to_owned(),
            Effect::Hang { milliseconds: Some(milliseconds) } => format!("hang {milliseconds} ms"),
            Effect::Hang { milliseconds: None } => "hang".to_owned(),
            Effect::Late { milliseconds } => format!("late by {milliseconds} ms"),
            Effect::Drop => "drop".to_owned(),
            Effect::LoseSession => "session lost".to_owned(),
        };
        if self.processed { format!("{what}, processed") } else { what }
    }
}

/// An armed fault and how often it struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmedFault<E> {
    pub id: u64,
    /// As armed; `after` and `times` count down.
    pub fault: Fault<E>,
    pub met: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Faults<E> {
    last: u64,
    armed: Vec<ArmedFault<E>>,
}

impl<E> Default for Faults<E> {
    fn default() -> Self {
        Self { last: 0, armed: Vec::new() }
    }
}

impl<E: Copy + PartialEq> Faults<E> {
    pub(crate) fn arm(&mut self, fault: Fault<E>) -> u64 {
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
    pub(crate) fn list(&self) -> Vec<ArmedFault<E>> {
        self.armed.clone()
    }

    /// The fault this call meets: the earliest armed that matches and is not waiting. A later one is not counted down
    /// by a call that an earlier one met.
    pub(crate) fn meet(&mut self, endpoint: E, account: Option<&str>) -> Option<Fault<E>> {
        for armed in &mut self.armed {
            let fault = &mut armed.fault;
            let matches = fault.endpoint == endpoint
                && fault.times != Some(0)
                && (fault.account.is_none() || fault.account.as_deref() == account);
            if !matches {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            armed.met += 1;
            return Some(fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_meets_the_calls_it_was_armed_for() {
        let mut faults = Faults::default();
        faults.arm(Fault::code('a', 1).for_account("ann").after(1).times(2));
        let met: Vec<bool> = (0..5).map(|_| faults.meet('a', Some("ann")).is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(faults.list()[0].met, 2);
        faults.clear();
        let permanent = faults.arm(Fault::code('a', 2).for_account("ann").permanent());
        assert_eq!(faults.meet('b', Some("ann")), None);
        assert_eq!(faults.meet('a', Some("bob")), None);
        assert!((0..3).all(|_| faults.meet('a', Some("ann")).is_some()));
        assert!(faults.disarm(permanent) && !faults.disarm(permanent));
        assert_eq!(faults.meet('a', Some("ann")), None);
    }

    #[test]
    fn fault_that_is_not_processed_does_not_reach_the_platform() {
        let out = |effect: Effect| [Fault::new('a', effect.clone()), Fault::new('a', effect).processed()];
        for effect in [
            Effect::Code { code: -1, message: None },
            Effect::Http { status: 502 },
            Effect::NotJson,
            Effect::EmptyBody,
            Effect::Hang { milliseconds: None },
            Effect::Drop,
        ] {
            assert_eq!(out(effect.clone()).map(|fault| fault.is_carried_out()), [false, true], "{effect:?}");
        }
        for effect in [Effect::Hang { milliseconds: Some(5) }, Effect::Late { milliseconds: 5 }, Effect::LoseSession] {
            assert_eq!(out(effect).map(|fault| fault.is_carried_out()), [true, true]);
        }
    }

    #[test]
    fn fault_is_read_from_what_a_person_types() {
        let fault: Fault<String> =
            serde_json::from_str(r#"{"endpoint":"a","effect":{"kind":"drop"},"processed":true,"times":null}"#).unwrap();
        assert_eq!(fault, Fault::lost_answer("a".to_owned()).permanent());
        let code: Fault<String> =
            serde_json::from_str(r#"{"endpoint":"a","effect":{"kind":"code","code":45009},"after":2}"#).unwrap();
        assert_eq!(code, Fault::code("a".to_owned(), 45_009).after(2));
        let misspelt = r#"{"endpoint":"a","effect":{"kind":"drop"},"proccessed":true}"#;
        assert!(serde_json::from_str::<Fault<String>>(misspelt).is_err());
    }
}
