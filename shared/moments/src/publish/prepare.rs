//! Everything before the fence: turns, media, uploads. It may be done any number of times.

use crate::accounts::CorpToken;
use crate::error::{Advice, PublishProblem, Result, media_advice};
use crate::gateway::{Gateway, RawObject};
use crate::media::{MediaKind, Medium, check_set};
use crate::store::account::Account;
use crate::store::task::Task;
use crate::wecom::{Attachments, MediaUpload, MomentDraft};

use super::channel::Channel;
use super::step::{Held, Publisher, milliseconds};

/// WeCom keeps an upload for three days; one with less than an hour left is made anew.
const UPLOAD_LIFETIME: i64 = 3 * 86_400 - 3_600;

/// A call that is ready to be made.
pub(super) enum Ready {
    Personal { gateway: Gateway, app_id: String, media: Uploaded },
    Corp { token: CorpToken, draft: MomentDraft, hashes: Vec<String> },
}

/// What the gateway gave for the media.
pub(super) enum Uploaded {
    None,
    Images(Vec<RawObject>),
    Video(RawObject),
}

/// Why a unit is not sent now.
pub(super) enum NotNow {
    /// Its turn comes at this instant, however often it has waited before.
    Turn(i64),
    /// Something failed that may pass.
    Retry,
    /// Never.
    Problem(Advice),
}

impl Publisher {
    /// Everything before the fence: turns, media, uploads. It may be done any number of times.
    pub(super) async fn prepare(&self, held: &Held, task: &Task, channel: Channel) -> Result<Result<Ready, NotNow>> {
        match channel {
            Channel::Personal { gateway, app_id, account, .. } => {
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
        let turn = held.delivery();
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
}
