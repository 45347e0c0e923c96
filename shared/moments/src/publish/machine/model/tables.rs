//! What is written, and what providers and people do, in the model.

use jiff::Timestamp;

use super::super::{Absence, DeliveryStage, Event, Intervention, JOB_LIFETIME, Reported, Transition, intervene};
use super::world::{List, NEVER, Post, Recorded, Row, Work, World, milliseconds};
use crate::provider::FailureKind;
use crate::publish::machine::tests::failure;
use crate::store::claim::ClaimOrigin;
use crate::store::result::{AccountState, Stage};

/// What the machine's change makes of the rows, and of what the worker knows of them.
pub(super) fn write(world: &mut World, work: &mut Work, transition: &Transition) {
    let Transition { change, states, .. } = transition;
    let row = &mut world.rows[work.delivery];
    let number = |id: &Option<String>| id.as_ref().and_then(|id| id.parse().ok());
    if change.forgets_post {
        (row.post, row.confirm_until) = (None, 0);
    }
    // WeCom forgets a job after a day, and its answer with it.
    let is_forgotten = row.stage == DeliveryStage::Submitted && world.now > row.sending_at + milliseconds(JOB_LIFETIME);
    row.answered &= !(is_forgotten && change.stage == Some(DeliveryStage::Unconfirmed));
    world.sent_after_stop |= row.stop_requested && change.stage == Some(DeliveryStage::Sending);
    row.stage = change.stage.unwrap_or(row.stage);
    row.attempts = change.attempts.unwrap_or(row.attempts);
    row.token_renewed |= change.repaired.is_some();
    row.sending_at = change.sending_at.map_or(row.sending_at, Timestamp::as_millisecond);
    if change.stage == Some(DeliveryStage::Sending) {
        row.posts_before = world.posts.len();
    }
    row.sought_since = change.sought_since.map_or(row.sought_since, Timestamp::as_millisecond);
    row.confirm_until = change.confirm_until.map_or(row.confirm_until, Timestamp::as_millisecond);
    row.job = number(&change.job_id).or(row.job);
    row.post = number(&change.moment_id).or(row.post);
    if let Some(asked) = &change.asked_member_ids {
        row.asked = asked.iter().filter_map(|account| account.parse().ok()).collect();
    }
    if row.stage == DeliveryStage::Done {
        (row.due, row.owner, row.resend, row.risk) = (None, None, false, false);
        world.messages[work.delivery] = 0;
    } else if let Some(until) = change.release_until {
        (row.due, row.owner) = (Some(until.as_millisecond()), None);
        // The message of the next step; whether it comes too early does not matter.
        world.messages[work.delivery] = world.messages[work.delivery].max(1);
    }
    for (place, state) in states {
        let recorded = match state {
            AccountState::Success { moment_id } => Recorded::Success(moment_id.parse().unwrap_or_default()),
            AccountState::Failed { .. } if state.stage() == Stage::Unconfirmed => Recorded::Unconfirmed,
            AccountState::Failed { .. } => Recorded::Failed,
            AccountState::Cancelled => Recorded::Cancelled,
            state => Recorded::Open(state.stage()),
        };
        world.lost_answer |=
            recorded == Recorded::Unconfirmed && row.answered && work.row.stage == DeliveryStage::Unconfirmed;
        let account = work.row.accounts.at(*place);
        world.results[work.row.task][account].recorded = recorded;
        work.results[account].recorded = recorded;
    }
    work.row = *row;
}

/// Its list shows the account's posts of this text; what another delivery has claimed is not this one's.
pub(super) fn find(world: &World, work: &Work, list: List) -> Event {
    let absence = match list {
        List::Shows => Absence::Likely,
        // It shows an earlier post of the account.
        List::Late => Absence::Proven,
        List::Blind | List::Risked => return Event::NotShown(Absence::Blind),
    };
    let is_alike = |post: &Post| {
        if work.row.asked.is_empty() { post.published == work.row.accounts } else { post.asked == work.row.asked }
    };
    let is_free = |post: &Post| post.claim.is_none_or(|(owner, _)| owner == work.delivery);
    let is_shown = |post: &Post| post.shown_at <= world.now;
    // A person's account publishes one after the other, with a pause between them, so what was out when the call was begun
    // is not its post. Of a company's moments the clocks may not tell that.
    let since = if work.row.asked.is_empty() { work.row.posts_before } else { 0 };
    let mut posts = world.posts.iter().enumerate().skip(since);
    let found = posts.find(|(_, post)| is_alike(post) && is_free(post) && is_shown(post)).map(|(place, _)| place);
    found.map_or(Event::NotShown(absence), |id| Event::PostFound { id: id.to_string() })
}

