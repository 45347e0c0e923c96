//! Noting what is proven about accounts. Whoever changes what one can do tells it, in the same transaction.

use jiff::Timestamp;
use kernel::metrics::{self, Metric};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use tracing::info;

use crate::error::Result;
use crate::events::{self, MOST_ACCOUNTS};
use crate::ids::AccountId;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};

/// What is proven about accounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    pub status: AccountStatus,
    /// How many checks in a row have said offline, if this was one.
    pub offline_checks: Option<u32>,
    /// When their health is looked at next, if that changes.
    pub health_due: Option<Timestamp>,
}

/// Notes what is proven about accounts of one tenant and provider, and tells it of those that had another status. It says nothing
/// of one that was changed since it was read: whoever did that knew more. `false`: there are such.
///
/// # Errors
/// When the rows cannot be read or written. Those before are written; told again it goes on with the others.
pub(crate) async fn note(stores: &Stores, accounts: &[Account], proof: Proof) -> Result<bool> {
    let (same, others): (Vec<&Account>, Vec<&Account>) =
        accounts.iter().partition(|account| account.status == proof.status);
    let mut are_all = true;
    if let Some(due) = proof.health_due {
        for account in same {
            are_all &= stores.accounts.note_check(account, proof.checks_of(account), due).await?;
        }
    }
    for part in others.chunks(MOST_ACCOUNTS) {
        let changed = on_conflict(&stores.clock, "wechat account", TRIES, || try_change(stores, part, proof)).await?;
        metrics::count(Metric::AccountsExpired, if proof.status == AccountStatus::Expired { changed } else { 0 });
        are_all &= changed == part.len();
    }
    Ok(are_all)
}

impl Proof {
    fn checks_of(self, account: &Account) -> u32 {
        self.offline_checks.unwrap_or(account.offline_checks)
    }
}

/// Changes those of the accounts that still stand as they were read, all or none, and answers how many these are.
async fn try_change(stores: &Stores, accounts: &[&Account], proof: Proof) -> Result<Attempt<usize>> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id.clone()).collect();
    let known = stores.accounts.by_ids(&ids).await?;
    let is_as_read =
        |account: &&&Account| known.iter().any(|now| now.account_id == account.account_id && now.stands_as(account));
    let accounts: Vec<&Account> = accounts.iter().filter(is_as_read).copied().collect();
    let Some(first) = accounts.first() else { return Ok(Attempt::Done(0)) };
    let now = stores.clock.now();
    let mut transaction = Transaction::new();
    for account in &accounts {
        let checks = proof.checks_of(account);
        transaction.add(stores.accounts.change_status(account, proof.status, checks, proof.health_due, now)?);
    }
    let event = events::accounts_stand(&accounts, proof.status, now)?;
    stores.tell(&mut transaction, first.user_id, event)?;
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    let (names, status) = (accounts.iter().map(|account| account.account_id.as_str()), proof.status.as_str());
    info!(account.ids = names.collect::<Vec<_>>().join(","), status, "{} accounts are {status}", accounts.len());
    Ok(Attempt::Done(accounts.len()))
}
