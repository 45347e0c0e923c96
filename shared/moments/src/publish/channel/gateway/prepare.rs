//! Everything before a person's post is sent: media, turn, uploads, and whether it still is that person's device.

use super::{GatewayChannel, Ready};
use crate::error::{PublishProblem, Result};
use crate::media::{MediaKind, check_set};
use crate::publish::channel::media_unusable;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::store::account::Account;

impl GatewayChannel<'_> {
    pub(super) async fn make_ready(
        &mut self,
        claimed_delivery: &ClaimedDelivery,
        mut senders: Vec<Account>,
    ) -> Result<Event> {
        let account = senders.pop().ok_or(kernel::Error::Corrupt("publish delivery"))?;
        let (task, settings) = (&claimed_delivery.snapshot.task, &self.cx.settings);
        let device = self.device(&account).await?;
        // Whoever waits downloads nothing.
        if let Some(event) = self.cx.wait_of(claimed_delivery, &account) {
            return Ok(event);
        }
        if let Some(event) = self.cx.text_objection(claimed_delivery).await {
            return Ok(event);
        }
        let mut kinds = Vec::new();
        for index in 0..task.media_urls.len() {
            match self.cx.fetch(task, index).await {
                Ok(medium) => kinds.push(medium.kind),
                Err(problem) => return Ok(media_unusable(index, &problem)),
            }
        }
        if !check_set(&kinds).is_empty() {
            return Ok(Event::MediaUnusable(PublishProblem::MediaUnusable.advice()));
        }
        if let Some(event) = self.cx.slot_before(claimed_delivery, &account).await? {
            return Ok(event);
        }
        let is_video = kinds.iter().any(|kind| matches!(kind, MediaKind::Video { .. }));
        let (mut images, mut video) = (Vec::new(), None);
        match task.media_urls.as_slice() {
            [] => {}
            [url] if is_video => match &settings.video_cover {
                Some(cover) => video = Some(device.gateway.upload_video(&device.app_id, cover, url).await?),
                None => return Ok(Event::MediaUnusable(PublishProblem::MediaUnusable.advice())),
            },
            urls => images = device.gateway.upload_images(&device.app_id, urls).await?,
        }
        // Asked last, so that nobody else logs in between this and the call.
        device.gateway.check_person(&device.app_id, &device.wxid).await?;
        // The turn is taken with the fence, so that whoever dies before it has used up none.
        let slot = self.cx.stores.accounts.take_slot(&account, &claimed_delivery.name(), self.cx.stores.clock.now())?;
        (self.ready, self.slot) = (Some(Ready { device, images, video }), Some(slot));
        Ok(Event::Prepared { asked: Vec::new(), uploads: Vec::new() })
    }
}
