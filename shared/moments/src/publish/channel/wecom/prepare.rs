//! Everything before a company's members are asked: token, media, uploads, and the company's turn.

use std::time::Duration;

use super::{Ready, WecomChannel};
use crate::error::{PublishProblem, Result, media_advice};
use crate::media::{MediaKind, Medium, check_set};
use crate::publish::channel::media_unusable;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::store::SlotReservation;
use crate::store::account::Account;
use crate::store::delivery::WaitReason;
use crate::time::after;
use crate::wecom::{Attachments, MediaUpload, MomentDraft};

/// WeCom keeps an upload for three days; one with less than an hour left is made anew.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(3 * 86_400 - 3_600);

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
        let (mut kinds, mut hashes, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        // One at a time, so that one medium is the most a publisher ever holds.
        for index in 0..task.media_urls.len() {
            let medium = match self.cx.fetch(task, index).await {
                Ok(medium) => medium,
                Err(problem) => return Ok(media_unusable(index, &problem)),
            };
            let now = self.cx.stores.clock.now();
            hashes.push(medium.sha256.clone());
            let known = self.cx.stores.uploads.get(&self.corp_key, &medium.sha256, now).await?;
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
            let Medium { file_name, mime, bytes, .. } = match medium.fit(settings.media_limits).await {
                Ok(fitting) => fitting,
                Err(problem) => return Ok(Event::MediaUnusable(media_advice(index, &problem))),
            };
            let uploaded = self.cx.clients.wecom.upload_attachment(&token.token, kind, &file_name, mime, bytes).await?;
            self.cx
                .stores
                .uploads
                .put(&self.corp_key, &sha256, &uploaded.media_id, after(now, UPLOAD_LIFETIME))
                .await?;
            ids.push(uploaded.media_id);
        }
        if !check_set(&kinds).is_empty() {
            return Ok(Event::MediaUnusable(PublishProblem::MediaUnusable.advice()));
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
        // The slot is taken last: nothing between it and the call can fail any more.
        let (now, per_minute) = (self.cx.stores.clock.now(), settings.corp_creations_per_minute);
        if let SlotReservation::NotBefore(instant) =
            self.cx.stores.corps.take_rate_token(&token.corp, now, per_minute).await?
        {
            return Ok(Event::NotBefore(instant.as_millisecond(), WaitReason::Slot));
        }
        let senders: Vec<String> = senders.into_iter().filter_map(|account| account.member_id).collect();
        let draft = MomentDraft { text: task.text_content.clone(), attachments, senders: senders.clone() };
        self.ready = Some(Ready { token, draft });
        Ok(Event::Prepared { asked: senders, uploads: hashes })
    }
}
