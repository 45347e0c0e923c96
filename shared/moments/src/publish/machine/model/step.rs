//! The steps of workers, whose decisions are the real machine's, and everything around them.

use super::super::{
    Call, DeliveryStage, Event, Intervention, NextStep, Policy, Recovery, Retry, Transition, intervene, next, retry,
};
use super::action::{Action, Outcome, TransientFault};
use super::tables::{cancel_task, find, follow, standing, stop, take_back, write};
use super::world::{Accounts, LATENESS, LEASE, LIST_LAG, List, Pending, Post, Recorded, Setting, Work, World, instant};
use crate::provider::FailureKind;
use crate::publish::machine::tests::failure;
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::{DeliveryChange, Repair, WaitReason};
use crate::store::result::Stage;

/// The model of one setting, with the policy whose guards may lack one.
pub(super) struct Model {
    pub setting: Setting,
    pub policy: Policy,
}

/// What has just been done, for the story and for the coverage.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub stage: DeliveryStage,
    pub event: Event,
    pub transition: Transition,
}

impl Model {
    /// Everything that can happen now.
    pub fn actions(&self, world: &World) -> Vec<Action> {
        let (mut actions, budget) = (Vec::new(), world.budget);
        let is_free = world.workers.iter().any(Option::is_none);
        for (delivery, row) in world.rows.iter().enumerate() {
            let is_due = row.due.is_some_and(|due| due <= world.now);
            if world.messages[delivery] > 0 {
                // One that comes too early or too late has no use, and the sweeper sends another: that changes nothing.
                if is_free && is_due {
                    actions.push(Action::Receive(delivery));
                }
                if budget.messages > 0 {
                    actions.push(Action::Lose(delivery));
                }
                if budget.messages > 0 && world.messages[delivery] < 2 {
                    actions.push(Action::Double(delivery));
                }
            } else if is_due {
                actions.push(Action::Sweep(delivery));
            }
        }
        for (worker, work) in world.workers.iter().enumerate() {
            let Some(work) = work else { continue };
            match &work.pending {
                Pending::Event(_) => actions.push(Action::Decide(worker)),
                Pending::Call(call) => {
                    let outcomes = self.outcomes(world, work, call);
                    actions.extend(outcomes.into_iter().map(|outcome| Action::Answer(worker, outcome)));
                }
            }
            if budget.contention > 0 && self.may_meet_others(world, work) {
                actions.push(Action::Contend(worker));
            }
            if budget.crashes > 0 {
                actions.push(Action::Crash(worker));
            }
        }
        for (post, made) in world.posts.iter().enumerate().filter(|(_, made)| !made.stopped) {
            let idle = made.asked.iter().filter(|account| !made.published.has(*account));
            actions.extend(idle.map(|account| Action::Confirm(post, account)));
        }
        if self.next_instant(world).is_some() {
            actions.push(Action::Time);
        }
        if budget.toggles > 0 {
            actions.extend((0..world.accounts).map(Action::Toggle));
        }
        for (task, results) in world.results.iter().enumerate().take(world.tasks) {
            let results = &results[..world.accounts];
            if budget.retries > 0 && results.iter().all(|result| !matches!(result.recorded, Recorded::Open(_))) {
                let is_tried = |include| {
                    results.iter().any(|result| {
                        standing(result.recorded)
                            .and_then(|standing| retry(standing, include, self.policy.guards))
                            .is_some()
                    })
                };
                actions.extend(
                    [false, true].into_iter().filter(|include| is_tried(*include)).map(|i| Action::Retry(task, i)),
                );
            }
            let mut rows = world.rows.iter().filter(|row| row.task == task);
            if budget.stops > 0 && rows.clone().any(|row| intervene(row.stage, Intervention::Stopped).is_some()) {
                actions.push(Action::Stop(task));
            }
            if budget.cancels > 0 && rows.any(|row| intervene(row.stage, Intervention::Cancelled).is_some()) {
                actions.push(Action::CallOff(task));
            }
        }
        actions
    }

    /// Time never goes beyond a living worker's lease, nor leaves a delivery that is due alone for long.
    fn next_instant(&self, world: &World) -> Option<i64> {
        let dues = || world.rows.iter().filter_map(|row| row.due);
        let next = dues().filter(|due| *due > world.now).min()?;
        let lease_ends = world.workers.iter().flatten().filter_map(|work| world.rows[work.delivery].due).min();
        let is_patient = dues().all(|due| next <= due + LATENESS);
        (is_patient && lease_ends.is_none_or(|end| next < end)).then_some(next)
    }

    /// Only a write of several rows can be in the way of others.
    fn may_meet_others(&self, world: &World, work: &Work) -> bool {
        let Pending::Event(event) = &work.pending else { return false };
        let seen = world.seen(work, self.setting.members_confirm);
        next(&seen, event.clone(), &self.policy).is_ok_and(|transition| transition.claim.is_some())
    }

