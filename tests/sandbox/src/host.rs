//! What every platform stands on: the clock, the journal, the end of the sandbox, and a way out to the network.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::connection::Cut;
use crate::journal::{Entry, Journal};
use crate::publication::Publication;
use crate::reply::{Fate, Reply};

/// Redirects a platform follows when it downloads something.
const REDIRECTS: usize = 5;

/// One platform's view of the sandbox; clones share everything.
#[derive(Clone)]
pub(crate) struct Host {
    platform: &'static str,
    clock: Clock,
    journal: Journal,
    shutdown: watch::Receiver<bool>,
    http: Arc<OnceLock<Option<reqwest::Client>>>,
}

impl Host {
    pub(crate) fn new(
        platform: &'static str,
        clock: &Clock,
        journal: &Journal,
        shutdown: &watch::Receiver<bool>,
    ) -> Self {
        let (clock, journal, shutdown) = (clock.clone(), journal.clone(), shutdown.clone());
        Self { platform, clock, journal, shutdown, http: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Records an entry, at this instant unless it says when.
    pub(crate) fn record(&self, entry: Entry) -> u64 {
        let at = if entry.at == Timestamp::UNIX_EPOCH { self.now() } else { entry.at };
        self.journal.record(Entry { platform: self.platform, at, ..entry })
    }

    /// Everything that ever went out, of all platforms.
    pub(crate) fn publications(&self) -> Vec<Publication> {
        self.journal.publications()
    }

    /// Real time passes, at most until the sandbox shuts down.
    pub(crate) async fn pause(&self, duration: Duration) {
        if !duration.is_zero() {
            let _either_way = tokio::time::timeout(duration, self.until_shutdown()).await;
        }
    }

    pub(crate) async fn until_shutdown(&self) {
        let mut shutdown = self.shutdown.clone();
        // An error means that the sandbox is gone, which is as good as told.
        let _gone = shutdown.wait_for(|is_over| *is_over).await.is_err();
    }

    /// Whether the sandbox is shutting down.
    pub(crate) fn is_over(&self) -> bool {
        *self.shutdown.borrow() || self.shutdown.has_changed().is_err()
    }

    /// Sends a reply, or does not, as its fate wants it.
    pub(crate) async fn deliver(&self, reply: Reply, cut: &Cut) -> Response {
        self.pause(reply.after).await;
        match reply.fate {
            Fate::Answered => {}
            Fate::Silent => {
                self.until_shutdown().await;
                cut.cut();
            }
            Fate::Dropped => cut.cut(),
        }
        (reply.status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
    }

    /// Built at the first use: loading trust roots is not worth it for a sandbox that calls nobody.
    pub(crate) fn http_client(&self) -> Option<&reqwest::Client> {
        let redirects = reqwest::redirect::Policy::limited(REDIRECTS);
        self.http.get_or_init(|| reqwest::Client::builder().no_proxy().redirect(redirects).build().ok()).as_ref()
    }
}
