//! What stands against a request for a task. Making one and trying one out ask here, so that they cannot disagree.

use std::collections::HashSet;

use jiff::Timestamp;
use kernel::Context;
use kernel::FieldProblem;
use kernel::config::ConfigError;
use kernel::ids::UserId;
use secrecy::SecretString;

use super::content::{Content, ContentResolver};
use super::request::NewTaskRequest;
use crate::config::CreationSettings;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::rules::MAX_ACCOUNTS;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};

/// The field of the time.
const TIME: &str = "scheduledTime";
/// The farthest a task may be planned, in seconds: a year.
const MAX_SCHEDULE_AHEAD: i64 = 365 * 86_400;

/// What a request that nothing stands against is about.
pub(super) struct Passed {
    pub accounts: Vec<Account>,
    pub content: Content,
}

/// What stands against a request.
enum Objections {
    /// The first objection ends the check.
    First,
    /// These were found so far.
    All(Vec<Error>),
}

impl Objections {
    /// What was asked for, or nothing when it was refused and the check goes on all the same. What could not be judged
    /// ends every check.
    fn collect<T>(&mut self, outcome: Result<T>) -> Result<Option<T>> {
        match (outcome, self) {
            (Ok(found), _) => Ok(Some(found)),
            (Err(error), Self::All(heard)) if !error.fields().is_empty() => {
                heard.push(error);
                Ok(None)
            }
            (Err(error), _) => Err(error),
        }
    }
}

/// Checks requests for tasks. It writes nothing.
#[derive(Debug, Clone)]
pub struct RequestCheck {
    stores: Stores,
    content: ContentResolver,
    personal_videos: bool,
}

impl RequestCheck {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let settings = CreationSettings::load(&cx.env)?;
        Ok(Self {
            stores: Stores::new(cx)?,
            personal_videos: settings.personal_videos,
            content: ContentResolver::new(settings),
        })
    }

    /// Everything that stands against the request, what its creation would say first; nothing if it would be granted.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn objections(
        &self,
        user_id: UserId,
        bearer: &SecretString,
        request: &NewTaskRequest,
    ) -> Result<Vec<Error>> {
        let mut objections = Objections::All(Vec::new());
        self.check(user_id, bearer, &request.normalised(), &mut objections).await?;
        match objections {
            Objections::First => Ok(Vec::new()),
            Objections::All(found) => Ok(found),
        }
    }

    /// What a normalised request is about, if nothing stands against it.
    pub(super) async fn pass(
        &self,
        user_id: UserId,
        bearer: &SecretString,
        request: &NewTaskRequest,
    ) -> Result<Passed> {
        let passed = self.check(user_id, bearer, request, &mut Objections::First).await?;
        Ok(passed.ok_or(kernel::Error::Internal("a refusal without a reason"))?)
    }

    async fn check(
        &self,
        user_id: UserId,
        bearer: &SecretString,
        request: &NewTaskRequest,
        objections: &mut Objections,
    ) -> Result<Option<Passed>> {
        let choice = self.check_choice(request);
        // Accounts that are named twice or too many cannot even be looked for.
        let can_be_read = !choice.as_ref().is_err_and(|error| error.fields().iter().any(|field| field.path != TIME));
        let choice = objections.collect(choice)?;
        let accounts = match can_be_read {
            true => objections.collect(self.own_accounts(user_id, &request.account_ids).await)?,
            false => None,
        };
        let content = self
            .content
            .resolve(bearer, request.content_id.as_ref(), request.text.as_deref(), request.media_urls.as_deref())
            .await;
        let (Some(accounts), Some(content)) = (accounts, objections.collect(content)?) else { return Ok(None) };
        let fitting = objections.collect(self.check_kind(&accounts, &content))?;
        Ok(choice.and(fitting).map(|()| Passed { accounts, content }))
    }

    /// Whether all accounts can post what the content is.
    fn check_kind(&self, accounts: &[Account], content: &Content) -> Result<()> {
        let refuses = |account: &Account| account.provider.refuses(content.kind, self.personal_videos);
        match accounts.iter().find_map(refuses) {
            Some(problem) => Err(Error::ContentRefused(vec![FieldProblem::new("mediaUrls[0]", problem)])),
            None => Ok(()),
        }
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
    Some(FieldProblem::new(TIME, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheduled_time_between_two_seconds_is_rounded_up() {
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
    fn scheduled_time_must_be_after_now_and_within_a_year() {
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
