//! The token keeper's work on one account: it refreshes and renews the tokens of an ACTIVE one before they end, and tries
//! those of an EXPIRED one until they are destroyed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::instant::{after, before, between};
use kernel::lease::Lease;
use kernel::transaction::Transaction;
use secrecy::ExposeSecret;
use tracing::{error, info, warn};

use super::calendar::{Calendar, MAX_RENEWALS};
use super::expiry::next_trial;
use super::{MIN_TIME_FOR_RENEWAL, RETRY_AFTER, Tokens, Trial, encryption_context, is_challenged};
use crate::douyin::{Douyin, FailureKind, PlatformError, TokenSet};
use crate::error::{AuthorizationProblem, Result};
use crate::events;
use crate::fan_sync::SyncQueue;
use crate::ids::OpenId;
use crate::store::account::{Account, AccountStatus, EncryptedTokens, ExpectedVersion};
use crate::store::sync_task::{NewSync, StartedBy};

/// How often the accounts are counted. It reads their keys: some hundred read units for 100,000 of them.
const COUNT_EVERY: Duration = Duration::from_secs(86_400);

/// How long an account is challenged at the most.
const CHALLENGED_AT_MOST: Duration = Duration::from_secs(86_400);
/// How often what was refused is asked for again, when it is likely to be refused again.
const ASK_AGAIN_EVERY: Duration = Duration::from_secs(86_400);

/// What one run of the keeper knows.
#[derive(Debug)]
pub struct Round {
    /// Our app may renew refresh tokens, or nothing else is known.
    app_renews: AtomicBool,
}

impl Round {
    fn app_renews(&self) -> bool {
        self.app_renews.load(Ordering::Relaxed)
    }
}

/// Keeps the tokens of accounts.
#[derive(Debug, Clone)]
pub struct TokenKeeper {
    tokens: Tokens,
    queue: SyncQueue,
}

