//! How calls are answered: by the provider that is modelled, or by a fault.

use super::super::{Call, DeliveryStage, Event, Recovery};
use super::accounts::Accounts;
use super::action::{FinalFault, Outcome, TransientFault};
use super::step::Model;
use super::tables::{find, follow};
use super::world::{LIST_LAG, List, NEVER, Pending, Post, Work, World, instant};
use crate::error::PublishProblem;
use crate::provider::FailureKind;
use crate::publish::machine::tests::failure;
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::{Repair, WaitReason};

impl Model {
    pub(super) fn outcomes(&self, world: &World, work: &Work, call: &Call) -> Vec<Outcome> {
        let budget = world.budget;
        let mut outcomes = vec![Outcome::Truly];
        if budget.transient_faults > 0 {
            let is_job = work.row.stage == DeliveryStage::Submitted;
            outcomes.extend(
                TransientFault::of(call, is_job)
                    .iter()
                    .map(|transient_fault| Outcome::TransientFault(*transient_fault)),
            );
        }
        if budget.final_faults > 0 {
            outcomes.extend(self.final_faults(world, call).into_iter().map(Outcome::FinalFault));
        }
        match call {
            Call::Send if budget.lost_answers > 0 => outcomes.extend([Outcome::LostBefore, Outcome::LostAfter]),
            Call::FindPublished if budget.unreadable > 0 => outcomes.push(Outcome::Unreadable),
            Call::Follow { .. } | Call::Cancel | Call::Recover(Recovery::Token) if budget.no_token > 0 => {
                outcomes.push(Outcome::NoToken)
            }
            _ => {}
        }
        outcomes
    }

    fn final_faults(&self, world: &World, call: &Call) -> Vec<FinalFault> {
        match call {
            Call::Prepare { .. } => vec![FinalFault::UnfitMedia, FinalFault::ForbiddenText],
            Call::Send if self.setting.members_confirm => vec![FinalFault::DeadJob],
            Call::Send => {
                let is_answered = |post: &Post| post.claim.is_some_and(|(_, how)| how == ClaimOrigin::Answered);
                world.posts.iter().position(is_answered).map(FinalFault::NamesAnother).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn answer(&self, world: &mut World, worker: usize, outcome: Outcome) {
        let Some(mut work) = world.workers[worker].take() else { return };
        let Pending::Call(call) = work.pending.clone() else { return };
        match outcome {
            Outcome::Truly => {}
            Outcome::LostBefore | Outcome::LostAfter => world.budget.lost_answers -= 1,
            Outcome::TransientFault(_) => world.budget.transient_faults -= 1,
            Outcome::Unreadable => world.budget.unreadable -= 1,
            Outcome::NoToken => world.budget.no_token -= 1,
            Outcome::FinalFault(_) => world.budget.final_faults -= 1,
        }
        let is_another = matches!(outcome, Outcome::FinalFault(FinalFault::NamesAnother(_)));
        let event = match (call, outcome) {
            (_, Outcome::FinalFault(FinalFault::UnfitMedia)) => {
                Event::MediaUnusable(PublishProblem::MediaUnusable.advice())
            }
            (_, Outcome::FinalFault(FinalFault::ForbiddenText)) => {
                Event::TextForbidden { advice: PublishProblem::MediaUnusable.advice(), words_version: None }
            }
            (_, Outcome::FinalFault(FinalFault::NamesAnother(post))) => Event::Posted { id: post.to_string() },
            (_, Outcome::NoToken) => Event::NoToken(failure(FailureKind::Retry)),
            (Call::FindPublished, Outcome::TransientFault(_)) => {
                Event::NotBefore(instant(world.now + 1_000), WaitReason::Readings)
            }
            (call, Outcome::TransientFault(transient_fault)) => transient_fault.event(&call),
            (_, Outcome::Unreadable) => Event::Unreadable,
            (Call::Accounts, _) => match work.row.accounts.places(world.usable) {
                // Every second account that cannot be used is off the line.
                places if places.is_empty() && !self.setting.members_confirm && work.delivery % 2 == 0 => {
                    Event::AccountOffline
                }
                places => Event::Usable(places),
            },
            (Call::Prepare { senders }, _) => self.prepare(world, &mut work, &senders),
            (Call::Send, outcome) => self.send(world, &work, outcome),
            (Call::FindPublished, _) => find(world, &work, self.setting.list),
            (Call::Follow { stopped }, _) => follow(world, &work, stopped),
            (Call::Cancel, _) => {
                world.posts[work.row.post.unwrap_or_default()].stopped = true;
                Event::Stopped
            }
            (Call::Recover(Recovery::Rate(_)), _) => {
                Event::NotBefore(instant(world.now + 1_000), WaitReason::RateLimit)
            }
            (Call::Recover(Recovery::Token), _) => Event::Recovered(Repair::Token),
            (Call::Recover(Recovery::Media), _) => Event::Recovered(Repair::Media),
        };
        if matches!(event, Event::Posted { .. } | Event::Accepted { .. } | Event::MomentCreated { .. }) {
            // Another one's post is no answer.
            world.rows[work.delivery].answered = !is_another;
        }
        work.pending = Pending::Event(event);
        world.workers[worker] = Some(work);
    }

    fn prepare(&self, world: &mut World, work: &mut Work, senders: &[usize]) -> Event {
        work.senders = senders.iter().map(|place| work.row.accounts.at(*place)).collect();
        if !self.setting.members_confirm {
            let is_undecided = |other: usize| {
                matches!(
                    world.rows[other].stage,
                    DeliveryStage::Sending | DeliveryStage::Unconfirmed | DeliveryStage::Answered
                ) || (world.rows[other].stage == DeliveryStage::Queued
                    && world.rows[other].owner.is_some()
                    && world.rows[other].due.is_some_and(|end| end > world.now))
            };
            if world.slot_holder.is_some_and(|other| other != work.delivery && is_undecided(other)) {
                return Event::NotBefore(instant(world.now + 1_000), WaitReason::Slot);
            }
            work.slot_seen = world.slot_holder;
            return Event::Prepared { asked: Vec::new(), uploads: Vec::new() };
        }
        let asked = work.senders.iter().map(|account| account.to_string()).collect();
        Event::Prepared { asked, uploads: Vec::new() }
    }

    fn send(&self, world: &mut World, work: &Work, outcome: Outcome) -> Event {
        let id = world.posts.len();
        if outcome != Outcome::LostBefore {
            let published = if self.setting.members_confirm { Accounts::default() } else { work.senders };
            let stopped = outcome == Outcome::FinalFault(FinalFault::DeadJob);
            let shown_at = match self.setting.list {
                // It makes no moment, so no list shows one.
                _ if stopped => NEVER,
                List::Late => world.now + LIST_LAG,
                _ => 0,
            };
            world.posts.push(Post { asked: work.senders, published, stopped, claim: None, shown_at });
        }
        match outcome {
            Outcome::Truly | Outcome::FinalFault(_) if self.setting.members_confirm => {
                Event::Accepted { job_id: id.to_string() }
            }
            Outcome::Truly => Event::Posted { id: id.to_string() },
            _ => Event::AnswerLost,
        }
    }
}
