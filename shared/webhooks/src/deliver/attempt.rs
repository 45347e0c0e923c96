//! What an attempt to deliver has come to. Pure.

use jiff::Timestamp;
use serde_json::Value;

use crate::body::refusal;
use crate::kind::Kind;
use crate::retries::next_attempt;
use crate::send::{Answer, NoAnswer};
use crate::store::delivery::{AttemptRecord, Delivery, DeliveryStatus};

/// Digits in a row from which on they may be a telephone number.
const TELEPHONE: usize = 7;

/// What an attempt says of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has taken the delivery.
    Taken,
    /// It has not; the word says why.
    NotTaken {
        /// Whether another attempt may be taken.
        may_pass: bool,
        /// Whether it took long to find out.
        is_slow: bool,
    },
    /// It is not to be asked again.
    Gone,
    /// It was not asked.
    NotSent,
}

/// What the attempt was answered, as it is noted: status, error, and how the answer began.
pub(super) struct Noted {
    pub verdict: Verdict,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub answer: Option<String>,
}

/// Judges an answer, or its absence, to a delivery of these events.
pub(super) fn judged(kind: Kind, answered: Result<Answer, NoAnswer>, events: &[Value]) -> Noted {
    let Answer { status, beginning } = match answered {
        Ok(answer) => answer,
        Err(none) => {
            let verdict = Verdict::NotTaken { may_pass: true, is_slow: none.is_slow() };
            return Noted { verdict, status: None, error: Some(none.as_str().to_owned()), answer: None };
        }
    };
    let not_taken = |may_pass| Verdict::NotTaken { may_pass, is_slow: false };
    let (verdict, error) = match status {
        200..=299 => match refusal(kind, &beginning) {
            None => (Verdict::Taken, None),
            Some(refused) => (not_taken(refused.later), Some(format!("BOT_{}", refused.code))),
        },
        300..=399 => (not_taken(true), Some("REDIRECT".to_owned())),
        410 => (Verdict::Gone, Some("GONE".to_owned())),
        status => (not_taken(true), Some(format!("HTTP_{status}"))),
    };
    let answer = error.as_ref().map(|_| redacted(&String::from_utf8_lossy(&beginning), events));
    Noted { verdict, status: Some(status), error, answer: answer.filter(|text| !text.is_empty()) }
}

/// The delivery after the attempt, as it is to be written.
pub(super) fn after(
    mut delivery: Delivery,
    noted: &Noted,
    at: Timestamp,
    milliseconds: u64,
    now: Timestamp,
) -> Delivery {
    let Noted { verdict, status, error, answer } = noted;
    let (status, error, answer) = (*status, error.clone(), answer.clone());
    delivery.tried(AttemptRecord { at, status, error, milliseconds, answer });
    delivery.due_at = None;
    delivery.status = match verdict {
        Verdict::Taken => DeliveryStatus::Delivered,
        Verdict::Gone | Verdict::NotSent | Verdict::NotTaken { may_pass: false, .. } => DeliveryStatus::Failed,
        Verdict::NotTaken { may_pass: true, .. } => {
            delivery.round_failures += 1;
            delivery.due_at = next_attempt(delivery.round_start, delivery.round_failures, now);
            if delivery.due_at.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Failed }
        }
    };
    delivery
}

