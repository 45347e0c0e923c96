//! Moments and the jobs that create them: accepted, created, published by a member. Only the last is a post.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::audience::Audience;
use super::content::Content;
use super::error::Refusal;
use super::settings::WecomSettings;
use crate::clock::later;
use crate::publication::{Publication, PublicationKind, text_hash};

/// A job can be asked about for a day.
const JOB_VALID: SignedDuration = SignedDuration::from_hours(24);

/// Why a member cannot publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// Neither a job nor a moment has this id.
    #[error("no such moment")]
    UnknownMoment,
    /// The job is not finished, or the members have not been asked yet.
    #[error("the moment has not reached its members yet")]
    NotDispatched,
    /// The moment was never given to this member.
    #[error("this member is not asked to publish it")]
    NotAsked,
    /// The client shows no button any more.
    #[error("this member has published it already")]
    AlreadyPublished,
    #[error("the moment was cancelled")]
    Cancelled,
}

/// A moment, or the job that may still become one.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) jobid: String,
    pub(crate) moment_id: String,
    pub(crate) corp: String,
    /// Nothing for one made by hand.
    pub(crate) agent_id: Option<u32>,
    /// Who made it by hand.
    pub(crate) creator: Option<String>,
    /// A member's own, not the corp's.
    pub(crate) personal: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) starts_at: Timestamp,
    pub(crate) finishes_at: Timestamp,
    pub(crate) readable_at: Timestamp,
    pub(crate) content: Content,
    pub(crate) audience: Audience,
    /// The job failed with this.
    pub(crate) refused: Option<Refusal>,
    pub(crate) cancelled: bool,
}

impl Moment {
    pub(crate) fn new(corp: &str, content: Content, settings: &WecomSettings, now: Timestamp) -> Self {
        let after = |from, seconds: u32| later(from, SignedDuration::from_secs(seconds.into()));
        let finishes_at = after(now, settings.job_finishes_seconds);
        Self {
            jobid: format!("mjob{:032x}", rand::random::<u128>()),
            moment_id: format!("mom{:032x}", rand::random::<u128>()),
            corp: corp.to_owned(),
            agent_id: None,
            creator: None,
            personal: false,
            created_at: now,
            starts_at: after(now, settings.job_starts_seconds),
            finishes_at,
            readable_at: after(finishes_at, settings.dispatch_seconds),
            content,
            audience: Audience::default(),
            refused: None,
            cancelled: false,
        }
    }

    /// 1 started, 2 in progress, 3 finished.
    pub(crate) fn status(&self, now: Timestamp) -> u8 {
        match now {
            now if now >= self.finishes_at => 3,
            now if now >= self.starts_at => 2,
            _ => 1,
        }
    }

    /// Whether there is a moment, as opposed to a job that may or may not make one.
    pub(crate) fn exists(&self, now: Timestamp) -> bool {
        self.refused.is_none() && now >= self.finishes_at
    }

    pub(crate) fn job_is_forgotten(&self, now: Timestamp) -> bool {
        now.duration_since(self.created_at) >= JOB_VALID
    }

    pub(crate) fn publication(&self) -> Publication {
        let (id, media) = (self.moment_id.clone(), self.content.attachments.len());
        Publication::new(PublicationKind::MomentTask, self.corp.clone(), id, &self.content.text, media)
    }

    fn confirm(&mut self, userid: &str, now: Timestamp) -> Result<Publication, ConfirmError> {
        if !self.exists(now) || now < self.readable_at {
            return Err(ConfirmError::NotDispatched);
        }
        let asked = self.audience.publishers.iter_mut().find(|(member, _)| member.eq_ignore_ascii_case(userid));
        let (member, published) = asked.ok_or(ConfirmError::NotAsked)?;
        if published.is_some() {
            return Err(ConfirmError::AlreadyPublished);
        }
        if self.cancelled {
            return Err(ConfirmError::Cancelled);
        }
        *published = Some(now);
        let account = format!("{}/{member}", self.corp);
        let (id, media) = (self.moment_id.clone(), self.content.attachments.len());
        Ok(Publication::new(PublicationKind::MemberPost, account, id, &self.content.text, media))
    }

