//! Alarms as template.yaml declares them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::evaluation::{FURTHER_BACK, Missing, Rule, State};
use super::expression::{Expression, Series};
use super::recording::{OWN, Recording, Source, Statistic};
use crate::platform::parity::project::Template;

/// An alarm is evaluated every minute, over periods that end at that minute: "at the end of minute 5 the alarm evaluates
/// based on data from minutes 1 to 5. Then at the end of minute 6, […] from minutes 2 to 6."
pub const MINUTE: i64 = 60;

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Greater,
    Less,
}

/// An alarm of the template.
#[derive(Debug, Clone)]
pub struct Alarm {
    pub name: String,
    /// Numbers by id. An alarm on one number alone has it under an id of ours.
    metrics: BTreeMap<String, (Source, Statistic)>,
    expression: Expression,
    period: i64,
    rule: Rule,
    comparison: Comparison,
    threshold: f64,
}

/// Every alarm of the template.
pub fn alarms(template: &Template) -> Result<Vec<Alarm>> {
    let declared = template.of_type("AWS::CloudWatch::Alarm");
    declared.map(|(name, alarm)| Alarm::parse(name, alarm).with_context(|| name.to_owned())).collect()
}

impl Alarm {
    fn parse(name: &str, alarm: &Value) -> Result<Self> {
        let count = |name: &str| alarm[name].as_u64().map(usize::try_from).transpose();
        let evaluated = count("EvaluationPeriods")?.context("no EvaluationPeriods")?;
        let to_alarm = count("DatapointsToAlarm")?.unwrap_or(evaluated);
        let missing = Missing::parse(alarm["TreatMissingData"].as_str().context("no TreatMissingData")?)?;
        let (metrics, expression, period) = match alarm["Metrics"].as_array() {
            Some(parts) => calculated(parts)?,
            None => {
                let id = "number".to_owned();
                let metrics = [(id.clone(), (source(alarm)?, statistic(&alarm["Statistic"])?))].into();
                (metrics, Expression::Id(id), alarm["Period"].as_i64().context("no Period")?)
            }
        };
        ensure!(period % MINUTE == 0, "a period of {period} s");
        let comparison = match alarm["ComparisonOperator"].as_str() {
            Some("GreaterThanThreshold") => Comparison::Greater,
            Some("LessThanThreshold") => Comparison::Less,
            other => bail!("ComparisonOperator: {other:?}"),
        };
        let threshold = alarm["Threshold"].as_f64().context("no Threshold")?;
        let rule = Rule { to_alarm, evaluated, missing };
        Ok(Self { name: name.to_owned(), metrics, expression, period, rule, comparison, threshold })
    }

    /// What it watches.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.metrics.values().map(|(source, _)| source)
    }

    /// Whether it fills in what its numbers lack, by an expression.
    pub fn fills(&self) -> bool {
        format!("{:?}", self.expression).contains("Fill(")
    }

    /// Its state at the end of a minute, when it was in `before` until then.
    pub fn state(&self, recording: &Recording, now: i64, before: State) -> Result<State> {
        let count = i64::try_from(self.rule.evaluated + FURTHER_BACK)?;
        let periods = (0..count).rev().map(|back| (now - (back + 1) * self.period, now - back * self.period));
        let numbers = self.metrics.iter().map(|(id, (source, statistic))| {
            let series: Series = periods.clone().map(|period| recording.number(source, *statistic, period)).collect();
            (id.as_str(), series)
        });
        let series = self.expression.evaluate(&numbers.collect())?;
        let breaches = |value: f64| match self.comparison {
            Comparison::Greater => value > self.threshold,
            Comparison::Less => value < self.threshold,
        };
        let points: Vec<Option<bool>> = series.into_iter().map(|point| point.map(breaches)).collect();
        Ok(self.rule.state(&points, before))
    }

    /// The first minute from `from` until `until`, both in seconds, at whose end it rings.
    pub fn rings(&self, recording: &Recording, (from, until): (i64, i64)) -> Result<Option<i64>> {
        let mut state = State::Ok;
        let mut now = from - from.rem_euclid(MINUTE) + MINUTE;
        while now <= until {
            state = self.state(recording, now, state)?;
            if state == State::Alarm {
                return Ok(Some(now));
            }
            now += MINUTE;
        }
        Ok(None)
    }
}

type Calculated = (BTreeMap<String, (Source, Statistic)>, Expression, i64);

/// An alarm over a calculation: "Each metric must be using the same period."
fn calculated(parts: &[Value]) -> Result<Calculated> {
    let (mut metrics, mut expression, mut period) = (BTreeMap::new(), None, None);
    for part in parts {
        let id = part["Id"].as_str().context("a metric without Id")?;
        if let Some(text) = part["Expression"].as_str() {
            ensure!(expression.is_none() && part["ReturnData"] != false, "{id} is one expression too many");
            expression = Some(Expression::parse(text)?);
            continue;
        }
        ensure!(part["ReturnData"] == false, "{id} is answered beside the expression");
        let stat = &part["MetricStat"];
        let seconds = stat["Period"].as_i64().context("no Period")?;
        ensure!(*period.get_or_insert(seconds) == seconds, "{id} has another period");
        metrics.insert(id.to_owned(), (source(&stat["Metric"])?, statistic(&stat["Stat"])?));
    }
    let expression = expression.context("no expression")?;
    let (named, known) = (expression.ids(), metrics.keys().map(String::as_str).collect());
    ensure!(named == known, "the expression names {named:?}, there are {known:?}");
    Ok((metrics, expression, period.context("no metric")?))
}

