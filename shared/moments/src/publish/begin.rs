//! Beginning a unit: everything that may be done twice, then the fence, then the one call that may not.

use std::time::Duration;

use tracing::warn;

use super::channel::Channel;
use super::step::{Held, Moved, Publisher, milliseconds};
use crate::accounts::CorpToken;
use crate::error::{Advice, Error, PublishProblem, Result, media_advice, provider_advice};
use crate::gateway::{Gateway, Post, RawObject};
use crate::ledger::Settled;
use crate::media::{MediaKind, Medium, check_set};
use crate::provider::{FailureKind, ProviderError};
use crate::store::account::{Account, AccountStatus};
use crate::store::result::{AccountState, Stage};
use crate::store::task::Task;
use crate::store::unit::{UnitChange, UnitStage};
use crate::wecom::{Attachments, MediaUpload, MomentDraft};

/// WeCom keeps an upload for three days; one with less than an hour left is made anew.
const UPLOAD_LIFETIME: i64 = 3 * 86_400 - 3_600;

/// A call that is ready to be made.
enum Ready {
    Personal { gateway: Gateway, app_id: String, media: Uploaded },
    Corp { token: CorpToken, draft: MomentDraft, hashes: Vec<String> },
}

/// What the gateway gave for the media.
enum Uploaded {
    None,
    Images(Vec<RawObject>),
    Video(RawObject),
}

/// What the call gave.
enum Sent {
    Post(Post),
    Job(String),
}

/// Why a unit is not sent now.
enum NotNow {
    /// Its turn comes at this instant, however often it has waited before.
    Turn(i64),
    /// Something failed that may pass.
    Retry,
    /// Never.
    Problem(Advice),
}

impl Publisher {
    pub(super) async fn begin(&self, held: &mut Held) -> Result<Moved> {
        if held.unit.attempts > self.settings.max_attempts {
            return self.give_up(held).await;
        }
        let task = held.entry.task.clone();
        let lateness = milliseconds(self.settings.max_lateness);
        if task.scheduled_time.is_some_and(|time| self.clock.now_ms() > time * 1_000 + lateness) {
            return self.fail(held, PublishProblem::Missed.advice()).await;
        }
        let Some(channel) = self.channel(held).await? else {
            return self.fail(held, PublishProblem::AccountUnusable.advice()).await;
        };
        if held.unit.attempts == 1 && !self.show_claimed(held, &channel, !task.media_urls.is_empty()).await? {
            return Ok(Moved::LeaseLost);
        }
        match self.prepare(held, &task, channel).await {
            Ok(Ok(ready)) => self.send(held, &task, ready).await,
            Ok(Err(NotNow::Turn(instant))) => {
                let pause = u64::try_from(instant - self.clock.now_ms()).unwrap_or(0);
                let change = UnitChange { waited: true, ..UnitChange::default() };
                self.later(held, change, Duration::from_millis(pause), Stage::Queued).await
            }
            Ok(Err(NotNow::Retry)) => {
                let pause = self.pause(self.settings.retry_pause, held.unit.attempts);
                self.later(held, UnitChange::default(), pause, Stage::Queued).await
            }
            Ok(Err(NotNow::Problem(advice))) => self.fail(held, advice).await,
            Err(Error::Provider(failure)) => self.refused(held, &failure, None, &[]).await,
            Err(error) => Err(error),
        }
    }

    /// Shows the accounts as under way, and fails those of a company that cannot be used any more. A post without
    /// media is sent so soon that it is not worth a write of its own.
    async fn show_claimed(&self, held: &mut Held, channel: &Channel, has_media: bool) -> Result<bool> {
        let usable = |account: &str| match channel {
            Channel::Personal { .. } => true,
            Channel::Corp { members, .. } => members.iter().any(|member| member.account_id == account),
        };
        let open = held.open_accounts();
        let states: Vec<_> = open
            .iter()
            .filter_map(|account| {
                let state = if !usable(account) {
                    AccountState::failed(PublishProblem::AccountUnusable.advice())
                } else if has_media {
                    AccountState::Processing(Stage::Claimed)
                } else {
                    return None;
                };
                Some((account.as_str(), state))
            })
            .collect();
        if states.is_empty() {
            return Ok(true);
        }
        Ok(self.settle(held, &UnitChange::default(), &states).await? == Settled::Done)
    }