    pub(crate) fn view(&self, now: Timestamp) -> MomentTaskView {
        MomentTaskView {
            jobid: self.jobid.clone(),
            moment_id: self.moment_id.clone(),
            corp: self.corp.clone(),
            by_hand: self.agent_id.is_none(),
            created_at: self.created_at,
            text_hash: text_hash(&self.content.text),
            text: self.content.text.clone(),
            media: self.content.attachments.len(),
            status: self.status(now),
            refused: self.refused.as_ref().map(|refusal| refusal.code),
            cancelled: self.cancelled,
            members: self.audience.publishers.clone(),
            invalid_users: self.audience.invalid_users.clone(),
        }
    }
}

/// A moment as it really is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MomentTaskView {
    /// Id of the job.
    pub jobid: String,
    /// Id of the moment, also before any answer tells it.
    pub moment_id: String,
    /// The corp, by its sandbox name.
    pub corp: String,
    /// Made in the console or on a phone, not through the API.
    pub by_hand: bool,
    pub created_at: Timestamp,
    pub text: String,
    /// By what the journal knows the text.
    pub text_hash: String,
    /// Pictures, videos and links.
    pub media: usize,
    /// 1 started, 2 in progress, 3 finished.
    pub status: u8,
    /// The number its job failed with: there is no moment then.
    pub refused: Option<i64>,
    /// Whether it was withdrawn.
    pub cancelled: bool,
    /// The members asked to publish it, with when they did.
    pub members: BTreeMap<String, Option<Timestamp>>,
    /// The senders that were no good.
    pub invalid_users: Vec<String>,
}

/// Every moment there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    all: Vec<Moment>,
    /// By job id and by moment id.
    places: HashMap<String, usize>,
    /// Members who will publish by themselves.
    due: BTreeSet<(Timestamp, usize, String)>,
}

impl Moments {
    /// Takes a moment in. `confirm_after` makes its members publish by themselves.
    pub(crate) fn add(&mut self, moment: Moment, confirm_after: Option<u32>) {
        let place = self.all.len();
        for id in [&moment.jobid, &moment.moment_id] {
            self.places.insert(id.clone(), place);
        }
        if let Some(seconds) = confirm_after.filter(|_| moment.refused.is_none()) {
            let at = later(moment.readable_at, SignedDuration::from_secs(seconds.into()));
            self.due.extend(moment.audience.publishers.keys().map(|member| (at, place, member.clone())));
        }
        self.all.push(moment);
    }

    pub(crate) fn all(&self) -> &[Moment] {
        &self.all
    }

    /// By job id or moment id.
    pub(crate) fn get(&self, id: &str) -> Option<&Moment> {
        self.places.get(id).and_then(|place| self.all.get(*place))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Moment> {
        self.places.get(id).and_then(|place| self.all.get_mut(*place))
    }

    /// Jobs of a corp that are not finished.
    pub(crate) fn running(&self, corp: &str, now: Timestamp) -> usize {
        self.all.iter().filter(|moment| moment.corp == corp && moment.status(now) < 3).count()
    }

    /// A member taps "publish".
    pub(crate) fn confirm(&mut self, id: &str, userid: &str, now: Timestamp) -> Result<Publication, ConfirmError> {
        self.get_mut(id).ok_or(ConfirmError::UnknownMoment)?.confirm(userid, now)
    }

    /// The members who published by themselves since the last time this was asked, each with when.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Vec<(Timestamp, Publication)> {
        let mut published = Vec::new();
        while self.due.first().is_some_and(|(at, ..)| *at <= now) {
            let Some((at, place, member)) = self.due.pop_first() else { break };
            // A moment that was cancelled meanwhile, or a member who was quicker, publishes nothing.
            let done = self.all.get_mut(place).map(|moment| moment.confirm(&member, at));
            published.extend(done.and_then(Result::ok).map(|publication| (at, publication)));
        }
        published
    }
}
