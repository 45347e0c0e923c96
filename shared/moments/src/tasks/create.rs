//! Making a task: checked whole, written in one transaction, then set in motion.

use std::collections::HashSet;

use jiff::Timestamp;
use kernel::Context;
use kernel::FieldProblem;
use kernel::config::ConfigError;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use secrecy::SecretString;
use tracing::info;

use super::content::{Content, ContentResolver};
use super::request::NewTaskRequest;
use super::start::TaskStarter;
use crate::config::CreationSettings;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::rules::MAX_ACCOUNTS;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::task::{ContentId, NewTask, Task};
use crate::time::whole_second;

/// The farthest a task may be planned, in seconds: a year.
const MAX_SCHEDULE_AHEAD: i64 = 365 * 86_400;

/// A task that was made, now or by the same request before.
#[derive(Debug)]
pub struct Created {
    /// The task.
    pub id: TaskId,
    /// Where its content is from.
    pub content_id: Option<ContentId>,
    /// When it was made.
    pub create_time: Timestamp,
}

/// A request, whose it is, and what another one has to equal to be the same.
#[derive(Clone, Copy)]
struct Asked<'a> {
    user_id: UserId,
    request: &'a NewTaskRequest,
    fingerprint: &'a str,
}

/// What became of the transaction of a new task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// The task is there.
    Yes,
    /// The same request, by its key, was faster.
    AnsweredBefore,
    /// Another task has the id.
    IdTaken,
}

/// Makes tasks.
#[derive(Debug, Clone)]
pub struct TaskCreation {
    stores: Stores,
    content: ContentResolver,
    personal_videos: bool,
    starter: TaskStarter,
}

