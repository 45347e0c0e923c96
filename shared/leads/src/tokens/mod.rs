//! Keeping tokens alive. There is one path to a new token, taken under a lease on the account's row, by whoever needs
//! one first: the worker that met an expired token, or the keeper that came before it expired.

mod breaker;
pub(crate) mod calendar;
pub mod expiry;
mod keeper;

pub use calendar::reauthorize_by;
pub use keeper::{Round, TokenKeeper};

use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::instant::{after, between};
use kernel::lease::{Lease, LeaseAttempt, wait_for};
use kernel::metrics::{self, Metric};
use kernel::retry::try_again_until;
use kernel::transaction::Transaction;
use kernel::vault::{EncryptionContext, Vault};
use secrecy::{ExposeSecret, SecretString};
use tracing::{error, info, warn};

use crate::douyin::{Douyin, FailureKind, PlatformError, TokenSet};
use crate::error::{AuthorizationProblem, Result};
use crate::events;
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus, EncryptedTokens, ExpectedVersion, TABLE};
use crate::tokens::calendar::Calendar;
use crate::tokens::expiry::ExpiryReason;

/// After a failure that proves nothing the keeper comes back this much later.
const RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// After a refusal that the breaker holds it comes back with the next round: all accounts that are refused must show
/// again within the breaker's ten minutes, or it would let pass some more every hour.
const RETRY_HELD_AFTER: Duration = Duration::from_secs(600);
/// A token this close to its end is not used for another call.
const MIN_REMAINING_LIFE: Duration = Duration::from_secs(60);
/// A renewal is begun only if this is left of the invocation: its answer voids the stored token, so it has to be stored.
const MIN_TIME_FOR_RENEWAL: Duration = Duration::from_secs(30);
/// Longer than the platform call under it can take, so a holder that lives never loses it.
const LEASE: Duration = Duration::from_secs(60);
/// How long to wait for another holder: longer than its lease can last.
const LEASE_PATIENCE: Duration = Duration::from_secs(65);
/// So long after another tenant's authorisation of an account was refused the holder's tokens are tried: whether a new
/// authorisation kills the former one is not documented, nor how fast.
pub(crate) const CHALLENGE_PAUSE: Duration = Duration::from_secs(60);
/// Two refusals closer together than this are one incident: "expired" was seen twice within 100 ms of a good token, and
/// a refresh of a token that has not expired brings the same one, so it is no second opinion.
const MIN_BETWEEN_REFUSALS: Duration = Duration::from_secs(60);

/// An access token in the clear, and which of the account's access tokens it is.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub token: SecretString,
    /// The row's `access_version`.
    pub version: u64,
    /// It was refused before, and not accepted since.
    in_doubt: bool,
}

/// What a refusal of a token means that a refresh did not replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// It is the first one, or one of very many, and proves nothing: ask again after more than a minute.
    Noted,
    /// It was refused before and long enough ago: the account is EXPIRED.
    Proven,
    /// The account has other tokens by now: the refusal says nothing about them.
    Outdated,
}

/// What Douyin says of stored tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    Accepted,
    /// They are not, or there are none.
    Refused,
    /// It did not say.
    Unknown(PlatformError),
}

/// Tokens of authorised accounts.
#[derive(Debug, Clone)]
pub struct Tokens {
    stores: Stores,
    vault: Vault,
    douyin: Douyin,
}

