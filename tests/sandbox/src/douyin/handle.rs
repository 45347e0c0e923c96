//! What tests in the same process do with the platform. Other processes do the same through `control.rs`.

use axum::http::{HeaderMap, Method};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use super::Douyin;
use super::account::{AccountSpec, AccountView};
use super::app::{App, AppSpec};
use super::consent::{Asked, Decision};
use super::endpoint::Endpoint;
use super::fan::{FanChange, FanView, FansChanged};
use super::fault::{ArmedFault, Fault};
use super::request::Incoming;
use super::settings::Settings;
use super::webhook::{Delivery, SignedWebhook, WebhookEvent};
use crate::journal::Entry;

/// Why a consent did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// The address is not this sandbox's consent page.
    #[error("the address is not the consent page of this sandbox")]
    NotTheConsentPage,
    /// There is no such account.
    #[error("no account of this name in the sandbox")]
    UnknownAccount,
    /// The platform refuses to show the page.
    #[error("the platform refuses the consent request with {0}")]
    Refused(i64),
}

/// Tokens as the platform hands them out. No `Debug`: they are secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSet {
    pub open_id: String,
    /// `act.…`
    pub access_token: String,
    /// `rft.…`
    pub refresh_token: String,
    /// Granted scopes, joined by commas.
    pub scope: String,
    pub access_expires_at: Timestamp,
    pub refresh_expires_at: Timestamp,
}

/// A consent as the platform remembers it, without the tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantView {
    pub scopes: Vec<String>,
    /// How often the refresh token was rotated.
    pub renewals: u8,
    pub access_expires_at: Timestamp,
    pub refresh_expires_at: Timestamp,
    /// Whether the user took it back, or a later grant killed it.
    pub revoked: bool,
}

/// What a revocation set off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The `unauthorize` message.
    pub webhook: SignedWebhook,
    /// How its delivery went; nothing when no webhook address is configured.
    pub delivery: Option<Delivery>,
}

impl Douyin {
    /// The value for `DOUYIN_BASE_URL`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Public id of the app under development.
    #[must_use]
    pub fn client_key(&self) -> &str {
        &self.inner.client_key
    }