fn statistic(word: &Value) -> Result<Statistic> {
    match word.as_str() {
        Some("Sum") => Ok(Statistic::Sum),
        Some("Maximum") => Ok(Statistic::Maximum),
        other => bail!("statistic {other:?}"),
    }
}

fn source(metric: &Value) -> Result<Source> {
    let name = metric["MetricName"].as_str().context("no MetricName")?.to_owned();
    let namespace = match metric["Namespace"].as_str() {
        Some(namespace) => namespace.to_owned(),
        None => {
            ensure!(metric["Namespace"] == json!({ "Ref": "AWS::StackName" }), "Namespace: {}", metric["Namespace"]);
            OWN.to_owned()
        }
    };
    let of = match metric["Dimensions"].as_array().map(Vec::as_slice) {
        None => None,
        Some([dimension]) => {
            let value = &dimension["Value"];
            let attribute = value["Fn::GetAtt"].as_str().and_then(|it| it.strip_suffix(".QueueName"));
            Some(value["Ref"].as_str().or(attribute).with_context(|| format!("dimension {dimension}"))?.to_owned())
        }
        Some(other) => bail!("dimensions {other:?}"),
    };
    Ok(Source { namespace, name, of })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(properties: Value) -> Alarm {
        Alarm::parse("test", &properties).unwrap()
    }

    fn counting(period: i64, evaluated: u64, missing: &str) -> Alarm {
        alarm(json!({
            "Namespace": { "Ref": "AWS::StackName" }, "MetricName": "Failures", "Statistic": "Sum", "Period": period,
            "EvaluationPeriods": evaluated, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0,
            "TreatMissingData": missing,
        }))
    }

    fn failures(seconds: &[i64]) -> Recording {
        let mut recording = Recording::default();
        seconds.iter().for_each(|second| recording.put(Source::own("Failures"), *second, 1.0));
        recording
    }

    #[test]
    fn alarm_on_one_event_rings_at_the_end_of_its_minute_however_long_its_period() {
        for period in [60, 300, 900] {
            let alarm = counting(period, 1, "notBreaching");
            assert_eq!(alarm.rings(&failures(&[130]), (0, 3_600)).unwrap(), Some(180), "{period}");
            assert_eq!(alarm.rings(&failures(&[]), (0, 3_600)).unwrap(), None, "{period}");
        }
    }

    #[test]
    fn alarm_on_several_periods_takes_events_that_far_apart() {
        let alarm = counting(300, 2, "notBreaching");
        assert_eq!(alarm.rings(&failures(&[10, 20, 30]), (0, 3_600)).unwrap(), None);
        assert_eq!(alarm.rings(&failures(&[10, 310]), (0, 3_600)).unwrap(), Some(360));
    }

    #[test]
    fn alarm_on_missing_data_rings_when_the_last_point_has_left_its_range() {
        let alarm = counting(60, 1, "breaching");
        // No failure, one number a minute that says so, until the tenth minute.
        let mut recording = Recording::default();
        (0..10).for_each(|minute| recording.put(Source::own("Failures"), minute * 60, 0.0));
        assert_eq!(alarm.rings(&recording, (0, 3_600)).unwrap(), Some(10 * 60 + 180));
    }

    #[test]
    fn alarm_on_a_calculation_takes_its_numbers_together() {
        let metric = |id: &str, name: &str| {
            json!({ "Id": id, "ReturnData": false, "MetricStat": { "Period": 300, "Stat": "Sum",
                "Metric": { "Namespace": "AWS/Lambda", "MetricName": name,
                    "Dimensions": [{ "Name": "FunctionName", "Value": { "Ref": "Worker" } }] } } })
        };
        let expression = json!({ "Id": "share", "Expression": "IF(bad >= 2, 100 * bad / all, 0)" });
        let alarm = alarm(json!({
            "Metrics": [expression, metric("bad", "Errors"), metric("all", "Invocations")],
            "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 50,
            "TreatMissingData": "notBreaching",
        }));
        let rings = |bad: i64, all: i64| {
            let mut recording = Recording::default();
            (0..bad).for_each(|nth| recording.put(Source::aws("AWS/Lambda", "Errors", "Worker"), nth, 1.0));
            (0..all).for_each(|nth| recording.put(Source::aws("AWS/Lambda", "Invocations", "Worker"), nth, 1.0));
            alarm.rings(&recording, (0, 600)).unwrap().is_some()
        };
        assert_eq!([rings(1, 1), rings(2, 4), rings(2, 3), rings(0, 9)], [false, false, true, false]);
    }

    #[test]
    fn alarm_that_is_not_understood_is_refused() {
        let fine = json!({
            "Namespace": "AWS/SQS", "MetricName": "Age", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "ComparisonOperator": "LessThanThreshold", "Threshold": 1, "TreatMissingData": "ignore",
        });
        assert!(Alarm::parse("fine", &fine).is_ok());
        for (name, value) in [
            ("Statistic", json!("p99")),
            ("Period", json!(10)),
            ("ComparisonOperator", json!("LessThanLowerThreshold")),
            ("TreatMissingData", json!("guess")),
            ("Namespace", json!({ "Fn::Sub": "x" })),
        ] {
            let mut alarm = fine.clone();
            alarm[name] = value;
            assert!(Alarm::parse("odd", &alarm).is_err(), "{name}");
        }
    }
}
