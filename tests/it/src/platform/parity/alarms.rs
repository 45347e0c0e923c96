//! Whether the alarms on failed rounds can ring: a failure that lasts does not show in every round, because work that
//! failed is left alone for a while.

use std::collections::{BTreeMap, BTreeSet};

use kernel::metrics::Metric;
use serde_json::Value;

use super::project::{Function, Template, read};
use crate::platform::alarms::{self, Alarm, Recording, Source, State};

/// Seconds between the failed rounds of a failure that lasts and concerns one piece of work only, the longest there are;
/// and the seconds after which somebody must know.
///
/// The token keeper comes back to an account an hour later, and then in its next round. The sweeper sends another
/// message after five minutes, deletes a file again after twenty, and then in its next round. A device that gave no answer is asked again after a minute.
/// A function that is not named here fails in each of its rounds, and somebody must know after ten of them.
const FAILS_EVERY: [(&str, (usize, usize)); 3] = [
    ("douyin-token-keeper", (3_600 + 300, 3 * 3_600)),
    ("sweeper", (1_200 + 60, 45 * 60)),
    ("wechat-health-checker", (60 + 60, 15 * 60)),
];

/// The alarm on the errors of each scheduled function, by bin.
fn error_alarms(template: &Template) -> BTreeMap<String, (Alarm, Source)> {
    let (alarms, functions) = (alarms::alarms(template).unwrap(), template.functions());
    let scheduled = functions.values().filter(|function| function.events("ScheduleV2").next().is_some());
    scheduled
        .map(|function| {
            let errors = Source::aws("AWS/Lambda", "Errors", &function.id);
            let mut watching = alarms.iter().filter(|alarm| alarm.sources().any(|source| *source == errors));
            let alarm = watching.next().unwrap_or_else(|| panic!("no alarm on errors of {}", function.bin));
            assert!(watching.next().is_none(), "two alarms on errors of {}", function.bin);
            (function.bin.clone(), (alarm.clone(), errors))
        })
        .collect()
}

/// When an alarm rings within a day, given the instants of failures, all in seconds.
fn rings((alarm, errors): &(Alarm, Source), failures: &[usize]) -> Option<usize> {
    let mut recording = Recording::default();
    failures.iter().for_each(|second| recording.put(errors.clone(), i64::try_from(*second).unwrap(), 1.0));
    alarm.rings(&recording, (0, 86_400)).unwrap().map(|second| usize::try_from(second).unwrap())
}

/// Seconds between two rounds of a scheduled function.
pub(in crate::platform) fn seconds_between(function: &Function) -> usize {
    let expression = function.events("ScheduleV2").next().unwrap()["ScheduleExpression"].as_str().unwrap().to_owned();
    let rate = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).expect("a rate");
    let (number, word) = rate.split_once(' ').unwrap();
    let length = if word.starts_with("minute") { 60 } else { 3_600 };
    number.parse::<usize>().unwrap() * length
}

#[test]
fn alarm_rings_for_a_failure_that_lasts_and_not_for_a_single_one() {
    let template = Template::read();
    let (alarms, functions, known) = (error_alarms(&template), template.functions(), BTreeMap::from(FAILS_EVERY));
    assert!(known.keys().all(|bin| alarms.contains_key(*bin)), "a function that has no schedule");
    for (bin, alarm) in &alarms {
        let rate = seconds_between(&functions[bin]);
        let (every, within) = known.get(bin.as_str()).copied().unwrap_or((rate, 10 * rate));
        for begin in (0..900).step_by(10) {
            let failures: Vec<usize> = (0..8).map(|nth| begin + nth * every).collect();
            let rung = rings(alarm, &failures).unwrap_or(usize::MAX);
            assert!(
                rung <= begin + within,
                "{bin}: failures every {every} s from second {begin} on ring after {rung} s"
            );
            assert_eq!(rings(alarm, &[begin]), None, "{bin}: rings for one failed round, which the next makes good");
        }
    }
}

/// A round that failed is repeated by the next one; Lambda's own repetitions would only come on top of that.
/// A message that failed once is not seen again before it was hidden for the queue's time, and then takes a run.
#[test]
fn backlog_alarm_does_not_ring_for_one_message_that_failed() {
    let template = Template::read();
    for (queue, alarm) in [("FanSyncQueue", "FanSyncBacklogAlarm"), ("PublishQueue", "PublishBacklogAlarm")] {
        let number = |resource: &str, name: &str| template.resource(resource)["Properties"][name].as_u64().unwrap();
        let hidden = number(queue, "VisibilityTimeout");
        // A queue hides its messages for six runs.
        let processed = hidden + hidden / 6;
        assert!(number(alarm, "Threshold") > processed, "{alarm} rings for one message that failed");
    }
}

/// Names of metrics in the stack's own namespace that an alarm is made of.
fn own_metrics(alarm: &Value) -> Vec<&str> {
    let own = serde_json::json!({ "Ref": "AWS::StackName" });
    let parts = alarm["Metrics"].as_array().into_iter().flatten().map(|part| &part["MetricStat"]["Metric"]);
    let all = parts.chain([alarm]).filter(|metric| metric["Namespace"] == own);
    all.map(|metric| metric["MetricName"].as_str().unwrap()).collect()
}

