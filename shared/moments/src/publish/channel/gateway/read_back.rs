//! Reading back a person's account: whether what was sent is among the posts the gateway shows, and whether its absence
//! there proves anything.
//!
//! The gateway has two lists. `sns/snsList` is what the account sees, its friends' posts among its own;
//! `sns/contactsSnsList` is one person's posts, and was seen to be empty for the account itself. So both are read, and
//! whichever list a post is in, it counts only if the account is its author.

use std::collections::BTreeSet;
use std::time::Duration;

use kernel::Clock;
use tracing::{info, warn};

use super::GatewayChannel;
use crate::error::Result;
use crate::gateway::{Gateway, List, PageEnd, PostItem};
use crate::provider::ProviderError;
use crate::publish::channel::candidates::{CLOCK_SKEW, Candidates};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Absence, Event};
use crate::rules::is_same_text;
use crate::store::SlotReservation;
use crate::store::account::{Account, ReadingCalls};
use crate::store::delivery::WaitReason;

/// Pages of a list that are looked through: the vendor allows 200 calls a day for all readings.
const PAGES: usize = 2;

/// How long after the call was begun its post may come out, in seconds: a request may arrive long after its sender has given
/// up. A post that is newer than that is another one.
const LATEST: i64 = 3_600;

/// How much earlier or later an equal post still is in doubt, in seconds.
const DOUBT: i64 = 3_600;

/// The vendor asks for so much time between two readings of an account's posts.
const BETWEEN_CALLS: Duration = Duration::from_secs(5);

/// How far the gateway's clock may be from ours, in seconds, if what it says of it is to be believed.
const BELIEVABLE_SKEW: i64 = 3_600;

/// The lists of a reading: the account's own posts, and all that it sees.
const LISTS: usize = 2;

/// The most calls of one reading; all of them are counted, however many it needs.
const MOST_CALLS: u32 = (LISTS * PAGES) as u32;

/// The device that sent it.
struct PersonalDevice<'a> {
    gateway: &'a Gateway,
    clock: &'a Clock,
    app_id: &'a str,
    /// The id of the account it posts for.
    wxid: &'a str,
    /// The post of the account that we recorded last.
    recorded: Option<&'a str>,
}

/// What was sent, in times of our clock.
struct Sent<'a> {
    text: &'a str,
    media: usize,
    /// It cannot have come out earlier, in seconds since 1970.
    since: i64,
    /// Nor later than this.
    until: i64,
}

/// What the two lists show together.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    alike: Candidates,
    /// Whether both lists could be read.
    is_whole: bool,
}

impl GatewayChannel<'_> {
    /// Looks for what was sent in the account's own lists, as often as their vendor allows.
    pub(super) async fn read_back(&self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        // An account that cannot be used any more cannot be read either.
        let Some(account) = self.cx.usable(claimed_delivery).await?.pop() else { return Ok(Event::Unreadable) };
        let (stores, now) = (&self.cx.stores, self.cx.stores.clock.now());
        let calls = ReadingCalls { count: MOST_CALLS, between: BETWEEN_CALLS };
        if let SlotReservation::NotBefore(instant) = stores.accounts.reserve_reading(&account, calls, now).await? {
            return Ok(Event::NotBefore(instant, WaitReason::Readings));
        }
        let device = self.device(&account).await?;
        let device = PersonalDevice {
            gateway: &device.gateway,
            clock: &stores.clock,
            app_id: &device.app_id,
            wxid: &device.wxid,
            recorded: account.last_moment_id.as_deref(),
        };
        // While it was sent the account published nothing else, and nothing for an interval before.
        let interval = i64::try_from(self.cx.settings.pace.interval.as_secs()).unwrap_or(CLOCK_SKEW);
        let sent_at = claimed_delivery.row.sending_at.as_second();
        let task = &claimed_delivery.snapshot.task;
        let sent = Sent {
            text: &task.text_content,
            media: task.media_urls.len(),
            since: sent_at - CLOCK_SKEW.min(interval),
            until: sent_at + LATEST,
        };
        let Ok(Shown { alike, is_whole }) = read_back(&device, &sent).await else { return Ok(Event::Unreadable) };
        self.note_blindness(&account, &alike, is_whole).await;
        self.cx.read_as(claimed_delivery, self, alike).await
    }

    /// Remembers whether the account's lists can show that a post is absent: then whoever wants a lost one tried again is
    /// told at once what they risk. Only both lists together tell. If it is not written, or the process dies before it,
    /// the next reading finds the same.
    async fn note_blindness(&self, account: &Account, alike: &Candidates, is_whole: bool) {
        let is_blind = match (alike.ids.is_empty(), alike.absence) {
            (false, _) | (true, Absence::Proven) => false,
            (true, Absence::Blind) if is_whole => true,
            (true, _) => return,
        };
        if account.blind_since.is_some() == is_blind {
            return;
        }
        let id = &account.account_id;
        match self.cx.stores.accounts.note_blindness(account, is_blind, self.cx.stores.clock.now()).await {
            Ok(()) => info!(account.id = id.as_str(), is_blind, "what the lists of account {id} can prove changed"),
            Err(error) => warn!(account.id = id.as_str(), "what the lists of account {id} prove not noted: {error}"),
        }
    }
}