    /// Everything before the fence: turns, media, uploads. It may be done any number of times.
    async fn prepare(&self, held: &Held, task: &Task, channel: Channel) -> Result<Result<Ready, NotNow>> {
        match channel {
            Channel::Personal { gateway, app_id, account } => {
                let mut kinds = Vec::new();
                for index in 0..task.media_urls.len() {
                    match self.fetch(task, index).await {
                        Ok(medium) => kinds.push(medium.kind),
                        Err(problem) => return Ok(Err(problem)),
                    }
                }
                if !check_set(&kinds).is_empty() {
                    return Ok(Err(NotNow::Problem(PublishProblem::MediaUnusable.advice())));
                }
                if let Err(instant) = self.take_turn(held, &account).await? {
                    return Ok(Err(NotNow::Turn(instant)));
                }
                let is_video = kinds.iter().any(|kind| matches!(kind, MediaKind::Video { .. }));
                let uploaded = match task.media_urls.as_slice() {
                    [] => Uploaded::None,
                    [url] if is_video => match &self.settings.video_cover {
                        Some(cover) => Uploaded::Video(gateway.upload_video(&app_id, cover, url).await?),
                        None => return Ok(Err(NotNow::Problem(PublishProblem::MediaUnusable.advice()))),
                    },
                    urls => Uploaded::Images(gateway.upload_images(&app_id, urls).await?),
                };
                Ok(Ok(Ready::Personal { gateway, app_id, media: uploaded }))
            }
            Channel::Corp { corp_key, members } => self.prepare_corp(held, task, corp_key, members).await,
        }
    }