impl TokenKeeper {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        Ok(Self { tokens: Tokens::new(cx, douyin)?, queue: SyncQueue::new(cx)? })
    }

    fn now(&self) -> Timestamp {
        self.tokens.stores.clock.now()
    }

    /// Begins a run: reads what is known of our app, and counts the accounts from time to time, for the breaker.
    pub async fn begin(&self) -> Result<Round> {
        let Tokens { stores, .. } = &self.tokens;
        let (app, now) = (stores.platform.app().await?, self.now());
        if app.counted_at.is_none_or(|counted_at| between(counted_at, now) >= COUNT_EVERY) {
            let accounts = stores.accounts.count_kept().await?;
            stores.platform.note_accounts(accounts, now).await?;
        }
        Ok(Round { app_renews: AtomicBool::new(app.renewals_missing_at.is_none()) })
    }

    /// The accounts the keeper should look at.
    pub async fn due(&self, limit: i32) -> Result<Vec<OpenId>> {
        Ok(self.tokens.stores.accounts.due_for_refresh(self.now(), limit).await?)
    }

    /// One round over one account.
    pub async fn keep(&self, account_open_id: &OpenId, round: &Round, deadline: Deadline) -> Result<()> {
        let account = self.tokens.account(account_open_id).await?;
        match account.status {
            AccountStatus::Active => self.keep_alive(account, round, deadline).await,
            AccountStatus::Expired => self.try_again(&account).await,
            AccountStatus::Revoked => Ok(()),
        }
    }

    /// Refreshes, then renews, whichever is due. Neither waits for the other.
    async fn keep_alive(&self, account: Account, round: &Round, deadline: Deadline) -> Result<()> {
        let is_refused = is_challenged(&account, self.now()) && self.has_died(&account).await?;
        let refreshed = if is_refused || Calendar::of(&account).refresh_at() <= self.now() {
            self.leased(&account, async |lease| self.tokens.refresh(&account, lease, deadline).await.map(drop)).await
        } else {
            Ok(())
        };
        let account = self.tokens.account(&account.account_open_id).await?;
        let now = self.now();
        let wants_renewal = Calendar::of(&account).renew_at().is_some_and(|at| at <= now);
        let (account, renewed) = if wants_renewal && self.may_renew(round).await? && self.has_room_for_renewal(deadline)
        {
            let renewed = self.leased(&account, async |lease| self.renew(&account, lease, round, deadline).await).await;
            (self.tokens.account(&account.account_open_id).await?, renewed)
        } else {
            (account, Ok(()))
        };
        // Also when Douyin does not answer: the account ends whether it does or not.
        let account = self.tell_of_end(account, round).await?;
        self.put_off(&account, round).await?;
        renewed.and(refreshed)
    }

    /// Tells the tenant that the account must be authorised anew, when it is time for that. Answers the account as it is then.
    async fn tell_of_end(&self, account: Account, round: &Round) -> Result<Account> {
        let (stores, now) = (&self.tokens.stores, self.now());
        let notice = Calendar::of(&account).notice(round.app_renews(), now);
        let Some(notice) = notice.filter(|_| account.status == AccountStatus::Active) else { return Ok(account) };
        let mut transaction = Transaction::new();
        transaction.add(stores.accounts.note_notice(&account, notice)?);
        stores.tell(&mut transaction, account.user_id, &[events::reauthorize_due(&account, notice.end, now)?])?;
        if !stores.commit(&transaction).await?.is_committed() {
            return Ok(account);
        }
        info!(account.id = account.id, days = notice.days, "the end of account {} was told", account.id);
        Ok(Account { reauthorize_end: Some(notice.end), reauthorize_told: Some(notice.days), ..account })
    }

    /// Whether a challenged account's tokens are refused. If they are accepted the challenge is over, and after a day also
    /// if Douyin does not say: it keeps the account due, and must not keep its tokens from being refreshed.
    async fn has_died(&self, account: &Account) -> Result<bool> {
        let is_over = match self.tokens.try_stored(account).await? {
            Trial::Refused => return Ok(true),
            Trial::Accepted => true,
            Trial::Unknown(failure) => {
                warn!(account.id = account.id, "challenged account {} not tried: {failure}", account.id);
                account.challenged_at.is_some_and(|at| between(at, self.now()) >= CHALLENGED_AT_MOST)
            }
        };
        if is_over {
            self.tokens.stores.accounts.end_challenge(account).await?;
        }
        Ok(false)
    }

    /// Whether a renewal may be asked for: one that our app is known not to be allowed is asked for once a day, by one
    /// account for all, to find out when that has changed.
    async fn may_renew(&self, round: &Round) -> Result<bool> {
        let now = self.now();
        Ok(round.app_renews()
            || self.tokens.stores.platform.claim_renewal_question(before(now, ASK_AGAIN_EVERY), now).await?)
    }

    fn has_room_for_renewal(&self, deadline: Deadline) -> bool {
        deadline.remaining(self.tokens.stores.clock.now()) >= MIN_TIME_FOR_RENEWAL
    }

    /// Leaves an account alone for which there is nothing to do until there is: due for nothing it would come back in
    /// every round, ahead of those who are.
    async fn put_off(&self, account: &Account, round: &Round) -> Result<()> {
        let (due, now) = (Calendar::of(account).due(round.app_renews()), self.now());
        let is_due = account.refresh_due.is_some_and(|due| due <= now);
        let is_challenged = account.challenged_at.is_some();
        if account.status == AccountStatus::Active && is_due && due > now && !is_challenged {
            self.tokens.stores.accounts.put_off(account, due).await?;
        }
        Ok(())
    }

    /// Does `work` under the account's lease; nothing when the account is not ACTIVE or somebody else works on it.
    async fn leased(&self, account: &Account, work: impl AsyncFnOnce(&Lease) -> Result<()>) -> Result<()> {
        if account.status == AccountStatus::Active
            && let Some(lease) = self.tokens.lease(account).await?
        {
            return work(&lease).await;
        }
        Ok(())
    }

    /// Tries the tokens of an EXPIRED account once more, by a refresh, or destroys them when their time has come. Only a
    /// success changes its state.
    async fn try_again(&self, account: &Account) -> Result<()> {
        let now = self.now();
        let (Some(until), Some(encrypted)) = (account.tokens_until, account.refresh_token.as_deref()) else {
            return Ok(());
        };
        if now >= until {
            if self.tokens.stores.accounts.destroy_tokens(account, now).await? {
                info!(account.id = account.id, "tokens of expired account {} destroyed", account.id);
            }
            return Ok(());
        }
        let Some(lease) = self.tokens.lease(account).await? else { return Ok(()) };
        let refresh_token = self.tokens.vault.decrypt(encryption_context(account), encrypted).await?;
        match self.tokens.douyin.refresh_access_token(&refresh_token).await {
            Ok(grant) => self.restore(account, &lease, &grant, refresh_token.expose_secret()).await,
            Err(failure) => {
                let is_word = matches!(failure.kind, FailureKind::ReauthorizationNeeded | FailureKind::TokenInvalid);
                let expired_at = account.expired_at.unwrap_or(now);
                let (due, trials) = if is_word {
                    next_trial(expired_at, account.trials + 1, now)
                } else {
                    // Nothing was learned, so the trial is made up for.
                    (after(now, RETRY_AFTER), account.trials)
                };
                self.tokens.stores.accounts.note_trial(account, &lease, trials, due.min(until)).await?;
                info!(account.id = account.id, trials, "expired account {} stays so: {failure}", account.id);
                if is_word { Ok(()) } else { Err(failure.into()) }
            }
        }
    }

    /// Makes the account ACTIVE again with what a refresh has brought, and starts the sync that its expiry had ended, all
    /// or nothing. What is not stored is brought by the next trial: a refresh leaves the refresh token good.
    async fn restore(&self, account: &Account, lease: &Lease, grant: &TokenSet, sent: &str) -> Result<()> {
        let Tokens { stores, vault, .. } = &self.tokens;
        let other = grant.refresh_token.as_ref().filter(|token| token.expose_secret() != sent);
        let mut tokens = self.tokens.refreshed(account, grant, true, other.is_some());
        tokens.access_token = Some(vault.encrypt(encryption_context(account), &grant.access_token).await?);
        if let Some(other) = other {
            tokens.refresh_token = Some(vault.encrypt(encryption_context(account), other).await?);
        }
        let running = match account.active_sync_task_id {
            Some(task) => stores.tasks.get(task).await?.filter(|task| !task.status.ended()),
            None => None,
        };
        let now = stores.clock.now();
        let blocked = account.blocked_sync.filter(|_| running.is_none());
        let sync = blocked.map(|strategy| (TaskId::generate(now), strategy));
        let mut transaction = Transaction::new();
        let task = sync.map(|(task, _)| task);
        transaction.add(stores.accounts.restore(account, lease, &tokens, task, now)?);
        stores.tell(&mut transaction, account.user_id, &[events::account_restored(account)?])?;
        if let Some((task, strategy)) = sync {
            let sync = NewSync {
                task_id: task,
                user_id: account.user_id,
                account_open_id: &account.account_open_id,
                strategy,
                started_by: StartedBy::Schedule,
            };
            transaction.add(stores.tasks.create(&sync, now)?);
        }
        if !stores.commit(&transaction).await?.is_committed() {
            return Ok(());
        }
        info!(account.id = account.id, "expired account {} is accepted again", account.id);
        if let Some(task) = task {
            info!(task.id = task.get(), "fan sync {task} created in place of the one that the expiry ended");
            self.queue.wake(task, account.user_id, Duration::ZERO).await;
        }
        Ok(())
    }

    async fn renew(&self, account: &Account, lease: &Lease, round: &Round, deadline: Deadline) -> Result<()> {
        let encrypted = account.refresh_token.as_deref().ok_or(AuthorizationProblem::Expired)?;
        let refresh_token = self.tokens.vault.decrypt(encryption_context(account), encrypted).await?;
        // The answer voids the stored token and has to be encrypted to be stored. A right to the key that is missing is found
        // out before that, on the token that is still good.
        self.tokens.vault.encrypt(encryption_context(account), &refresh_token).await?;
        // What was done until here may have taken long, and from here on there is no way back.
        if !self.has_room_for_renewal(deadline) {
            let due = account.refresh_due.unwrap_or_default();
            self.tokens.stores.accounts.release_refresh_lease(account, lease, due, None).await?;
            return Ok(());
        }
        let now = self.now();
        let renewed = match self.tokens.douyin.renew_refresh_token(&refresh_token).await {
            Ok(renewed) => renewed,
            Err(failure) => return self.not_renewed(account, lease, failure, round).await,
        };
        let refresh_end = after(now, renewed.expires_in);
        let renewals = account.renew_count + 1;
        let calendar = Calendar {
            access_end: account.expire_time,
            refresh_end,
            renewals,
            renewed_at: Some(now),
            in_doubt: false,
            told: None,
        };
        let tokens = EncryptedTokens {
            access_token: None,
            is_other: false,
            refresh_token: None,
            expire_time: account.expire_time,
            refresh_expire_time: Some(refresh_end),
            refresh_due: calendar.due(true),
            renew_count: Some(renewals),
        };
        let issued = (None, Some(&renewed.refresh_token));
        let saved = self.tokens.store(account, ExpectedVersion::Replaced(encrypted), issued, tokens, deadline).await?;
        info!(account.id = account.id, renewals, saved, "refresh token of account {} renewed", account.id);
        if !round.app_renews() {
            self.tokens.stores.platform.forget_renewals_missing().await?;
            round.app_renews.store(true, Ordering::Relaxed);
            info!("our app may renew refresh tokens again");
        }
        Ok(())
    }

    /// What a failed renewal means. The access token lives on, so the account stays ACTIVE whatever was said, and its user
    /// sees by when to authorise it anew.
    async fn not_renewed(&self, account: &Account, lease: &Lease, failure: PlatformError, round: &Round) -> Result<()> {
        const LIMIT_REACHED: i64 = 10_020;
        const APP_LACKS_RENEWALS: i64 = 10_004;
        let (accounts, now) = (&self.tokens.stores.accounts, self.now());
        let calendar = Calendar::of(account);
        match (failure.code, failure.kind) {
            (Some(LIMIT_REACHED), _) => {
                let due = Calendar { renewals: MAX_RENEWALS, ..calendar }.due(true).max(after(now, RETRY_AFTER));
                accounts.end_renewals(account, lease, MAX_RENEWALS, due).await?;
                warn!(account.id = account.id, "no renewal of account {} is left: {failure}", account.id);
            }
            // Of no account, so it is noted once for all of them.
            (Some(APP_LACKS_RENEWALS), _) => {
                round.app_renews.store(false, Ordering::Relaxed);
                let due = calendar.due(false).max(after(now, RETRY_AFTER));
                accounts.release_refresh_lease(account, lease, due, None).await?;
                if self.tokens.stores.platform.note_renewals_missing(now).await? {
                    // The alarm RenewalsMissingAlarm counts these lines by their `alarm`.
                    error!(
                        alarm = "renewals_missing",
                        "our app lacks renew_refresh_token: accounts last 30 days instead of 145: {failure}"
                    );
                }
            }
            // The refresh token may be dead: this renewal was carried out and its answer lost, or an earlier one's was. Or
            // Douyin is wrong, or never got the request. Trying again costs nothing and finds out which.
            (None, _) | (_, FailureKind::ReauthorizationNeeded | FailureKind::TokenInvalid) => {
                let pause = if calendar.in_doubt { ASK_AGAIN_EVERY } else { RETRY_AFTER };
                let due = after(now, pause).min(account.expire_time.max(after(now, RETRY_AFTER)));
                let notice = calendar.next_notice(round.app_renews()).filter(|at| *at > now);
                let due = notice.map_or(due, |notice| notice.min(due));
                accounts.note_failed_renewal(account, lease, due, now).await?;
                warn!(account.id = account.id, "a renewal of account {} failed: {failure}", account.id);
                if failure.code.is_none() {
                    return Err(failure.into());
                }
            }
            _ => return self.tokens.not_now(account, lease, failure).await,
        }
        Ok(())
    }
}
