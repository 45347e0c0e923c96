//! The token keeper's work on one account: it refreshes and renews the tokens of an ACTIVE one before they end, and tries
//! those of an EXPIRED one until they are destroyed.

use std::time::Duration;

use kernel::Context;
use kernel::config::ConfigError;
use kernel::deadline::Deadline;
use kernel::ids::TaskId;
use kernel::lease::Lease;
use kernel::transaction::Transaction;
use secrecy::ExposeSecret;
use tracing::{info, warn};

use super::expiry::next_trial;
use super::{
    MAX_RENEWALS, MIN_TIME_FOR_RENEWAL, REFRESH_BEFORE, RENEW_BEFORE, RETRY_AFTER, Tokens, place, refresh_due,
    refused_before,
};
use crate::douyin::{Douyin, FailureKind, PlatformError, TokenSet};
use crate::error::{AuthorizationProblem, Result};
use crate::fan_sync::SyncQueue;
use crate::ids::OpenId;
use crate::store::account::{Account, AccountStatus, ExpectedVersion, SealedTokens};

/// How often the accounts are counted. It reads their keys: some hundred read units for 100,000 of them.
const COUNT_EVERY: i64 = 86_400;

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

    fn now(&self) -> i64 {
        self.tokens.stores.clock.now().as_second()
    }

    /// Once per run: counts the accounts from time to time, for the breaker.
    pub async fn begin(&self) -> Result<()> {
        let Tokens { stores, .. } = &self.tokens;
        let (app, now) = (stores.platform.app().await?, self.now());
        if app.counted_at.is_none_or(|counted_at| now - counted_at >= COUNT_EVERY) {
            let accounts = stores.accounts.count_kept().await?;
            stores.platform.note_accounts(accounts, now).await?;
        }
        Ok(())
    }

    /// The accounts the keeper should look at.
    pub async fn due(&self, limit: i32) -> Result<Vec<OpenId>> {
        Ok(self.tokens.stores.accounts.due_for_refresh(self.now(), limit).await?)
    }

    /// One round over one account.
    pub async fn keep(&self, account_open_id: &OpenId, deadline: Deadline) -> Result<()> {
        let account = self.tokens.account(account_open_id).await?;
        match account.status {
            AccountStatus::Active => self.keep_alive(account, deadline).await,
            AccountStatus::Expired => self.try_again(&account).await,
            AccountStatus::Revoked => Ok(()),
        }
    }

    /// Refreshes, then renews, whichever is due. Neither waits for the other.
    async fn keep_alive(&self, account: Account, deadline: Deadline) -> Result<()> {
        let refreshed = if account.expire_time - self.now() < REFRESH_BEFORE {
            self.leased(&account, async |lease| self.tokens.refresh(&account, lease, deadline).await.map(drop)).await
        } else {
            Ok(())
        };
        let account = self.tokens.account(&account.account_open_id).await?;
        let left = account.refresh_expire_time - self.now();
        let has_room = deadline.remaining(self.tokens.stores.clock.now()) >= MIN_TIME_FOR_RENEWAL;
        if account.renew_count < MAX_RENEWALS && left < RENEW_BEFORE && has_room {
            self.leased(&account, async |lease| self.renew(&account, lease, deadline).await).await?;
        }
        refreshed
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
        let (Some(until), Some(sealed)) = (account.tokens_until, account.refresh_token.as_deref()) else {
            return Ok(());
        };
        if now >= until {
            if self.tokens.stores.accounts.destroy_tokens(account, now).await? {
                info!(account.id = account.id, "tokens of expired account {} destroyed", account.id);
            }
            return Ok(());
        }
        let Some(lease) = self.tokens.lease(account).await? else { return Ok(()) };
        let refresh_token = self.tokens.vault.open(place(account), sealed).await?;
        match self.tokens.douyin.refresh_access_token(&refresh_token).await {
            Ok(grant) => self.restore(account, &lease, &grant, refresh_token.expose_secret()).await,
            Err(failure) => {
                let is_word = matches!(failure.kind, FailureKind::ReauthorizationNeeded | FailureKind::TokenInvalid);
                let expired_at = account.expired_at.unwrap_or(now);
                let (due, trials) = if is_word {
                    next_trial(expired_at, account.trials + 1, now)
                } else {
                    // Nothing was learned, so the trial is made up for.
                    (now + RETRY_AFTER, account.trials)
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
        let mut tokens = self.tokens.refreshed(account, grant, true);
        tokens.access_token = Some(vault.encrypt(place(account), &grant.access_token).await?);
        if let Some(other) = grant.refresh_token.as_ref().filter(|token| token.expose_secret() != sent) {
            tokens.refresh_token = Some(vault.encrypt(place(account), other).await?);
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
        transaction.add(stores.accounts.restore(account, lease, &tokens, task, now.as_second())?);
        if let Some((task, strategy)) = sync {
            let (user_id, open_id) = (account.user_id, &account.account_open_id);
            transaction.add(stores.tasks.create(task, user_id, open_id, strategy, now.as_millisecond())?);
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

    async fn renew(&self, account: &Account, lease: &Lease, deadline: Deadline) -> Result<()> {
        let sealed = account.refresh_token.as_deref().ok_or(AuthorizationProblem::Expired)?;
        let refresh_token = self.tokens.vault.open(place(account), sealed).await?;
        // The answer voids the stored token and has to be sealed to be stored. A right to the key that is missing is found
        // out before that, on the token that is still good.
        self.tokens.vault.encrypt(place(account), &refresh_token).await?;
        let now = self.tokens.stores.clock.now().as_second();
        let renewed = match self.tokens.douyin.renew_refresh_token(&refresh_token).await {
            Ok(renewed) => renewed,
            Err(failure) => return self.not_renewed(account, lease, failure).await,
        };
        let refresh_expire_time = now + i64::try_from(renewed.expires_in.as_secs()).unwrap_or(i64::MAX / 2);
        let renew_count = account.renew_count + 1;
        let tokens = SealedTokens {
            access_token: None,
            is_other: false,
            refresh_token: None,
            expire_time: account.expire_time,
            refresh_expire_time: Some(refresh_expire_time),
            refresh_due: refresh_due(account.expire_time, refresh_expire_time, renew_count),
            renew_count: Some(renew_count),
        };
        let issued = (None, Some(&renewed.refresh_token));
        let saved = self.tokens.store(account, ExpectedVersion::Replaced(sealed), issued, tokens, deadline).await?;
        info!(account.id = account.id, renew_count, saved, "refresh token of account {} renewed", account.id);
        Ok(())
    }

    /// What a failed renewal means: at the worst that there will be none any more. The access token lives on, so the
    /// account stays ACTIVE until Douyin refuses a refresh, and its user sees by when to authorise anew.
    async fn not_renewed(&self, account: &Account, lease: &Lease, failure: PlatformError) -> Result<()> {
        const LIMIT_REACHED: i64 = 10_020;
        let now = self.tokens.stores.clock.now().as_second();
        match failure.kind {
            FailureKind::ReauthorizationNeeded => {}
            FailureKind::TokenInvalid if refused_before(account, now) => {}
            _ => return self.tokens.not_now(account, lease, failure).await,
        }
        let limit_reached = failure.code == Some(LIMIT_REACHED);
        // Any other refusal says that the refresh token itself is dead, as after a renewal whose answer was lost.
        let refresh_end = if limit_reached { account.refresh_expire_time } else { now };
        let due = if limit_reached {
            refresh_due(account.expire_time, account.refresh_expire_time, MAX_RENEWALS).max(now + RETRY_AFTER)
        } else {
            account.expire_time
        };
        self.tokens.stores.accounts.end_renewals(account, lease, MAX_RENEWALS, refresh_end, due).await?;
        warn!(account.id = account.id, "refresh token of account {} will not be renewed: {failure}", account.id);
        Ok(())
    }
}
