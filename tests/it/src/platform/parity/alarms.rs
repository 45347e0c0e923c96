//! Whether the alarms on failed rounds can ring: a failure that lasts does not show in every round, because work that
//! failed is left alone for a while.

use std::collections::BTreeMap;

use serde_json::Value;

use super::project::{Function, Template};

/// Seconds between the failed rounds of a failure that lasts and concerns one piece of work only, the longest there are;
/// and the seconds after which somebody must know.
///
/// The token keeper comes back to an account an hour later, and then in its next round. The sweeper sends another
/// message after five minutes, and then in its next round. A device that gave no answer is asked again after a minute.
/// A function that is not named here fails in each of its rounds, and somebody must know after ten of them.
const FAILS_EVERY: [(&str, (usize, usize)); 3] = [
    ("douyin-token-keeper", (3_600 + 300, 3 * 3_600)),
    ("sweeper", (300 + 60, 20 * 60)),
    ("wechat-health-checker", (60 + 60, 15 * 60)),
];

struct Alarm {
    period: usize,
    threshold: u64,
    evaluated: usize,
    to_alarm: usize,
}

impl Alarm {
    fn of(alarm: &Value) -> Self {
        assert_eq!(alarm["Statistic"], "Sum");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold");
        assert_eq!(alarm["TreatMissingData"], "notBreaching");
        let number = |name: &str| alarm[name].as_u64();
        let evaluated = number("EvaluationPeriods").unwrap();
        let size = |number: u64| usize::try_from(number).unwrap();
        Self {
            period: size(number("Period").unwrap()),
            threshold: number("Threshold").unwrap(),
            evaluated: size(evaluated),
            to_alarm: size(number("DatapointsToAlarm").unwrap_or(evaluated)),
        }
    }

    /// Whether it rings, and when, given the instants of failures, in seconds.
    fn rings(&self, failures: &[usize]) -> Option<usize> {
        let mut sums: BTreeMap<usize, u64> = BTreeMap::new();
        for failure in failures {
            *sums.entry(failure / self.period).or_default() += 1;
        }
        let last = failures.iter().max()? / self.period;
        let breaching = |period: &usize| sums.get(period).is_some_and(|sum| *sum > self.threshold);
        let rung = (0..=last).find(|now| {
            let since = (now + 1).saturating_sub(self.evaluated);
            (since..=*now).filter(breaching).count() >= self.to_alarm
        })?;
        Some((rung + 1) * self.period)
    }
}

/// The alarm on the errors of each scheduled function, by bin.
fn alarms(template: &Template) -> BTreeMap<String, Alarm> {
    let functions = template.functions();
    let scheduled = functions.values().filter(|function| function.events("ScheduleV2").next().is_some());
    scheduled
        .map(|function| {
            let mut alarms = template.of_type("AWS::CloudWatch::Alarm").map(|(_, alarm)| alarm).filter(|alarm| {
                alarm["MetricName"] == "Errors" && alarm["Dimensions"][0]["Value"]["Ref"] == function.id.as_str()
            });
            let alarm = alarms.next().unwrap_or_else(|| panic!("no alarm on errors of {}", function.bin));
            assert!(alarms.next().is_none(), "two alarms on errors of {}", function.bin);
            (function.bin.clone(), Alarm::of(alarm))
        })
        .collect()
}

/// Seconds between two rounds of a scheduled function.
fn seconds_between(function: &Function) -> usize {
    let expression = function.events("ScheduleV2").next().unwrap()["ScheduleExpression"].as_str().unwrap().to_owned();
    let rate = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).expect("a rate");
    let (number, word) = rate.split_once(' ').unwrap();
    let length = if word.starts_with("minute") { 60 } else { 3_600 };
    number.parse::<usize>().unwrap() * length
}

#[test]
fn alarm_rings_for_a_failure_that_lasts_and_not_for_a_single_one() {
    let template = Template::read();
    let (alarms, functions, known) = (alarms(&template), template.functions(), BTreeMap::from(FAILS_EVERY));
    assert!(known.keys().all(|bin| alarms.contains_key(*bin)), "a function that has no schedule");
    for (bin, alarm) in &alarms {
        let rate = seconds_between(&functions[bin]);
        let (every, within) = known.get(bin.as_str()).copied().unwrap_or((rate, 10 * rate));
        for begin in (0..alarm.period).step_by(10) {
            let failures: Vec<usize> = (0..8).map(|nth| begin + nth * every).collect();
            let rung = alarm.rings(&failures).unwrap_or(usize::MAX);
            assert!(
                rung <= begin + within,
                "{bin}: failures every {every} s from second {begin} on ring after {rung} s"
            );
            assert_eq!(alarm.rings(&[begin]), None, "{bin}: rings for one failed round, which the next makes good");
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
