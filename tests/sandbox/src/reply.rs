//! What goes back to a caller, and what an ordered fault makes of it.

use std::time::Duration;

use axum::http::StatusCode;

use crate::fault::{Effect, Fault};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// An answer on its way.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// Real time before it leaves.
    pub(crate) after: Duration,
    pub(crate) fate: Fate,
}

pub(crate) enum Fate {
    Answered,
    /// The connection stays open and says nothing.
    Silent,
    Dropped,
}

impl Reply {
    pub(crate) const fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body, after: Duration::ZERO, fate: Fate::Answered }
    }

    pub(crate) const fn json(body: String) -> Self {
        Self::new(StatusCode::OK, JSON, body)
    }

    /// What the caller gets to see of `truth`, which is nothing when the request never reached the platform. `refuse`
    /// writes a business error as this platform does.
    pub(crate) fn after_fault<E>(
        fault: Option<&Fault<E>>,
        truth: Option<Self>,
        refuse: impl FnOnce(i64, Option<&str>) -> Self,
    ) -> Self {
        let silence = || Self::new(StatusCode::OK, JSON, String::new());
        let delay = fault.and_then(Fault::delay).unwrap_or_default();
        match fault.map(|fault| &fault.effect) {
            Some(Effect::Code { code, message }) => refuse(*code, message.as_deref()),
            Some(Effect::Http { status }) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
                Self::new(status, HTML, format!("<html><body><center><h1>{status}</h1></center>nginx</body></html>"))
            }
            Some(Effect::NotJson) => Self::new(StatusCode::OK, HTML, "<html><body>系统维护中</body></html>".to_owned()),
            Some(Effect::EmptyBody) => silence(),
            Some(Effect::Drop) => Self { fate: Fate::Dropped, ..silence() },
            Some(Effect::Hang { milliseconds: None }) => Self { fate: Fate::Silent, ..silence() },
            Some(Effect::Hang { .. } | Effect::Late { .. } | Effect::LoseSession) | None => {
                Self { after: delay, ..truth.unwrap_or_else(silence) }
            }
        }
    }
}
