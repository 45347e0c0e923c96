//! The guards hold in every order of things; and each of them, taken away, is missed.

use std::collections::BTreeSet;
use std::time::Instant;

use super::super::policy::Guard;
use super::super::{Guards, tests::legal_pairs};
use super::search::explore;
use super::step::Model;
use super::trace::trace;
use super::world::{Budget, List, Setting, policy};

/// More than any setting here has, and less than what a machine can hold.
const MOST: usize = 20_000_000;

fn model(setting: Setting, guards: Guards) -> Model {
    Model { setting, policy: policy(guards) }
}

const fn person(name: &'static str, tasks: usize, budget: Budget) -> Setting {
    Setting { name, members_confirm: false, list: List::Shows, tasks, accounts: 1, budget }
}

const fn unseen(name: &'static str, list: List, budget: Budget) -> Setting {
    Setting { list, ..person(name, 1, budget) }
}

const fn company(name: &'static str, tasks: usize, accounts: usize, budget: Budget) -> Setting {
    Setting { name, members_confirm: true, list: List::Shows, tasks, accounts, budget }
}

const NOTHING: Budget = Budget {
    crashes: 0,
    messages: 0,
    lost_answers: 0,
    transient_faults: 0,
    unreadable: 0,
    no_token: 0,
    contention: 0,
    toggles: 0,
    retries: 0,
    cancels: 0,
    stops: 0,
    creations: 0,
    outages: 0,
    setbacks: 0,
    final_faults: 0,
};

/// Two crashes, two lost or doubled messages, one lost answer.
const ALL: Budget = Budget { crashes: 2, messages: 2, lost_answers: 1, ..NOTHING };

/// The settings that `cargo test` explores, each completely.
fn bounded() -> Vec<Setting> {
    vec![
        person("person, one task", 1, Budget { unreadable: 2, contention: 1, retries: 2, cancels: 1, ..ALL }),
        person("person, two tasks", 2, Budget { messages: 0, ..ALL }),
        company("company, two tasks", 2, 1, Budget { messages: 0, crashes: 1, ..ALL }),
        company(
            "company, two members",
            1,
            2,
            Budget { transient_faults: 1, no_token: 1, toggles: 2, retries: 1, ..NOTHING },
        ),
        company(
            "company, one task, transient_faults",
            1,
            1,
            Budget { transient_faults: 2, no_token: 1, unreadable: 1, ..ALL },
        ),
        person("person, stopped", 1, Budget { unreadable: 1, retries: 1, stops: 1, crashes: 1, messages: 0, ..ALL }),
        person("person, stopped, transient_faults", 1, Budget { transient_faults: 2, stops: 1, ..NOTHING }),
        person("person, off the line", 1, Budget { transient_faults: 1, toggles: 2, retries: 1, ..NOTHING }),
        unseen(
            "person, blind",
            List::Blind,
            Budget { unreadable: 1, transient_faults: 1, retries: 2, messages: 0, ..ALL },
        ),
        unseen("person, blind, at their risk", List::Risked, Budget { unreadable: 1, retries: 2, messages: 0, ..ALL }),
        unseen(
            "person, late list",
            List::Late,
            Budget { unreadable: 1, retries: 2, stops: 1, messages: 0, crashes: 1, ..ALL },
        ),
        company(
            "company, stopped",
            1,
            1,
            Budget { transient_faults: 1, no_token: 1, stops: 1, crashes: 1, messages: 0, ..ALL },
        ),
        company("company, two members, stopped", 1, 2, Budget { transient_faults: 1, stops: 1, ..NOTHING }),
    ]
}

/// What `MODEL_CHECK=full` explores besides; the largest of them takes two gigabytes.
fn full() -> Vec<Setting> {
    let retried = Budget { contention: 1, retries: 1, unreadable: 1, messages: 0, crashes: 1, ..ALL };
    let two_members = Budget { transient_faults: 1, toggles: 2, retries: 1, messages: 0, crashes: 1, ..ALL };
    vec![
        person("person, two tasks, all", 2, ALL),
        company("company, two tasks, all", 2, 1, ALL),
        person("person, two tasks, tried again", 2, retried),
        company("company, two tasks, no token", 2, 1, Budget { no_token: 1, retries: 0, unreadable: 0, ..retried }),
        company("company, two members, a crash", 1, 2, two_members),
    ]
}