#[test]
fn alarm_watches_only_what_is_counted() {
    let template = Template::read();
    let counted: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(counted.len(), Metric::ALL.len(), "two metrics have one name");
    let filters = template.of_type("AWS::Logs::MetricFilter");
    let filtered: BTreeSet<&str> =
        filters.map(|(_, filter)| filter["MetricTransformations"][0]["MetricName"].as_str().unwrap()).collect();
    let mut watched = BTreeSet::new();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        for metric in own_metrics(alarm) {
            assert!(
                counted.contains(metric) || filtered.contains(metric),
                "{name} watches {metric}, which nobody counts"
            );
            watched.insert(metric);
        }
    }
    assert!(filtered.is_subset(&watched), "a filter counts what no alarm watches");
    // Each is paid for by the month.
    assert!(counted.len() + filtered.len() <= 40);
    // What only helps to look into a round that failed, or is the whole of a share.
    let unwatched: BTreeSet<&str> = counted.difference(&watched).copied().collect();
    let expected = [
        "OnlineChecksDone",
        "OnlineChecksNotDone",
        "RowsNotSwept",
        "SyncsCompleted",
        "WebhookDeliveriesFailed",
        "WebhooksDisabled",
    ];
    // What becomes of a delivery is its receiver's doing.
    assert_eq!(unwatched, expected.into());
}

#[test]
fn alarm_tells_of_its_beginning_and_its_end_and_where_to_read_what_to_do() {
    let template = Template::read();
    let operations = read("docs/operations.md");
    let slug = |heading: &str| heading.to_lowercase().replace(' ', "-");
    let sections: BTreeSet<String> =
        operations.lines().filter_map(|line| line.strip_prefix("### ")).map(slug).collect();
    let mut named = BTreeSet::new();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let actions = &alarm["AlarmActions"];
        assert!(
            ["PageTopic", "TicketTopic"].map(|topic| serde_json::json!([{ "Ref": topic }])).contains(actions),
            "{name}"
        );
        assert_eq!(alarm["OKActions"], *actions, "{name}");
        let text = alarm["AlarmDescription"].as_str().unwrap();
        assert!(text.len() <= 1_024, "{name}");
        let section = text.split_once(" Runbook: docs/operations.md#").unwrap_or_else(|| panic!("{name}: {text}")).1;
        assert!(sections.contains(section), "{name} names {section}, which docs/operations.md does not have");
        named.insert(section.to_owned());
    }
    assert_eq!(named, sections, "sections that alarms name (left), sections there are (right)");
}

/// What FILL makes of a metric without any data point is not documented, so it must not matter.
#[test]
fn alarm_that_fills_says_of_no_data_what_it_says_of_the_filler() {
    let template = Template::read();
    let filling = alarms::alarms(&template).unwrap().into_iter().filter(Alarm::fills);
    for alarm in filling {
        let (nothing, mut zeros) = (Recording::default(), Recording::default());
        for source in alarm.sources() {
            (0..86_400).step_by(60).for_each(|second| zeros.put(source.clone(), second, 0.0));
        }
        let state = |recording| alarm.state(recording, 86_400, State::Ok).unwrap();
        assert_eq!(state(&nothing), state(&zeros), "{}", alarm.name);
    }
}

/// An alarm on something that happens all the time rings when nothing is heard of it; any other would ring by night.
#[test]
fn alarm_on_what_has_to_happen_rings_when_it_does_not() {
    let template = Template::read();
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    let breaching = alarms.filter(|(_, alarm)| alarm["TreatMissingData"] == "breaching").map(|(name, _)| name);
    let expected = [
        "LateDeliveryAlarm",
        "LateEventsAlarm",
        "LateSyncAlarm",
        "LateTaskAlarm",
        "LateWebhooksAlarm",
        "SweeperSilentAlarm",
        "TokenKeeperSilentAlarm",
        "UndispatchedEventsAlarm",
        "WechatHealthCheckerSilentAlarm",
    ];
    assert_eq!(breaching.collect::<BTreeSet<_>>(), expected.into());
}

/// Whoever operates an installation in China has no redrive of a dead-letter queue.
#[test]
fn alarm_texts_ask_for_nothing_that_is_not_offered_in_china() {
    let template = Template::read();
    for (name, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        let text = alarm["AlarmDescription"].as_str().unwrap_or_default();
        assert!(!text.to_lowercase().contains("redrive"), "{name}: {text}");
    }
}

#[test]
fn schedule_whose_round_fails_is_not_repeated_by_lambda() {
    for (bin, function) in Template::read().functions() {
        for schedule in function.events("ScheduleV2") {
            assert_eq!(schedule["RetryPolicy"]["MaximumRetryAttempts"], 0, "{bin}");
            assert_eq!(function.properties["EventInvokeConfig"]["MaximumRetryAttempts"], 0, "{bin}");
        }
    }
}
