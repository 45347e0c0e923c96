//! A proxy that carries the calls of one platform, handed over by whoever makes its client.

use std::fmt;
use std::sync::Arc;

use reqwest::dns::Resolve;
use reqwest::{ClientBuilder, Proxy};
use url::Url;

use crate::error::{Error, Result};

/// A proxy for HTTP. Calls to https go through it as a tunnel (`CONNECT`), so it sees the platform's name and nothing of
/// what is said.
///
/// A connection that does not come about, to the proxy or through it, is [`NotConnected`](super::LossReason::NotConnected):
/// nothing of the request was written then.
#[derive(Clone)]
pub struct ForwardProxy {
    address: Url,
    resolver: Option<Arc<dyn Resolve>>,
}

impl fmt::Debug for ForwardProxy {
    // The address may hold a password, and says whose server it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForwardProxy")
    }
}

impl ForwardProxy {
    /// The proxy at `address`, an http or https address that may hold user and password. Its name is resolved by the
    /// system, or by `resolver`, which may refuse addresses; the platform's name is resolved by the proxy.
    pub fn new(address: Url, resolver: Option<Arc<dyn Resolve>>) -> Self {
        Self { address, resolver }
    }

    /// A client whose every call goes through the proxy.
    pub(super) fn apply(&self, client: ClientBuilder) -> Result<ClientBuilder> {
        let proxy = Proxy::all(self.address.as_str()).map_err(|_| Error::Internal("address of a proxy"))?;
        let client = client.proxy(proxy);
        Ok(match &self.resolver {
            None => client,
            Some(resolver) => client.dns_resolver(Arc::clone(resolver)),
        })
    }
}
