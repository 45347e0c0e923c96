//! Binding an account to a tenant and starting its sync: one transaction, whoever has had the account before.

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::Context;
use kernel::audit::Row;
use kernel::caller::Actor;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::instant::after;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use kernel::vault::{EncryptionContext, Vault};
use secrecy::SecretString;
use serde_json::{Value, json};
use tracing::info;

use crate::accounts::object_of;
use crate::audit;
use crate::douyin::Douyin;
use crate::error::{AuthorizationProblem, Result, SyncProblem};
use crate::events;
use crate::fan_sync::{SyncQueue, waiting};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus, NewTokens, TABLE};
use crate::store::sync_task::{EndedBy, Ending, NewSync, StartedBy, SyncStrategy, SyncTask, WaitReason};
use crate::tokens::calendar::Calendar;
use crate::tokens::{CHALLENGE_PAUSE, Tokens, Trial};

/// What a code was exchanged for.
#[derive(Debug)]
pub struct NewTokenSet {
    pub account_open_id: OpenId,
    /// Nickname, empty while it is not known.
    pub nickname: String,
    /// Avatar, empty while it is not known.
    pub avatar_url: String,
    /// Granted scopes, comma-joined.
    pub scope: String,
    /// The scopes that were asked for, comma-joined.
    pub asked: String,
    pub access_token: SecretString,
    pub refresh_token: SecretString,
    /// End of the access token.
    pub expire_time: Timestamp,
    /// End of the refresh token.
    pub refresh_expire_time: Timestamp,
}

impl NewTokenSet {
    /// Whether the user granted what a sync needs.
    fn lists_fans(&self) -> bool {
        self.scope.split(',').any(|scope| scope.trim() == "fans.list")
    }

    /// What was asked for and not granted. Those named `*.bind` are left out: Douyin leaves them out of its answer although
    /// they were granted, and says so.
    pub fn missing_scopes(&self) -> Vec<String> {
        let scopes = |text: &str| text.split(',').map(|scope| scope.trim().to_owned()).collect::<Vec<_>>();
        let granted = scopes(&self.scope);
        let is_missing = |scope: &String| !scope.is_empty() && !scope.ends_with(".bind") && !granted.contains(scope);
        scopes(&self.asked).into_iter().filter(is_missing).collect()
    }

    /// Access and refresh token, encrypted for a table's row of this tenant and account.
    pub(crate) async fn encrypt(
        &self,
        vault: &Vault,
        table: &'static str,
        user_id: UserId,
    ) -> Result<(String, String)> {
        let context = EncryptionContext { table, user_id, account_id: self.account_open_id.as_str() };
        let encrypted = futures::future::try_join(
            vault.encrypt(context, &self.access_token),
            vault.encrypt(context, &self.refresh_token),
        );
        Ok(encrypted.await?)
    }
}

