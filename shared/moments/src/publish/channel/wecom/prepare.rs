//! Everything before a company's members are asked: token, media, uploads, and the company's turn.

use std::time::Duration;

use super::{Ready, WecomChannel};
use crate::accounts::CorpToken;
use crate::error::{PublishProblem, Result, media_advice};
use crate::media::Medium;
use crate::publish::channel::media_unusable;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::store::SlotReservation;
use crate::store::account::Account;
use crate::store::delivery::WaitReason;
use crate::store::task::{Task, TaskMedium, TaskMediumKind};
use crate::time::after;
use crate::wecom::{Attachments, MediaUpload, MomentDraft};

/// WeCom keeps an upload for three days; one with less than an hour left is made anew.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(3 * 86_400 - 3_600);

/// A medium that WeCom has.
struct Upload {
    kind: TaskMediumKind,
    sha256: String,
    media_id: String,
}

/// What came of a medium.
enum MediumOutcome {
    Uploaded(Upload),
    /// It cannot be shown, now or ever.
    Unusable(Event),
}

impl WecomChannel<'_> {
    pub(super) async fn make_ready(
        &mut self,
        claimed_delivery: &ClaimedDelivery,
        senders: Vec<Account>,
    ) -> Result<Event> {
        if let Some(event) = self.cx.text_objection(claimed_delivery).await {
            return Ok(event);
        }
        let token = self.token(claimed_delivery).await?;
        let (task, settings) = (&claimed_delivery.snapshot.task, &self.cx.settings);
        let per_minute = settings.corp_creations_per_minute;
        // Whoever waits downloads nothing.
        if let Some(instant) = token.corp.closed_until(self.cx.stores.clock.now(), per_minute) {
            return Ok(Event::NotBefore(instant, WaitReason::Slot));
        }
        let mut uploads = Vec::new();
        // One at a time, so that one medium is the most a publisher ever holds.
        for index in 0..task.media_urls.len() {
            match self.upload(&token, task, index).await? {
                MediumOutcome::Uploaded(upload) => uploads.push(upload),
                MediumOutcome::Unusable(event) => return Ok(event),
            }
        }
        let is_video = uploads.iter().any(|upload| upload.kind == TaskMediumKind::Video);
        // What stands at the addresses may have changed since the task was made.
        if is_video && uploads.len() > 1 {
            return Ok(Event::MediaUnusable(PublishProblem::MediaUnusable.advice()));
        }
        let (hashes, mut ids): (Vec<_>, Vec<_>) =
            uploads.into_iter().map(|upload| (upload.sha256, upload.media_id)).unzip();
        let attachments = match (ids.pop(), is_video) {
            (None, _) => Attachments::None,
            (Some(id), true) => Attachments::Video(id),
            (Some(last), false) => {
                ids.push(last);
                Attachments::Images(ids)
            }
        };
        // The slot is taken last: nothing between it and the call can fail any more.
        let now = self.cx.stores.clock.now();
        if let SlotReservation::NotBefore(instant) =
            self.cx.stores.corps.take_rate_token(&token.corp, now, per_minute).await?
        {
            return Ok(Event::NotBefore(instant, WaitReason::Slot));
        }
        let senders: Vec<String> = senders.into_iter().filter_map(|account| account.member_id).collect();
        let draft = MomentDraft { text: task.text_content.clone(), attachments, senders: senders.clone() };
        self.ready = Some(Ready { token, draft });
        Ok(Event::Prepared { asked: senders, uploads: hashes })
    }

    /// A medium of the task as WeCom has it. What the company has uploaded already, and was judged when the task was made, is
    /// not downloaded again.
    async fn upload(&self, token: &CorpToken, task: &Task, index: usize) -> Result<MediumOutcome> {
        let (uploads, now) = (&self.cx.stores.uploads, self.cx.stores.clock.now());
        let judged = task.media.get(index);
        if let Some(TaskMedium { kind, sha256 }) = judged
            && let Some(media_id) = uploads.get(&self.corp_key, sha256, now).await?
        {
            return Ok(MediumOutcome::Uploaded(Upload { kind: *kind, sha256: sha256.clone(), media_id }));
        }
        let medium = match self.cx.fetch(task, index).await {
            Ok(medium) => medium,
            Err(problem) => return Ok(MediumOutcome::Unusable(media_unusable(index, &problem))),
        };
        let (kind, sha256) = (TaskMediumKind::from(medium.kind), medium.sha256.clone());
        // Another file stands there now.
        if judged.is_none_or(|judged| judged.sha256 != sha256)
            && let Some(media_id) = uploads.get(&self.corp_key, &sha256, now).await?
        {
            return Ok(MediumOutcome::Uploaded(Upload { kind, sha256, media_id }));
        }
        let Medium { file_name, mime, bytes, .. } = match medium.fit(self.cx.settings.media_limits).await {
            Ok(fitting) => fitting,
            Err(problem) => return Ok(MediumOutcome::Unusable(Event::MediaUnusable(media_advice(index, &problem)))),
        };
        let as_what = match kind {
            TaskMediumKind::Video => MediaUpload::Video,
            TaskMediumKind::Image => MediaUpload::Image,
        };
        let wecom = &token.wecom;
        let media_id = wecom.upload_attachment(&token.token, as_what, &file_name, mime, bytes).await?.media_id;
        uploads.put(&self.corp_key, &sha256, &media_id, after(now, UPLOAD_LIFETIME)).await?;
        Ok(MediumOutcome::Uploaded(Upload { kind, sha256, media_id }))
    }
}
