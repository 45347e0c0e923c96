//! The link to Douyin's consent page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Context;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::crypto::{Signer, random, sha256_hex};
use url::Url;

use crate::browser::BrowserKey;
use crate::config::{AuthorizationSettings, state_signer};
use crate::douyin::Douyin;
use crate::error::Result;
use crate::store::Stores;
use crate::store::oauth_state::NewAuthorization;

#[derive(Debug, Clone)]
pub struct AuthorizationLinks {
    stores: Stores,
    signer: Signer,
    douyin: Douyin,
    settings: AuthorizationSettings,
}

impl AuthorizationLinks {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            signer: state_signer(cx)?,
            douyin,
            settings: AuthorizationSettings::new(&cx.env)?,
        })
    }

    /// A link to Douyin's consent page for this user, good for ten minutes and one return, and tied to the browser that
    /// asked for it.
    ///
    /// # Errors
    /// [`kernel::Error::InvalidRequest`] when `redirect_url` is not on the allow-list.
    pub async fn issue(&self, caller: &Caller, redirect_url: Option<&str>, browser: &BrowserKey) -> Result<String> {
        let redirect_url = match redirect_url {
            None => None,
            Some(text) => Some(self.settings.origins.allow(text).ok_or_else(|| {
                kernel::Error::invalid("redirectUrl", "跳转地址不在允许的域名范围内，请使用存客宝页面的完整地址")
            })?),
        };
        let AuthorizationSettings { redirect_uri, scopes, .. } = &self.settings;
        let nonce = random::<32>();
        let mac = self.signer.sign(&nonce).await?;
        let authorization = NewAuthorization {
            user_id: caller.user_id,
            actor: &caller.actor,
            redirect_url: redirect_url.as_ref().map(Url::as_str),
            scopes: &scopes.join(","),
            browser_hash: &browser.hash(),
        };
        self.stores.states.put(&sha256_hex(&nonce), authorization, self.stores.clock.now()).await?;
        let state = format!("{}.{}", URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(mac));
        Ok(self.douyin.authorize_url(redirect_uri, scopes, &state).await)
    }
}
