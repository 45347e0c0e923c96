//! Random histories through the model, far longer than what can be explored completely: tasks of one text made one after
//! the other, lost answers, refusals, accounts that cannot be used for a while, retries, stops, outages and clocks that are
//! set back, as they come. `PUBLISH_HISTORIES` says how many, `PUBLISH_HISTORY` plays one of them again.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::policy::{FINAL_POLL_AFTER, Guard, JOB_LIFETIME, LONGEST_WAIT};
use super::super::{Guards, tests::legal_pairs};
use super::action::{Action, FinalFault, Outcome};
use super::step::Model;
use super::trace::trace;
use super::world::{Budget, List, Setting, World, milliseconds, policy};

/// How many there are if nobody asks for more.
const HISTORIES: u64 = 10_000;
/// How often each legal pair of stage and event has to come among so many.
const LEAST: u64 = 20;
/// From then on nothing more goes wrong, and nobody asks for anything more.
const EVENTFUL: usize = 400;
/// More steps than it takes then until everything has ended.
const QUIET: usize = 3_000;
/// The longest that anything takes after its user has asked for something the last time, outages apart.
const LONGEST: i64 =
    milliseconds(LONGEST_WAIT) + milliseconds(JOB_LIFETIME) + milliseconds(FINAL_POLL_AFTER) + 12 * 3_600_000;

/// Numbers by chance: the same ones for the same seed.
struct Chance(u64);

impl Chance {
    /// SplitMix64, whose first numbers of neighbouring seeds have nothing in common.
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    fn up_to(&mut self, most: u8) -> u8 {
        (self.number() % (u64::from(most) + 1)) as u8
    }

    /// One of these, each as often as its weight says.
    fn among(&mut self, actions: &[Action]) -> Action {
        let mut place = self.below(actions.iter().map(|action| weight(*action)).sum());
        *actions
            .iter()
            .find(|action| {
                let is_it = place < weight(**action);
                place = place.saturating_sub(weight(**action));
                is_it
            })
            .expect("the weights are those of these")
    }
}

/// Most of what happens is work.
const fn weight(action: Action) -> u64 {
    match action {
        Action::Decide(_) => 12,
        Action::Receive(_) | Action::Answer(_, Outcome::Truly) => 8,
        Action::Answer(_, Outcome::FinalFault(FinalFault::DeadJob | FinalFault::NamesAnother(_))) => 6,
        Action::Answer(..) => 4,
        Action::Time | Action::Sweep(_) | Action::Contend(_) => 3,
        Action::Confirm(..) | Action::Retry(..) | Action::Create => 2,
        Action::Crash(_) | Action::Lose(_) | Action::Double(_) | Action::Toggle(_) | Action::CallOff(_) => 1,
        Action::Stop(_) | Action::Outage(_) | Action::SetBack => 1,
    }
}

fn setting(chance: &mut Chance) -> Setting {
    let members_confirm = chance.below(2) == 0;
    let list = match chance.below(4) {
        _ if members_confirm => List::Shows,
        0 => List::Shows,
        1 => List::Late,
        2 => List::Blind,
        _ => List::Risked,
    };
    let budget = Budget {
        crashes: chance.up_to(3),
        messages: chance.up_to(3),
        lost_answers: chance.up_to(4),
        transient_faults: chance.up_to(6),
        unreadable: chance.up_to(3),
        no_token: chance.up_to(3),
        contention: chance.up_to(3),
        toggles: chance.up_to(4),
        retries: chance.up_to(4),
        cancels: chance.up_to(1),
        stops: chance.up_to(2),
        creations: chance.up_to(3),
        outages: chance.up_to(1),
        setbacks: chance.up_to(2),
        final_faults: chance.up_to(2),
    };
    let accounts = if members_confirm { 1 + chance.below(2) as usize } else { 1 };
    Setting { name: "history", members_confirm, list, tasks: 1, accounts, budget }
}

/// What a history was like.
struct History {
    steps: usize,
    /// How long it took from its user's last request until everything had ended, outages apart, in milliseconds.
    took: i64,
}

const fn is_request(action: Action) -> bool {
    matches!(action, Action::Create | Action::Retry(..) | Action::Stop(_) | Action::CallOff(_))
}