/// A receiver's answer without what it repeats of what it was sent of a person, and without anything that may be a telephone number.
fn redacted(answer: &str, events: &[Value]) -> String {
    let mut texts = Vec::new();
    for event in events {
        collect(event.get("data").unwrap_or(&Value::Null), &mut texts);
    }
    // The longest first: one may be part of another.
    texts.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    let mut redacted = answer.to_owned();
    for text in texts {
        redacted = redacted.replace(text, "…");
    }
    let is_digit = |c: char| c.is_ascii_digit();
    let mut rest = redacted.as_str();
    let mut shown = String::new();
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_digit(c)).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        shown.push_str(before);
        shown.push_str(if digits.len() < TELEPHONE { digits } else { "…" });
        rest = after;
    }
    shown.push_str(rest);
    shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// All texts of more than one character.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.chars().nth(1).is_some() => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use kernel::ids::UserId;
    use kernel::public_http::AddressProblem;
    use serde_json::json;

    use super::*;
    use crate::retries::TRIED_FOR;
    use crate::store::webhook::WebhookKey;

    fn now() -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }

    fn verdict(kind: Kind, status: u16, body: &str) -> (Verdict, Option<String>) {
        let noted = judged(kind, Ok(Answer { status, beginning: body.as_bytes().to_vec() }), &[]);
        (noted.verdict, noted.error)
    }

    #[test]
    fn answer_of_a_program_is_judged_by_its_status_alone() {
        let not_taken = Verdict::NotTaken { may_pass: true, is_slow: false };
        for (status, expected, error) in [
            (200, Verdict::Taken, None),
            (299, Verdict::Taken, None),
            (301, not_taken, Some("REDIRECT")),
            (404, not_taken, Some("HTTP_404")),
            (410, Verdict::Gone, Some("GONE")),
            (500, not_taken, Some("HTTP_500")),
        ] {
            assert_eq!(
                verdict(Kind::Generic, status, r#"{"errcode":1}"#),
                (expected, error.map(str::to_owned)),
                "{status}"
            );
        }
    }

    #[test]
    fn answer_of_a_bot_is_judged_by_its_number_too() {
        assert_eq!(verdict(Kind::WecomBot, 200, r#"{"errcode":0}"#), (Verdict::Taken, None));
        let later = Verdict::NotTaken { may_pass: true, is_slow: false };
        assert_eq!(verdict(Kind::WecomBot, 200, r#"{"errcode":45009}"#), (later, Some("BOT_45009".to_owned())));
        let never = Verdict::NotTaken { may_pass: false, is_slow: false };
        assert_eq!(verdict(Kind::WecomBot, 200, r#"{"errcode":93000}"#), (never, Some("BOT_93000".to_owned())));
    }

    #[test]
    fn receiver_without_an_answer_is_noted_by_what_went_wrong() {
        for (none, word, is_slow) in [
            (NoAnswer::Address(AddressProblem::NotPublic), "ADDRESS_NOT_PUBLIC", false),
            (NoAnswer::Address(AddressProblem::NotHttps), "URL_REFUSED", false),
            (NoAnswer::NotConnected, "NOT_CONNECTED", true),
            (NoAnswer::TimedOut, "TIMED_OUT", true),
            (NoAnswer::ConnectionLost, "CONNECTION_LOST", false),
        ] {
            let noted = judged(Kind::Generic, Err(none), &[]);
            assert_eq!(noted.verdict, Verdict::NotTaken { may_pass: true, is_slow });
            assert_eq!((noted.status, noted.error.as_deref(), noted.answer), (None, Some(word), None));
        }
    }

    #[test]
    fn answer_is_kept_without_what_it_repeats_of_a_person() {
        let event = json!({ "id": "e-1", "data": { "leads": [{ "nickname": "小店王", "notes": "王" , "mobile": "13812345678" }] } });
        for (answer, kept) in [
            (
                "cannot store 小店王\n(138 1234 5678, 13900001111, code 500)",
                "cannot store … (138 1234 5678, …, code 500)",
            ),
            ("unknown lead of 小店王小店王", "unknown lead of ……"),
            ("  \u{0}", ""),
        ] {
            assert_eq!(redacted(answer, std::slice::from_ref(&event)), kept);
        }
    }

    #[test]
    fn delivery_that_is_not_taken_is_tried_for_a_day_and_then_failed() {
        let webhook = WebhookKey { user_id: UserId::new(7).unwrap(), webhook_id: "wh_1".to_owned() };
        let (mut delivery, mut at, mut attempts) = (Delivery::test(&webhook, now()), now(), 0);
        while delivery.status == DeliveryStatus::Pending {
            at = delivery.due_at.unwrap();
            let noted =
                judged(Kind::Generic, Ok(Answer { status: 500, beginning: attempts.to_string().into_bytes() }), &[]);
            delivery = after(delivery, &noted, at, 20, at);
            attempts += 1;
        }
        assert_eq!((delivery.status, delivery.due_at), (DeliveryStatus::Failed, None));
        assert!(
            at <= kernel::instant::after(now(), TRIED_FOR) && (20..=40).contains(&attempts),
            "{attempts} until {at}"
        );
        assert_eq!(delivery.attempts.len(), attempts);
        let answers: Vec<_> = delivery.attempts.iter().filter_map(|attempt| attempt.answer.clone()).collect();
        assert_eq!(answers, [(attempts - 1).to_string()], "only the last failed attempt keeps its answer");
    }
}