/// Whose an account is, seen from a tenant with a fresh grant of it.
enum Holder<'a> {
    /// Nobody's, or the tenant's own.
    Free,
    /// Another tenant's whose authorisation has ended: it is taken over.
    Lapsed(&'a Account),
    /// Another tenant's that is said to work.
    Taken(&'a Account),
}

impl<'a> Holder<'a> {
    fn of(account: Option<&'a Account>, user_id: UserId) -> Self {
        match account {
            Some(account) if account.user_id != user_id => match account.status {
                AccountStatus::Active => Self::Taken(account),
                AccountStatus::Expired | AccountStatus::Revoked => Self::Lapsed(account),
            },
            _ => Self::Free,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Bindings {
    stores: Stores,
    queue: SyncQueue,
    vault: Vault,
    tokens: Tokens,
}

impl Bindings {
    /// Built once at init, with its tables and settings from `cx`.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context, douyin: Douyin) -> Result<Self, ConfigError> {
        let (stores, queue) = (Stores::new(cx)?, SyncQueue::new(cx)?);
        Ok(Self { stores, queue, vault: Vault::load(cx)?, tokens: Tokens::new(cx, douyin)? })
    }

    /// Binds the account of `grant` to the tenant and starts a sync of it, all or nothing: whoever authorises an account
    /// wants its leads. A sync that runs already is kept, one that waits because Douyin refused the former token goes on at once, and none is started that Douyin would refuse for want of the
    /// scope. An account of another tenant is taken over once its authorisation has ended, which for an ACTIVE one Douyin
    /// is asked about: whoever can give a fresh consent is who owns it. `ticket` takes the grant out of where it was parked, in the same transaction.
    ///
    /// # Errors
    /// [`AuthorizationProblem::BoundToAnotherUser`] when another tenant's authorisation of it works,
    /// [`AuthorizationProblem::DataBeingDeleted`] while what it has brought this tenant is being deleted, and
    /// [`AuthorizationProblem::TicketInvalid`] when somebody else has taken the grant.
    pub(crate) async fn bind(
        &self,
        user_id: UserId,
        actor: &Actor,
        grant: &NewTokenSet,
        ticket: Option<TransactWriteItem>,
    ) -> Result<()> {
        let encrypted = grant.encrypt(&self.vault, TABLE, user_id).await?;
        on_conflict(&self.stores.clock, "douyin account", TRIES, || {
            self.try_bind((user_id, actor), grant, &encrypted, ticket.as_ref())
        })
        .await
    }

    async fn try_bind(
        &self,
        (user_id, actor): (UserId, &Actor),
        grant: &NewTokenSet,
        (access_token, refresh_token): &(String, String),
        ticket: Option<&TransactWriteItem>,
    ) -> Result<Attempt<()>> {
        let account = self.stores.accounts.get(&grant.account_open_id).await?;
        let lapsed = match Holder::of(account.as_ref(), user_id) {
            Holder::Free => None,
            Holder::Lapsed(account) => Some(account),
            Holder::Taken(account) if self.is_dead(account).await? => Some(account),
            Holder::Taken(_) => return Err(AuthorizationProblem::BoundToAnotherUser.into()),
        };
        let now = self.stores.clock.now();
        let calendar =
            Calendar { access_end: grant.expire_time, refresh_end: grant.refresh_expire_time, ..Calendar::default() };
        let kept = NewTokens {
            account_open_id: &grant.account_open_id,
            user_id,
            nickname: &grant.nickname,
            avatar_url: &grant.avatar_url,
            scope: &grant.scope,
            missing_scope: &grant.missing_scopes().join(","),
            access_token: access_token.clone(),
            refresh_token: refresh_token.clone(),
            expire_time: grant.expire_time,
            refresh_expire_time: grant.refresh_expire_time,
            refresh_due: calendar.due(true),
        };
        let running = self.running(account.as_ref()).await?;
        let (own, foreign): (Option<SyncTask>, Option<SyncTask>) = match running {
            Some(task) if task.user_id == user_id => (Some(task), None),
            foreign => (None, foreign),
        };
        let sync = (own.is_none() && grant.lists_fans()).then(|| TaskId::generate(now));
        let paused = own.filter(|task| waiting(task) == Some(WaitReason::Token)).map(|task| task.task_id);
        let mut transaction = Transaction::new();
        let grant_is_parked = ticket.map(|take| transaction.add(take.clone()));
        let id = TaskId::generate(now).get();
        transaction.add(self.stores.accounts.bind(id, kept, account.as_ref(), sync, now)?);
        if let Some(task) = sync {
            let sync = NewSync {
                task_id: task,
                user_id,
                account_open_id: &grant.account_open_id,
                strategy: SyncStrategy::Incremental,
                started_by: StartedBy::Authorization,
            };
            transaction.add(self.stores.tasks.create(&sync, now)?);
        }
        if let Some(task) = paused {
            transaction.add(self.stores.tasks.end_token_pause(task, now)?);
        }
        // Of one tenant: whose the account was.
        let mut told = Vec::new();
        if let Some(task) = foreign {
            let ending = Ending::Failed(SyncProblem::TakenOver.advice());
            transaction.add(self.stores.tasks.end(task.task_id, EndedBy::Anyone, &ending, now)?);
            told.extend(events::sync_ended(&task, &ending)?);
        }
        match &account {
            Some(account) if account.user_id != user_id => told.push(events::account_taken_over(account)?),
            Some(account) if account.status != AccountStatus::Active => told.push(events::account_restored(account)?),
            _ => {}
        }
        if let Some(account) = &account {
            self.stores.tell(&mut transaction, account.user_id, &told)?;
        }
        let no_deletion = transaction.add(self.stores.deletions.forget(user_id, &grant.account_open_id)?);
        transaction.add_all(self.deeds((user_id, actor), account.as_ref(), lapsed, &grant.account_open_id)?);
        let outcome = self.stores.commit(&transaction).await?;
        if outcome.failed(grant_is_parked) {
            return Err(AuthorizationProblem::TicketInvalid.into());
        }
        if outcome.failed(no_deletion) {
            return Err(AuthorizationProblem::DataBeingDeleted.into());
        }
        if !outcome.is_committed() {
            // The account or its sync has moved on since it was read.
            return Ok(Attempt::Conflict);
        }
        if let Some(before) = lapsed {
            info!(account.id = id, "account {} taken over from user {}", before.id, before.user_id);
        }
        info!(user.id = user_id.get(), "user {user_id} authorised a douyin account");
        // Both are due in their rows, so the sweeper finds one whose message is not sent.
        if let Some(task) = sync.or(paused) {
            let is_new = sync.is_some();
            info!(task.id = task.get(), is_new, "fan sync {task} runs with the tokens of the authorisation");
            self.queue.wake(task, user_id, Duration::ZERO).await;
        }
        Ok(Attempt::Done(()))
    }

    /// What the audit logs say of it: one row, or at a take-over one for each tenant. Neither is told of the other.
    fn deeds(
        &self,
        (user_id, actor): (UserId, &Actor),
        account: Option<&Account>,
        lapsed: Option<&Account>,
        account_open_id: &OpenId,
    ) -> Result<Vec<TransactWriteItem>> {
        let now = self.stores.clock.now();
        let own = account.filter(|account| account.user_id == user_id);
        let row = Row {
            tenant: user_id,
            actor,
            action: if lapsed.is_some() { audit::ACCOUNT_TAKEN_OVER } else { audit::ACCOUNT_AUTHORIZED },
            object: object_of(account_open_id),
            before: own.map_or(Value::Null, |account| json!({ "status": account.status })),
            after: json!({ "status": AccountStatus::Active }),
        };
        let mut deeds = vec![self.stores.audit.row(&row, now)?];
        if let Some(before) = lapsed {
            let lost = Row {
                tenant: before.user_id,
                actor: &kernel::audit::system(),
                before: json!({ "status": before.status }),
                after: Value::Null,
                ..row
            };
            deeds.push(self.stores.audit.row(&lost, now)?);
        }
        Ok(deeds)
    }

    /// Whether Douyin refuses the tokens of another tenant's account: then it is free, however it is marked. If it does
    /// not, or does not say, it stays where it is and the new grant is dropped; the keeper finds out whether the holder's
    /// tokens have died of it, for that is not told at once by every platform.
    async fn is_dead(&self, account: &Account) -> Result<bool> {
        let trial = self.tokens.try_stored(account).await?;
        info!(account.id = account.id, ?trial, "tokens of account {} tried for another tenant", account.id);
        if trial == Trial::Refused {
            return Ok(true);
        }
        let now = self.stores.clock.now();
        self.stores.accounts.challenge(account, now, after(now, CHALLENGE_PAUSE)).await?;
        Ok(false)
    }

    /// The sync that holds the account, unless it has ended.
    async fn running(&self, account: Option<&Account>) -> Result<Option<SyncTask>> {
        let Some(task) = account.and_then(|account| account.active_sync_task_id) else { return Ok(None) };
        Ok(self.stores.tasks.get(task).await?.filter(|task| !task.status.ended()))
    }
}