impl Tokens {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, vault: Vault::load(cx)?, douyin })
    }

    /// A usable access token of the account. What a refresh brings is stored before `deadline`, if it can be at all.
    ///
    /// # Errors
    /// [`Error::Authorization`](crate::Error::Authorization) when only the user can help.
    pub async fn access_token(&self, account: &Account, deadline: Deadline) -> Result<AccessToken> {
        ensure_active(account)?;
        let is_usable = |account: &Account| account.expire_time > after(self.stores.clock.now(), MIN_REMAINING_LIFE);
        if is_usable(account) {
            return self.open_access_token(account).await;
        }
        self.usable(&account.account_open_id, deadline, is_usable).await
    }

    /// In place of the token `rejected`, which Douyin did not accept: somebody else's newer one if there is one, or what
    /// a refresh brings. That is the same token as long as it has not expired at Douyin.
    pub async fn replace(&self, account_open_id: &OpenId, rejected: u64, deadline: Deadline) -> Result<AccessToken> {
        self.usable(account_open_id, deadline, |account| account.access_version != rejected).await
    }

    async fn usable(
        &self,
        account_open_id: &OpenId,
        deadline: Deadline,
        is_usable: impl Fn(&Account) -> bool,
    ) -> Result<AccessToken> {
        wait_for(&self.stores.clock, "token refresh", LEASE_PATIENCE, || {
            self.look(account_open_id, deadline, &is_usable)
        })
        .await
    }

    async fn look(
        &self,
        account_open_id: &OpenId,
        deadline: Deadline,
        is_usable: impl Fn(&Account) -> bool,
    ) -> Result<LeaseAttempt<AccessToken>> {
        let account = self.account(account_open_id).await?;
        ensure_active(&account)?;
        if is_usable(&account) {
            return Ok(LeaseAttempt::Done(self.open_access_token(&account).await?));
        }
        let Some(lease) = self.lease(&account).await? else { return Ok(LeaseAttempt::HeldByOther) };
        // When the row moved on meanwhile (authorised anew, disconnected), what it holds now decides.
        Ok(self.refresh(&account, &lease, deadline).await?.map_or(LeaseAttempt::Changed, LeaseAttempt::Done))
    }

    /// Asks Douyin about what is stored, whatever the state of the account, with the cheapest call there is: the access
    /// token is tried, or once it is over, the refresh token.
    pub async fn try_stored(&self, account: &Account) -> Result<Trial> {
        let is_over = account.expire_time <= self.stores.clock.now();
        let encrypted = if is_over { &account.refresh_token } else { &account.access_token };
        let Some(encrypted) = encrypted else { return Ok(Trial::Refused) };
        let token = self.vault.decrypt(encryption_context(account), encrypted).await?;
        let answer = if is_over {
            self.douyin.refresh_access_token(&token).await.map(drop)
        } else {
            self.douyin.user_info(&token, account.account_open_id.as_str()).await.map(drop)
        };
        Ok(match answer {
            Ok(()) => Trial::Accepted,
            Err(failure) => match failure.kind {
                FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded => Trial::Refused,
                // What the user never granted is refused for want of it. If it was granted, the grant is gone.
                FailureKind::ScopeMissing if account.scope.split(',').any(|scope| scope.trim() == "user_info") => {
                    Trial::Refused
                }
                FailureKind::ScopeMissing => Trial::Accepted,
                _ => Trial::Unknown(failure),
            },
        })
    }

    /// Notes that Douyin refused `token` although a refresh had just confirmed or replaced it, and says what that means.
    pub async fn rejected(&self, account_open_id: &OpenId, token: &AccessToken) -> Result<Rejection> {
        let account = self.account(account_open_id).await?;
        let now = self.stores.clock.now();
        if account.status != AccountStatus::Active || account.access_version != token.version {
            return Ok(Rejection::Outdated);
        }
        let first = account.refused_at.filter(|_| account.refused_version == Some(token.version));
        let (written, meaning) = match first {
            None => (self.stores.accounts.note_refusal(&account, now).await?, Rejection::Noted),
            Some(first) if between(first, now) < MIN_BETWEEN_REFUSALS => (true, Rejection::Noted),
            Some(_) => {
                let reason = ExpiryReason::RefusedTwice;
                if breaker::admits(&self.stores, &account, reason, now).await? {
                    (self.expire(&account, reason, now).await?, Rejection::Proven)
                } else {
                    (true, Rejection::Noted)
                }
            }
        };
        let meaning = if written { meaning } else { Rejection::Outdated };
        metrics::count(Metric::AccountsExpired, usize::from(meaning == Rejection::Proven));
        warn!(account.id = account.id, ?meaning, "an access token of account {} was refused", account.id);
        Ok(meaning)
    }

    /// Notes that Douyin accepted `token`, so that a refusal before that counts no more.
    pub async fn accepted(&self, account_open_id: &OpenId, token: &mut AccessToken) -> Result<()> {
        if token.in_doubt {
            self.stores.accounts.forget_refusal(account_open_id, token.version).await?;
            token.in_doubt = false;
        }
        Ok(())
    }

    async fn account(&self, account_open_id: &OpenId) -> Result<Account> {
        Ok(self.stores.accounts.get(account_open_id).await?.ok_or(AuthorizationProblem::AccountUnknown)?)
    }

    /// The account's lease; `None` when somebody else has it, or the tokens have changed.
    async fn lease(&self, account: &Account) -> Result<Option<Lease>> {
        let lease = Lease::new(self.stores.clock.now(), LEASE);
        Ok(self.stores.accounts.take_refresh_lease(account, &lease).await?.then_some(lease))
    }

    async fn open_access_token(&self, account: &Account) -> Result<AccessToken> {
        let encrypted = account.access_token.as_deref().ok_or(AuthorizationProblem::Expired)?;
        let token = self.vault.decrypt(encryption_context(account), encrypted).await?;
        let in_doubt = account.refused_version == Some(account.access_version);
        Ok(AccessToken { token, version: account.access_version, in_doubt })
    }

    /// The token a refresh brings, stored; `None` when the row moved on and the lease with it.
    async fn refresh(&self, account: &Account, lease: &Lease, deadline: Deadline) -> Result<Option<AccessToken>> {
        let encrypted = account.refresh_token.as_deref().ok_or(AuthorizationProblem::Expired)?;
        let refresh_token = self.vault.decrypt(encryption_context(account), encrypted).await?;
        let known = self.open_access_token(account).await?;
        let grant = match self.douyin.refresh_access_token(&refresh_token).await {
            Ok(grant) => grant,
            Err(failure) => return self.refused(account, lease, failure).await.map(|()| None),
        };
        let is_other = grant.access_token.expose_secret() != known.token.expose_secret();
        let is_same = |token: &SecretString| token.expose_secret() == refresh_token.expose_secret();
        let issued = (Some(&grant.access_token), grant.refresh_token.as_ref().filter(|token| !is_same(token)));
        let tokens = self.refreshed(account, &grant, is_other, issued.1.is_some());
        let saved = self.store(account, ExpectedVersion::Lease(lease), issued, tokens, deadline).await?;
        info!(account.id = account.id, saved, is_other, "access token of account {} refreshed", account.id);
        let token = match is_other {
            true => AccessToken { token: grant.access_token, version: account.access_version + 1, in_doubt: false },
            false => known,
        };
        Ok(saved.then_some(token))
    }

    /// Seals and stores what Douyin has just handed out, access and refresh token, and does nothing else before: it
    /// exists nowhere else, and what it replaces is void. What may pass is therefore waited for until the function ends.
    async fn store(
        &self,
        account: &Account,
        fence: ExpectedVersion<'_>,
        (access, refresh): (Option<&SecretString>, Option<&SecretString>),
        mut tokens: EncryptedTokens,
        deadline: Deadline,
    ) -> Result<bool> {
        for attempt in 0.. {
            let outcome = self.try_to_store(account, fence, (access, refresh), &mut tokens).await;
            let Err(error) = &outcome else { return Ok(outcome?) };
            warn!(account.id = account.id, attempt, "new tokens of account {} not stored: {error}", account.id);
            if !try_again_until(deadline, &self.stores.clock, error, attempt).await {
                return Ok(outcome?);
            }
        }
        Ok(false)
    }

    async fn try_to_store(
        &self,
        account: &Account,
        fence: ExpectedVersion<'_>,
        (access, refresh): (Option<&SecretString>, Option<&SecretString>),
        tokens: &mut EncryptedTokens,
    ) -> kernel::Result<bool> {
        if let (Some(token), None) = (access, &tokens.access_token) {
            tokens.access_token = Some(self.vault.encrypt(encryption_context(account), token).await?);
        }
        if let (Some(token), None) = (refresh, &tokens.refresh_token) {
            tokens.refresh_token = Some(self.vault.encrypt(encryption_context(account), token).await?);
        }
        self.stores.accounts.save_tokens(account, fence, tokens, self.stores.clock.now()).await
    }

    fn refreshed(
        &self,
        account: &Account,
        grant: &TokenSet,
        is_other: bool,
        has_other_refresh: bool,
    ) -> EncryptedTokens {
        let now = self.stores.clock.now();
        // A refresh does not extend the refresh token, and what an answer states about its end is not documented: the
        // remaining time, the full time and 0 were all seen. So it is believed only of another refresh token, which an app
        // configured for that gets.
        let stated = grant.refresh_expires_in.filter(|life| has_other_refresh && !life.is_zero());
        let refresh_expire_time = stated.map(|life| after(now, life));
        let expire_time = after(now, grant.expires_in);
        let calendar = Calendar {
            access_end: expire_time,
            refresh_end: refresh_expire_time.unwrap_or(account.refresh_expire_time),
            in_doubt: false,
            ..Calendar::of(account)
        };
        EncryptedTokens {
            access_token: None,
            is_other,
            refresh_token: None,
            expire_time,
            refresh_expire_time,
            // An answer that states a very short life must not have it refreshed in every round.
            refresh_due: calendar.due(true).max(after(now, RETRY_AFTER)),
            renew_count: None,
        }
    }

    /// What a failed refresh means for the account: only Douyin's own word on the token or a second refusal ends it,
    /// and only if the token it spoke of is still the stored one (`Ok` when it is not).
    async fn refused(&self, account: &Account, lease: &Lease, failure: PlatformError) -> Result<()> {
        let now = self.stores.clock.now();
        let reason = match failure.kind {
            // Its access token was refused as well, since somebody else has authorised the account.
            FailureKind::ReauthorizationNeeded | FailureKind::TokenInvalid if is_challenged(account, now) => {
                ExpiryReason::Superseded
            }
            FailureKind::ReauthorizationNeeded => ExpiryReason::RefreshTokenDead,
            FailureKind::TokenInvalid if refused_before(account, now) => ExpiryReason::RefusedTwice,
            _ => return self.not_now(account, lease, failure).await,
        };
        if !breaker::admits(&self.stores, account, reason, now).await? {
            self.stores.accounts.release_refresh_lease(account, lease, after(now, RETRY_HELD_AFTER), None).await?;
            return Err(failure.into());
        }
        if !self.expire(account, reason, now).await? {
            return Ok(());
        }
        metrics::count(Metric::AccountsExpired, usize::from(reason != ExpiryReason::Superseded));
        warn!(account.id = account.id, ?reason, "account {} must be authorised anew: {failure}", account.id);
        Err(AuthorizationProblem::Expired.into())
    }

    /// Marks the account EXPIRED, and tells it. `false`: it has other tokens by now.
    async fn expire(&self, account: &Account, reason: ExpiryReason, now: Timestamp) -> Result<bool> {
        let mut transaction = Transaction::new();
        transaction.add(self.stores.accounts.expire(account, reason, now)?);
        let told = events::account_ended(&expiry::expired(account, reason, now))?;
        self.stores.tell(&mut transaction, account.user_id, &told)?;
        Ok(self.stores.commit(&transaction).await?.is_committed())
    }

    /// Leaves a token set as it is after a failure that proves nothing, for the keeper to come again.
    async fn not_now(&self, account: &Account, lease: &Lease, failure: PlatformError) -> Result<()> {
        let now = self.stores.clock.now();
        let refused_at = (failure.kind == FailureKind::TokenInvalid).then_some(now);
        // A worker may have asked although there are days left: then the keeper's date stands. Due earlier, it would have
        // nothing to do, and stand in the way of those who are.
        let due = Calendar::of(account).due(true).max(after(now, RETRY_AFTER));
        self.stores.accounts.release_refresh_lease(account, lease, due, refused_at).await?;
        error!(account.id = account.id, "tokens of account {} not refreshed: {failure}", account.id);
        Err(failure.into())
    }
}

/// Whether the refresh token was refused before, long enough ago and not accepted since.
fn refused_before(account: &Account, now: Timestamp) -> bool {
    account.refresh_refused_at.is_some_and(|first| between(first, now) >= MIN_BETWEEN_REFUSALS)
}

/// Whether another tenant's authorisation of the account was refused, long enough ago to see what it did to these tokens.
fn is_challenged(account: &Account, now: Timestamp) -> bool {
    account.challenged_at.is_some_and(|at| between(at, now) >= CHALLENGE_PAUSE)
}

/// Refuses an account whose authorisation has ended.
pub fn ensure_active(account: &Account) -> Result<()> {
    match account.status {
        AccountStatus::Active => Ok(()),
        AccountStatus::Expired => Err(AuthorizationProblem::Expired.into()),
        AccountStatus::Revoked => Err(AuthorizationProblem::Revoked.into()),
    }
}

/// Where an account's tokens are encrypted for.
pub fn encryption_context(account: &Account) -> EncryptionContext<'_> {
    EncryptionContext { table: TABLE, user_id: account.user_id, account_id: account.account_open_id.as_str() }
}