    async fn prepare_corp(
        &self,
        held: &Held,
        task: &Task,
        corp_key: String,
        members: Vec<Account>,
    ) -> Result<Result<Ready, NotNow>> {
        let token = self.tokens.get(held.unit.user_id, &corp_key, None).await?;
        let (mut kinds, mut hashes, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        // One at a time, so that one medium is the most a publisher ever holds.
        for index in 0..task.media_urls.len() {
            let medium = match self.fetch(task, index).await {
                Ok(medium) => medium,
                Err(problem) => return Ok(Err(problem)),
            };
            let now = self.clock.now().as_second();
            hashes.push(medium.sha256.clone());
            let known = self.uploads.get(&corp_key, &medium.sha256, now).await?;
            let kind = match medium.kind {
                MediaKind::Video { .. } => MediaUpload::Video,
                MediaKind::Image { .. } => MediaUpload::Image,
            };
            kinds.push(medium.kind);
            if let Some(id) = known {
                ids.push(id);
                continue;
            }
            let sha256 = medium.sha256.clone();
            let Medium { file_name, mime, bytes, .. } = match medium.fit(self.settings.media_limits).await {
                Ok(fitting) => fitting,
                Err(problem) => return Ok(Err(NotNow::Problem(media_advice(index, &problem)))),
            };
            let uploaded = self.wecom.upload_attachment(&token.token, kind, &file_name, mime, bytes).await?;
            self.uploads.put(&corp_key, &sha256, &uploaded.media_id, now + UPLOAD_LIFETIME).await?;
            ids.push(uploaded.media_id);
        }
        if !check_set(&kinds).is_empty() {
            return Ok(Err(NotNow::Problem(PublishProblem::MediaUnusable.advice())));
        }
        let is_video = kinds.iter().any(|kind| matches!(kind, MediaKind::Video { .. }));
        let attachments = match (ids.pop(), is_video) {
            (None, _) => Attachments::None,
            (Some(id), true) => Attachments::Video(id),
            (Some(last), false) => {
                ids.push(last);
                Attachments::Images(ids)
            }
        };
        // The turn is taken last: nothing between it and the call can fail any more.
        let per_minute = self.settings.corp_creations_per_minute;
        if let Err(instant) = self.corps.take_creation(&token.corp, self.clock.now_ms(), per_minute).await? {
            return Ok(Err(NotNow::Turn(instant)));
        }
        let senders = members.into_iter().filter_map(|member| member.member_id).collect();
        let draft = MomentDraft { text: task.text_content.clone(), attachments, senders };
        Ok(Ok(Ready::Corp { token, draft, hashes }))
    }

    /// An account publishes one unit after the other, with a pause between them, and none while it is not known what
    /// became of the one before: in the account's own list the two might be taken for each other.
    async fn take_turn(&self, held: &Held, account: &Account) -> Result<Result<(), i64>> {
        let now = self.clock.now_ms();
        let free_from = account.last_post_at + milliseconds(self.settings.personal_interval);
        if free_from > now {
            return Ok(Err(free_from));
        }
        let turn = format!("{}/{}", held.unit.task_id, held.unit.unit);
        let before = account.turn.as_deref().filter(|before| *before != turn).and_then(|before| before.split_once('/'));
        if let Some((task, unit)) = before
            && let Ok(task) = task.parse()
            && let Some(before) = self.units.get(task, unit).await?
            && before.undecided(now)
        {
            return Ok(Err(now + milliseconds(self.settings.retry_pause)));
        }
        let taken = self.accounts.take_turn(account, &turn, now).await?;
        Ok(if taken { Ok(()) } else { Err(now + milliseconds(self.settings.personal_interval).max(1_000)) })
    }

    /// A medium, fetched again and judged again: what was fine at creation may be something else now.
    async fn fetch(&self, task: &Task, index: usize) -> Result<Medium, NotNow> {
        let url = task.media_urls.get(index).map_or("", String::as_str);
        self.fetcher.fetch(url, self.settings.media_limits).await.map_err(|problem| {
            if problem.transient() { NotNow::Retry } else { NotNow::Problem(media_advice(index, &problem)) }
        })
    }

    /// The fence and the call. What was written before it says SENDING; what comes after only adds the outcome.
    async fn send(&self, held: &mut Held, task: &Task, ready: Ready) -> Result<Moved> {
        let open = held.open_accounts();
        let sending: Vec<_> =
            open.iter().map(|account| (account.as_str(), AccountState::Processing(Stage::Sending))).collect();
        let change = UnitChange {
            stage: Some(UnitStage::Sending),
            sending_at: Some(self.clock.now_ms()),
            ..UnitChange::default()
        };
        if self.settle(held, &change, &sending).await? == Settled::UnitMoved {
            return Ok(Moved::LeaseLost);
        }
        let text = task.text_content.as_str();
        let (sent, token_version, hashes) = match ready {
            Ready::Personal { gateway, app_id, media } => {
                let sent = match media {
                    Uploaded::None => gateway.send_text(&app_id, text).await,
                    Uploaded::Images(images) => gateway.send_images(&app_id, text, &images).await,
                    Uploaded::Video(video) => gateway.send_video(&app_id, text, &video).await,
                };
                (sent.map(Sent::Post), None, Vec::new())
            }
            Ready::Corp { token, draft, hashes } => {
                let sent = self.wecom.add_moment_task(&token.token, &draft).await;
                (sent.map(|job| Sent::Job(job.0)), Some(token.version), hashes)
            }
        };
        match sent {
            Ok(Sent::Post(post)) => {
                let states: Vec<_> = open
                    .iter()
                    .map(|account| (account.as_str(), AccountState::Success { moment_id: post.id.clone() }))
                    .collect();
                self.finish(held, &states).await
            }
            Ok(Sent::Job(job_id)) => {
                let change =
                    UnitChange { stage: Some(UnitStage::Submitted), job_id: Some(job_id), ..UnitChange::default() };
                self.later(held, change, self.settings.job_pause, Stage::Submitted).await
            }
            Err(failure) if failure.kind == FailureKind::OutcomeUnknown => {
                warn!(task.id = task.id.get(), "outcome of task {} not known: {failure}", task.id);
                self.unconfirmed(held).await
            }
            Err(failure) => self.refused(held, &failure, token_version, &hashes).await,
        }
    }

    /// A refusal: nothing was done, so the unit may begin again where that helps, or fails with the reason.
    async fn refused(
        &self,
        held: &mut Held,
        failure: &ProviderError,
        token_version: Option<u64>,
        hashes: &[String],
    ) -> Result<Moved> {
        warn!(task.id = held.unit.task_id.get(), "unit of task {} refused: {failure}", held.unit.task_id);
        let mut again = UnitChange { stage: Some(UnitStage::Queued), ..UnitChange::default() };
        let corp_key = held.unit.corp_key.clone();
        let pause = match &failure.kind {
            FailureKind::Retry if self.may_retry(held, failure) => {
                self.pause(self.settings.retry_pause, held.unit.attempts)
            }
            FailureKind::RateLimited { window } => {
                let now = self.clock.now();
                again.waited = true;
                match &corp_key {
                    Some(corp_key) => {
                        let until = self.corps.block(corp_key, *window, now).await?;
                        Duration::from_millis(u64::try_from(until - now.as_millisecond()).unwrap_or(0))
                    }
                    None => window.wait(now),
                }
            }
            FailureKind::TokenInvalid if self.may_retry(held, failure) => {
                if let Some(corp_key) = &corp_key {
                    let version = match token_version {
                        Some(version) => version,
                        None => self.corps.get(corp_key).await?.map_or(0, |corp| corp.token_version),
                    };
                    if let Err(Error::Provider(failure)) =
                        self.tokens.get(held.unit.user_id, corp_key, Some(version)).await
                    {
                        return self.ended(held, &failure).await;
                    }
                }
                Duration::ZERO
            }
            FailureKind::MediaInvalid if self.may_retry(held, failure) => {
                for (hash, corp_key) in hashes.iter().flat_map(|hash| corp_key.iter().map(move |key| (hash, key))) {
                    self.uploads.forget(corp_key, hash).await?;
                }
                Duration::ZERO
            }
            _ => return self.ended(held, failure).await,
        };
        self.later(held, again, pause, Stage::Queued).await
    }

    /// Token and media are mended once; what passes by itself may be tried as often as the settings say.
    fn may_retry(&self, held: &mut Held, failure: &ProviderError) -> bool {
        match failure.kind {
            FailureKind::TokenInvalid | FailureKind::MediaInvalid => held.unit.attempts <= 2,
            _ => held.unit.attempts < self.settings.max_attempts,
        }
    }

    /// A refusal that trying again does not help. What it proves about the account is noted too.
    async fn ended(&self, held: &mut Held, failure: &ProviderError) -> Result<Moved> {
        let status = match failure.kind {
            FailureKind::AccountOffline | FailureKind::DeviceUnknown => Some(AccountStatus::Offline),
            FailureKind::BadCredentials => Some(AccountStatus::Expired),
            _ => None,
        };
        if let Some(status) = status {
            for account in self.own_accounts(held).await? {
                self.accounts.set_status(&account, status, account.offline_checks, None).await?;
            }
        }
        self.fail(held, provider_advice(failure)).await
    }
}
