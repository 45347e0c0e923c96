//! Letting accounts go, and with the last one of a company the company's secret.

use kernel::FieldProblem;
use kernel::caller::Caller;
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use serde_json::{Value, json};
use tracing::info;

use crate::audit;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::corp::Corp;

/// Forgets the caller's account with its secrets. Tasks that still name it fail for it, and say why; what its
/// company is asked to publish already goes on.
pub async fn disconnect(stores: &Stores, caller: &Caller, account_id: &AccountId) -> Result<()> {
    on_conflict(&stores.clock, "wechat account", TRIES, || try_disconnect(stores, caller, account_id)).await
}

async fn try_disconnect(stores: &Stores, caller: &Caller, account_id: &AccountId) -> Result<Attempt<()>> {
    let user_id = caller.user_id;
    let known = if account_id.is_possible() { stores.accounts.get(account_id).await? } else { None };
    let Some(account) = known.filter(|account| account.user_id == user_id) else {
        let problem = FieldProblem::new("accountId", "账号不存在或不属于当前用户，请刷新账号列表后再试");
        return Err(Error::AccountNotFound(vec![problem]));
    };
    let states = (json!({ "status": account.status }), Value::Null);
    let object = format!("wechat-account/{account_id}");
    let mut transaction = Transaction::new();
    transaction.add(stores.accounts.disconnect(user_id, account_id)?);
    let last_of = corp_without_other_accounts(stores, &account).await?;
    if let Some(corp) = &last_of {
        transaction.add(stores.corps.remove_secret(corp)?);
    }
    transaction.add(stores.deed(caller, audit::ACCOUNT_DISCONNECTED, object, states, stores.clock.now())?);
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    info!(account.id = account_id.as_str(), "wechat account {account_id} disconnected");
    // The last two may have gone at once, neither of them as the last.
    if last_of.is_none()
        && let Some(corp) = corp_without_other_accounts(stores, &account).await?
    {
        let mut secret = Transaction::new();
        secret.add(stores.corps.remove_secret(&corp)?);
        // Refused when the app was connected anew since: then the secret is in use.
        let _ = stores.commit(&secret).await?;
    }
    Ok(Attempt::Done(()))
}

/// The company of an account that has no other one left here.
async fn corp_without_other_accounts(stores: &Stores, account: &Account) -> Result<Option<Corp>> {
    let Some(corp_key) = &account.corp_key else { return Ok(None) };
    let others = stores.accounts.of_user(account.user_id).await?;
    if others.iter().any(|other| other.corp_key.as_ref() == Some(corp_key) && other.account_id != account.account_id) {
        return Ok(None);
    }
    let corp = stores.corps.get(corp_key).await?;
    Ok(corp.filter(|corp| corp.user_id == account.user_id && corp.secret.is_some()))
}
