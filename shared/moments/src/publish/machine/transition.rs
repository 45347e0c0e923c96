//! What is to be written of a delivery, and what is to be done then.

use std::time::Duration;

use jiff::Timestamp;

use crate::provider::RateWindow;
use crate::store::account::AccountStatus;
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::{DeliveryChange, DeliveryStage, WaitReason};
use crate::store::result::AccountState;
use crate::time::after;

/// What becomes of a delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::publish) struct Transition {
    /// What is proven about the accounts themselves, to be noted on their rows first.
    pub proven: Option<AccountStatus>,
    /// What changes of its row. Written in one transaction with `states`, unless [`NextStep::Resume`] follows: then the
    /// row is written alone.
    pub change: DeliveryChange,
    /// What its accounts' results are from now on, by their places.
    pub states: Vec<(usize, AccountState)>,
    /// How the delivery came to the post of the change, if it is told with this: the claim on it is part of the
    /// transaction.
    pub claim: Option<ClaimOrigin>,
    /// What is done once that is written.
    pub then: NextStep,
}

/// What is done after a transition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::publish) enum NextStep {
    #[default]
    End,
    /// The worker makes this call; its answer is the next event.
    Call(Call),
    /// The worker goes on in the new stage.
    Resume,
    /// The delivery is let go, to be taken up after this pause.
    Wake(Duration),
    /// It ends, and its open accounts go to a new delivery.
    Replace,
    /// Its post is taken back from a delivery that only found it, and is told then.
    TakeBack,
}

/// What a worker asks of the tables or of the delivery's channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::publish) enum Call {
    /// Which accounts can be used now.
    Accounts,
    /// Everything before the call that publishes. It may be done any number of times.
    Prepare {
        /// Who is published to, by their places.
        senders: Vec<usize>,
    },
    /// The one call that publishes.
    Send,
    /// Whether the provider's own list shows the post.
    FindPublished,
    /// How far what was sent has come.
    Follow {
        /// Whether the members were stopped before.
        stopped: bool,
    },
    /// That no member may publish any more.
    Cancel,
    /// What a refusal was about is replaced, so that the call can be made again.
    Recover(Recovery),
}

/// What can be replaced, or waited for, after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::publish) enum Recovery {
    /// The token is void: a new one.
    Token,
    /// The uploads are not known any more: they are forgotten, and made anew at the next attempt.
    Media,
    /// The calls of this window are used up: everybody waits.
    Rate(RateWindow),
}

impl Transition {
    /// Nothing is written; a call follows.
    pub const fn call(call: Call) -> Self {
        const NOTHING: DeliveryChange = DeliveryChange {
            stage: None,
            attempts: None,
            sending_at: None,
            sought_since: None,
            asked_member_ids: None,
            upload_hashes: None,
            repaired: None,
            job_id: None,
            moment_id: None,
            refused_member_ids: None,
            forgets_post: false,
            confirm_until: None,
            release_until: None,
            waits_for: None,
            words_version: None,
        };
        Self { proven: None, change: NOTHING, states: Vec::new(), claim: None, then: NextStep::Call(call) }
    }

    /// The delivery moves to `stage`.
    pub fn to(stage: DeliveryStage, then: NextStep) -> Self {
        // Between QUEUED and SENDING the count goes on: a call refused again and again must come to an end.
        let attempts = (!matches!(stage, DeliveryStage::Queued | DeliveryStage::Sending)).then_some(0);
        let forgets_post = stage == DeliveryStage::Unconfirmed;
        let change = DeliveryChange { stage: Some(stage), attempts, forgets_post, ..DeliveryChange::default() };
        Self { change, then, ..Self::default() }
    }

    /// The delivery stays in its stage and is let go.
    pub fn stay(now: Timestamp, pause: Duration) -> Self {
        Self::default().wake(now, pause)
    }

    /// The delivery is let go for `pause`.
    pub fn wake(mut self, now: Timestamp, pause: Duration) -> Self {
        self.change.release_until = Some(after(now, pause));
        self.then = NextStep::Wake(pause);
        self
    }

    /// What it is let go for, where its stage does not say it.
    pub const fn because(mut self, reason: WaitReason) -> Self {
        self.change.waits_for = Some(reason);
        self
    }

    /// Its accounts have these results.
    pub fn with_states(mut self, states: Vec<(usize, AccountState)>) -> Self {
        self.states = states;
        self
    }
}
