//! One HTTP client for every outside platform: sent once, bounded in time and size, and exact about how far a call
//! got. What platforms differ in is their [`Policy`]; what is the same for all is in [`builder`].
//!
//! No call takes a proxy of the environment (`HTTPS_PROXY` and its kin): it would carry every platform's calls at once,
//! and undo what the fetcher of users' media judges by address. Whoever needs a proxy hands it over.

mod forward_proxy;

pub use forward_proxy::ForwardProxy;

use std::fmt;
use std::time::Duration;

use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, ClientBuilder, RequestBuilder, retry};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::{Error, Result};
use crate::trust;

/// A connection that is not open by then will not open: the handshake takes some 100 ms.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an idle connection is worth keeping. A Lambda sleeps between invocations while the other end and the NAT in
/// between (350 s) forget the connection. A new handshake costs milliseconds, a dead connection the whole timeout.
pub const KEEP_IDLE: Duration = Duration::from_secs(20);

/// How one platform is spoken to. Every field is decided where the platform's client is made.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The longest a call may take, from connecting to the last byte of the answer's body.
    pub timeout: Duration,
    /// How long a connection may be idle before it is closed: see [`KEEP_IDLE`].
    pub keep_idle: Duration,
}

/// Which connection carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// One that an earlier call may have left open.
    Kept,
    /// One opened for this call. An idle connection that the other end just closed takes the request and gives
    /// nothing back, which looks like a lost answer. A call that cannot be repeated must not pay a person's attention
    /// for the handshake it would save.
    Fresh,
}

/// An answer with whatever status and body.
#[derive(Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The whole body, which is within the platform's limit.
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    // The body can hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).field("body_bytes", &self.body.len()).finish()
    }
}

/// A call without a whole answer. It holds nothing that was sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How far the call got.
    pub reason: LossReason,
    /// The HTTP status, when the answer had begun.
    pub status: Option<u16>,
}

/// What kept the whole answer away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossReason {
    /// No connection came about. This reason alone says that nothing was sent.
    NotConnected,
    /// No whole answer in time.
    TimedOut,
    /// The connection broke before the whole answer arrived.
    ConnectionLost,
    /// The answer is longer than any real one.
    TooLong,
}

impl LossReason {
    /// Stable name for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::TimedOut => "timed out",
            Self::ConnectionLost => "connection lost",
            Self::TooLong => "answer too long",
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Lost {
    /// Never the error's own text: it quotes the address with its query, where some platforms want their token.
    fn from_error(error: &reqwest::Error, status: Option<u16>) -> Self {
        // The order matters: a handshake that timed out is both, and certainly sent nothing.
        let reason = if error.is_connect() || error.is_builder() {
            LossReason::NotConnected
        } else if error.is_timeout() {
            LossReason::TimedOut
        } else {
            LossReason::ConnectionLost
        };
        Self { reason, status }
    }
}

/// The way to one platform.
pub struct PlatformHttp {
    base_url: Url,
    policy: Policy,
    proxy: Option<ForwardProxy>,
    // Built by the first call that needs it: most functions that hold a platform's client make no call at all.
    kept: OnceCell<Client>,
    fresh: OnceCell<Client>,
}

impl fmt::Debug for PlatformHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base_url = self.base_url.as_str();
        f.debug_struct("PlatformHttp")
            .field("base_url", &base_url)
            .field("policy", &self.policy)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

impl PlatformHttp {
    /// The platform at `base_url`, spoken to directly. Opens nothing: connections and the trust store are the first call's
    /// business.
    pub const fn new(base_url: Url, policy: Policy) -> Self {
        Self { base_url, policy, proxy: None, kept: OnceCell::const_new(), fresh: OnceCell::const_new() }
    }

    /// The platform at `base_url`, spoken to through `proxy` and in no other way.
    pub const fn through(proxy: ForwardProxy, base_url: Url, policy: Policy) -> Self {
        Self { base_url, policy, proxy: Some(proxy), kept: OnceCell::const_new(), fresh: OnceCell::const_new() }
    }

    /// Whether a proxy carries the calls.
    pub const fn has_proxy(&self) -> bool {
        self.proxy.is_some()
    }

    /// The address of `path`, which may have something before it: a local sandbox serves several platforms.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    /// The client of `connection`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none can be built, which is logged here.
    pub async fn client(&self, connection: Connection) -> Result<&Client> {
        let cell = match connection {
            Connection::Kept => &self.kept,
            Connection::Fresh => &self.fresh,
        };
        cell.get_or_try_init(|| async { self.build(connection) }).await.inspect_err(|_| {
            // No trust store, no TLS provider: the deployment is broken, and no later call of it will do better.
            tracing::error!(http.host = self.base_url.host_str(), "the HTTP client of a platform cannot be built");
        })
    }

    fn build(&self, connection: Connection) -> Result<Client> {
        let Policy { timeout, keep_idle } = self.policy;
        let client = builder()?
            .timeout(timeout)
            // Shorter than the whole, so that a connection that does not open is told from a missing answer.
            .connect_timeout(CONNECT_TIMEOUT.min(timeout / 2))
            .pool_idle_timeout(keep_idle)
            .pool_max_idle_per_host(match connection {
                Connection::Kept => usize::MAX,
                Connection::Fresh => 0,
            });
        let client = match &self.proxy {
            None => client,
            Some(proxy) => proxy.apply(client)?,
        };
        client.build().map_err(|_| Error::Unavailable("http client"))
    }
}

/// What every client of the process begins with. Whoever needs more than [`PlatformHttp`] (the fetcher of users' media
/// judges each address) begins with it too.
///
/// The trust store is the process's: a client begun otherwise reads and parses the system's certificates for itself,
/// 7 ms of CPU. No redirect is followed: no platform's API redirects, and following one would carry tokens to wherever
/// it points. Nothing is sent twice: retries have one owner, the caller, who alone knows what a call costs. No proxy of
/// the environment is taken.
///
/// # Errors
/// [`Error::Unavailable`] when the machine has no usable trust store.
pub fn builder() -> Result<ClientBuilder> {
    Ok(builder_with(trust::client_config()?))
}

/// The same with TLS settings of the caller's.
#[expect(clippy::disallowed_methods, reason = "the one place where clients begin")]
pub(crate) fn builder_with(tls: ClientConfig) -> ClientBuilder {
    Client::builder().tls_backend_preconfigured(tls).redirect(Redirects::none()).retry(retry::never()).no_proxy()
}

/// Sends `request` and reads at most `max_body` bytes of the answer.
///
/// # Errors
/// What kept the whole answer away.
pub async fn exchange(request: RequestBuilder, max_body: usize) -> Result<Reply, Lost> {
    let mut response = request.send().await.map_err(|error| Lost::from_error(&error, None))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Lost::from_error(&error, Some(status)))? {
        if body.len() + chunk.len() > max_body {
            return Err(Lost { reason: LossReason::TooLong, status: Some(status) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, body })
}

#[cfg(test)]
mod tests;
