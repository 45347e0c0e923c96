//! What is known of a webhook while it is worked on. Pure.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::{after, between};
use kernel::retry::Backoff;

use super::attempt::Verdict;
use crate::store::delivery::Delivery;
use crate::store::webhook::{DisabledReason, Left, Webhook};

/// Messages that a group bot is sent in a minute, which is what WeCom and DingTalk take.
const BOT_MESSAGES: u32 = 20;
/// How long a receiver is left alone that took too long to answer, the longer the more often in a row it did: a tenant's fifty take
/// one of the twenty workers then.
const SLOW_PAUSES: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(480));
/// When a webhook is given up to which nothing could be delivered.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);

/// What is known of a webhook while it is worked on.
pub(super) struct Work {
    pub webhook: Webhook,
    pub left: Left,
    /// When the first delivery is due again that has failed now.
    pub next: Option<Timestamp>,
    /// That its receiver is not to be asked again, and why.
    pub given_up: Option<DisabledReason>,
    /// The deliveries that have shown it, which are written with it.
    pub unwritten: Vec<Delivery>,
    /// That its receiver takes too long.
    pub is_slow: bool,
}

/// What an attempt has come to.
pub(super) struct Sent {
    pub verdict: Verdict,
    /// When the first of its deliveries is due again.
    pub next: Option<Timestamp>,
    /// Its deliveries, where they are not written yet.
    pub unwritten: Vec<Delivery>,
}

impl Work {
    /// Of a webhook as it was taken.
    pub fn of(webhook: Webhook) -> Self {
        let Webhook { failing_since, slow_until, slow_runs, sent_minute, sent_in_minute, .. } = webhook;
        let left = Left { failing_since, slow_until, slow_runs, sent_minute, sent_in_minute };
        Self { webhook, left, next: None, given_up: None, unwritten: Vec::new(), is_slow: false }
    }

    /// How many messages more a bot may be sent in this minute.
    pub fn room(&self, now: Timestamp) -> u32 {
        let sent = if self.left.sent_minute == minute(now) { self.left.sent_in_minute } else { 0 };
        BOT_MESSAGES.saturating_sub(sent)
    }

    /// Notes what attempts have come to.
    pub fn note(&mut self, sent: &[Sent], now: Timestamp) {
        let attempts = sent.iter().filter(|sent| sent.verdict != Verdict::NotSent).count();
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let before = BOT_MESSAGES - self.room(now);
        (self.left.sent_minute, self.left.sent_in_minute) = (minute(now), before.saturating_add(attempts));
        self.unwritten.extend(sent.iter().flat_map(|sent| sent.unwritten.iter().cloned()));
        self.next = self.next.into_iter().chain(sent.iter().filter_map(|sent| sent.next)).min();
        let any = |is: fn(Verdict) -> bool| sent.iter().any(|sent| is(sent.verdict));
        self.is_slow = any(|verdict| matches!(verdict, Verdict::NotTaken { is_slow: true, .. }));
        if self.is_slow {
            self.left.slow_until = Some(after(now, SLOW_PAUSES.pause(self.left.slow_runs)));
            self.left.slow_runs = self.left.slow_runs.saturating_add(1);
        } else if attempts > 0 {
            (self.left.slow_until, self.left.slow_runs) = (None, 0);
        }
        if any(|verdict| verdict == Verdict::Gone) {
            self.given_up = Some(DisabledReason::Gone);
        } else if any(|verdict| verdict == Verdict::Taken) {
            self.left.failing_since = None;
        } else if attempts > 0 {
            let since = *self.left.failing_since.get_or_insert(now);
            if between(since, now) >= GIVEN_UP_AFTER {
                self.given_up = Some(DisabledReason::Failing);
            }
        }
    }

    /// For how long more its receiver is to be left alone, because it took too long to answer.
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        self.left.slow_until.filter(|until| now < *until).map(|until| between(now, until))
    }

    /// Whether its receiver is to be left alone.
    pub fn is_over(&self) -> bool {
        self.is_slow || self.given_up.is_some()
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_second().div_euclid(60)
}