    /// Secret of the app under development.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.world().apps.get(self.client_key()).map(|app| app.spec.client_secret.clone()).unwrap_or_default()
    }

    pub fn add_app(&self, app: AppSpec) {
        self.world().apps.insert(app.client_key.clone(), App::new(app));
    }

    /// Changes what the console says of the app under development: redirect addresses, granted scopes, secret.
    pub fn change_app(&self, change: impl FnOnce(&mut AppSpec)) {
        if let Some(app) = self.world().apps.get_mut(self.client_key()) {
            change(&mut app.spec);
        }
    }

    /// Registers a callback address for the app under development.
    pub fn register_redirect_uri(&self, uri: impl Into<String>) {
        self.change_app(|app| {
            app.redirect_uris.insert(uri.into());
        });
    }

    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world().settings);
    }

    /// The knobs as they stand.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.world().settings.clone()
    }

    /// Adds a user and returns its open_id; a user of that name stays as it is.
    pub fn add_account(&self, account: AccountSpec) -> String {
        self.world().add_account(account).open_id.clone()
    }

    /// The users, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountView> {
        self.world().accounts.values().map(super::account::Account::view).collect()
    }

    /// The open_id of a user.
    #[must_use]
    pub fn open_id(&self, account: &str) -> Option<String> {
        self.world().accounts.get(account).map(|account| account.open_id.clone())
    }

    /// The truth about a user's fans, oldest first; nothing for an unknown user.
    #[must_use]
    pub fn fans(&self, account: &str) -> Option<Vec<FanView>> {
        self.world().accounts.get(account).map(|account| account.fans.views())
    }

    /// Changes a user's fans; nothing for an unknown user.
    pub fn change_fans(&self, account: &str, change: FanChange) -> Option<FansChanged> {
        self.world().accounts.get_mut(account).map(|account| account.fans.change(change))
    }

    /// Answers the consent page behind `auth_url` as a user would and returns where the browser is sent.
    ///
    /// # Errors
    /// The page's own refusals come as [`ConsentError::Refused`] with the platform's number.
    pub fn consent(&self, auth_url: &str, account: &str, decision: &Decision) -> Result<Url, ConsentError> {
        let url = Url::parse(auth_url).map_err(|_| ConsentError::NotTheConsentPage)?;
        let page = format!("{}/{}", self.base_url(), Endpoint::Connect.name());
        if auth_url.split('?').next().map(|path| path.trim_end_matches('/')) != Some(page.as_str()) {
            return Err(ConsentError::NotTheConsentPage);
        }
        let query = url.query().unwrap_or_default();
        let request = Incoming::new(Method::GET, url.path(), query, HeaderMap::new(), &[]);
        let mut world = self.world();
        let now = self.clock().now();
        let entry = Entry {
            at: now,
            endpoint: Endpoint::Connect.name().to_owned(),
            account: Some(account.to_owned()),
            violations: request.violations(Endpoint::Connect),
            ..Entry::default()
        };
        let asked = match Asked::read(&world, &request) {
            Ok(asked) => asked,
            Err(code) => {
                self.journal(Entry { code: Some(code), ..entry });
                return Err(ConsentError::Refused(code));
            }
        };
        if !world.accounts.contains_key(account) {
            return Err(ConsentError::UnknownAccount);
        }
        let note = if decision.approve { "approve" } else { "deny" };
        self.journal(Entry { code: Some(0), note: Some(note.to_owned()), ..entry });
        Ok(asked.decide(&mut world, account, decision, now))
    }

    /// Skips consent and code: the user has authorized the app under development. Nothing for an unknown user.
    #[must_use]
    pub fn authorize(&self, account: &str, scopes: &[&str]) -> Option<TokenSet> {
        let mut world = self.world();
        let open_id = world.accounts.get(account)?.open_id.clone();
        let scopes = scopes.iter().map(ToString::to_string).collect();
        let grant = world.authority.grant(self.client_key().to_owned(), account.to_owned(), scopes, self.clock().now());
        Some(TokenSet {
            open_id,
            access_token: grant.access.text,
            refresh_token: grant.refresh.text,
            scope: grant.scopes.join(","),
            access_expires_at: grant.access.expires_at,
            refresh_expires_at: grant.refresh.expires_at,
        })
    }

    /// The consents a user ever gave, oldest first.
    #[must_use]
    pub fn grants(&self, account: &str) -> Vec<GrantView> {
        let (world, now) = (self.world(), self.clock().now());
        let view = |grant: &super::authority::Grant| GrantView {
            scopes: grant.scopes.clone(),
            renewals: grant.renewals,
            access_expires_at: grant.access.expires_at,
            refresh_expires_at: grant.refresh.expires_at,
            revoked: grant.is_over(now),
        };
        world.authority.grants_of(account).map(view).collect()
    }

    /// Lets a user's access tokens expire now, without moving the clock for everybody else.
    pub fn expire_access_token(&self, account: &str) {
        let now = self.clock().now();
        self.world().expire_access_tokens(account, now);
    }

    /// The user takes all consents back: tokens are dead at once, and `unauthorize` goes to the webhook address.
    /// Nothing for an unknown user.
    pub async fn revoke(&self, account: &str) -> Option<Revocation> {
        let webhook = self.revoke_quietly(account)?;
        let delivery = self.deliver(&webhook, Some(account), 0).await;
        Some(Revocation { webhook, delivery })
    }

    /// As [`Douyin::revoke`], but the message is lost on its way.
    pub fn revoke_quietly(&self, account: &str) -> Option<SignedWebhook> {
        if !self.world().accounts.contains_key(account) {
            return None;
        }
        let event = WebhookEvent {
            event: "unauthorize".to_owned(),
            account: Some(account.to_owned()),
            ..WebhookEvent::default()
        };
        let webhook = self.signed_webhook(&event);
        self.world().authority.revoke(account, None);
        Some(webhook)
    }

    /// Sets or removes the address webhooks go to.
    pub fn set_webhook(&self, address: Option<Url>) {
        if let Some(app) = self.world().apps.get_mut(self.client_key()) {
            app.webhook = address;
        }
    }

    /// Arms a fault and returns its number.
    pub fn arm(&self, fault: Fault) -> u64 {
        self.world().faults.arm(fault)
    }

    /// Removes a fault; false when there is none of this number.
    pub fn disarm(&self, id: u64) -> bool {
        self.world().faults.disarm(id)
    }

    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// Everything armed since the last clearing, with how often it was met.
    #[must_use]
    pub fn faults(&self) -> Vec<ArmedFault> {
        self.world().faults.list()
    }
}
