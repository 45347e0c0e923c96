//! The ways to WeCom: a company's own proxy, else the installation's, else directly.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::platform_http::PlatformHttp;
use kernel::vault::Vault;
use secrecy::SecretString;
use url::Url;

use super::corp_tokens::encryption_context;
use crate::error::Result;
use crate::provider::policy;
use crate::store::corp::Corp;
use crate::wecom::{EgressProxy, TrustedProxies, Wecom, proxy_not_connected};

/// Companies whose connections are kept. A worker serves ten deliveries at once, so the next batch finds most of its
/// companies; each costs a client with its connections.
const MOST_KEPT: usize = 32;

/// Makes clients of WeCom, one for each way to it. Cheap to clone: clones share clients.
#[derive(Clone)]
pub struct WecomRoutes {
    inner: Arc<Inner>,
}

struct Inner {
    base_url: Url,
    timeout: Duration,
    trusted: TrustedProxies,
    /// For companies without a proxy of their own.
    usual: Wecom,
    /// Those of companies with one, by their rows; the one that was used last at the end.
    kept: Mutex<Vec<(Key, Wecom)>>,
}

/// Whose proxy it is, as its row has it. The sealed address differs each time it is sealed, so a new one is a new key; and
/// one that somebody copied to another company's row is another key, which the vault then refuses to open.
#[derive(PartialEq, Eq)]
struct Key {
    corp_key: String,
    user_id: u64,
    sealed: String,
}

impl fmt::Debug for WecomRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WecomRoutes").field("usual", &self.inner.usual).finish_non_exhaustive()
    }
}

impl WecomRoutes {
    /// The ways to WeCom at `base_url`, by `usual` unless a company has a proxy. Opens nothing.
    pub fn new(base_url: Url, timeout: Duration, usual: Option<EgressProxy>, trusted: TrustedProxies) -> Self {
        let direct = || Wecom::new(base_url.clone(), timeout);
        let usual = usual.map_or_else(direct, |proxy| by(&proxy, &base_url, timeout));
        Self { inner: Arc::new(Inner { base_url, timeout, trusted, usual, kept: Mutex::default() }) }
    }

    /// The way of companies without a proxy of their own.
    pub fn usual(&self) -> Wecom {
        self.inner.usual.observed_anew()
    }

    /// The way through this proxy, which is not kept.
    pub fn through(&self, proxy: &EgressProxy) -> Wecom {
        by(proxy, &self.inner.base_url, self.inner.timeout)
    }

    /// The proxy of this address.
    ///
    /// # Errors
    /// What is wrong with it, in Chinese.
    pub fn judge(&self, address: &SecretString) -> Result<EgressProxy, &'static str> {
        self.inner.trusted.judge(address)
    }

    /// The way of a company, as its row has it.
    ///
    /// # Errors
    /// When the address cannot be opened. One that is not allowed any more is like a proxy that does not answer.
    pub async fn of(&self, vault: &Vault, corp: &Corp) -> Result<Wecom> {
        let Some(sealed) = &corp.egress_proxy else { return Ok(self.usual()) };
        let (corp_key, user_id) = (corp.corp_key.as_str().to_owned(), corp.user_id.get());
        let key = Key { corp_key, user_id, sealed: sealed.clone() };
        if let Some(wecom) = self.kept(&key) {
            return Ok(wecom.observed_anew());
        }
        let address = vault.decrypt(encryption_context(corp), sealed).await?;
        let Ok(proxy) = self.judge(&address) else {
            tracing::warn!(corp.key = corp.corp_key.as_str(), "the company's proxy is not allowed any more");
            return Err(proxy_not_connected().into());
        };
        let wecom = self.through(&proxy);
        self.keep(key, wecom.clone());
        Ok(wecom.observed_anew())
    }

    fn kept(&self, key: &Key) -> Option<Wecom> {
        let mut kept = self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == key)?;
        let found = kept.remove(place);
        let wecom = found.1.clone();
        kept.push(found);
        Some(wecom)
    }

    fn keep(&self, key: Key, wecom: Wecom) {
        let mut kept = self.inner.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.remove(0);
        }
        kept.push((key, wecom));
    }
}

fn by(proxy: &EgressProxy, base_url: &Url, timeout: Duration) -> Wecom {
    Wecom::over(PlatformHttp::through(proxy.forward(), base_url.clone(), policy(timeout)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key { corp_key: format!("ww{number}#1"), user_id: 7, sealed: "kms1:x".to_owned() }
    }

    #[test]
    fn wecom_routes_keep_a_bounded_number_and_let_the_longest_unused_go() {
        let (base_url, timeout) = ("http://127.0.0.1:9".parse().unwrap(), Duration::from_secs(1));
        let routes = WecomRoutes::new(base_url, timeout, None, TrustedProxies::default());
        for number in 0..MOST_KEPT {
            routes.keep(key(number), routes.usual());
        }
        assert!(routes.kept(&key(0)).is_some());
        routes.keep(key(MOST_KEPT), routes.usual());
        assert_eq!(routes.inner.kept.lock().unwrap().len(), MOST_KEPT);
        assert!(routes.kept(&key(0)).is_some() && routes.kept(&key(1)).is_none());
        assert!(routes.kept(&Key { user_id: 8, ..key(2) }).is_none(), "another tenant's");
    }
}