/// Plays a history to its end; what was wrong with it, if anything was, as a story.
fn play(
    number: u64,
    guards: Guards,
    pairs: &mut BTreeMap<(&'static str, &'static str), u64>,
) -> Result<History, String> {
    let mut chance = Chance(number);
    let model = Model { setting: setting(&mut chance), policy: policy(guards) };
    let (mut world, mut way) = (World::new(&model.setting), Vec::new());
    let (mut asked_at, mut outages) = (world.now, 0);
    let wrong = |way: &[Action], problem: &str| Err(format!("history {number}: {problem}\n{}", trace(&model, way)));
    loop {
        if way.len() == EVENTFUL {
            world.budget = Budget::default();
        }
        let actions = model.actions(&world);
        let may_end = world.is_over() && (way.len() >= EVENTFUL || chance.below(4) == 0);
        if may_end || actions.is_empty() {
            break;
        }
        let action = chance.among(&actions);
        let before = world.now;
        let (after, decided) = model.apply(&world, action);
        world = after;
        way.push(action);
        if is_request(action) {
            (asked_at, outages) = (world.now, 0);
        } else if matches!(action, Action::Outage(_)) {
            outages += world.now - before;
        }
        for decided in decided {
            *pairs.entry((decided.stage.as_str(), decided.event.name())).or_default() += 1;
        }
        if let Some(problem) = world.violation() {
            return wrong(&way, &problem);
        }
        if way.len() > EVENTFUL + QUIET {
            return wrong(&way, "it never ends");
        }
    }
    if !world.is_over() {
        return wrong(&way, "nothing will ever happen to a delivery that has not ended");
    }
    let took = world.now - asked_at - outages;
    if took > LONGEST + milliseconds(model.policy.confirm_within) {
        return wrong(&way, &format!("it took {took} ms"));
    }
    Ok(History { steps: way.len(), took })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how many histories are played is the developer's word, no setting")]
fn random_histories_publish_nothing_twice_and_tell_the_truth_in_time() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let mut pairs = BTreeMap::new();
    if let Some(number) = asked("PUBLISH_HISTORY") {
        let history = play(number, Guards::ALL, &mut pairs).unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("history {number}: {} steps, nothing is wrong", history.steps);
        return;
    }
    let count = asked("PUBLISH_HISTORIES").unwrap_or(HISTORIES);
    let (mut steps, mut longest) = (Vec::new(), 0);
    for number in 0..count {
        let history = play(number, Guards::ALL, &mut pairs).unwrap_or_else(|wrong| panic!("{wrong}"));
        steps.push(history.steps);
        longest = longest.max(history.took);
    }
    steps.sort_unstable();
    let (sum, median) = (steps.iter().sum::<usize>(), steps.get(steps.len() / 2).copied().unwrap_or_default());
    println!(
        "{count} histories, {sum} steps: {} to {} in one, the middle one {median}; the longest took {} s after its last \
         request",
        steps.first().copied().unwrap_or_default(),
        steps.last().copied().unwrap_or_default(),
        longest / 1_000
    );
    for ((stage, event), hits) in &pairs {
        println!("    {stage:<12}{event:<20}{hits:>8}");
    }
    let legal = legal_pairs();
    assert!(pairs.keys().all(|pair| legal.contains(pair)), "{pairs:?}");
    let seldom: Vec<_> = legal.iter().filter(|pair| pairs.get(*pair).is_none_or(|hits| *hits < LEAST)).collect();
    assert!(count < HISTORIES || seldom.is_empty(), "hit less than {LEAST} times: {seldom:?}");
}

/// Chance finds what is wrong without any one of the guards, as the complete search does.
#[test]
fn random_histories_without_any_one_guard_go_wrong() {
    for guard in [
        Guard::LastLook,
        Guard::OneClaim,
        Guard::OpenSenders,
        Guard::UnconfirmedApart,
        Guard::UnreadIsNotAbsent,
        Guard::BlindIsNotAbsent,
        Guard::LateIsNotAbsent,
        Guard::IdFirst,
        Guard::SentOnce,
    ] {
        let mut pairs = BTreeMap::new();
        // Without one of them the machine may also meet what is impossible with all.
        let mut goes_well = |number| {
            let history = AssertUnwindSafe(|| play(number, Guards::without(guard), &mut pairs).is_ok());
            catch_unwind(history).unwrap_or(false)
        };
        let found = (0..20_000).find(|number| !goes_well(*number));
        println!("{guard:?}: {found:?}");
        assert!(found.is_some(), "nothing goes wrong without {guard:?}");
    }
}
