//! How a receiver treats what it is sent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What the next requests meet. Whatever it is, they are kept and their signatures are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Conduct {
    /// 204, or 401 when the signature is wrong.
    #[default]
    Well,
    /// This status.
    Status {
        /// For example 503, or 410 for a receiver that is gone for good.
        status: u16,
        /// So many times, then it is well. Nothing: every time.
        #[serde(default)]
        times: Option<u32>,
    },
    /// The second request fails with this status, the fourth, and so on.
    EverySecond { status: u16 },
    /// No answer until the receiver is told another conduct. Then the requests that still wait are answered as if it had
    /// been well.
    Hang,
    /// Well, but only after so much real time.
    Late { milliseconds: u64 },
    /// The connection ends without a byte of an answer.
    Close,
    /// The connection ends in the middle of the body of an answer with 200.
    CutShort,
    /// 200, or 401 when the signature is wrong, with a body of so many bytes.
    Verbose { bytes: usize },
    /// 307 to another address.
    Redirect { location: String },
}

impl Conduct {
    /// What the `nth` request since the receiver was told so meets, counted from 1.
    pub(super) fn of_request(&self, nth: u64) -> Self {
        match *self {
            Self::Status { times: Some(times), .. } if nth > times.into() => Self::Well,
            Self::EverySecond { status } if nth.is_multiple_of(2) => Self::Status { status, times: None },
            Self::EverySecond { .. } => Self::Well,
            ref steady => steady.clone(),
        }
    }

    /// How the journal names it; nothing when all is well.
    pub(super) fn label(&self) -> Option<String> {
        let what = match self {
            Self::Well => return None,
            Self::Status { status, .. } | Self::EverySecond { status } => Cow::from(format!("http {status}")),
            Self::Hang => "hang".into(),
            Self::Late { milliseconds } => format!("late by {milliseconds} ms").into(),
            Self::Close => "close".into(),
            Self::CutShort => "cut short".into(),
            Self::Verbose { bytes } => format!("{bytes} bytes").into(),
            Self::Redirect { .. } => "redirect".into(),
        };
        Some(what.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conduct_of_a_receiver_that_fails_at_times_depends_on_the_request() {
        let failing =
            |conduct: Conduct| (1..=5).map(|nth| conduct.of_request(nth) != Conduct::Well).collect::<Vec<_>>();
        assert_eq!(failing(Conduct::Status { status: 503, times: Some(2) }), [true, true, false, false, false]);
        assert_eq!(failing(Conduct::Status { status: 503, times: None }), [true; 5]);
        assert_eq!(failing(Conduct::EverySecond { status: 500 }), [false, true, false, true, false]);
    }

    #[test]
    fn conduct_is_read_from_what_a_person_types() {
        let read = serde_json::from_str::<Conduct>;
        let failing = read(r#"{"kind":"status","status":503,"times":3}"#).unwrap();
        assert_eq!(failing, Conduct::Status { status: 503, times: Some(3) });
        assert_eq!(read(r#"{"kind":"everySecond","status":500}"#).unwrap(), Conduct::EverySecond { status: 500 });
        assert!(read(r#"{"kind":"status","status":503,"time":3}"#).is_err());
    }
}
