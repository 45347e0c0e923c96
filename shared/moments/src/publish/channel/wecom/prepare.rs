//! Everything before a company's members are asked: token, media, uploads, and the company's turn.

use std::time::Duration;

use super::{Ready, WecomChannel};
use crate::accounts::CorpToken;
use crate::error::{Result, media_advice};
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
        for (index, medium) in task.media.iter().enumerate() {
            match self.upload(&token, task, (index, medium)).await? {
                MediumOutcome::Uploaded(upload) => uploads.push(upload),
                MediumOutcome::Unusable(event) => return Ok(event),
            }
        }
        let is_video = task.media.iter().any(|medium| medium.kind == TaskMediumKind::Video);
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

    /// A medium of the task, the `index`-th from 0, as WeCom has it. What the company has uploaded already is not read again.
    async fn upload(
        &self,
        token: &CorpToken,
        task: &Task,
        (index, medium): (usize, &TaskMedium),
    ) -> Result<MediumOutcome> {
        let (uploads, now) = (&self.cx.stores.uploads, self.cx.stores.clock.now());
        let sha256 = medium.sha256.clone();
        if let Some(media_id) = uploads.get(&self.corp_key, &sha256, now).await? {
            return Ok(MediumOutcome::Uploaded(Upload { sha256, media_id }));
        }
        let stored = match self.cx.stored(task, medium).await {
            Ok(stored) => stored,
            Err(problem) => return Ok(MediumOutcome::Unusable(media_unusable(index, &problem))),
        };
        let Medium { file_name, mime, bytes, .. } = match stored.fit(self.cx.settings.media_limits).await {
            Ok(fitting) => fitting,
            Err(problem) => return Ok(MediumOutcome::Unusable(Event::MediaUnusable(media_advice(index, &problem)))),
        };
        let as_what = match medium.kind {
            TaskMediumKind::Video => MediaUpload::Video,
            TaskMediumKind::Image => MediaUpload::Image,
        };
        let wecom = &token.wecom;
        let media_id = wecom.upload_attachment(&token.token, as_what, &file_name, mime, bytes).await?.media_id;
        uploads.put(&self.corp_key, &sha256, &media_id, after(now, UPLOAD_LIFETIME)).await?;
        Ok(MediumOutcome::Uploaded(Upload { sha256, media_id }))
    }
}
