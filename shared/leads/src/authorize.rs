//! Authorising a Douyin account: the link out, and the way back.

mod link;

pub use link::AuthorizationLinks;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::crypto::{Signer, sha256_hex};
use kernel::deadline::Deadline;
use kernel::ids::UserId;
use kernel::instant::after;
use kernel::lease::{LeaseAttempt, wait_for};
use kernel::vault::Vault;
use secrecy::{ExposeSecret, SecretString};
use tracing::{info, warn};
use url::Url;

use crate::binding::{Bindings, NewTokenSet};
use crate::browser::BrowserKey;
use crate::config::state_signer;
use crate::douyin::{Douyin, Endpoint, FailureKind, PlatformError, UserInfo};
use crate::error::{AuthorizationProblem, Error, Result};
use crate::ids::OpenId;
use crate::repeated_return::{KeptOutcome, code_hash, ticket};
use crate::store::Stores;
use crate::store::oauth_state::{Consumed, PendingAuthorization};
use crate::store::parked_grant::{self, ParkedGrant, TicketKey};

/// The refresh token lives this long when the answer does not say.
const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// The profile is read only if this is left: what Douyin may take at the longest, and a write.
const MIN_TIME_FOR_PROFILE: Duration = Duration::from_secs(12);

/// A return that comes twice waits for what came of the first one, which asks Douyin at most twice, and this much of its
/// own time is left to answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    pub user_id: UserId,
    pub account_open_id: OpenId,
    /// Scopes that were asked for and that the user did not grant.
    pub missing_scopes: Vec<String>,
}

/// What the browser brings back from Douyin's page.
#[derive(Debug, Default)]
pub struct Return<'a> {
    /// The state of the link.
    pub state: Option<&'a str>,
    /// The code; absent when the page failed, or the user declined.
    pub code: Option<SecretString>,
    /// Why there is no code, if the page says so.
    pub error: Option<&'a str>,
}

/// How a return from Douyin ended.
#[derive(Debug)]
pub enum CallbackOutcome {
    /// With an account, or with none.
    Ended {
        /// Where to send the browser, if the user asked to be sent anywhere and the state proved it.
        page: Option<Url>,
        /// What came of it.
        result: Result<Authorized>,
    },
    /// Nothing is authorised yet: the browser is not the one that asked for the link, or could not show it.
    ToConfirm {
        /// The page of the state, which must have whoever is signed in there confirm the ticket.
        page: Url,
        /// Good once, for ten minutes, for the user who asked for the link.
        ticket: SecretString,
    },
}

/// A state that we have signed.
struct State {
    /// Its random part.
    nonce: [u8; 32],
    /// The key of its row.
    hash: String,
}

/// Handles returns from Douyin.
#[derive(Debug, Clone)]
pub struct AuthorizationCallback {
    stores: Stores,
    bindings: Bindings,
    signer: Signer,
    vault: Vault,
    douyin: Douyin,
}

