//! Everything before a person's post is sent: turn, media, uploads, and whether it still is that person's device.

use super::{GatewayChannel, Ready};
use crate::config::GatewayMedia;
use crate::error::{PublishProblem, Result};
use crate::media::MediaProblem;
use crate::publish::channel::media_unusable;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::Event;
use crate::store::account::Account;
use crate::store::task::{Task, TaskMedium, TaskMediumKind};

/// What is known of where media are.
enum Addresses {
    /// One for each medium, in their order.
    Known(Vec<String>),
    /// They cannot be had, and this is what it means.
    Unusable(Event),
}

impl GatewayChannel<'_> {
    pub(super) async fn make_ready(
        &mut self,
        claimed_delivery: &ClaimedDelivery,
        mut senders: Vec<Account>,
    ) -> Result<Event> {
        let account = senders.pop().ok_or(kernel::Error::Corrupt("publish delivery"))?;
        let (task, settings) = (&claimed_delivery.snapshot.task, &self.cx.settings);
        let device = self.device(&account).await?;
        if let Some(event) = self.cx.wait_of(claimed_delivery, &account) {
            return Ok(event);
        }
        if let Some(event) = self.cx.text_objection(claimed_delivery).await {
            return Ok(event);
        }
        // Whoever waits has nothing downloaded, and no address made that would end while they wait.
        if let Some(event) = self.cx.slot_before(claimed_delivery, &account).await? {
            return Ok(event);
        }
        let addresses = match self.addresses(task).await? {
            Addresses::Known(addresses) => addresses,
            Addresses::Unusable(event) => return Ok(event),
        };
        let is_video = task.media.iter().any(|medium| medium.kind == TaskMediumKind::Video);
        let (mut images, mut video) = (Vec::new(), None);
        match addresses.as_slice() {
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

    /// Where the gateway is to download the task's media.
    async fn addresses(&self, task: &Task) -> Result<Addresses> {
        let mut addresses = Vec::new();
        for (index, medium) in task.media.iter().enumerate() {
            let address = match self.cx.settings.gateway_media {
                GatewayMedia::Bucket => Ok(self.cx.storage.address(task, medium).await?.into()),
                GatewayMedia::Origin => self.unchanged(task, index, medium).await,
            };
            match address {
                Ok(address) => addresses.push(address),
                Err(problem) => return Ok(Addresses::Unusable(media_unusable(index, &problem))),
            }
        }
        Ok(Addresses::Known(addresses))
    }

    /// The address that the user gave, if what was judged is still there. Headers would not prove that: a server says of a
    /// file what it likes.
    async fn unchanged(&self, task: &Task, index: usize, medium: &TaskMedium) -> Result<String, MediaProblem> {
        let url = task.media_urls.get(index).map_or("", String::as_str);
        match self.cx.fetcher.fetch(url, self.cx.settings.media_limits).await {
            Ok(found) if found.sha256 == medium.sha256 => Ok(url.to_owned()),
            Err(problem) if !problem.is_about_content() => Err(problem),
            Ok(_) | Err(_) => Err(MediaProblem::Changed),
        }
    }
}
