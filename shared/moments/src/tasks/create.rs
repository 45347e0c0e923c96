//! Making a task: checked whole, written in one transaction, then set in motion.

use std::time::{Duration, Instant};

use futures::try_join;
use jiff::Timestamp;
use kernel::Context;
use kernel::caller::Caller;
use kernel::config::{ConfigError, function_timeout};
use kernel::idempotency::RequestKey;
use kernel::ids::{TaskId, UserId};
use kernel::retry::{Attempt, TRIES, on_conflict};
use kernel::transaction::Transaction;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::info;

use super::check::{Passed, RequestCheck, planned_time};
use super::content::Content;
use super::request::NewTaskRequest;
use super::request_key::{self, CREATION};
use super::start::TaskStarter;
use crate::audit;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::media::Medium;
use crate::media_storage::MediaStorage;
use crate::store::Stores;
use crate::store::account::Account;
use crate::store::posted::Posted;
use crate::store::task::{ContentId, NewTask, Task, TaskMedium};
use crate::time::whole_second;

/// What writing and starting a task takes at the worst that can still be answered for.
const TIME_TO_CREATE: Duration = Duration::from_secs(2);

/// A task that was made, now or by the same request before.
#[derive(Debug)]
pub struct Created {
    pub id: TaskId,
    /// Where its content is from.
    pub content_id: Option<ContentId>,
    /// When it was made.
    pub create_time: Timestamp,
}

/// A request, whose it is, and its key.
#[derive(Clone, Copy)]
struct Asked<'a> {
    caller: &'a Caller,
    request: &'a NewTaskRequest,
    key: Option<&'a RequestKey<'a>>,
}

/// What a task is made of.
struct Made<'a> {
    id: TaskId,
    accounts: &'a [Account],
    content: &'a Content,
    /// Its media, which are kept.
    media: &'a [TaskMedium],
    digest: String,
    posted: Posted,
}

/// What became of the transaction of a new task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// The task is there.
    Yes,
    /// The same request, by its key, was faster.
    AnsweredBefore,
    /// Another request has posted the same content since it was looked for.
    ContentMoved,
    /// Another task has the id.
    IdTaken,
}

/// What an attempt to make a task has come to.
enum Attempted {
    Created(Created),
    /// The same content was posted by another request since it was looked for.
    ContentMoved,
    /// Another task has the id.
    IdTaken,
}

#[derive(Debug, Clone)]
pub struct TaskCreation {
    stores: Stores,
    check: RequestCheck,
    storage: MediaStorage,
    starter: TaskStarter,
    function_timeout: Duration,
}