impl TaskCreation {
    /// From the environment.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let settings = CreationSettings::load(&cx.env)?;
        Ok(Self {
            stores: Stores::new(cx)?,
            personal_videos: settings.personal_videos,
            content: ContentResolver::new(settings),
            starter: TaskStarter::new(cx)?,
        })
    }

    /// Makes the task. At most four sequential AWS calls: the key, the accounts, the transaction, the start. A start
    /// that fails fails nothing: the sweeper finds the task when its time comes.
    ///
    /// # Errors
    /// What fails below is told as a creation that failed, or as one that may have succeeded: whoever asks a second
    /// time after the latter would publish twice.
    pub async fn create(&self, user_id: UserId, bearer: &SecretString, request: &NewTaskRequest) -> Result<Created> {
        self.try_create(user_id, bearer, request).await.map_err(|error| match error {
            Error::Kernel(
                error @ (kernel::Error::Aws { .. } | kernel::Error::Corrupt(_) | kernel::Error::Internal(_)),
            ) => Error::CreationFailed(error),
            other => other,
        })
    }

    async fn try_create(&self, user_id: UserId, bearer: &SecretString, request: &NewTaskRequest) -> Result<Created> {
        let request = &request.normalised();
        let fingerprint = request.fingerprint();
        let asked = Asked { user_id, request, fingerprint: &fingerprint };
        if let Some(created) = self.answered(asked).await? {
            return Ok(created);
        }
        self.check_choice(request)?;
        let accounts = self.own_accounts(user_id, &request.account_ids).await?;
        let content = self
            .content
            .resolve(bearer, request.content_id.as_ref(), request.text.as_deref(), request.media_urls.as_deref())
            .await?;
        let refuses = |account: &Account| account.provider.refuses(content.kind, self.personal_videos);
        if let Some(problem) = accounts.iter().find_map(refuses) {
            return Err(Error::ContentRefused(vec![FieldProblem::new("mediaUrls[0]", problem)]));
        }
        let write = || self.try_write(asked, &accounts, &content);
        on_conflict(&self.stores.clock, "moment task", TRIES, write).await
    }

    async fn try_write(&self, asked: Asked<'_>, accounts: &[Account], content: &Content) -> Result<Attempt<Created>> {
        let Asked { user_id, request, .. } = asked;
        let now = self.stores.clock.now();
        let id = TaskId::generate(now);
        match self.write(asked, id, now, accounts, content).await? {
            Written::Yes => {
                let scheduled_time = request.scheduled_time.map(tracing::field::display);
                info!(task.id = id.get(), accounts = accounts.len(), scheduled_time, "moment task {id} created");
                self.starter.start(id, user_id, request.scheduled_time.map(planned_time)).await;
                let content_id = request.content_id.clone();
                Ok(Attempt::Done(Created { id, content_id, create_time: whole_second(now) }))
            }
            Written::AnsweredBefore => Ok(self.answered(asked).await?.map_or(Attempt::Conflict, Attempt::Done)),
            Written::IdTaken => Ok(Attempt::Conflict),
        }
    }

    async fn answered(&self, asked: Asked<'_>) -> Result<Option<Created>> {
        let Asked { user_id, request, fingerprint } = asked;
        let Some(key) = &request.idempotency_key else { return Ok(None) };
        let Some(answered) = self.stores.idempotency.get(user_id, key, self.stores.clock.now()).await? else {
            return Ok(None);
        };
        if answered.request_hash != fingerprint {
            return Err(Error::IdempotencyKeyReused);
        }
        let id: TaskId =
            answered.task_id.to_string().parse().map_err(|_| kernel::Error::Corrupt("idempotency record"))?;
        let task: Task = self.stores.tasks.get(id).await?.ok_or(kernel::Error::Corrupt("idempotency record"))?;
        Ok(Some(Created { id, content_id: task.content_id, create_time: task.create_time }))
    }

    fn check_choice(&self, request: &NewTaskRequest) -> Result<()> {
        let mut problems = Vec::new();
        let mut seen = HashSet::new();
        for (index, id) in request.account_ids.iter().enumerate() {
            if !seen.insert(id) {
                problems.push(FieldProblem::new(format!("accountIds[{index}]"), "账号重复，请去掉重复的账号"));
            }
        }
        if request.account_ids.is_empty() || request.account_ids.len() > MAX_ACCOUNTS {
            problems.push(FieldProblem::new("accountIds", format!("请选择 1 到 {MAX_ACCOUNTS} 个账号")));
        }
        problems.extend(time_problem(request.scheduled_time, self.stores.clock.now()));
        if problems.is_empty() { Ok(()) } else { Err(Error::ContentRefused(problems)) }
    }

    async fn own_accounts(&self, user_id: UserId, ids: &[AccountId]) -> Result<Vec<Account>> {
        // What can be no id is in no table, and asking for it would fail the whole look-up.
        let askable: Vec<AccountId> = ids.iter().filter(|id| id.is_possible()).cloned().collect();
        let mut accounts = self.stores.accounts.by_ids(&askable).await?;
        accounts.retain(|account| account.user_id == user_id);
        let (mut missing, mut unusable) = (Vec::new(), Vec::new());
        for (index, id) in ids.iter().enumerate() {
            let path = format!("accountIds[{index}]");
            match accounts.iter().find(|account| account.account_id == *id).map(|account| account.status) {
                None => missing.push(FieldProblem::new(path, "账号不存在或不属于当前用户，请重新选择")),
                Some(AccountStatus::Active) => {}
                Some(AccountStatus::Offline) => {
                    unusable.push(FieldProblem::new(
                        path,
                        "该微信账号已离线，请重新登录，待账号恢复在线后再试（重新连接账号可立即恢复）",
                    ));
                }
                Some(AccountStatus::Expired) => {
                    unusable.push(FieldProblem::new(path, "该账号授权已失效，请重新连接后再试"));
                }
            }
        }
        if !missing.is_empty() {
            return Err(Error::AccountNotFound(missing));
        }
        if !unusable.is_empty() {
            return Err(Error::ContentRefused(unusable));
        }
        Ok(accounts)
    }

    async fn write(
        &self,
        asked: Asked<'_>,
        id: TaskId,
        now: Timestamp,
        accounts: &[Account],
        content: &Content,
    ) -> Result<Written> {
        let Asked { user_id, request, fingerprint } = asked;
        let task = NewTask {
            id,
            user_id,
            content_id: request.content_id.as_ref(),
            text: &content.text,
            media_urls: &content.media_urls,
            scheduled_time: request.scheduled_time.map(planned_time),
        };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.create(&task, now)?);
        for account in accounts {
            let (account_id, name) = (&account.account_id, &account.account_name);
            transaction.add(self.stores.results.create(id, account_id, name, now)?);
        }
        let key_is_new = match &request.idempotency_key {
            None => None,
            Some(key) => Some(transaction.add(self.stores.idempotency.remember(user_id, key, fingerprint, id, now)?)),
        };
        match self.stores.commit(&transaction).await {
            Err(error) if is_unanswered(&error) => self.look_for(user_id, id, error).await,
            Err(error) => Err(error.into()),
            Ok(outcome) if outcome.is_committed() => Ok(Written::Yes),
            Ok(outcome) if outcome.failed(key_is_new) => Ok(Written::AnsweredBefore),
            Ok(_) => Ok(Written::IdTaken),
        }
    }

    /// The transaction was sent and nobody answered: if the task is there, it was carried out.
    async fn look_for(&self, user_id: UserId, id: TaskId, unanswered: kernel::Error) -> Result<Written> {
        match self.stores.tasks.get(id).await {
            Ok(Some(task)) if task.user_id == user_id => Ok(Written::Yes),
            _ => Err(Error::CreationUnproven(unanswered)),
        }
    }
}

