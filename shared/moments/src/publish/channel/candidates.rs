//! What a provider's lists show of what was sent, and whose it is.

use super::Channel;
use crate::error::Result;
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Absence, Event};
use crate::publish::runner::Publisher;
use crate::store::claim::ClaimOrigin;

/// How far the provider's clock and ours may be apart, in seconds.
pub(super) const CLOCK_SKEW: i64 = 30;

/// What a provider's lists show of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidates {
    /// The posts that may be it, oldest first.
    pub ids: Vec<String>,
    /// Posts that may be it in part: of a company, those that ask some of its members.
    pub partly: Vec<String>,
    /// What it means if none of them is it. A person's is proven to be absent when both lists could be read and one of
    /// them shows an earlier post of the account that we recorded ourselves: a list without it may be late, cut off, or
    /// of somebody else, and then the account is [blind](Absence::Blind).
    pub absence: Absence,
}

impl Publisher {
    /// What the lists mean for the delivery: the first post in them that no other delivery has claimed is its own.
    pub(super) async fn read_as(
        &self,
        claimed_delivery: &ClaimedDelivery,
        channel: &dyn Channel,
        alike: Candidates,
    ) -> Result<Event> {
        for id in alike.ids {
            if self.is_free(claimed_delivery, channel, &id).await? {
                return Ok(Event::PostFound { id });
            }
        }
        for id in alike.partly {
            if self.is_free(claimed_delivery, channel, &id).await? {
                return Ok(Event::NotShown(Absence::InDoubt));
            }
        }
        Ok(Event::NotShown(alike.absence))
    }

    async fn is_free(&self, claimed_delivery: &ClaimedDelivery, channel: &dyn Channel, id: &str) -> Result<bool> {
        let ours = claimed_delivery.claim(channel.provider(), ClaimOrigin::Found, id);
        let claimed = self.stores.claims.get(&ours.claim_key).await?;
        Ok(claimed.is_none_or(|claimed| claimed.delivery == ours.delivery))
    }
}
