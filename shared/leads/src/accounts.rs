//! The tenant's authorised accounts: seeing them, and letting one go.

use aws_sdk_dynamodb::types::TransactWriteItem;
use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use serde_json::{Value, json};
use tracing::info;

use crate::audit;
use crate::error::{Result, SyncProblem};
use crate::events;
use crate::fan_sync::{Health, health};
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::platform_state::AppState;
use crate::store::sync_task::{EndedBy, Ending};

/// What the audit log calls an account.
pub(crate) fn object_of(account: &OpenId) -> String {
    format!("douyin-account/{account}")
}

/// An account as its user sees it.
#[derive(Debug)]
pub struct ListedAccount {
    pub account: Account,
    /// How it is with its syncs.
    pub health: Health,
}

/// The caller's accounts, where our app may list fans or not, and what is known of our app. One more request than the
/// list itself, and that only while something is synced.
pub async fn list(stores: &Stores, user_id: UserId, lists_fans: bool) -> Result<(Vec<ListedAccount>, AppState)> {
    let now = stores.clock.now();
    let reads =
        futures::future::try_join3(stores.accounts.of_user(user_id), stores.platform.app(), stores.quota.app(now));
    let (accounts, app, quota) = Box::pin(reads).await?;
    let lists_fans = lists_fans && quota.missing.is_none();
    let running: Vec<TaskId> = accounts.iter().filter_map(|account| account.active_sync_task_id).collect();
    let syncs = stores.tasks.of_ids(&running).await?;
    let of_account = |account: &Account| {
        syncs.iter().find(|sync| account.active_sync_task_id == Some(sync.task_id) && sync.user_id == user_id)
    };
    let listed = |account| ListedAccount { health: health::of(&account, of_account(&account), lists_fans), account };
    Ok((accounts.into_iter().map(listed).collect(), app))
}

/// Forgets the caller's account with its tokens and ends a sync of it, in one transaction: the worker's next page is
/// refused. The leads stay.
///
/// # Errors
/// [`kernel::Error::NotFound`] for an account that does not exist or is another tenant's.
pub async fn disconnect(stores: &Stores, caller: &Caller, account_open_id: &OpenId) -> Result<()> {
    on_conflict(&stores.clock, "douyin account", TRIES, || try_disconnect(stores, caller, account_open_id)).await
}

async fn try_disconnect(stores: &Stores, caller: &Caller, account_open_id: &OpenId) -> Result<Attempt<()>> {
    let account = stores.accounts.get(account_open_id).await?.filter(|account| account.user_id == caller.user_id);
    let account = account.ok_or(kernel::Error::NotFound("douyin account"))?;
    let row = Row {
        tenant: caller.user_id,
        actor: &caller.actor,
        action: audit::ACCOUNT_DELETED,
        object: object_of(account_open_id),
        before: json!({ "status": account.status }),
        after: Value::Null,
    };
    let deed = stores.audit.row(&row, stores.clock.now())?;
    Ok(match delete_account(stores, &account, vec![deed]).await? {
        true => Attempt::Done(()),
        false => Attempt::Conflict,
    })
}

/// Deletes an account with its tokens and ends a sync of it, together with what becomes true by it. `false`: it has changed
/// since it was read, or a condition of that does not hold.
pub(crate) async fn delete_account(
    stores: &Stores,
    account: &Account,
    also: Vec<TransactWriteItem>,
) -> kernel::Result<bool> {
    let mut transaction = Transaction::new();
    let account_is_unchanged = transaction.add(stores.accounts.delete(account)?);
    if let Some(task) = account.active_sync_task_id {
        let advice = SyncProblem::Disconnected.advice();
        let told = events::sync_failed(task, &account.account_open_id, &advice)?;
        let ending = Ending::Failed(advice);
        transaction.add(stores.tasks.end(task, EndedBy::Anyone, &ending, stores.clock.now())?);
        stores.tell(&mut transaction, account.user_id, &[told])?;
    }
    transaction.add_all(also.clone());
    let mut outcome = stores.commit(&transaction).await?;
    if !outcome.is_committed() && !outcome.failed(account_is_unchanged) {
        // The sync that the account names has ended by itself: the account goes alone.
        let mut alone = Transaction::new();
        alone.add(stores.accounts.delete(account)?);
        alone.add_all(also);
        outcome = stores.commit(&alone).await?;
    }
    if outcome.is_committed() {
        info!(account.id = account.id, "account {} disconnected", account.id);
    }
    Ok(outcome.is_committed())
}
