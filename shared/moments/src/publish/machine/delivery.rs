//! A delivery as the machine sees it.

use std::time::Duration;

use jiff::Timestamp;

use crate::ids::AccountId;
use crate::store::delivery::{Delivery, DeliveryStage, Repair};
use crate::store::result::{AccountResult, Stage};
use crate::store::task::Task;

/// What the rows say of a delivery, and the time.
#[derive(Debug, Clone)]
pub(in crate::publish) struct DeliveryState {
    pub stage: DeliveryStage,
    /// How often it was taken up for what it does now, this time included.
    pub attempts: u32,
    /// Now.
    pub now: Timestamp,
    /// When the call was made whose answer is the event: an answer is of that instant, not of the one when it arrives.
    pub asked_at: Timestamp,
    /// What is left of the worker's own time.
    pub time_left: Duration,
    /// Since when it is wanted, or when it was made, if its row says so.
    pub wanted_at: Option<Timestamp>,
    /// When it was to be published, if its user has set a time.
    pub planned_at: Option<Timestamp>,
    /// Whether its media have to be fetched.
    pub has_media: bool,
    /// Whether members have to confirm the post before it is out.
    pub members_confirm: bool,
    pub sending_at: Timestamp,
    pub confirm_until: Timestamp,
    pub resend_if_absent: bool,
    /// Its user takes the risk of a second post where no list can show that there is none.
    pub resend_if_blind: bool,
    /// Since when its post is looked for: since its answer was lost, or its user had it looked for once more.
    pub sought_since: Timestamp,
    /// Its user has stopped it.
    pub stop_requested: bool,
    /// The post's id, if its row holds one.
    pub moment_id: Option<String>,
    /// What was replaced for it after a refusal.
    pub repaired: Vec<Repair>,
    /// Its accounts, in the order of its row.
    pub accounts: Vec<DeliveryAccount>,
}

/// The time of the worker that has it.
#[derive(Debug, Clone, Copy)]
pub(in crate::publish) struct WorkerTime {
    /// Now.
    pub now: Timestamp,
    /// Until the worker is killed.
    pub left: Duration,
}

/// One of its accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::publish) struct DeliveryAccount {
    pub standing: Reported,
    /// The stage that its user sees.
    pub shown: Stage,
    /// Whether the call asked it to publish.
    pub asked: bool,
    /// Whether the provider did not take it.
    pub refused: bool,
}

/// What its user was told of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reported {
    Open,
    /// That nobody knows whether it has published.
    Unconfirmed,
    /// That it certainly failed.
    Failed,
    /// That it has published or was called off; or it is another delivery's by now.
    Ended,
}

impl Reported {
    /// What a row tells.
    pub fn of(result: &AccountResult) -> Self {
        match result.status {
            status if !status.ended() => Self::Open,
            _ if result.unconfirmed() => Self::Unconfirmed,
            crate::status::ResultStatus::Failed => Self::Failed,
            _ => Self::Ended,
        }
    }
}

impl DeliveryState {
    pub fn of(
        delivery: &Delivery,
        task: &Task,
        results: &[AccountResult],
        members_confirm: bool,
        time: WorkerTime,
    ) -> Self {
        let among = |members: &[String], account: &AccountId| {
            let member = delivery.member_of(account);
            member.is_some_and(|member| members.iter().any(|id| id.eq_ignore_ascii_case(member)))
        };
        let accounts = delivery.account_ids.iter().map(|id| {
            let result = results.iter().find(|result| result.account_id == *id && delivery.serves(result));
            DeliveryAccount {
                standing: result.map_or(Reported::Ended, Reported::of),
                shown: result.map_or(Stage::Queued, |result| result.stage),
                asked: !members_confirm || among(delivery.asked(), id),
                refused: among(&delivery.refused_member_ids, id),
            }
        });
        Self {
            stage: delivery.stage,
            attempts: delivery.attempts,
            now: time.now,
            asked_at: time.now,
            time_left: time.left,
            wanted_at: [delivery.wanted_at, delivery.create_time]
                .into_iter()
                .find(|time| *time > Timestamp::UNIX_EPOCH),
            planned_at: task.scheduled_time,
            has_media: !task.media_urls.is_empty(),
            members_confirm,
            sending_at: delivery.sending_at,
            confirm_until: delivery.confirm_until,
            resend_if_absent: delivery.resend_if_absent,
            resend_if_blind: delivery.resend_if_blind,
            sought_since: delivery.sought_since,
            stop_requested: delivery.stop_requested,
            moment_id: delivery.moment_id.clone(),
            repaired: delivery.repaired.clone(),
            accounts: accounts.collect(),
        }
    }

    /// The places of the accounts about which nothing final is told.
    pub fn open(&self) -> Vec<usize> {
        self.places(|standing| standing == Reported::Open)
    }

    /// Those, and the ones that were told that nobody knows: what is learnt of the post is learnt of them too.
    pub fn undecided(&self) -> Vec<usize> {
        self.places(|standing| matches!(standing, Reported::Open | Reported::Unconfirmed))
    }

    fn places(&self, is_wanted: impl Fn(Reported) -> bool) -> Vec<usize> {
        let accounts = self.accounts.iter().enumerate();
        accounts.filter(|(_, account)| is_wanted(account.standing)).map(|(place, _)| place).collect()
    }
}
