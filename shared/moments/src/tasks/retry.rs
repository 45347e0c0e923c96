//! Trying again: what certainly failed, and what is unconfirmed only when a person asks for that, who has looked. Even
//! then the provider is read once more before anything is sent.

use std::collections::{BTreeSet, HashSet};

use kernel::caller::Caller;
use kernel::idempotency::RequestKey;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::{MAX_ACTIONS, Transaction};
use kernel::{FieldProblem, advice};
use serde_json::json;
use tracing::info;

use super::read;
use super::request_key::{RETRY, answered, key_about};
use super::start::TaskStarter;
use crate::audit;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::publish::{self, Guards, Intervention, Reported, Retry, intervene};
use crate::status::{ResultStatus, derive};
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::delivery::Delivery;
use crate::store::result::{AccountResult, AccountState, Stage};
use crate::store::task::TaskChange;

/// What is to be tried again.
#[derive(Debug, Clone, Default)]
pub struct RetryRequest {
    /// These accounts; all of the task when absent.
    pub account_ids: Option<Vec<AccountId>>,
    /// Also those of which nobody knows whether they have published.
    pub include_unconfirmed: bool,
    /// Among them also those whose lists cannot show that nothing is out, so that a second post may follow.
    pub force: bool,
    /// The caller's key for this request.
    pub idempotency_key: Option<String>,
}

impl RetryRequest {
    /// What another request has to equal to be the same; which account is named first makes no difference.
    fn key(&self, user_id: UserId, task_id: TaskId) -> Option<RequestKey<'_>> {
        let key = self.idempotency_key.as_deref()?;
        let ids = self.account_ids.as_ref().map(|ids| ids.iter().map(AccountId::as_str).collect::<BTreeSet<_>>());
        let request = json!([ids, self.include_unconfirmed, self.force]);
        Some(key_about(user_id, task_id, (RETRY, key), &request))
    }
}

/// A delivery whose provider is read once more, with the accounts it is done for.
struct Reading<'a> {
    delivery: &'a Delivery,
    accounts: Vec<&'a AccountResult>,
}

/// Tries failed accounts of an ended task again, and no others. What certainly failed is begun anew; what is
/// unconfirmed is read back, and sent only if it does not show. A request that was carried out under its key starts
/// nothing again. The key is written with the last transaction: what a request that died before it has left is done by
/// its repetition, once the task has ended.
///
/// # Errors
/// [`Error::IdempotencyKeyReused`] for a key that another request was carried out under,
/// [`kernel::Error::InvalidRequest`] for accounts that cannot be meant, [`Error::NotFailed`] for such that have not
/// failed, [`Error::StateForbids`] when nothing is left to be tried, the task is still under way, or its media are deleted.
pub async fn retry(
    stores: &Stores,
    starter: &TaskStarter,
    caller: &Caller,
    task_id: TaskId,
    request: &RetryRequest,
) -> Result<()> {
    check_form(request)?;
    // What is left to do. More than fit one transaction are done in several: whoever dies between them leaves the
    // rest as it was, to be asked for again.
    let mut left: Option<HashSet<AccountId>> = None;
    loop {
        let step = || try_retry(stores, starter, caller, task_id, request, left.as_ref());
        let rest = on_conflict(&stores.clock, "moment task", TRIES, step).await?;
        if rest.is_empty() {
            return Ok(());
        }
        left = Some(rest);
    }
}

