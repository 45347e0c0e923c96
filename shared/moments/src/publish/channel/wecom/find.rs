//! Reading back a company: which of its moments asks exactly the members that the lost call asked.

use std::collections::BTreeSet;

use super::WecomChannel;
use crate::error::{Error, Result};
use crate::provider::FailureKind;
use crate::publish::channel::candidates::{CLOCK_SKEW, Candidates};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Absence, Event, JOB_LIFETIME};
use crate::rules::is_same_text;
use crate::time::after;

impl WecomChannel<'_> {
    /// Looks for what was sent among the company's moments.
    pub(super) async fn read_back(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        match self.moments_alike(claimed_delivery).await {
            Ok(alike) => self.cx.read_as(claimed_delivery, self, alike).await,
            Err(Error::Provider(_)) => Ok(Event::Unreadable),
            Err(error) => Err(error),
        }
    }

    /// The company's moments that may be the delivery's, oldest first: those that ask exactly the members that it asked.
    /// Who of them is connected by now does not matter.
    async fn moments_alike(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<Candidates> {
        let (task, sending_at) = (&claimed_delivery.snapshot.task, claimed_delivery.row.sending_at);
        let job_end = after(sending_at, JOB_LIFETIME);
        let since = sending_at.as_second() - CLOCK_SKEW;
        // A job makes its moment within its lifetime, or never.
        let last = job_end.min(self.cx.stores.clock.now()).as_second() + CLOCK_SKEW;
        let token = self.token(claimed_delivery).await?;
        let mut moments = token.wecom.moment_list(&token.token, since, last).await?;
        moments.retain(|moment| {
            moment.create_time.is_none_or(|time| time >= since)
                && moment.by_corp
                && is_same_text(&task.text_content, &moment.text)
                && moment.image_count + usize::from(moment.has_video) == task.media_urls.len()
        });
        moments.sort_by_key(|moment| moment.create_time);
        let asked = folded(claimed_delivery.row.asked().iter());
        let (mut ids, mut partly) = (Vec::new(), Vec::new());
        for moment in moments {
            match token.wecom.member_status(&token.token, &moment.moment_id).await {
                // The same words may have been given to other members of the company by another task.
                Ok(members) => {
                    let members = folded(members.iter().map(|(member, _)| member));
                    if !asked.is_empty() && members == asked {
                        ids.push(moment.moment_id);
                    } else if members.iter().any(|member| asked.contains(member)) {
                        // Some of the members asked: it may be this one, of which WeCom has left members out.
                        partly.push(moment.moment_id);
                    }
                }
                // Deleted since the list was made.
                Err(failure) if failure.kind == FailureKind::NotFound => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // WeCom lists all of a company's moments, but its job may make one for as long as it lives.
        let is_over = self.cx.stores.clock.now() > job_end;
        let absence = if is_over { Absence::Proven } else { Absence::Likely };
        Ok(Candidates { ids, partly, absence })
    }
}

/// Members without the differences that WeCom does not make.
fn folded<'a>(members: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    members.map(|member| member.to_ascii_lowercase()).collect()
}