impl TaskCreation {
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self {
            stores: Stores::new(cx)?,
            check: RequestCheck::new(cx)?,
            storage: MediaStorage::new(cx)?,
            starter: TaskStarter::new(cx)?,
            function_timeout: function_timeout(&cx.env)?,
        })
    }

    /// Makes the task. At most four sequential AWS calls: the key and the accounts, the content's row, the
    /// transaction, the start; for media, a few at a time, three more: the file's row, the file, the row again. A start
    /// that fails fails nothing: the sweeper finds the task when its time comes.
    ///
    /// # Errors
    /// What fails below is told as a creation that failed, or as one that may have succeeded: whoever asks a second
    /// time after the latter would publish twice.
    pub async fn create(&self, caller: &Caller, bearer: &SecretString, request: &NewTaskRequest) -> Result<Created> {
        self.try_create(caller, bearer, request).await.map_err(|error| match error {
            Error::Kernel(
                error @ (kernel::Error::Aws { .. } | kernel::Error::Corrupt(_) | kernel::Error::Internal(_)),
            ) => Error::CreationFailed(error),
            other => other,
        })
    }

    async fn try_create(&self, caller: &Caller, bearer: &SecretString, request: &NewTaskRequest) -> Result<Created> {
        let user_id = caller.user_id;
        let (request, begun) = (&request.normalised(), Instant::now());
        let key = request.idempotency_key.as_deref();
        let key = key.map(|key| RequestKey::new(user_id, (CREATION, key), &request.identity()));
        let asked = Asked { caller, request, key: key.as_ref() };
        let (answered, rows) = try_join!(self.answered(asked), self.check.account_rows(request))?;
        if let Some(created) = answered {
            return Ok(created);
        }
        let Passed { accounts, content, posted } = self.check.pass(user_id, bearer, request, rows).await?;
        // Its media name it before it is made.
        let id = TaskId::generate(self.stores.clock.now());
        let media = self.keep(user_id, id, &content.media, begun).await?;
        let (accounts, content, digest) = (&accounts, &content, content.digest());
        let mut made = Made { id, accounts, content, media: &media, digest, posted };
        for _ in 0..TRIES {
            let write = || self.try_write(asked, &made);
            match on_conflict(&self.stores.clock, "moment task", TRIES, write).await? {
                Attempted::Created(created) => return Ok(created),
                // Somebody has posted the same meanwhile: with these accounts, or with others.
                Attempted::ContentMoved => made.posted = self.posted_since(asked, &made).await?,
                Attempted::IdTaken => {
                    made.id = TaskId::generate(self.stores.clock.now());
                    self.storage.keep_for(user_id, made.id, &media).await?;
                }
            }
        }
        Err(kernel::Error::Contention("posted content").into())
    }

    /// Keeps the media for the task that is about to be made, within what is left of the function's time: whoever waits
    /// longer gets no answer of ours.
    async fn keep(&self, user_id: UserId, id: TaskId, media: &[Medium], begun: Instant) -> Result<Vec<TaskMedium>> {
        let within = self.function_timeout.saturating_sub(TIME_TO_CREATE).saturating_sub(begun.elapsed());
        let kept = timeout(within, self.storage.keep_all(user_id, id, media)).await;
        kept.unwrap_or_else(|_| {
            let (operation, message) = ("s3:PutObject", String::new());
            Err(kernel::Error::Aws { operation, code: "Timeout".to_owned(), message }.into())
        })
    }

    async fn posted_since(&self, asked: Asked<'_>, made: &Made<'_>) -> Result<Posted> {
        let posted = self.stores.posted.get(asked.caller.user_id, &made.digest).await?;
        self.check.check_duplicates(asked.request, &posted).await?;
        Ok(posted)
    }

    async fn try_write(&self, asked: Asked<'_>, made: &Made<'_>) -> Result<Attempt<Attempted>> {
        let Asked { caller, request, .. } = asked;
        let (now, id, accounts) = (self.stores.clock.now(), made.id, made.accounts);
        match self.write(asked, now, made).await? {
            Written::Yes => {
                let scheduled_time = request.scheduled_time.map(tracing::field::display);
                let words = made.content.words_version.as_deref();
                info!(
                    task.id = id.get(),
                    accounts = accounts.len(),
                    scheduled_time,
                    words.version = words,
                    "moment task {id} created"
                );
                self.starter.start(id, caller.user_id, request.scheduled_time.map(planned_time)).await;
                let content_id = request.content_id.clone();
                let created = Created { id, content_id, create_time: whole_second(now) };
                Ok(Attempt::Done(Attempted::Created(created)))
            }
            Written::AnsweredBefore => {
                let created = self.answered(asked).await?.map(Attempted::Created);
                Ok(created.map_or(Attempt::Conflict, Attempt::Done))
            }
            Written::ContentMoved => Ok(Attempt::Done(Attempted::ContentMoved)),
            Written::IdTaken => Ok(Attempt::Done(Attempted::IdTaken)),
        }
    }

    async fn answered(&self, asked: Asked<'_>) -> Result<Option<Created>> {
        let Some(key) = asked.key else { return Ok(None) };
        let Some(id) = request_key::answered(&self.stores, key).await? else { return Ok(None) };
        let task: Task = self.stores.tasks.get(id).await?.ok_or(kernel::Error::Corrupt("idempotency record"))?;
        Ok(Some(Created { id, content_id: task.content_id, create_time: task.create_time }))
    }

    async fn write(&self, asked: Asked<'_>, now: Timestamp, made: &Made<'_>) -> Result<Written> {
        let Asked { caller, request, key } = asked;
        let user_id = caller.user_id;
        let Made { id, accounts, content, media, digest, posted } = made;
        let id = *id;
        let task = NewTask {
            id,
            user_id,
            content_id: request.content_id.as_ref(),
            text: &content.text,
            media_urls: &content.media_urls,
            media,
            words_version: content.words_version.as_deref(),
            scheduled_time: request.scheduled_time.map(planned_time),
            accounts: accounts.len(),
            has_pace: accounts.iter().any(|account| account.provider.has_pace()),
            force: &request.force,
        };
        let mut transaction = Transaction::new();
        transaction.add(self.stores.tasks.create(&task, now)?);
        for account in *accounts {
            let (account_id, name) = (&account.account_id, &account.account_name);
            transaction.add(self.stores.results.create(id, account_id, name, now)?);
        }
        let key_is_new = match key {
            None => None,
            Some(key) => Some(transaction.add(self.stores.idempotency.remember(key, id, now)?)),
        };
        let ids: Vec<&AccountId> = accounts.iter().map(|account| &account.account_id).collect();
        let content_is_known =
            transaction.add(self.stores.posted.note(user_id, digest, posted, (id, ids.as_slice()), now)?);
        let after = json!({
            "accounts": ids,
            "scheduledTime": task.scheduled_time.map(|time| time.to_string()),
            "contentId": request.content_id,
            "force": request.force,
        });
        let made = (Value::Null, after);
        transaction.add(self.stores.deed(caller, audit::TASK_CREATED, audit::task(id), made, now)?);
        match self.stores.commit(&transaction).await {
            Err(error) if is_unanswered(&error) => self.look_for(user_id, id, error).await,
            Err(error) => Err(error.into()),
            Ok(outcome) if outcome.is_committed() => Ok(Written::Yes),
            Ok(outcome) if outcome.failed(key_is_new) => Ok(Written::AnsweredBefore),
            Ok(outcome) if outcome.failed(content_is_known) => Ok(Written::ContentMoved),
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
