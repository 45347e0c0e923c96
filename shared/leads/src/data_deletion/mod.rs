//! Deleting what an account has brought: the account with its tokens at once, its leads little by little.
//!
//! A lead that no other account brought goes with its notes and its history, and its id stands for nobody from then on. Unlike
//! an erasure it leaves no hash: an account that is authorised again brings its fans back. A lead that another account brought
//! too only loses this one. What was merged is split first, so that each goes by its own accounts.
//!
//! Until it is done the tenant cannot authorise the account: the sync that begins with it would count leads that go.

mod plan;
mod sweep;

pub use sweep::DataDeletions;

use aws_sdk_dynamodb::types::TransactWriteItem;
use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::ids::UserId;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use serde_json::{Value, json};
use tracing::info;

use crate::accounts::{delete_account, object_of};
use crate::audit;
use crate::error::Result;
use crate::ids::OpenId;
use crate::store::Stores;
use crate::store::deletion::Deletion;

/// Forgets the caller's account, if it still is one, and begins to delete what it has brought; the sweeper goes on with it
/// within a minute. Asked again, until the account is authorised again or a month has passed, it answers how far that is.
///
/// # Errors
/// [`kernel::Error::NotFound`] for an account that the tenant never had.
pub async fn request(stores: &Stores, caller: &Caller, account: &OpenId) -> Result<Deletion> {
    on_conflict(&stores.clock, "douyin account", TRIES, || try_request(stores, caller, account)).await
}

async fn try_request(stores: &Stores, caller: &Caller, account_open_id: &OpenId) -> Result<Attempt<Deletion>> {
    let (user_id, now) = (caller.user_id, stores.clock.now());
    let known = stores.deletions.get(user_id, account_open_id).await?;
    let account = stores.accounts.get(account_open_id).await?.filter(|account| account.user_id == user_id);
    if let (Some(deletion), None) = (known, &account) {
        // An authorisation would have taken it away, so nothing has come since.
        return Ok(Attempt::Done(deletion));
    }
    if account.is_none() && stores.index.counter(user_id).await?.known(account_open_id.as_str()).is_none() {
        return Err(kernel::Error::NotFound("douyin account").into());
    }
    let row = Row {
        tenant: user_id,
        actor: &caller.actor,
        action: audit::ACCOUNT_DATA_DELETED,
        object: object_of(account_open_id),
        before: account.as_ref().map_or(Value::Null, |account| json!({ "status": account.status })),
        after: Value::Null,
    };
    let deletion = Deletion::new(user_id, account_open_id, &caller.actor, now);
    let begun = vec![stores.deletions.begin(&deletion)?, stores.audit.row(&row, now)?];
    let is_begun = match &account {
        Some(account) => delete_account(stores, account, begun).await?,
        None => begin(stores, user_id, account_open_id, begun).await?,
    };
    if !is_begun {
        return Ok(Attempt::Conflict);
    }
    info!(user.id = user_id.get(), "deletion of the data of an account of user {user_id} begun");
    Ok(Attempt::Done(deletion))
}

/// For an account that the tenant does not have any more: refused when it has been authorised again since.
async fn begin(
    stores: &Stores,
    user_id: UserId,
    account: &OpenId,
    begun: Vec<TransactWriteItem>,
) -> kernel::Result<bool> {
    let mut transaction = Transaction::new();
    transaction.add_all(begun);
    transaction.add(stores.accounts.is_not_of(user_id, account)?);
    Ok(stores.commit(&transaction).await?.is_committed())
}
