//! What all stories share: who plays, where, and how a step is told.

use std::cell::{Cell, RefCell};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::api::Api;
use crate::console::{line, paint};
use crate::record::Record;
use crate::token;

/// Longer than any play.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(2);

/// The stage of one play.
pub(super) struct Scenario<'a> {
    pub(super) record: &'a Record,
    /// Makes users and accounts of this play its own, so that it can be played again on the same stack.
    pub(super) play: u64,
    http: reqwest::Client,
    tokens: RefCell<Vec<String>>,
    secrets: RefCell<Vec<String>>,
    steps: Cell<u32>,
}

impl<'a> Scenario<'a> {
    pub(super) fn new(record: &'a Record) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The first request to a function starts it, and after an edit builds it.
            .timeout(std::time::Duration::from_secs(120))
            .build()?;
        let play = u64::try_from(Timestamp::now().as_millisecond()).context("the clock is before 1970")?;
        Ok(Self { record, play, http, tokens: RefCell::default(), secrets: RefCell::default(), steps: Cell::default() })
    }

    /// What everything is asked by.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The API as a user with these permissions sees it. User 0 is the main character, others are strangers.
    pub(super) fn user(&self, number: u64, permissions: &[&str]) -> Result<Api> {
        let permissions: Vec<_> = permissions.iter().map(|permission| (*permission).to_owned()).collect();
        let token = token::issue(&self.record.jwt_secret, self.user_id(number), &permissions, TOKEN_LIFETIME)?;
        self.tokens.borrow_mut().push(token.clone());
        Ok(Api::new(self.http.clone(), self.record, Some(token)))
    }

    /// The API as seen by somebody who is not logged in.
    pub(super) fn nobody(&self) -> Api {
        Api::new(self.http.clone(), self.record, None)
    }

    pub(super) fn user_id(&self, number: u64) -> u64 {
        self.play.saturating_add(number)
    }

    /// Notes something that a user typed in, or a platform was told, and that must not turn up in a log.
    pub(super) fn register_secret(&self, secret: &str) {
        self.secrets.borrow_mut().push(secret.to_owned());
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        self.secrets.borrow().clone()
    }

    /// Every token that was used.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.tokens.borrow().clone()
    }

    /// Asks the sandbox's control API.
    pub(super) async fn sandbox(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}/_sandbox/{path}", self.record.sandbox_url);
        let mut request = self.http.request(method, &url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| format!("the sandbox does not answer at {url}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "the sandbox refuses {path}: {text}");
        serde_json::from_str(&text).with_context(|| format!("the sandbox's answer to {path} is not JSON"))
    }

    /// Visits an address as a browser that does not follow redirects: where it would go next.
    pub(super) async fn visit(&self, url: &str) -> Result<String> {
        let answer = self.http.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
        let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
        Ok(location.with_context(|| format!("no redirect but HTTP {}", answer.status()))?.to_owned())
    }

    pub(super) fn chapter(&self, title: &str) {
        line("");
        line(&paint(1, title));
    }

    /// Tells a step that went as promised.
    pub(super) fn tell(&self, text: &str) {
        self.steps.set(self.steps.get() + 1);
        line(&format!("  {} {text}", paint(32, "✓")));
    }

    pub(super) fn steps(&self) -> u32 {
        self.steps.get()
    }
}
