//! The figures of a run.

use jiff::Timestamp;
use sandbox::PublicationKind;

use super::oracle::Verdict;
use super::play::Run;
use crate::meter::{Call, by_operation};
use crate::report::Figure;

/// The promises: none of them is ever broken.
pub fn judged(run: &Run) -> Vec<Figure> {
    let Run { orders, due, publications, tasks, results, .. } = run;
    let verdict = Verdict::of(orders, *due, publications, tasks, results);
    let promises = [
        ("accounts that did not publish", "accounts", verdict.lost as f64),
        ("publications beyond one for each account", "publications", verdict.doubled as f64),
        ("publications before their time", "publications", verdict.early as f64),
        ("tasks that are not COMPLETED", "tasks", verdict.not_completed as f64),
        ("publications that the results and the platforms tell differently", "publications", verdict.untrue as f64),
        ("requests that the platforms would frown upon", "requests", run.violations as f64),
        ("messages left in the queue", "messages", run.left.0 as f64),
        ("messages in the dead-letter queue", "messages", run.left.1 as f64),
    ];
    let note = format!(
        "{} tasks of 5 accounts each, a company with two members and three phones, all due at one instant; by the \
         platforms' own journal. No rate limits, neither the platforms' nor a deployment's; members confirm as soon as \
         they are asked.",
        orders.len()
    );
    promises.map(|(what, unit, number)| Figure::count(what, unit, [number]).at_most(0.0).note(note.as_str())).into()
}

/// How fast it went, and what held it up.
pub fn told(run: &Run, publishers: usize) -> Vec<Figure> {
    let (received, returned) = run.messages;
    let took = seconds(run.due, run.ended);
    let percent = |time: f64| format!("{:.0} %", time / run.watched.as_secs_f64() * 100.0);
    let (emulator, waited, ours) = (run.busy.emulator, run.busy.emulator_waited, run.busy.ours);
    vec![
        Figure::time("from the posts' time until every task had ended", "s", [took]).note(format!(
            "{publishers} publishers at once, batches of up to 10. Of that time the emulated AWS, a Python process that can \
             use one core, was at work for {}, and for {} ready to be while others had the cores; this process, \
             publishers and platforms together, was at work for {}. Ordering the posts took {:.0} s before.",
            percent(emulator),
            percent(waited),
            percent(ours),
            run.ordering.as_secs_f64()
        )),
        Figure::time("accounts published per second", "accounts/s", [run.accounts() / took]),
        lag(run, "a phone publishes", PublicationKind::GatewayPost, ""),
        lag(run, "a company is asked", PublicationKind::MomentTask, ""),
        lag(run, "a member publishes", PublicationKind::MemberPost, " 5 s of it are the simulated WeCom's."),
        Figure::count("messages per published account", "messages", [received as f64 / run.accounts()])
            .note(format!("{received} messages; {returned} came again because their handling failed.")),
        Figure::time("processor time of the emulated AWS per published account", "ms", [
            emulator * 1_000.0 / run.accounts()
        ]),
    ]
}

/// What the functions ask of AWS.
pub fn counted(run: &Run) -> Vec<Figure> {
    let per_account = |number: usize| [number as f64 / run.accounts()];
    let calls = &run.calls;
    let refused: Vec<Call> = calls.iter().filter(|call| call.refused).cloned().collect();
    let of_what: Vec<String> =
        by_operation(&refused).iter().map(|(operation, calls)| format!("{operation} {calls}")).collect();
    let mut figures = vec![
        Figure::count("AWS calls per published account", "calls", per_account(calls.len())).note(format!(
            "Counted on the wire in a run of {} tasks of its own, because counting slows calls down: those of publishers \
             and sweeper, {} messages per account. Receiving and deleting messages is Lambda's own.",
            run.orders.len(),
            number(run.messages.0 as f64 / run.accounts()),
        )),
        Figure::count("of them refused by a condition or because of another writer", "calls", per_account(refused.len()))
            .note(format!("{}.", of_what.join(", "))),
    ];
    figures.extend(
        by_operation(calls)
            .into_iter()
            .map(|(operation, calls)| Figure::count(format!("of them {operation}"), "calls", per_account(calls))),
    );
    figures
}

fn lag(run: &Run, what: &str, kind: PublicationKind, note: &str) -> Figure {
    let of_kind = run.publications.iter().filter(|one| one.kind == kind);
    let mut lags: Vec<f64> = of_kind.map(|one| seconds(run.due, one.at)).collect();
    lags.sort_unstable_by(f64::total_cmp);
    let late = lags.get((lags.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    Figure::time(format!("from the posts' time until {what}"), "s", lags)
        .note(format!("99 of 100 within {late:.1} s.{note}"))
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn number(value: f64) -> String {
    format!("{value:.2}")
}
