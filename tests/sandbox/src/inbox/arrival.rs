//! What arrived.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::verify::{ID, Problem};

/// One request that a receiver got. It shows neither its secrets nor credentials, so that a test may print it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// Its number in the journal.
    pub seq: u64,
    pub at: Timestamp,
    /// The receiver.
    pub name: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The secrets that have signed it, by their places among those that the receiver knew then; none when the signature
    /// was wrong, and for a bot.
    pub signers: Vec<usize>,
    /// What was wrong with the signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What a bot says of it in the body of its answer: 0 when it is in the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The status that was answered; absent as long as it hangs, and when the connection was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<u16>,
}

impl Arrival {
    /// The message's own id, the same at every attempt; empty when there was none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.headers.get(ID).map_or("", String::as_str)
    }

    /// The body; null when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The text that a bot was sent; empty when there was none.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.json();
        let text = ["/text/content", "/content/text"].iter().find_map(|place| body.pointer(place)?.as_str());
        text.unwrap_or_default().to_owned()
    }

    /// Whether the signature was right.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.problem.is_none()
    }

    /// Whether the receiver keeps it: signed as it should be, and answered so. Whoever sent it need not send it again.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.is_signed()
            && self.code.unwrap_or_default() == 0
            && self.answered.is_some_and(|status| (200..300).contains(&status))
    }
}
