//! One HTTP exchange with a provider: sent once, bounded in time and size, and honest about how far it got.

use std::fmt;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, retry};
use tokio::sync::OnceCell;
use url::{Host, Url};

use super::Detail;

/// A connection that is not open by then will not open: the handshake takes some 100 ms.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A Lambda sleeps between invocations while the other end and the NAT in between (350 s) forget the connection. A
/// new handshake costs milliseconds, a dead connection the whole timeout.
const KEEP_IDLE_CONNECTIONS: Duration = Duration::from_secs(20);

/// Which connection carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// One that an earlier call may have left open.
    Kept,
    /// One opened for this call. An idle connection that the other end just closed takes the request and gives
    /// nothing back, which looks like a lost answer. The call that publishes must not pay a person's attention for
    /// the handshake it would save.
    Fresh,
}

/// The way to one provider. Builds a client at the first call that needs it, because loading the trust store costs
/// 3.4 ms of CPU at every cold start, and most functions that hold a provider make no call at all.
pub(crate) struct Http {
    base_url: Url,
    timeout: Duration,
    kept: OnceCell<Client>,
    fresh: OnceCell<Client>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base_url", &self.base_url.as_str()).field("timeout", &self.timeout).finish()
    }
}

/// An answer with whatever status and body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Opens nothing: connections and the trust store are the first call's business.
    pub(crate) fn new(base_url: Url, timeout: Duration) -> Self {
        Self { base_url, timeout, kept: OnceCell::new(), fresh: OnceCell::new() }
    }

    /// The address of `path`, which may have something before it: a local sandbox serves several platforms.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    /// The client of `connection`.
    ///
    /// # Errors
    /// [`Detail::NotConnected`] when none can be built.
    pub(crate) async fn client(&self, connection: Connection) -> Result<&Client, Detail> {
        let cell = match connection {
            Connection::Kept => &self.kept,
            Connection::Fresh => &self.fresh,
        };
        cell.get_or_try_init(|| async { self.build(connection) }).await.map_err(|_| {
            // No trust store, no TLS provider: the deployment is broken, and no later call of it will do better.
            tracing::error!(http.host = self.base_url.host_str(), "the HTTP client of a provider cannot be built");
            Detail::NotConnected
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one client of each provider")]
    fn build(&self, connection: Connection) -> reqwest::Result<Client> {
        let client = Client::builder()
            // From connecting to the last byte of the body.
            .timeout(self.timeout)
            // Shorter than the whole, so that a connection that does not open is told from a missing answer.
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout / 2))
            // No provider redirects; following one would carry tokens to wherever it points.
            .redirect(Policy::none())
            // Retries have one owner, the publisher.
            .retry(retry::never())
            .pool_idle_timeout(KEEP_IDLE_CONNECTIONS)
            .pool_max_idle_per_host(match connection {
                Connection::Kept => usize::MAX,
                Connection::Fresh => 0,
            });
        // A company proxy in the environment (WeCom answers only to trusted addresses, and a function has none of its
        // own) is honoured for the platform and makes no sense for a sandbox on this machine.
        if is_loopback(&self.base_url) { client.no_proxy() } else { client }.build()
    }
}

/// Sends `request` and reads at most `max_body` bytes of the answer.
///
/// # Errors
/// What kept the whole answer away; [`Detail::NotConnected`] alone says that nothing was written.
pub(crate) async fn exchange(request: RequestBuilder, max_body: usize) -> Result<Reply, Detail> {
    let mut response = request.send().await.map_err(|error| lost(&error))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > max_body {
            return Err(Detail::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, body })
}

/// Never the error's own text: it quotes the address with its query, where WeCom's token is.
fn lost(error: &reqwest::Error) -> Detail {
    // The order matters: a handshake that timed out is both, and certainly wrote nothing.
    if error.is_connect() || error.is_builder() {
        Detail::NotConnected
    } else if error.is_timeout() {
        Detail::TimedOut
    } else {
        Detail::ConnectionLost
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
