//! A person's account, driven by its device at the gateway.

mod prepare;
mod read_back;

use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::warn;

use super::{Answer, Channel, or_refused};
use crate::accounts::credentials::decrypt;
use crate::error::Result;
use crate::gateway::{Credentials, Gateway, RawObject};
use crate::provider::{FailureKind, Provider};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Event, Recovery};
use crate::publish::runner::Publisher;
use crate::store::account::Account;
use crate::store::delivery::{Repair, WaitReason};

/// The device of one account.
pub(in crate::publish) struct GatewayChannel<'p> {
    cx: &'p Publisher,
    ready: Option<Ready>,
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
        Self { cx, ready: None }
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

    /// Remembers on the account's row the post that has just been recorded for it.
    ///
    /// A write of its own after the transaction and not part of it: the account's row also takes turns, and a post must
    /// not be in doubt because two writes to that row met. If it fails or the process dies before it, the row names an
    /// older post, and readings prove less often; never anything wrong.
    async fn remember(&self, claimed_delivery: &ClaimedDelivery, id: &str) {
        for account in &claimed_delivery.row.account_ids {
            if let Err(error) = self.cx.stores.accounts.remember_post(claimed_delivery.row.user_id, account, id).await {
                warn!(account.id = account.as_str(), "the last post of account {account} not remembered: {error}");
            }
        }
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

    fn success_recorded<'a>(&'a self, claimed_delivery: &'a ClaimedDelivery, id: &'a str) -> BoxFuture<'a, ()> {
        self.remember(claimed_delivery, id).boxed()
    }
}