/// Whether a failed call may have been carried out: everything but a refusal. The codes are the kernel's for transport
/// failures and DynamoDB's for its own.
fn is_unanswered(error: &kernel::Error) -> bool {
    const CODES: [&str; 5] =
        ["Timeout", "DispatchFailure", "UnreadableResponse", "InternalServerError", "TransactionInProgressException"];
    matches!(error, kernel::Error::Aws { code, .. } if CODES.contains(&code.as_str()))
}

/// The second a time is planned for: of a time between two the later one, because nothing may go out before it.
pub(super) fn planned_time(time: Timestamp) -> Timestamp {
    let second = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// What is wrong with a time to publish at.
pub(super) fn time_problem(time: Option<Timestamp>, now: Timestamp) -> Option<FieldProblem> {
    let time = time?;
    let problem = if time <= now {
        "定时时间必须晚于当前时间；如需立即发布，请不要填写该字段"
    } else if planned_time(time).as_second() > now.as_second() + MAX_SCHEDULE_AHEAD {
        "定时时间不能晚于一年之后"
    } else {
        return None;
    };
    Some(FieldProblem::new("scheduledTime", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_between_two_seconds_is_planned_for_the_later_one() {
        for (time, planned) in [
            ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z"),
            ("2026-11-21T08:00:00.000000001Z", "2026-11-21T08:00:01Z"),
            ("2026-11-21T15:59:59.999+08:00", "2026-11-21T08:00:00Z"),
        ] {
            let planned: Timestamp = planned.parse().unwrap();
            assert_eq!(planned_time(time.parse().unwrap()), planned, "{time}");
        }
    }

    #[test]
    fn only_times_after_now_and_within_a_year_are_planned() {
        let now: Timestamp = "2026-11-21T08:00:00.5Z".parse().unwrap();
        for (time, fine) in [
            ("2026-11-21T08:00:00.5Z", false),
            ("2026-11-21T08:00:00.6Z", true),
            ("2026-11-21T08:00:00Z", false),
            ("2026-11-21T08:00:01Z", true),
            ("2027-11-21T08:00:00Z", true),
            ("2027-11-21T08:00:01Z", false),
        ] {
            assert_eq!(time_problem(Some(time.parse().unwrap()), now).is_none(), fine, "{time}");
        }
        assert!(time_problem(None, now).is_none());
    }
}
