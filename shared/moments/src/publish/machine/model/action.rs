//! What can happen, and how a call can go.

use super::super::{Call, Event};
use crate::provider::{FailureKind, RateWindow};
use crate::publish::machine::tests::failure;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// A worker receives a delivery's message and claims its lease.
    Receive(usize),
    /// A worker stores what the machine decides.
    Decide(usize),
    /// It is refused again and again, and the worker gives up.
    Contend(usize),
    /// A worker's call is answered.
    Answer(usize, Outcome),
    Crash(usize),
    /// A member publishes a post it was asked to.
    Confirm(usize, usize),
    /// Time goes on to where something is due.
    Time,
    /// So many hours pass in which nobody works: every worker dies, and no message and no sweeper comes.
    Outage(u8),
    /// The clock is set back.
    SetBack,
    /// A user makes another task of the same text for the same accounts.
    Create,
    /// A delivery's message is lost.
    Lose(usize),
    Double(usize),
    /// The sweeper sends the message of a delivery that is overdue.
    Sweep(usize),
    /// An account becomes unusable, or usable.
    Toggle(usize),
    /// A user has a task tried again, the unconfirmed accounts too or not.
    Retry(usize, bool),
    /// A user calls a task off.
    CallOff(usize),
    /// A user stops a task.
    Stop(usize),
}

/// How a provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    Truly,
    LostBefore,
    LostAfter,
    TransientFault(TransientFault),
    Unreadable,
    NoToken,
    FinalFault(FinalFault),
}

/// What never works for this delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FinalFault {
    UnfitMedia,
    ForbiddenText,
    /// The job that is answered will fail: no member is ever asked.
    DeadJob,
    /// Nothing is published, and the answer names this post, which was answered to another delivery.
    NamesAnother(usize),
}

/// What does not work this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TransientFault {
    Media,
    Contention,
    VoidToken,
    Limited,
    JobRunning,
    Barred,
}

impl TransientFault {
    /// Those that a call can meet.
    pub const fn of(call: &Call, is_job: bool) -> &'static [Self] {
        match call {
            Call::Prepare { .. } => &[Self::Media, Self::Contention, Self::VoidToken],
            Call::Send => &[Self::Contention, Self::VoidToken, Self::Limited],
            Call::Follow { .. } if is_job => &[Self::JobRunning, Self::Contention, Self::VoidToken],
            Call::Follow { .. } => &[Self::Contention, Self::VoidToken],
            Call::Cancel => &[Self::Contention, Self::VoidToken, Self::Barred],
            Call::FindPublished if !is_job => &[Self::Limited],
            Call::Accounts | Call::FindPublished | Call::Recover(_) => &[],
        }
    }

    /// What the machine is told.
    pub fn event(self, call: &Call) -> Event {
        let kind = match self {
            Self::Media => return Event::TemporaryFailure,
            Self::JobRunning => return Event::JobRunning,
            Self::Contention => FailureKind::Retry,
            Self::VoidToken => FailureKind::TokenInvalid,
            Self::Limited => FailureKind::RateLimited { window: RateWindow::Minute },
            Self::Barred => FailureKind::PermissionMissing,
        };
        match call {
            Call::Follow { .. } => Event::NotAnswered(kind),
            Call::Cancel => Event::NotStopped(kind),
            _ => Event::Refused(failure(kind)),
        }
    }

    /// The same for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Media => "The media cannot be fetched",
            Self::Contention => "The provider is busy",
            Self::VoidToken => "The token is void",
            Self::Limited => "The provider has had too many calls",
            Self::JobRunning => "The job is not done yet",
            Self::Barred => "The provider refuses to stop the members",
        }
    }
}
