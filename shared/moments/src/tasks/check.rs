//! What stands against a request for a task. Making one and trying one out ask here, so that they cannot disagree.

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use kernel::Context;
use kernel::FieldProblem;
use kernel::config::ConfigError;
use kernel::ids::UserId;
use kernel::instant::CHINA;
use secrecy::SecretString;

use super::content::{Content, ContentResolver};
use super::request::NewTaskRequest;
use crate::config::CreationSettings;
use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::pace::Pace;
use crate::rules::MAX_ACCOUNTS;
use crate::status::ResultStatus;
use crate::store::Stores;
use crate::store::account::{Account, AccountStatus};
use crate::store::posted::{Entry, Posted};
use crate::store::result::AccountResult;
use crate::store::task::Force;
use crate::text_check::TextCheck;

/// The field of the time.
const TIME: &str = "scheduledTime";
/// The farthest a task may be planned, in seconds: a year.
const MAX_SCHEDULE_AHEAD: i64 = 365 * 86_400;

/// What a request that nothing stands against is about.
pub(super) struct Passed {
    pub accounts: Vec<Account>,
    pub content: Content,
    /// With which accounts the content was posted before.
    pub posted: Posted,
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
    pace: Pace,
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
            pace: settings.pace.clone(),
            content: ContentResolver::new(settings, TextCheck::new(cx)?),
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
        let request = request.normalised();
        let rows = self.account_rows(&request).await?;
        self.check(user_id, bearer, (&request, rows), &mut objections).await?;
        match objections {
            Objections::First => Ok(Vec::new()),
            Objections::All(found) => Ok(found),
        }
    }

    /// The accounts that a normalised request names, whoever owns them; nothing if they cannot even be looked for, being
    /// named twice or too many.
    pub(super) async fn account_rows(&self, request: &NewTaskRequest) -> Result<Option<Vec<Account>>> {
        let choice = self.check_choice(request);
        if choice.is_err_and(|error| error.fields().iter().any(|field| field.path != TIME)) {
            return Ok(None);
        }
        // What can be no id is in no table, and asking for it would fail the whole look-up.
        let askable: Vec<AccountId> = request.account_ids.iter().filter(|id| id.is_possible()).cloned().collect();
        Ok(Some(self.stores.accounts.by_ids(&askable).await?))
    }

    /// What a normalised request is about, if nothing stands against it; `rows` are its accounts as they were read.
    pub(super) async fn pass(
        &self,
        user_id: UserId,
        bearer: &SecretString,
        request: &NewTaskRequest,
        rows: Option<Vec<Account>>,
    ) -> Result<Passed> {
        let passed = self.check(user_id, bearer, (request, rows), &mut Objections::First).await?;
        Ok(passed.ok_or(kernel::Error::Internal("a refusal without a reason"))?)
    }

    async fn check(
        &self,
        user_id: UserId,
        bearer: &SecretString,
        (request, rows): (&NewTaskRequest, Option<Vec<Account>>),
        objections: &mut Objections,
    ) -> Result<Option<Passed>> {
        let choice = objections.collect(self.check_choice(request))?;
        let own = rows.map(|rows| own_accounts(user_id, &request.account_ids, rows));
        let accounts = own.map(|own| objections.collect(own)).transpose()?.flatten();
        let mut is_in_pace = true;
        for paced in accounts.iter().flat_map(|accounts| self.check_pace(accounts, request)) {
            is_in_pace &= objections.collect(paced)?.is_some();
        }
        let content = self
            .content
            .resolve(bearer, request.content_id.as_ref(), request.text.as_deref(), request.media_urls.as_deref())
            .await;
        let (Some(accounts), Some(content)) = (accounts, objections.collect(content)?) else { return Ok(None) };
        let fitting = objections.collect(self.check_kind(&accounts, &content))?;
        let posted = self.stores.posted.get(user_id, &content.digest()).await?;
        let new = objections.collect(self.check_duplicates(request, &posted).await)?;
        let fitting = fitting.and(new);
        Ok(choice.and(fitting).filter(|()| is_in_pace).map(|()| Passed { accounts, content, posted }))
    }

    /// Whether none of the accounts has posted the same lately. What certainly failed or was called off was not posted.
    pub(super) async fn check_duplicates(&self, request: &NewTaskRequest, posted: &Posted) -> Result<()> {
        if request.force.contains(&Force::DuplicateContent) {
            return Ok(());
        }
        let now = self.stores.clock.now();
        let (mut results, mut fields) = (BTreeMap::new(), Vec::new());
        for (index, id) in request.account_ids.iter().enumerate() {
            let Some(Entry { task_id, .. }) = posted.lately(id, now) else { continue };
            let results = match results.entry(task_id.get()) {
                MapEntry::Occupied(known) => known.into_mut(),
                MapEntry::Vacant(unknown) => unknown.insert(self.stores.results.of_task(task_id).await?),
            };
            let is_out = |result: &AccountResult| match result.status {
                ResultStatus::Cancelled => false,
                ResultStatus::Failed => result.unconfirmed(),
                _ => true,
            };
            if results.iter().find(|result| result.account_id == *id).is_some_and(is_out) {
                let problem = format!("该账号已由任务 {task_id} 发布过相同内容");
                fields.push(FieldProblem::new(format!("accountIds[{index}]"), problem));
            }
        }
        if fields.is_empty() { Ok(()) } else { Err(Error::Forceable { force: Force::DuplicateContent, fields }) }
    }

    /// Whether all accounts can post what the content is.
    fn check_kind(&self, accounts: &[Account], content: &Content) -> Result<()> {
        let refuses = |account: &Account| account.provider.refuses(content.kind, self.personal_videos);
        match accounts.iter().find_map(refuses) {
            Some(problem) => Err(Error::ContentRefused(vec![FieldProblem::new("mediaUrls[0]", problem)])),
            None => Ok(()),
        }
    }

    /// Whether the personal accounts may publish at the time that is asked for: what the publisher would wait for is told
    /// before anything is made.
    fn check_pace(&self, accounts: &[Account], request: &NewTaskRequest) -> [Result<()>; 3] {
        let time = request.scheduled_time.map_or_else(|| self.stores.clock.now(), planned_time);
        let problems = |problem: &dyn Fn(&Account) -> Option<String>| -> Vec<FieldProblem> {
            let ids = request.account_ids.iter().enumerate();
            let personal = ids.filter_map(|(index, id)| {
                let mut accounts = accounts.iter().filter(|account| account.provider.has_pace());
                Some((index, accounts.find(|account| account.account_id == *id)?))
            });
            personal
                .filter_map(|(index, account)| {
                    Some(FieldProblem::new(format!("accountIds[{index}]"), problem(account)?))
                })
                .collect()
        };
        let unless_forced = |force: Force, fields: Vec<FieldProblem>| {
            let is_fine = fields.is_empty() || request.force.contains(&force);
            if is_fine { Ok(()) } else { Err(Error::Forceable { force, fields }) }
        };
        let resting = problems(&|account| {
            let until = self.pace.rests_until(account, time)?;
            Some(format!("该微信所在设备刚连接，须静置到 {} 才能发布，请定时到此时间之后", in_beijing(until)))
        });
        let used_up = problems(&|account| {
            let most = self.pace.posts_per_day;
            self.pace.is_used_up(account, time).then(|| format!("该账号当天已发布 {most} 次，已达上限"))
        });
        let asleep = problems(&|_| self.pace.quiet_problem(time));
        [
            if resting.is_empty() { Ok(()) } else { Err(Error::ContentRefused(resting)) },
            unless_forced(Force::DailyCap, used_up),
            unless_forced(Force::QuietHours, asleep),
        ]
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
}

/// The accounts of the request, all of which must be the tenant's and usable.
fn own_accounts(user_id: UserId, ids: &[AccountId], mut accounts: Vec<Account>) -> Result<Vec<Account>> {
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

/// A time as people in China read it.
fn in_beijing(time: Timestamp) -> String {
    time.to_zoned(CHINA.to_time_zone()).strftime("%m 月 %d 日 %H:%M").to_string()
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