impl AuthorizationCallback {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            bindings: Bindings::new(cx, douyin.clone())?,
            signer: state_signer(cx)?,
            vault: Vault::load(cx)?,
            douyin,
        })
    }

    /// Takes the state (once) and exchanges the code. The account is kept only if `browser` is the one that asked for
    /// the link: the link alone proves nothing, for anybody can send theirs to somebody else. In any other browser the
    /// grant waits for the word of the user who is signed in on the page it leads to; where it leads to none, the code
    /// is left alone. A consent that was declined arrives without a code. A crash after the exchange loses the code, not
    /// an account: the user starts over.
    ///
    /// The same return within a minute is told what came of the first one, and nothing is done again.
    pub async fn complete(
        &self,
        back: Return<'_>,
        browser: Option<&BrowserKey>,
        deadline: Deadline,
    ) -> CallbackOutcome {
        let (state, code_hash) = match self.verified(back.state).await {
            Ok(state) => (state, code_hash(back.code.as_ref())),
            Err(error) => return CallbackOutcome::Ended { page: None, result: Err(error) },
        };
        match self.consume(&state, &code_hash, deadline).await {
            Ok(Consumed::Now(pending)) => {
                let outcome = self.first(&state, &pending, back, browser, deadline).await;
                self.keep_outcome(&state, &outcome).await;
                outcome
            }
            Ok(Consumed::Before(pending, outcome)) => again(&state, &pending, back.code.as_ref(), outcome),
            Err(error) => CallbackOutcome::Ended { page: None, result: Err(error) },
        }
    }

    async fn first(
        &self,
        state: &State,
        pending: &PendingAuthorization,
        Return { code, error, .. }: Return<'_>,
        browser: Option<&BrowserKey>,
        deadline: Deadline,
    ) -> CallbackOutcome {
        let page = page_of(pending);
        let result = match (code, &page) {
            (None, _) => Err(AuthorizationProblem::of_consent(error).into()),
            (Some(code), _) if pending.was_requested_by(browser) => self.keep(pending, &code, deadline).await,
            (Some(code), Some(page)) => match self.park(pending, &code, ticket(&state.nonce, &code), deadline).await {
                Ok(ticket) => return CallbackOutcome::ToConfirm { page: page.clone(), ticket },
                Err(error) => Err(error),
            },
            (Some(_), None) => Err(AuthorizationProblem::OtherBrowser.into()),
        };
        CallbackOutcome::Ended { page, result }
    }

    /// What is not kept is only not told again: a repetition is answered like one that comes too late.
    async fn keep_outcome(&self, state: &State, outcome: &CallbackOutcome) {
        let outcome = match outcome {
            CallbackOutcome::Ended { result, .. } => KeptOutcome::of(result),
            CallbackOutcome::ToConfirm { .. } => KeptOutcome::Parked,
        };
        if let Err(error) = self.stores.states.keep(&state.hash, &outcome).await {
            warn!("what came of an authorisation not kept for repetitions: {error}");
        }
    }

    /// The state that Douyin hands back, if we have signed it.
    async fn verified(&self, state: Option<&str>) -> Result<State> {
        let parts = state
            .and_then(|state| state.split_once('.'))
            .and_then(|(nonce, mac)| Some((URL_SAFE_NO_PAD.decode(nonce).ok()?, URL_SAFE_NO_PAD.decode(mac).ok()?)));
        let (nonce, mac) = parts.filter(|(_, mac)| mac.len() == 32).ok_or(STATE_INVALID)?;
        let nonce: [u8; 32] = nonce.try_into().map_err(|_| STATE_INVALID)?;
        if !self.signer.verify(&nonce, &mac).await? {
            return Err(STATE_INVALID.into());
        }
        Ok(State { hash: sha256_hex(&nonce), nonce })
    }

    /// Consumes the state. A return that comes while the first one is still under way waits for what comes of that: of a
    /// double click the browser shows the second answer only. If nothing does, because its process died, the user starts
    /// over.
    async fn consume(&self, state: &State, code_hash: &str, deadline: Deadline) -> Result<Consumed> {
        let patience = deadline.remaining(self.stores.clock.now()).saturating_sub(TIME_TO_ANSWER);
        let consumed = wait_for(&self.stores.clock, "authorisation", patience, || async {
            let consumed = self.stores.states.consume(&state.hash, code_hash, &self.stores.clock).await?;
            Ok::<_, kernel::Error>(match consumed {
                Some(Consumed::Before(_, None)) => LeaseAttempt::HeldByOther,
                consumed => LeaseAttempt::Done(consumed),
            })
        });
        match consumed.await {
            Ok(Some(consumed)) => Ok(consumed),
            Ok(None) | Err(kernel::Error::Contention("authorisation")) => Err(STATE_INVALID.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stores what the code brings, and does nothing else before: the code is spent.
    async fn keep(
        &self,
        pending: &PendingAuthorization,
        code: &SecretString,
        deadline: Deadline,
    ) -> Result<Authorized> {
        let (grant, user_id) = (self.exchange(pending, code).await?, pending.user_id);
        self.bindings.bind(user_id, &pending.actor(), &grant, None).await?;
        if let Some(profile) = self.profile(&grant, deadline).await {
            let noted = self.stores.accounts.set_profile(&grant.account_open_id, user_id, &profile).await;
            tell_failure(noted);
        }
        let missing_scopes = grant.missing_scopes();
        Ok(Authorized { user_id, account_open_id: grant.account_open_id, missing_scopes })
    }

    /// What the account is called. The page shows it; an account without one is still authorised, so nothing that goes
    /// wrong with it counts.
    async fn profile(&self, grant: &NewTokenSet, deadline: Deadline) -> Option<UserInfo> {
        if deadline.remaining(self.stores.clock.now()) < MIN_TIME_FOR_PROFILE {
            warn!("no time left to read the profile of a newly authorised account");
            return None;
        }
        let profile = self.douyin.user_info(&grant.access_token, grant.account_open_id.as_str()).await;
        profile.inspect_err(|failure| warn!("profile of a newly authorised account not read: {failure}")).ok()
    }

    /// Has the grant wait under the ticket.
    async fn park(
        &self,
        pending: &PendingAuthorization,
        code: &SecretString,
        ticket: SecretString,
        deadline: Deadline,
    ) -> Result<SecretString> {
        let (grant, user_id) = (self.exchange(pending, code).await?, pending.user_id);
        let (access_token, refresh_token) = grant.encrypt(&self.vault, parked_grant::TABLE, user_id).await?;
        let now = self.stores.clock.now();
        let parked = ParkedGrant {
            user_id,
            account_open_id: grant.account_open_id.clone(),
            nickname: String::new(),
            avatar_url: String::new(),
            scope: grant.scope.clone(),
            asked: grant.asked.clone(),
            access_token,
            refresh_token,
            expire_time: grant.expire_time,
            refresh_expire_time: grant.refresh_expire_time,
            expires_at: ParkedGrant::end(now),
        };
        let key = TicketKey::of(ticket.expose_secret());
        self.stores.parked.put(&key, &parked, now).await?;
        info!(user.id = user_id.get(), "an authorisation for user {user_id} waits to be confirmed");
        if let Some(profile) = self.profile(&grant, deadline).await {
            tell_failure(self.stores.parked.set_profile(&key, &profile).await);
        }
        Ok(ticket)
    }

    async fn exchange(&self, pending: &PendingAuthorization, code: &SecretString) -> Result<NewTokenSet> {
        let grant = self.douyin.exchange_code(code).await?;
        let unreadable = || PlatformError {
            kind: FailureKind::Transient,
            endpoint: Endpoint::AccessToken,
            code: None,
            http_status: Some(200),
            log_id: None,
        };
        let open_id = grant.open_id.ok_or_else(unreadable)?;
        let refresh_token = grant.refresh_token.ok_or_else(unreadable)?;
        let now = self.stores.clock.now();
        Ok(NewTokenSet {
            account_open_id: open_id,
            nickname: String::new(),
            avatar_url: String::new(),
            scope: grant.scope.unwrap_or_else(|| pending.scopes.clone()),
            asked: pending.scopes.clone(),
            access_token: grant.access_token,
            refresh_token,
            expire_time: after(now, grant.expires_in),
            refresh_expire_time: after(now, grant.refresh_expires_in.unwrap_or(REFRESH_TOKEN_LIFETIME)),
        })
    }
}

/// The page that the user asked to be sent to.
fn page_of(pending: &PendingAuthorization) -> Option<Url> {
    pending.redirect_url.as_deref().and_then(|url| Url::parse(url).ok())
}

/// What a return is told that brings the same state and code as one before it.
fn again(
    state: &State,
    pending: &PendingAuthorization,
    code: Option<&SecretString>,
    outcome: Option<KeptOutcome>,
) -> CallbackOutcome {
    let page = page_of(pending);
    let result = outcome.map_or_else(|| Some(Err(STATE_INVALID.into())), |outcome| outcome.result(pending.user_id));
    match (result, &page, code) {
        (Some(result), ..) => CallbackOutcome::Ended { page, result },
        (None, Some(page), Some(code)) => {
            CallbackOutcome::ToConfirm { page: page.clone(), ticket: ticket(&state.nonce, code) }
        }
        // Nothing is parked without a page and a code.
        (None, ..) => CallbackOutcome::Ended { page, result: Err(STATE_INVALID.into()) },
    }
}

/// A profile that is not stored is only missing.
fn tell_failure(noted: kernel::Result<bool>) {
    if let Err(error) = noted {
        warn!("profile of a newly authorised account not stored: {error}");
    }
}

const STATE_INVALID: AuthorizationProblem = AuthorizationProblem::StateInvalid;

/// The short English reason a redirect carries.
pub fn redirect_error(error: &Error) -> &'static str {
    match error {
        Error::Authorization(AuthorizationProblem::ConsentDenied) => "access_denied",
        Error::Authorization(AuthorizationProblem::ConsentUnavailable) => "platform_unavailable",
        Error::Authorization(AuthorizationProblem::ConsentRefused) => "app_refused",
        Error::Authorization(AuthorizationProblem::ConsentUnknown) => "platform_error",
        Error::Authorization(AuthorizationProblem::BoundToAnotherUser) => "account_bound_to_another_user",
        Error::Authorization(AuthorizationProblem::DataBeingDeleted) => "data_being_deleted",
        Error::Authorization(_) => "authorization_failed",
        Error::Platform(failure) if failure.kind == FailureKind::CodeRejected => "authorization_failed",
        Error::Platform(_) => "platform_unavailable",
        _ => "server_error",
    }
}