/// Both lists are read and joined by the ids of their posts. One that cannot be read does not hide what the other one
/// shows; but then absence is not proven, for the post may be in the one that was not read.
async fn read_back(device: &PersonalDevice<'_>, sent: &Sent<'_>) -> Result<Shown, ProviderError> {
    let is_recorded = |post: &PostItem| device.recorded == Some(post.id.as_str());
    let is_alike = |post: &PostItem| {
        let is_same = post.text.as_deref().is_some_and(|text| is_same_text(sent.text, text));
        is_same && post.media_count == Some(sent.media)
    };
    // By when and id, so that a post of both lists is there once, and the oldest first.
    let mut wanted: BTreeSet<(i64, String)> = BTreeSet::new();
    let (mut failures, mut shows_recorded) = (Vec::new(), false);
    // Whether the time at which it was sent was read in some list, and whether an own post of that time is unlike it: its
    // description may be unreadable, or the platform may have changed its text.
    let (mut is_covered, mut shows_another) = (false, false);
    for (place, list) in [List::Of(device.wxid), List::Feed].into_iter().enumerate() {
        if place > 0 {
            device.clock.sleep(BETWEEN_CALLS).await;
        }
        let reading = own_posts(device, list, sent.since).await;
        let (since, until) = (sent.since + reading.skew, sent.until + reading.skew);
        // The same words an hour before or after may be the lost post if the two clocks are that far apart.
        let near = sent.since.min(since).saturating_sub(DOUBT)..=sent.until.max(until).saturating_add(DOUBT);
        // What is recorded already is another delivery's post, however alike.
        for post in reading.posts.iter().filter(|post| !is_recorded(post)) {
            let is_in_time = (since..=until).contains(&post.create_time);
            if is_in_time && is_alike(post) {
                wanted.insert((post.create_time, post.id.clone()));
            }
            shows_another |= is_in_time || (is_alike(post) && near.contains(&post.create_time));
        }
        shows_recorded |= reading.posts.iter().any(|post| is_recorded(post) && post.create_time < since);
        // The list of the account itself was seen to be empty although it had posts.
        is_covered |= reading.reaches_back && (matches!(list, List::Feed) || !reading.posts.is_empty());
        failures.extend(reading.failure);
    }
    for failure in &failures {
        warn!("a list of posts was not read: {failure}");
    }
    let is_whole = failures.is_empty();
    if let Some(failure) = failures.pop().filter(|_| failures.len() + 1 == LISTS && wanted.is_empty()) {
        return Err(failure);
    }
    // Whether a list would show the post, an earlier one of the account says that we recorded ourselves.
    let can_prove = is_covered && is_whole && shows_recorded;
    let absence = match (shows_another, can_prove) {
        (true, _) => Absence::InDoubt,
        (false, true) => Absence::Proven,
        (false, false) => Absence::Blind,
    };
    let ids = wanted.into_iter().map(|(_, id)| id).collect();
    Ok(Shown { alike: Candidates { ids, partly: Vec::new(), absence }, is_whole })
}

/// The account's own posts in a list, as far as it could be read.
#[derive(Default)]
struct Reading {
    posts: Vec<PostItem>,
    /// How far the gateway's clock is ahead of ours, in seconds, as far as it tells.
    skew: i64,
    /// Whether it was read back to where the post would be, or to its end.
    reaches_back: bool,
    failure: Option<ProviderError>,
}

/// Reads a list from its newest post back to `since`, and a page further if the recorded post was not seen by then.
async fn own_posts(device: &PersonalDevice<'_>, list: List<'_>, since: i64) -> Reading {
    let mut reading = Reading::default();
    let mut end: Option<PageEnd> = None;
    for page in 0..PAGES {
        if page > 0 {
            device.clock.sleep(BETWEEN_CALLS).await;
        }
        let page = match device.gateway.list(device.app_id, list, end.as_ref()).await {
            Ok(page) => page,
            Err(failure) => {
                reading.failure = Some(failure);
                break;
            }
        };
        let skew = page.answered_at.map(|time| time.saturating_sub(device.clock.now().as_second()));
        reading.skew = skew.filter(|skew| skew.abs() <= BELIEVABLE_SKEW).unwrap_or_default();
        let Some(last) = page.posts.last() else {
            reading.reaches_back = true;
            break;
        };
        let is_far_enough = last.create_time < since.min(since + reading.skew);
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
