//! Keeps what was sent, and finds out what it deserves and what it is to meet.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::bot::{Ruling, mentions_somebody, unknown};
use super::verify::{ID, Problem, signers};
use super::{Arrival, BotKind, Conduct, Inbox, KEPT, Receiver};
use crate::incoming::{Incoming, printable};
use crate::journal::Entry;

/// What nobody may send along to an address that a customer can name.
const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];

/// The answer that a request deserves.
pub(super) struct Due {
    pub(super) status: StatusCode,
    pub(super) body: Option<String>,
    signers: Vec<usize>,
    problem: Option<Problem>,
    /// What a bot says in the body.
    code: Option<i64>,
}

impl Due {
    fn of_webhook(signers: Result<Vec<usize>, Problem>) -> Self {
        match signers {
            Ok(signers) => Self { status: StatusCode::NO_CONTENT, body: None, signers, problem: None, code: None },
            Err(problem) => Self {
                status: StatusCode::UNAUTHORIZED,
                body: Some(json!({"error": problem}).to_string()),
                signers: Vec::new(),
                problem: Some(problem),
                code: None,
            },
        }
    }

    pub(super) fn of_bot(kind: BotKind, ruling: Ruling) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(ruling.body(kind)),
            signers: Vec::new(),
            problem: ruling.problem,
            code: Some(ruling.code),
        }
    }
}

/// A request on its way to its answer.
pub(super) struct Arrived {
    pub(super) seq: u64,
    pub(super) conduct: Conduct,
    pub(super) due: Due,
    /// Says that the receiver was told another conduct.
    pub(super) told: watch::Receiver<()>,
}

impl Arrived {
    /// The status that is answered; nothing where it is open whether there will be an answer.
    pub(super) fn decided(&self) -> Option<StatusCode> {
        match self.conduct {
            Conduct::Well | Conduct::Late { .. } => Some(self.due.status),
            Conduct::Status { status, .. } | Conduct::EverySecond { status } => {
                Some(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
            Conduct::CutShort => Some(StatusCode::OK),
            // Nothing can come with a 204.
            Conduct::Verbose { .. } => {
                Some(if self.due.status.is_success() { StatusCode::OK } else { self.due.status })
            }
            Conduct::Redirect { .. } => Some(StatusCode::TEMPORARY_REDIRECT),
            Conduct::Hang | Conduct::Close => None,
        }
    }

    /// The journal's code: what a bot says where that is told, else the status.
    fn code(&self) -> Option<i64> {
        let status = self.decided()?.as_u16().into();
        let tells = matches!(self.conduct, Conduct::Well | Conduct::Late { .. });
        Some(self.due.code.filter(|_| tells).unwrap_or(status))
    }
}

impl Inbox {
    /// Takes a webhook in. What is sent to the name of a bot is nobody's webhook: no key of its can have signed it.
    pub(super) fn take_webhook_in(&self, name: &str, request: &Incoming) -> Arrived {
        let at = self.host().now();
        let mut state = self.state();
        let receiver = state.receivers.entry(name.to_owned()).or_default();
        let due = Due::of_webhook(signers(&receiver.keys, request, at));
        let entry =
            Entry { endpoint: "webhook".to_owned(), note: request.header(ID).map(printable), ..Entry::default() };
        self.keep(name, receiver, request, due, Entry { at, violations: violations(request), ..entry })
    }

    /// Takes a message to a bot in, with the bot's name; nothing when there is no such bot.
    pub(super) fn take_message_in(&self, kind: BotKind, token: &str, request: &Incoming) -> Option<(String, Arrived)> {
        let at = self.host().now();
        let entry = Entry { at, endpoint: kind.endpoint().to_owned(), ..Entry::default() };
        let mut state = self.state();
        let judged = state.receivers.iter_mut().find_map(|(name, receiver)| {
            let bot = receiver.bot.as_mut().filter(|bot| bot.kind == kind && bot.token == token)?;
            let ruling = bot.judge(request, at);
            Some((name, receiver, ruling))
        });
        let Some((name, receiver, ruling)) = judged else {
            self.host().record(Entry { code: Some(unknown(kind).code), ..entry });
            return None;
        };
        let mut violations = violations(request);
        if request.json().is_some_and(|body| mentions_somebody(kind, &body)) {
            violations.push("somebody is mentioned".to_owned());
        }
        let arrived = self.keep(name, receiver, request, Due::of_bot(kind, ruling), Entry { violations, ..entry });
        Some((name.clone(), arrived))
    }

    fn keep(&self, name: &str, receiver: &mut Receiver, request: &Incoming, due: Due, entry: Entry) -> Arrived {
        receiver.met += 1;
        let conduct = receiver.conduct.of_request(receiver.met);
        let mut arrived = Arrived { seq: 0, conduct, due, told: receiver.told.subscribe() };
        let at: Timestamp = entry.at;
        arrived.seq = self.host().record(Entry {
            code: arrived.code(),
            fault: arrived.conduct.label(),
            account: Some(printable(name)),
            ..entry
        });
        if receiver.arrivals.len() == KEPT {
            receiver.arrivals.pop_front();
        }
        receiver.arrivals.push_back(Arrival {
            seq: arrived.seq,
            at,
            name: name.to_owned(),
            headers: request.headers.iter().map(|(name, value)| (name.to_string(), shown(name, value))).collect(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            signers: arrived.due.signers.clone(),
            problem: arrived.due.problem,
            code: arrived.due.code,
            answered: None,
        });
        arrived
    }

    /// Notes what was answered.
    pub(super) fn answered(&self, name: &str, seq: u64, status: StatusCode) {
        let mut state = self.state();
        let Some(receiver) = state.receivers.get_mut(name) else { return };
        let place = receiver.arrivals.partition_point(|arrival| arrival.seq < seq);
        // It may have been thrown away while it hung.
        if let Some(arrival) = receiver.arrivals.get_mut(place).filter(|arrival| arrival.seq == seq) {
            arrival.answered = Some(status.as_u16());
        }
    }
}

fn violations(request: &Incoming) -> Vec<String> {
    let sent_along = CREDENTIALS.iter().filter(|name| request.headers.contains_key(*name));
    let mut violations: Vec<String> = sent_along.map(|name| format!("header {name} sent along")).collect();
    if request.content_type() != "application/json" {
        violations.push("content-type is not application/json".to_owned());
    }
    if std::str::from_utf8(&request.body).is_err() {
        violations.push("body is not UTF-8".to_owned());
    }
    violations
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if CREDENTIALS.contains(name) { "…".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() }
}