pub(super) fn follow(world: &World, work: &Work, stopped: bool) -> Event {
    let Some(post) = work.row.post else {
        if world.posts[work.row.job.unwrap_or_default()].shown_at == NEVER {
            return Event::JobFailed(failure(FailureKind::ContentRejected));
        }
        return Event::MomentCreated { id: work.row.job.unwrap_or_default().to_string(), refused: Vec::new() };
    };
    Event::MembersPolled { published: work.row.accounts.places(world.posts[post].published), unasked: vec![], stopped }
}

/// The finder of a post that was answered to another delivery goes back to where it knew nothing.
pub(super) fn take_back(world: &mut World, work: &Work) -> Event {
    let id = work.row.post.unwrap_or_default();
    match world.posts[id].claim {
        Some((owner, ClaimOrigin::Answered)) if owner != work.delivery => Event::AnsweredToAnother,
        Some((owner, ClaimOrigin::Found)) if owner != work.delivery => {
            world.posts[id].claim = Some((work.delivery, ClaimOrigin::Answered));
            let (now, row) = (world.now, &mut world.rows[owner]);
            let stage = intervene(row.stage, Intervention::PostTakenBack);
            let stage = stage.expect("whoever only found a post can give it back in every stage");
            (row.stage, row.attempts, row.due, row.owner) = (stage, 0, Some(now), None);
            (row.post, row.confirm_until, row.sought_since) = (None, 0, now);
            let Row { task, accounts, asked, .. } = *row;
            for account in accounts.iter() {
                let result = &mut world.results[task][account];
                let is_told_of_it =
                    asked.is_empty() || asked.has(account) || matches!(result.recorded, Recorded::Open(_));
                if result.by == owner && is_told_of_it && result.recorded != Recorded::Unconfirmed {
                    result.recorded = Recorded::Open(Stage::Unconfirmed);
                }
            }
            world.messages[owner] = 1;
            Event::RowWritten
        }
        _ => Event::RowWritten,
    }
}

/// What is under way is due at once and taken from its worker, but for a call whose answer only that one will know.
pub(super) fn stop(world: &mut World, task: usize) {
    cancel_task(world, task);
    for delivery in 0..world.rows.len() {
        let (now, row) = (world.now, &mut world.rows[delivery]);
        if row.task != task || intervene(row.stage, Intervention::Stopped).is_none() {
            continue;
        }
        row.stop_requested = true;
        if row.stage != DeliveryStage::Sending {
            (row.due, row.owner) = (Some(now), None);
            world.messages[delivery] = 1;
        }
    }
}

pub(super) fn cancel_task(world: &mut World, task: usize) {
    for delivery in 0..world.rows.len() {
        let row = &mut world.rows[delivery];
        let Some(stage) = intervene(row.stage, Intervention::Cancelled).filter(|_| row.task == task) else { continue };
        (row.stage, row.due, row.owner) = (stage, None, None);
        for account in row.accounts.iter() {
            let result = &mut world.results[task][account];
            if result.by == delivery && matches!(result.recorded, Recorded::Open(_)) {
                result.recorded = Recorded::Cancelled;
            }
        }
    }
}

/// What is recorded, as a retry sees it.
pub(super) fn standing(recorded: Recorded) -> Option<Reported> {
    match recorded {
        Recorded::Unconfirmed => Some(Reported::Unconfirmed),
        Recorded::Failed => Some(Reported::Failed),
        Recorded::Open(_) | Recorded::Success(_) | Recorded::Cancelled => None,
    }
}