/// Has as much tried again as fits one transaction, and answers what is left. `left` are the accounts that an
/// earlier transaction left; the request says which when there was none.
async fn try_retry(
    stores: &Stores,
    starter: &TaskStarter,
    caller: &Caller,
    task_id: TaskId,
    request: &RetryRequest,
    left: Option<&HashSet<AccountId>>,
) -> Result<Attempt<HashSet<AccountId>>> {
    let user_id = caller.user_id;
    let (task, results) = read(stores, user_id, task_id).await?;
    let key = request.key(user_id, task_id);
    if let Some(key) = &key
        && answered(stores, key).await?.is_some()
    {
        return Ok(Attempt::Done(HashSet::new()));
    }
    let chosen = match left {
        Some(left) => left.clone(),
        None => {
            check_accounts(request, &results)?;
            if !task.status.ended() {
                return Err(Error::StateForbids(advice::TASK_IS_RUNNING));
            }
            let blind = if request.force { HashSet::new() } else { blind(stores, user_id, request, &results).await? };
            let chosen = choose(request, &results, &blind)?;
            if task.media_released {
                return Err(Error::StateForbids(advice::MEDIA_RELEASED));
            }
            chosen
        }
    };
    let failed =
        results.iter().filter(|result| result.status == ResultStatus::Failed && chosen.contains(&result.account_id));
    let (unsure, certain): (Vec<&AccountResult>, Vec<&AccountResult>) =
        failed.partition(|result| how(result, true) == Some(Retry::ReadFirst));
    if unsure.is_empty() && certain.is_empty() {
        return Ok(Attempt::Done(HashSet::new()));
    }
    let deliveries = if unsure.is_empty() { Vec::new() } else { stores.deliveries.of_task(task_id).await? };
    let readings = fitting(readings(&deliveries, &unsure)?, 2 + certain.len() + usize::from(key.is_some()));
    let looked_up: HashSet<&AccountId> = readings.iter().flat_map(Reading::ids).collect();
    let derived = derive(results.iter().map(|result| {
        let id = &result.account_id;
        if looked_up.contains(id) {
            ResultStatus::Processing
        } else if certain.iter().any(|one| one.account_id == *id) {
            ResultStatus::Pending
        } else {
            result.status
        }
    }));
    let now = stores.clock.now();
    let due_at = (!certain.is_empty()).then_some(now);
    let mut again: Vec<&AccountId> = certain.iter().map(|result| &result.account_id).collect();
    again.extend(looked_up.iter().copied());
    again.sort_unstable();
    let states = (json!({ "status": task.status }), json!({ "status": derived.status, "accounts": again }));
    let mut transaction = Transaction::new();
    transaction.add(stores.tasks.advance(&task, TaskChange::Reopened { derived, due_at }, now)?);
    // A round of its own, so that no delivery of an earlier one bears the same name.
    let round = next_round(&results);
    for result in &certain {
        let state = AccountState::Pending { round };
        transaction.add(stores.results.set(task_id, &result.account_id, &state, now)?);
    }
    for reading in &readings {
        let moment_known = reading.delivery.corp_key.is_some() && reading.delivery.moment_id.is_some();
        let stage = intervene(reading.delivery.stage, Intervention::Reopened { moment_known });
        transaction.add(stores.deliveries.reopen(
            reading.delivery,
            stage.ok_or(Error::StateForbids(advice::TASK_IS_RUNNING))?,
            request.force,
            now,
        )?);
        for account in reading.ids() {
            let state = AccountState::Processing(Stage::Unconfirmed);
            transaction.add(stores.results.set(task_id, account, &state, now)?);
        }
    }
    let rest: HashSet<AccountId> =
        unsure.iter().map(|result| &result.account_id).filter(|id| !looked_up.contains(id)).cloned().collect();
    if let Some(key) = key.filter(|_| rest.is_empty()) {
        transaction.add(stores.idempotency.remember(&key, task_id, now)?);
    }
    transaction.add(stores.deed(caller, audit::TASK_RETRIED, audit::task(task_id), states, now)?);
    if !stores.commit(&transaction).await?.is_committed() {
        return Ok(Attempt::Conflict);
    }
    let (anew, read_back) = (certain.len(), looked_up.len());
    info!(task.id = task_id.get(), anew, read_back, "moment task {task_id} tried again");
    if !certain.is_empty() {
        starter.start(task_id, user_id, None).await;
    }
    for reading in &readings {
        starter.wake(reading.delivery.key(), user_id).await;
    }
    Ok(Attempt::Done(rest))
}

impl Reading<'_> {
    fn ids(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter().map(|result| &result.account_id)
    }
}

/// The round after all there were.
pub(crate) fn next_round(results: &[AccountResult]) -> u32 {
    results.iter().map(|result| result.round).max().unwrap_or_default() + 1
}

/// How an account is tried again, if at all.
fn how(result: &AccountResult, include_unconfirmed: bool) -> Option<Retry> {
    publish::retry(Reported::of(result), include_unconfirmed, Guards::ALL)
}

/// What is wrong with the list of accounts itself.
fn check_form(request: &RetryRequest) -> Result<()> {
    let Some(ids) = &request.account_ids else { return Ok(()) };
    if ids.is_empty() {
        let problem = "请至少选择一个账号；如需重试全部失败的账号，请不要填写该字段";
        return Err(kernel::Error::invalid("accountIds", problem).into());
    }
    let mut seen = HashSet::new();
    let twice = ids.iter().enumerate().filter(|(_, id)| !seen.insert(*id));
    let problems: Vec<_> = twice.map(|(index, _)| problem(index, "账号重复，请去掉重复的账号")).collect();
    if problems.is_empty() { Ok(()) } else { Err(kernel::Error::InvalidRequest(problems).into()) }
}