    fn outcomes(&self, world: &World, work: &Work, call: &Call) -> Vec<Outcome> {
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

    /// The world after an action, and what a machine decided in it.
    pub fn apply(&self, world: &World, action: Action) -> (World, Vec<Decided>) {
        let mut world = world.clone();
        let mut decided = Vec::new();
        match action {
            Action::Receive(delivery) => {
                let worker = self.receive(&mut world, delivery);
                self.go_on(&mut world, worker, &mut decided);
            }
            Action::Decide(worker) => {
                decided.extend(self.decide(&mut world, worker));
                self.go_on(&mut world, worker, &mut decided);
            }
            Action::Contend(worker) => {
                world.budget.contention -= 1;
                world.workers[worker] = None;
            }
            Action::Answer(worker, outcome) => {
                self.answer(&mut world, worker, outcome);
                self.go_on(&mut world, worker, &mut decided);
            }
            Action::Crash(worker) => {
                world.budget.crashes -= 1;
                if let Some(work) = world.workers[worker].take() {
                    // It takes with it what it has not written.
                    let row = &mut world.rows[work.delivery];
                    row.answered &= matches!(
                        row.stage,
                        DeliveryStage::Answered | DeliveryStage::Submitted | DeliveryStage::Waiting
                    );
                }
            }
            Action::Confirm(post, account) => world.posts[post].published.toggle(account),
            Action::Time => world.now = self.next_instant(&world).unwrap_or(world.now),
            Action::Lose(delivery) => {
                world.budget.messages -= 1;
                world.messages[delivery] -= 1;
            }
            Action::Double(delivery) => {
                world.budget.messages -= 1;
                world.messages[delivery] += 1;
            }
            Action::Sweep(delivery) => world.messages[delivery] = 1,
            Action::Toggle(account) => {
                world.budget.toggles -= 1;
                world.usable.toggle(account);
            }
            Action::Retry(task, include) => self.try_again(&mut world, task, include),
            Action::CallOff(task) => {
                world.budget.cancels -= 1;
                cancel_task(&mut world, task);
            }
            Action::Stop(task) => {
                world.budget.stops -= 1;
                stop(&mut world, task);
            }
        }
        (world, decided)
    }

    /// The lease is claimed and the rows are read.
    fn receive(&self, world: &mut World, delivery: usize) -> usize {
        world.messages[delivery] -= 1;
        let worker = usize::from(world.workers[0].is_some());
        let (now, row) = (world.now, &mut world.rows[delivery]);
        row.attempts += 1;
        (row.owner, row.due) = (Some(worker), Some(now + LEASE));
        let (row, results) = (*row, world.results[row.task]);
        let pending = Pending::Event(Event::Claimed);
        world.workers[worker] = Some(Work { delivery, row, results, senders: Accounts::default(), pending });
        worker
    }

    /// What a worker does without writing anything or asking a provider, nobody can tell from its doing it at once.
    fn go_on(&self, world: &mut World, worker: usize, decided: &mut Vec<Decided>) {
        while let Some(work) = &world.workers[worker] {
            match &work.pending {
                // What can only go well goes well at once.
                Pending::Call(call) => match (call, self.outcomes(world, work, call).len()) {
                    (Call::Accounts | Call::Prepare { .. } | Call::Recover(_), 1) => {
                        self.answer(world, worker, Outcome::Truly);
                    }
                    _ => return,
                },
                Pending::Event(event) => {
                    let seen = world.seen(work, self.setting.members_confirm);
                    let writes = next(&seen, event.clone(), &self.policy).is_ok_and(|transition| {
                        !matches!(transition.then, NextStep::Call(_))
                            || !transition.states.is_empty()
                            || transition.change != DeliveryChange::default()
                    });
                    if writes {
                        return;
                    }
                    decided.extend(self.decide(world, worker));
                }
            }
        }
    }

    fn decide(&self, world: &mut World, worker: usize) -> Option<Decided> {
        let mut work = world.workers[worker].take()?;
        let Pending::Event(event) = work.pending.clone() else { return None };
        let delivery = world.seen(&work, self.setting.members_confirm);
        let transition =
            next(&delivery, event.clone(), &self.policy).unwrap_or_else(|impossible| panic!("{impossible}"));
        let decided = Decided { stage: delivery.stage, event, transition: transition.clone() };
        // Only whoever holds the lease in the stage that was read may write.
        let row = &world.rows[work.delivery];
        if row.owner != Some(worker) || row.stage != work.row.stage {
            return Some(decided);
        }
        match transition.then {
            NextStep::TakeBack => {
                work.pending = Pending::Event(take_back(world, &work));
                world.workers[worker] = Some(work);
                return Some(decided);
            }
            NextStep::Replace => {
                let row = &mut world.rows[work.delivery];
                let is_risk = row.risk;
                (row.stage, row.due, row.owner, row.resend, row.risk) = (DeliveryStage::Done, None, None, false, false);
                let accounts: Accounts = delivery.open().iter().map(|place| work.row.accounts.at(*place)).collect();
                for account in accounts.iter().filter(|_| is_risk) {
                    world.risked[account] += 1;
                }
                world.add_delivery(work.row.task, accounts);
                return Some(decided);
            }
            _ => {}
        }
        if let (Some(how), Some(id)) = (transition.claim, &transition.change.moment_id) {
            let post = &mut world.posts[id.parse::<usize>().unwrap_or_default()];
            match post.claim {
                Some((owner, _)) if owner != work.delivery => {
                    work.pending = Pending::Event(Event::ClaimTaken);
                    world.workers[worker] = Some(work);
                    return Some(decided);
                }
                Some((_, ClaimOrigin::Answered)) => {}
                _ => post.claim = Some((work.delivery, how)),
            }
        }
        write(world, &mut work, &transition);
        match transition.then {
            NextStep::Call(call) => work.pending = Pending::Call(call),
            NextStep::Resume => work.pending = Pending::Event(Event::RowWritten),
            _ => return Some(decided),
        }
        world.workers[worker] = Some(work);
        Some(decided)
    }

    fn answer(&self, world: &mut World, worker: usize, outcome: Outcome) {
        let Some(mut work) = world.workers[worker].take() else { return };
        let Pending::Call(call) = work.pending.clone() else { return };
        match outcome {
            Outcome::Truly => {}
            Outcome::LostBefore | Outcome::LostAfter => world.budget.lost_answers -= 1,
            Outcome::TransientFault(_) => world.budget.transient_faults -= 1,
            Outcome::Unreadable => world.budget.unreadable -= 1,
            Outcome::NoToken => world.budget.no_token -= 1,
        }
        let event = match (call, outcome) {
            (_, Outcome::NoToken) => Event::NoToken(failure(FailureKind::Retry)),
            (Call::FindPublished, Outcome::TransientFault(_)) => {
                Event::NotBefore(instant(world.now + 1_000), WaitReason::Readings)
            }
            (call, Outcome::TransientFault(transient_fault)) => transient_fault.event(&call),
            (_, Outcome::Unreadable) => Event::Unreadable,
            (Call::Accounts, _) => Event::Usable(work.row.accounts.places(world.usable)),
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
            world.rows[work.delivery].answered = true;
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
            world.slot_holder = Some(work.delivery);
            return Event::Prepared { asked: Vec::new(), uploads: Vec::new() };
        }
        let asked = work.senders.iter().map(|account| account.to_string()).collect();
        Event::Prepared { asked, uploads: Vec::new() }
    }

    fn send(&self, world: &mut World, work: &Work, outcome: Outcome) -> Event {
        let id = world.posts.len();
        if outcome != Outcome::LostBefore {
            let published = if self.setting.members_confirm { Accounts::default() } else { work.senders };
            let shown_at = if self.setting.list == List::Late { world.now + LIST_LAG } else { 0 };
            world.posts.push(Post { asked: work.senders, published, stopped: false, claim: None, shown_at });
        }
        match outcome {
            Outcome::Truly if self.setting.members_confirm => Event::Accepted { job_id: id.to_string() },
            Outcome::Truly => Event::Posted { id: id.to_string() },
            _ => Event::AnswerLost,
        }
    }

    fn try_again(&self, world: &mut World, task: usize, include: bool) {
        world.budget.retries -= 1;
        let mut anew = Accounts::default();
        for account in 0..world.accounts {
            let result = world.results[task][account];
            let how = standing(result.recorded).and_then(|standing| retry(standing, include, self.policy.guards));
            match how {
                Some(Retry::Anew) => anew.toggle(account),
                Some(Retry::ReadFirst) => {
                    world.results[task][account].recorded = Recorded::Open(Stage::Unconfirmed);
                    let (now, row) = (world.now, &mut world.rows[result.by]);
                    let moment_known = row.post.is_some() && self.setting.members_confirm;
                    if let Some(stage) = intervene(row.stage, Intervention::Reopened { moment_known }) {
                        (row.stage, row.attempts, row.due, row.resend) = (stage, 0, Some(now), true);
                        row.stop_requested = false;
                        row.sought_since = now;
                        row.risk = self.setting.list == List::Risked;
                        world.messages[result.by] = 1;
                    }
                }
                None => {}
            }
        }
        if !anew.is_empty() {
            world.add_delivery(task, anew);
        }
    }
}
