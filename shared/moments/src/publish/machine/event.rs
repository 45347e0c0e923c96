//! What can happen to a delivery, without any provider's own words.

use jiff::Timestamp;

use crate::error::Advice;
use crate::provider::{FailureKind, ProviderError};
use crate::store::delivery::{Repair, WaitReason};

/// What happens to a delivery that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::publish) enum Event {
    /// A worker has its lease and has read its rows.
    Claimed,
    /// The id that the provider answered is written on the delivery.
    RowWritten,
    /// These of its accounts can be used now, by their places.
    Usable(Vec<usize>),
    /// Its account is off the line, which may pass.
    AccountOffline,
    /// Another delivery has claimed the post that was to be told.
    ClaimTaken,
    /// And the provider named it in answer to that one too.
    AnsweredToAnother,

    /// Everything before the call is done. A company's call will ask these members.
    Prepared {
        /// The members, by the company's ids; empty for a person.
        asked: Vec<String>,
        /// The digests of the media that it will show, where their uploads are kept.
        uploads: Vec<String>,
    },
    /// It cannot go on before this instant, and why.
    NotBefore(Timestamp, WaitReason),
    /// A medium could not be fetched, which may pass.
    TemporaryFailure,
    /// A medium cannot be published, ever.
    MediaUnusable(Advice),
    /// The text must not be posted any more.
    TextForbidden {
        advice: Advice,
        /// The version of the list of words that says so, if there is a list.
        words_version: Option<String>,
    },

    /// The call was answered with the post.
    Posted { id: String },
    /// The call was answered with a job that will make the post.
    Accepted { job_id: String },
    /// The call was made, and what became of it is not known.
    AnswerLost,
    /// The provider refused, so nothing was done.
    Refused(ProviderError),
    /// What a refusal was about is replaced.
    Recovered(Repair),
    /// There is no token to ask with.
    NoToken(ProviderError),

    /// The list shows the delivery's post.
    PostFound { id: String },
    /// The list was read, and no free post in it is the delivery's.
    NotShown(Absence),
    /// The list cannot be read, which says nothing.
    Unreadable,

    /// The job is not done yet.
    JobRunning,
    /// The job has made the post, and the members are asked.
    MomentCreated {
        id: String,
        /// Members that were not taken.
        refused: Vec<String>,
    },
    /// The job has failed.
    JobFailed(ProviderError),
    /// The question was not answered.
    NotAnswered(FailureKind),
    /// No member can publish any more.
    Stopped,
    /// The members could not be stopped.
    NotStopped(FailureKind),
    /// The members were looked at.
    MembersPolled {
        /// Who has published, by the places of their accounts.
        published: Vec<usize>,
        /// Who is not among those that WeCom asks, likewise.
        unasked: Vec<usize>,
        /// Whether they had been stopped before.
        stopped: bool,
    },
}

/// What it means that a post is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::publish) enum Absence {
    /// It is not out: it would be shown, once the list has had the time to show what was sent.
    Proven,
    /// Nothing speaks for its being out, but the list may be late.
    Likely,
    /// Nothing in the list shows that it would be shown: some lists were seen to be empty whatever is out.
    Blind,
    /// Something may be it, or the time it was sent at was not read: whoever sends again may publish twice.
    InDoubt,
}

impl Event {
    /// Its name, for logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claimed => "Claimed",
            Self::RowWritten => "RowWritten",
            Self::Usable(_) => "Usable",
            Self::AccountOffline => "AccountOffline",
            Self::ClaimTaken => "ClaimTaken",
            Self::AnsweredToAnother => "AnsweredToAnother",
            Self::Prepared { .. } => "Prepared",
            Self::NotBefore(..) => "NotBefore",
            Self::TemporaryFailure => "TemporaryFailure",
            Self::MediaUnusable(_) => "MediaUnusable",
            Self::TextForbidden { .. } => "TextForbidden",
            Self::Posted { .. } => "Posted",
            Self::Accepted { .. } => "Accepted",
            Self::AnswerLost => "AnswerLost",
            Self::Refused(_) => "Refused",
            Self::Recovered(_) => "Recovered",
            Self::NoToken(_) => "NoToken",
            Self::PostFound { .. } => "PostFound",
            Self::NotShown(_) => "NotShown",
            Self::Unreadable => "Unreadable",
            Self::JobRunning => "JobRunning",
            Self::MomentCreated { .. } => "MomentCreated",
            Self::JobFailed(_) => "JobFailed",
            Self::NotAnswered(_) => "NotAnswered",
            Self::Stopped => "Stopped",
            Self::NotStopped(_) => "NotStopped",
            Self::MembersPolled { .. } => "MembersPolled",
        }
    }
}
