//! Reading back a person's account: whether what was sent is among the posts the gateway shows, and whether its absence
//! there proves anything.
//!
//! The gateway has two lists. `sns/snsList` is what the account sees, its friends' posts among its own;
//! `sns/contactsSnsList` is one person's posts, and was seen to be empty for the account itself. So both are read, and
//! whichever list a post is in, it counts only if the account is its author.

use tracing::warn;

use super::GatewayChannel;
use crate::error::Result;
use crate::gateway::{Gateway, List, PageEnd, PostItem};
use crate::provider::ProviderError;
use crate::publish::channel::candidates::{CLOCK_SKEW, Candidates};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Absence, Event};

/// Pages of a list that are looked through: the vendor allows 200 calls a day for all readings.
const PAGES: usize = 2;

/// How long after the call was begun its post may come out, in seconds: a request may arrive long after its sender has given
/// up. A post that is newer than that is another one.
const LATEST: i64 = 3_600;

/// How much earlier or later an equal post still is in doubt, in seconds.
const DOUBT: i64 = 3_600;

/// The device that sent it.
struct PersonalDevice<'a> {
    gateway: &'a Gateway,
    app_id: &'a str,
    /// The id of the account it posts for.
    wxid: &'a str,
    /// The post of the account that we recorded last.
    recorded: Option<&'a str>,
}

/// What was sent.
struct Sent<'a> {
    text: &'a str,
    media: usize,
    /// It cannot have come out earlier, in seconds since 1970.
    since: i64,
    /// Nor later than this.
    until: i64,
}

impl GatewayChannel<'_> {
    /// Looks for what was sent in the account's own lists.
    pub(super) async fn read_back(&self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        // An account that cannot be used any more cannot be read either.
        let Some(account) = self.cx.usable(claimed_delivery).await?.pop() else { return Ok(Event::Unreadable) };
        let device = self.device(&account).await?;
        let recorded = account.last_moment_id.as_deref();
        let device = PersonalDevice { gateway: &device.gateway, app_id: &device.app_id, wxid: &device.wxid, recorded };
        // While it was sent the account published nothing else, and nothing for an interval before.
        let interval = i64::try_from(self.cx.settings.personal_interval.as_secs()).unwrap_or(CLOCK_SKEW);
        let sent_at = claimed_delivery.row.sending_at.div_euclid(1_000);
        let task = &claimed_delivery.snapshot.task;
        let sent = Sent {
            text: &task.text_content,
            media: task.media_urls.len(),
            since: sent_at - CLOCK_SKEW.min(interval),
            until: sent_at + LATEST,
        };
        match read_back(&device, &sent).await {
            Ok(alike) => self.cx.read_as(claimed_delivery, self, alike).await,
            Err(_) => Ok(Event::Unreadable),
        }
    }
}

/// One list that cannot be read does not hide what the other one shows; but then absence is not proven, for the post may
/// be in the one that was not read.
async fn read_back(device: &PersonalDevice<'_>, sent: &Sent<'_>) -> Result<Candidates, ProviderError> {
    let is_recorded = |post: &PostItem| device.recorded == Some(post.id.as_str());
    // What is recorded already is another delivery's post, however alike.
    let in_time = |post: &PostItem| !is_recorded(post) && (sent.since..=sent.until).contains(&post.create_time);
    let is_wanted = |post: &PostItem| {
        in_time(post) && post.text.as_deref() == Some(sent.text) && post.media_count == Some(sent.media)
    };
    // The same words an hour before or after may be the lost post if the two clocks are that far apart.
    let is_near = |post: &PostItem| {
        let is_same = post.text.as_deref() == Some(sent.text) && post.media_count == Some(sent.media);
        let near = sent.since.saturating_sub(DOUBT)..=sent.until.saturating_add(DOUBT);
        !is_recorded(post) && is_same && near.contains(&post.create_time)
    };
    let (mut failures, mut shows_recorded) = (Vec::new(), false);
    // Whether the time at which it was sent was read in some list, and whether an own post of that time is unlike it: its
    // description may be unreadable, or the platform may have changed its text.
    let (mut is_covered, mut shows_another) = (false, false);
    let lists = [List::Of(device.wxid), List::Feed];
    for list in lists {
        let reading = own_posts(device, list, sent.since).await;
        let ids: Vec<_> =
            reading.posts.iter().rev().filter(|post| is_wanted(post)).map(|post| post.id.clone()).collect();
        if !ids.is_empty() {
            return Ok(Candidates { ids, partly: Vec::new(), absence: Absence::InDoubt });
        }
        shows_recorded |= reading.posts.iter().any(|post| is_recorded(post) && post.create_time < sent.since);
        shows_another |= reading.posts.iter().any(|post| in_time(post) || is_near(post));
        // The list of the account itself was seen to be empty although it had posts.
        is_covered |= reading.reaches_back && (matches!(list, List::Feed) || !reading.posts.is_empty());
        failures.extend(reading.failure);
    }
    for failure in &failures {
        warn!("a list of posts was not read: {failure}");
    }
    let is_whole = failures.is_empty();
    match failures.pop() {
        Some(failure) if failures.len() + 1 == lists.len() => Err(failure),
        _ => {
            let absence = match (is_covered && !shows_another, is_whole && shows_recorded) {
                (false, _) => Absence::InDoubt,
                (true, true) => Absence::Proven,
                (true, false) => Absence::Likely,
            };
            Ok(Candidates { ids: Vec::new(), partly: Vec::new(), absence })
        }
    }
}

/// The account's own posts in a list, as far as it could be read.
#[derive(Default)]
struct Reading {
    posts: Vec<PostItem>,
    /// Whether it was read back to where the post would be, or to its end.
    reaches_back: bool,
    failure: Option<ProviderError>,
}

/// Reads a list from its newest post back to `since`, and a page further if the recorded post was not seen by then.
async fn own_posts(device: &PersonalDevice<'_>, list: List<'_>, since: i64) -> Reading {
    let mut reading = Reading::default();
    let mut end: Option<PageEnd> = None;
    for _ in 0..PAGES {
        let page = match device.gateway.list(device.app_id, list, end.as_ref()).await {
            Ok(page) => page,
            Err(failure) => {
                reading.failure = Some(failure);
                break;
            }
        };
        let Some(last) = page.posts.last() else {
            reading.reaches_back = true;
            break;
        };
        let is_far_enough = last.create_time < since;
        reading.reaches_back |= is_far_enough;
        let first_page_md5 = end.map_or(page.first_page_md5, |end| end.first_page_md5);
        end = Some(PageEnd { max_id: last.id.clone(), first_page_md5 });
        reading.posts.extend(page.posts.into_iter().filter(|post| post.wxid == device.wxid));
        let shows = |recorded: &str| reading.posts.iter().any(|post| post.id == recorded);
        if is_far_enough && device.recorded.is_none_or(shows) {
            break;
        }
    }
    reading
}

#[cfg(test)]
mod tests;
