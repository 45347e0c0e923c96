//! The outside world on loopback: simulated platforms with a virtual clock, faults to order, and a journal of what they
//! were really asked. Tests start one in their own process; `cargo dev` runs the binary beside the functions.
//!
//! | path | what |
//! |---|---|
//! | `/douyin/…` | the Douyin Open Platform; the value for `DOUYIN_BASE_URL` is `<url>/douyin` |
//! | `/wecom/…` | WeCom; the value for `WECOM_BASE_URL` is `<url>/wecom` |
//! | `/gewe/…` | the gateway to personal WeChat accounts; its base URL is `<url>/gewe` |
//! | `/content/…` | the content library; the value for `CONTENT_API_URL` is `<url>/content` |
//! | `/media/…` | pictures and videos for `mediaUrls` |
//! | `/text-check/…` | a service that judges texts; the value for `TEXT_CHECK_URL` is `<url>/text-check/check` |
//! | `/inbox/…` | receivers of webhooks, one for each name: `<url>/inbox/<name>`; group bots of WeCom, DingTalk and Feishu |
//! | `/_sandbox/…` | control: clock, journal, publications, secrets |
//! | `/_sandbox/douyin/…` | control: accounts, fans, faults, settings, webhooks |
//! | `/_sandbox/wecom/…` | control: corps, members, moments and their confirmation, faults, settings |
//! | `/_sandbox/gewe/…` | control: devices, posts, callback, faults, settings |
//! | `/_sandbox/content/…`, `/_sandbox/media/…`, `/_sandbox/text-check/…` | control: drafts, files, hits, words |
//! | `/_sandbox/inbox/…` | control: receivers of webhooks, their secrets, how they behave and what arrived |
#![expect(
    clippy::disallowed_methods,
    reason = "a simulated platform has a clock of its own, which starts at the machine's"
)]

mod clock;
mod config;
mod connection;
pub mod content;
mod control;
pub mod douyin;
pub mod fault;
mod forward_proxy;
pub mod gewe;
mod host;
pub mod inbox;
mod incoming;
mod journal;
pub mod media;
mod publication;
mod reply;
mod secrets;
mod seed;
mod steer;
#[cfg(test)]
mod tests;
pub mod text_check;
pub mod wecom;

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use clock::Clock;
pub use config::SandboxConfig;
pub use forward_proxy::ForwardProxy;
pub use journal::{Entry, Journal};
pub use publication::{Publication, PublicationKind, text_hash};
pub use secrets::Secrets;

use connection::{Cut, CuttableListener};
use content::Content;
use control::Control;
use douyin::Douyin;
use gewe::Gewe;
use host::Host;
use inbox::Inbox;
use media::Media;
use seed::Seed;
use text_check::TextCheck;
use wecom::Wecom;

/// How long a shutdown waits for answers under way before it leaves them to their fate.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// A running sandbox. Dropping it stops it; [`Sandbox::shutdown`] also waits until it has stopped.
pub struct Sandbox {
    url: String,
    control: Control,
    shutdown: watch::Sender<bool>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Sandbox {
    /// Starts on 127.0.0.1, in the current Tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(config: SandboxConfig) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))
            .await
            .with_context(|| format!("port {} on 127.0.0.1 is not free", config.port))?;
        let url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
        let (shutdown, over) = watch::channel(false);
        let journal = Journal::default();
        let seed = Seed::new(config.seed.unwrap_or_else(rand::random));
        let douyin = Douyin::new(
            config.douyin,
            format!("{url}/douyin"),
            seed,
            config.clock.clone(),
            journal.clone(),
            over.clone(),
        );
        let host = |platform| Host::new(platform, &config.clock, &journal, &over);
        let control = Control {
            wecom: Wecom::new(config.wecom, host("wecom"), format!("{url}/wecom"), seed),
            gewe: Gewe::new(config.gewe, host("gewe"), format!("{url}/gewe"), seed),
            content: Content::new(config.content, host("content"), format!("{url}/content")),
            media: Media::new(host("media"), format!("{url}/media")),
            text_check: TextCheck::new(host("text-check"), format!("{url}/text-check")),
            inbox: Inbox::new(host("inbox"), format!("{url}/inbox")),
            clock: config.clock,
            journal,
            douyin,
        };
        let service = Router::new()
            .nest("/douyin", control.douyin.platform())
            .nest("/wecom", control.wecom.platform())
            .nest("/gewe", control.gewe.platform())
            .nest("/content", control.content.platform())
            .nest("/media", control.media.platform())
            .nest("/text-check", control.text_check.platform())
            .nest("/inbox", control.inbox.platform())
            .nest("/_sandbox", control.routes())
            .into_make_service_with_connect_info::<Cut>();
        let server = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(until(over));
        Ok(Self { url, control, shutdown, server: tokio::spawn(server.into_future()) })
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The virtual time of all platforms.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.control.clock
    }

    /// What the platforms saw.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.control.journal
    }

    #[must_use]
    pub const fn douyin(&self) -> &Douyin {
        &self.control.douyin
    }

    #[must_use]
    pub const fn wecom(&self) -> &Wecom {
        &self.control.wecom
    }

    /// The gateway to personal WeChat accounts.
    #[must_use]
    pub const fn gewe(&self) -> &Gewe {
        &self.control.gewe
    }

    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.control.content
    }

    #[must_use]
    pub const fn media(&self) -> &Media {
        &self.control.media
    }

    #[must_use]
    pub const fn text_check(&self) -> &TextCheck {
        &self.control.text_check
    }

    /// The receivers of webhooks.
    #[must_use]
    pub const fn inbox(&self) -> &Inbox {
        &self.control.inbox
    }

    /// Everything handed out so far that must not be in anyone's log.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.control.secrets()
    }

    /// Stops: hanging answers are cut, others may finish.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
    }
}

async fn until(mut over: watch::Receiver<bool>) {
    // An error means that the sandbox is gone, which is as good as told.
    let _gone = over.wait_for(|is_over| *is_over).await.is_err();
}
