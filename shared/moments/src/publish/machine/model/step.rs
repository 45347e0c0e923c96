//! The steps of workers, whose decisions are the real machine's, and everything around them.

use super::super::{
    Call, DeliveryStage, Event, Intervention, NextStep, Policy, Retry, Transition, intervene, next, retry,
};
use super::accounts::Accounts;
use super::action::{Action, Outcome};
use super::tables::{cancel_task, standing, stop, take_back, write};
use super::world::{LATENESS, LEASE, List, Pending, Recorded, Setting, Work, World, instant};
use crate::store::claim::ClaimOrigin;
use crate::store::delivery::{DeliveryChange, WaitReason};
use crate::store::result::Stage;

/// How far a clock is set back at once: less than a lease, which is given by the same clock.
const SETBACK: i64 = 1_500;

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
        if budget.creations > 0 {
            actions.push(Action::Create);
        }
        if budget.outages > 0 {
            actions.extend([1, 30].map(Action::Outage));
        }
        if budget.setbacks > 0 {
            actions.push(Action::SetBack);
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
                world.kill(worker);
            }
            Action::Create => {
                world.budget.creations -= 1;
                world.create();
            }
            Action::Outage(hours) => {
                world.budget.outages -= 1;
                (0..world.workers.len()).for_each(|worker| world.kill(worker));
                world.now += i64::from(hours) * 3_600_000;
            }
            Action::SetBack => {
                world.budget.setbacks -= 1;
                world.now -= SETBACK;
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
        world.workers[worker] =
            Some(Work { delivery, row, results, senders: Accounts::default(), slot_seen: None, pending });
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
        if transition.then == NextStep::Call(Call::Send) && !self.setting.members_confirm {
            // The slot is taken with the fence, unless another delivery has taken it since.
            if world.slot_holder != work.slot_seen {
                work.pending = Pending::Event(Event::NotBefore(instant(world.now + 1_000), WaitReason::Slot));
                world.workers[worker] = Some(work);
                return Some(decided);
            }
            world.slot_holder = Some(work.delivery);
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
