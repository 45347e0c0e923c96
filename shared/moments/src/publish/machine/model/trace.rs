//! A way through the model as numbered sentences.

use super::action::{Action, FinalFault, Outcome};
use super::step::{Decided, Model};
use super::world::{Recorded, World};
use crate::store::result::AccountState;

/// Tells what happened on the way.
pub(super) fn trace(model: &Model, way: &[Action]) -> String {
    let (mut world, mut lines) = (World::new(&model.setting), Vec::new());
    lines.push(format!(
        "    Two workers; {} for {}.",
        if model.setting.tasks == 1 {
            "one task".to_owned()
        } else {
            format!("{} tasks of the same text", model.setting.tasks)
        },
        match (model.setting.members_confirm, model.setting.accounts) {
            (true, 1) => "one member of a company".to_owned(),
            (true, accounts) => format!("{accounts} members of a company"),
            (false, _) => "one person's account".to_owned(),
        }
    ));
    for (number, action) in way.iter().enumerate() {
        let (after, decided) = model.apply(&world, *action);
        let consequences: Vec<String> = decided.iter().map(consequence).filter(|text| !text.is_empty()).collect();
        lines.push(format!("{:>2}. {}{}", number + 1, happened(&world, *action), consequences.concat()));
        world = after;
    }
    let recorded: Vec<String> = world
        .results
        .iter()
        .take(world.tasks)
        .enumerate()
        .map(|(task, results)| {
            let recorded: Vec<String> = results
                .iter()
                .take(world.accounts)
                .enumerate()
                .map(|(account, result)| format!("account {account} {}", recorded_text(result.recorded)))
                .collect();
            format!("task {} {}", task + 1, recorded.join(", "))
        })
        .collect();
    lines.push(format!("    In the end: {}.", recorded.join("; ")));
    lines.join("\n")
}

fn recorded_text(recorded: Recorded) -> String {
    match recorded {
        Recorded::Open(stage) => stage.as_str().to_owned(),
        Recorded::Success(post) => format!("SUCCESS with post {post}"),
        Recorded::Unconfirmed => "FAILED as unconfirmed".to_owned(),
        Recorded::Failed => "FAILED for certain".to_owned(),
        Recorded::Cancelled => "CANCELLED".to_owned(),
    }
}

fn delivery_of(world: &World, worker: usize) -> String {
    world.workers[worker].as_ref().map_or_else(String::new, |work| name(world, work.delivery))
}

fn name(world: &World, delivery: usize) -> String {
    let task = world.rows[delivery].task + 1;
    let round = world.rows.iter().take(delivery).filter(|row| row.task + 1 == task).count() + 1;
    if round == 1 { format!("the delivery of task {task}") } else { format!("delivery {round} of task {task}") }
}

fn happened(world: &World, action: Action) -> String {
    match action {
        Action::Receive(delivery) => {
            let worker = usize::from(world.workers[0].is_some()) + 1;
            format!("Worker {worker} takes up {} in {}.", name(world, delivery), world.rows[delivery].stage.as_str())
        }
        Action::Decide(worker) => format!("Worker {} goes on with {}.", worker + 1, delivery_of(world, worker)),
        Action::Contend(worker) => {
            format!("Worker {} meets other changes of the task again and again, and gives up.", worker + 1)
        }
        Action::Answer(worker, outcome) => {
            let whose = format!("worker {} for {}", worker + 1, delivery_of(world, worker));
            match outcome {
                Outcome::Truly => format!("The provider carries out the call of {whose} and answers."),
                Outcome::LostBefore => format!("The call of {whose} is lost before the provider has seen it."),
                Outcome::LostAfter => format!("The provider carries out the call of {whose}, and its answer is lost."),
                Outcome::TransientFault(transient_fault) => format!("{} ({whose}).", transient_fault.description()),
                Outcome::Unreadable => format!("The provider's list cannot be read by {whose}."),
                Outcome::NoToken => format!("There is no token for {whose}."),
                Outcome::FinalFault(FinalFault::UnfitMedia) => format!("The media of {whose} are unfit."),
                Outcome::FinalFault(FinalFault::ForbiddenText) => format!("The text of {whose} is forbidden by now."),
                Outcome::FinalFault(FinalFault::DeadJob) => {
                    format!("The provider answers the call of {whose} with a job that will fail.")
                }
                Outcome::FinalFault(FinalFault::NamesAnother(post)) => {
                    format!("The provider does nothing and answers {whose} with post {post}, which is another's.")
                }
            }
        }
        Action::Crash(worker) => format!("Worker {} dies while it holds {}.", worker + 1, delivery_of(world, worker)),
        Action::Confirm(post, account) => format!("The member of account {account} publishes post {post}."),
        Action::Time => "Time goes by until something is due.".to_owned(),
        Action::Outage(hours) => format!("For {hours} hours nobody works, and every worker dies."),
        Action::SetBack => "The clock is set back.".to_owned(),
        Action::Create => "The user makes another task of the same text.".to_owned(),
        Action::Lose(delivery) => format!("The message of {} is lost.", name(world, delivery)),
        Action::Double(delivery) => format!("The message of {} comes twice.", name(world, delivery)),
        Action::Sweep(delivery) => format!("The sweeper sends the message of {}.", name(world, delivery)),
        Action::Toggle(account) if world.usable.has(account) => format!("Account {account} cannot be used any more."),
        Action::Toggle(account) => format!("Account {account} can be used again."),
        Action::Retry(task, true) => {
            format!("The user has task {} tried again, what is unconfirmed too.", task + 1)
        }
        Action::Retry(task, false) => format!("The user has task {} tried again, but nothing unconfirmed.", task + 1),
        Action::CallOff(task) => format!("The user calls task {} off.", task + 1),
        Action::Stop(task) => format!("The user stops task {}.", task + 1),
    }
}

fn consequence(decided: &Decided) -> String {
    let change = &decided.transition.change;
    let mut parts = Vec::new();
    if let Some(stage) = change.stage.filter(|stage| *stage != decided.stage) {
        parts.push(format!("{} becomes {}", decided.stage.as_str(), stage.as_str()));
    }
    for (_, state) in &decided.transition.states {
        match state {
            AccountState::Success { moment_id } => parts.push(format!("SUCCESS with post {moment_id} is recorded")),
            AccountState::Failed { code, .. } => parts.push(format!("FAILED ({code}) is recorded")),
            _ => {}
        }
    }
    if parts.is_empty() { String::new() } else { format!(" [{}: {}]", decided.event.name(), parts.join(", ")) }
}