/// A provider that names one post to two calls, media that are unfit and texts that are forbidden for good, a job that fails
/// for certain.
const NOT_MODELLED: [&str; 4] =
    ["ANSWERED AnsweredToAnother", "QUEUED MediaUnusable", "QUEUED TextForbidden", "SUBMITTED JobFailed"];

#[test]
#[expect(clippy::disallowed_methods, reason = "how large the search is to be is the developer's word, no setting")]
fn model_check_finds_no_order_that_publishes_twice_or_records_what_is_not_so() {
    let is_full = std::env::var("MODEL_CHECK").is_ok_and(|size| size == "full");
    let mut settings = bounded();
    if is_full {
        settings.extend(full());
    }
    let mut pairs = BTreeSet::new();
    for setting in settings {
        let (model, since) = (model(setting, Guards::ALL), Instant::now());
        let explored = explore(&model, MOST);
        let took = since.elapsed().as_secs_f32();
        println!("{:<44} {:>9} states, {:>3} deep, {took:>6.1} s", setting.name, explored.states, explored.depth);
        if let Some((way, problem)) = explored.wrong {
            panic!("{problem}\n{}", trace(&model, &way));
        }
        pairs.extend(explored.pairs);
    }
    let legal = legal_pairs();
    let missing: Vec<_> = legal.difference(&pairs).map(|(stage, event)| format!("{stage} {event}")).collect();
    println!("{} of {} legal pairs of stage and event are met", legal.len() - missing.len(), legal.len());
    assert!(pairs.is_subset(&legal), "{pairs:?}");
    assert_eq!(missing, NOT_MODELLED);
}

/// The guard that is taken away, the finding it stands for, and the least that has to go wrong for it to be missed.
fn mutants() -> [(Guard, &'static str, Setting); 9] {
    [
        (
            Guard::LastLook,
            "C1: no token at the deadline fails every member",
            company("C1", 1, 1, Budget { no_token: 1, ..NOTHING }),
        ),
        (
            Guard::OneClaim,
            "C2: another task's moment is taken for its own",
            company("C2", 2, 1, Budget { lost_answers: 1, ..NOTHING }),
        ),
        (
            Guard::OpenSenders,
            "C3: a member who was recorded FAILED is asked all the same",
            company("C3", 1, 2, Budget { transient_faults: 1, toggles: 2, ..NOTHING }),
        ),
        (
            Guard::UnconfirmedApart,
            "C4: a retry sends what is unconfirmed",
            person("C4", 1, Budget { lost_answers: 1, unreadable: 2, retries: 1, ..NOTHING }),
        ),
        (
            Guard::UnreadIsNotAbsent,
            "M1: a list that cannot be read counts as an empty one",
            person("M1", 1, Budget { lost_answers: 1, unreadable: 4, retries: 1, ..NOTHING }),
        ),
        (
            Guard::BlindIsNotAbsent,
            "M1: a blind list counts as proof of absence",
            unseen("M1, blind", List::Blind, Budget { lost_answers: 1, retries: 1, ..NOTHING }),
        ),
        (
            Guard::LateIsNotAbsent,
            "a list that is late counts as proof of absence",
            unseen("late list", List::Late, Budget { lost_answers: 1, retries: 1, ..NOTHING }),
        ),
        (
            Guard::IdFirst,
            "M5: the answer is lost to contention on the task",
            person("M5", 1, Budget { contention: 1, unreadable: 2, ..NOTHING }),
        ),
        (Guard::SentOnce, "SENDING written twice", person("SENDING twice", 1, Budget { crashes: 1, ..NOTHING })),
    ]
}

#[test]
fn model_check_without_any_one_guard_finds_a_violation() {
    for (guard, finding, setting) in mutants() {
        let with = explore(&model(setting, Guards::ALL), MOST);
        assert!(with.wrong.is_none(), "{finding}: {:?}", with.wrong);
        let without = model(setting, Guards::without(guard));
        let Some((way, problem)) = explore(&without, MOST).wrong else {
            panic!("{finding}: nothing goes wrong without it");
        };
        println!("{finding}\n{}\n    WRONG: {problem}.\n", trace(&without, &way));
    }
}
