//! A person's account, driven by its device at the gateway.

mod prepare;
mod read_back;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Answer, Channel, or_refused};
use crate::accounts::credentials::decrypt;
use crate::error::Result;
use crate::gateway::{Credentials, Gateway, RawObject};
use crate::provider::{FailureKind, Provider};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Event, Recovery};
use crate::publish::runner::Publisher;
use crate::store::account::Account;
use crate::store::delivery::{Delivery, Repair, WaitReason};

/// The device of one account.
pub(in crate::publish) struct GatewayChannel<'p> {
    cx: &'p Publisher,
    ready: Option<Ready>,
    /// Takes the account's turn for what is ready.
    slot: Option<TransactWriteItem>,
}

/// A device with a client for its token.
struct Device {
    gateway: Gateway,
    app_id: String,
    /// Who was logged in on it when it was connected: the author of whatever it posts.
    wxid: String,
}

/// A post that is ready to be sent.
struct Ready {
    device: Device,
    images: Vec<RawObject>,
    video: Option<RawObject>,
}

impl<'p> GatewayChannel<'p> {
    pub(super) const fn new(cx: &'p Publisher) -> Self {
        Self { cx, ready: None, slot: None }
    }

    async fn device(&self, account: &Account) -> Result<Device> {
        let Credentials { app_id, token, wxid } = decrypt(&self.cx.vault, account).await?;
        Ok(Device { gateway: self.cx.clients.gateways.with(token), app_id, wxid })
    }

    async fn send_ready(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        let Ready { device, images, video } = self.ready.take().ok_or(kernel::Error::Corrupt("publish delivery"))?;
        let (app_id, text) = (device.app_id.as_str(), claimed_delivery.snapshot.task.text_content.as_str());
        let sent = match (&video, images.as_slice()) {
            (Some(video), _) => device.gateway.send_video(app_id, text, video).await,
            (None, []) => device.gateway.send_text(app_id, text).await,
            (None, images) => device.gateway.send_images(app_id, text, images).await,
        };
        Ok(match sent {
            Ok(post) => Event::Posted { id: post.id },
            Err(failure) if failure.kind == FailureKind::OutcomeUnknown => claimed_delivery.outcome_lost(&failure),
            Err(failure) => Event::Refused(failure),
        })
    }

    async fn recovered(&self, claimed_delivery: &ClaimedDelivery, recovery: Recovery) -> Result<Event> {
        Ok(match recovery {
            // The gateway's token is its user's, and its uploads are made anew at each attempt.
            Recovery::Token => Event::Recovered(Repair::Token),
            Recovery::Media => Event::Recovered(Repair::Media),
            Recovery::Rate(window) => {
                // The account is limited, and not this post of it.
                let (stores, mut until) = (&self.cx.stores, self.cx.stores.clock.now());
                for account in self.cx.own_accounts(claimed_delivery).await? {
                    until = until.max(stores.accounts.block(&account, window, stores.clock.now()).await?);
                }
                Event::NotBefore(until, WaitReason::RateLimit)
            }
        })
    }
}

impl Channel for GatewayChannel<'_> {
    fn provider(&self) -> Provider {
        Provider::Gateway
    }

    fn members_confirm(&self) -> bool {
        false
    }

    fn prepare<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, senders: Vec<Account>) -> Answer<'a> {
        async move { or_refused(self.make_ready(claimed_delivery, senders).await) }.boxed()
    }

    fn send<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a> {
        self.send_ready(claimed_delivery).boxed()
    }

    fn find_published<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a> {
        self.read_back(claimed_delivery).boxed()
    }

    // A post is out with its answer: it has no job and asks nobody.
    fn follow<'a>(&'a mut self, _: &'a ClaimedDelivery, _: bool) -> Answer<'a> {
        async { Err(kernel::Error::Corrupt("publish delivery").into()) }.boxed()
    }

    fn cancel<'a>(&'a mut self, _: &'a ClaimedDelivery) -> Answer<'a> {
        async { Err(kernel::Error::Corrupt("publish delivery").into()) }.boxed()
    }

    fn recover<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, recovery: Recovery) -> Answer<'a> {
        self.recovered(claimed_delivery, recovery).boxed()
    }

    fn sharing_credentials<'a>(&'a self, claimed_delivery: &'a ClaimedDelivery) -> BoxFuture<'a, Result<Vec<Account>>> {
        self.cx.own_accounts(claimed_delivery).boxed()
    }

    fn slot(&mut self) -> Option<TransactWriteItem> {
        self.slot.take()
    }

    /// The account's row remembers the post that was recorded last: by it a later reading proves that a list shows anything.
    fn last_post(&self, claimed_delivery: &ClaimedDelivery, id: &str) -> Result<Option<TransactWriteItem>> {
        let Delivery { user_id, account_ids, .. } = &claimed_delivery.row;
        let remember = |account| self.cx.stores.accounts.remember_post(*user_id, account, id);
        Ok(account_ids.first().map(remember).transpose()?)
    }
}