/// Accounts that are not the task's are a mistake of the request, whatever state the task is in.
fn check_accounts(request: &RetryRequest, results: &[AccountResult]) -> Result<()> {
    let ids = request.account_ids.iter().flatten().enumerate();
    let foreign = ids.filter(|(_, id)| !results.iter().any(|result| result.account_id == **id));
    let problems: Vec<_> = foreign.map(|(index, _)| problem(index, "该账号不属于此任务，请去掉该账号")).collect();
    if problems.is_empty() { Ok(()) } else { Err(kernel::Error::InvalidRequest(problems).into()) }
}

/// The unconfirmed accounts whose lists are known to prove nothing.
async fn blind(
    stores: &Stores,
    user_id: UserId,
    request: &RetryRequest,
    results: &[AccountResult],
) -> Result<HashSet<AccountId>> {
    let read_first = |result: &&AccountResult| how(result, request.include_unconfirmed) == Some(Retry::ReadFirst);
    let ids: Vec<AccountId> = results.iter().filter(read_first).map(|result| result.account_id.clone()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let accounts = stores.accounts.by_ids(&ids).await?.into_iter();
    let is_blind = |account: &Account| account.user_id == user_id && account.blind_since.is_some();
    Ok(accounts.filter(is_blind).map(|account| account.account_id).collect())
}

/// The accounts to be tried again; at least one. None of `blind` is.
fn choose(request: &RetryRequest, results: &[AccountResult], blind: &HashSet<AccountId>) -> Result<HashSet<AccountId>> {
    let status = |id: &AccountId| results.iter().find(|result| result.account_id == *id).map(|result| result.status);
    let ids = request.account_ids.iter().flatten().enumerate();
    let fine = ids.filter(|(_, id)| status(id) != Some(ResultStatus::Failed));
    let problems: Vec<_> = fine.map(|(index, _)| problem(index, "该账号没有失败，不需要重试，请去掉该账号")).collect();
    if !problems.is_empty() {
        return Err(Error::NotFailed(problems));
    }
    let named =
        |result: &&AccountResult| request.account_ids.as_ref().is_none_or(|ids| ids.contains(&result.account_id));
    let failed: Vec<_> = results.iter().filter(|result| result.status == ResultStatus::Failed).filter(named).collect();
    let tried = failed.iter().filter(|result| how(result, request.include_unconfirmed).is_some());
    let mut chosen: HashSet<AccountId> = tried.map(|result| result.account_id.clone()).collect();
    let is_any = !chosen.is_empty();
    chosen.retain(|id| !blind.contains(id));
    match (chosen.is_empty(), is_any, failed.is_empty()) {
        (false, ..) => Ok(chosen),
        (true, true, _) => Err(Error::StateForbids(advice::ONLY_BLIND)),
        (true, false, true) => Err(Error::StateForbids(advice::NOTHING_TO_RETRY)),
        (true, false, false) => Err(Error::StateForbids(advice::ONLY_UNCONFIRMED)),
    }
}

fn problem(index: usize, problem: &'static str) -> FieldProblem {
    FieldProblem::new(format!("accountIds[{index}]"), problem)
}

/// The deliveries that tell of the unconfirmed accounts.
fn readings<'a>(deliveries: &'a [Delivery], unsure: &[&'a AccountResult]) -> Result<Vec<Reading<'a>>> {
    let readings: Vec<_> = deliveries
        .iter()
        .map(|delivery| Reading {
            delivery,
            accounts: unsure.iter().copied().filter(|result| delivery.serves(result)).collect(),
        })
        .filter(|reading| !reading.accounts.is_empty())
        .collect();
    let found: usize = readings.iter().map(|reading| reading.accounts.len()).sum();
    if found == unsure.len() { Ok(readings) } else { Err(kernel::Error::Corrupt("publish delivery").into()) }
}

/// As many as fit the transaction beside its other actions.
fn fitting(readings: Vec<Reading<'_>>, mut actions: usize) -> Vec<Reading<'_>> {
    let mut fit = Vec::new();
    for reading in readings {
        actions += 1 + reading.accounts.len();
        if actions > MAX_ACTIONS {
            break;
        }
        fit.push(reading);
    }
    fit
}
