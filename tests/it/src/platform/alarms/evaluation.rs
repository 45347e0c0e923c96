//! From data points to the state of an alarm.
//!
//! After "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" in the CloudWatch user guide:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>.

use anyhow::{Result, bail};

/// How many data points more than its evaluation periods an alarm looks at, to be less in need of what stands for missing
/// ones. The guide says that the number depends on the period and tells it by one example: five for three periods.
pub const FURTHER_BACK: usize = 2;

/// What an alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// What stands for a data point that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing: `missing`.
    Stays,
    Ignore,
    Breaching,
    NotBreaching,
}

impl Missing {
    /// By the template's word.
    pub fn parse(word: &str) -> Result<Self> {
        Ok(match word {
            "missing" => Self::Stays,
            "ignore" => Self::Ignore,
            "breaching" => Self::Breaching,
            "notBreaching" => Self::NotBreaching,
            _ => bail!("TreatMissingData: {word}"),
        })
    }
}

/// So many breaching data points of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub to_alarm: usize,
    pub evaluated: usize,
    pub missing: Missing,
}

impl Rule {
    /// The state by these data points, the oldest first, of which each breaches, does not, or is missing. `before` is the
    /// state until now.
    pub fn state(self, points: &[Option<bool>], before: State) -> State {
        let real: Vec<bool> = points.iter().rev().filter_map(|point| *point).take(self.evaluated).collect();
        let breaching = real.iter().filter(|breaches| **breaches).count();
        let filled = self.evaluated - real.len();
        let by = |breaching| if breaching >= self.to_alarm { State::Alarm } else { State::Ok };
        match self.missing {
            _ if filled == 0 => by(breaching),
            Missing::Breaching => by(breaching + filled),
            Missing::NotBreaching => by(breaching),
            _ if breaching < real.len() || breaching >= self.to_alarm => by(breaching),
            // Nothing is known but points that breach, and fewer of them than it takes.
            Missing::Ignore => before,
            Missing::Stays if self.is_old_enough(points) => State::Alarm,
            Missing::Stays => State::InsufficientData,
        }
    }

    /// Whether the oldest breaching point would not have been outweighed by the points after it, had they come.
    fn is_old_enough(self, points: &[Option<bool>]) -> bool {
        points
            .iter()
            .position(|point| *point == Some(true))
            .is_some_and(|oldest| points.len() - oldest >= self.to_alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREATMENTS: [Missing; 4] = [Missing::Stays, Missing::Ignore, Missing::Breaching, Missing::NotBreaching];

    fn points(row: &str) -> Vec<Option<bool>> {
        row.split(' ').map(|point| (point != "-").then_some(point == "X")).collect()
    }

    /// Holds a row of the guide's tables: points, and the state for each treatment, where `retain` is the state until now.
    fn hold(to_alarm: usize, evaluated: usize, row: &str, expected: [&str; 4]) {
        for (missing, expected) in TREATMENTS.into_iter().zip(expected) {
            for before in [State::Ok, State::Alarm] {
                let state = Rule { to_alarm, evaluated, missing }.state(&points(row), before);
                let expected = match expected {
                    "OK" => State::Ok,
                    "ALARM" => State::Alarm,
                    "retain" => before,
                    _ => State::InsufficientData,
                };
                assert_eq!(state, expected, "{row}, {to_alarm} of {evaluated}, {missing:?}");
            }
        }
    }

    #[test]
    fn alarm_of_three_of_three_is_in_the_state_of_the_guides_table() {
        hold(3, 3, "0 - X - X", ["OK", "OK", "OK", "OK"]);
        hold(3, 3, "- - - - 0", ["OK", "OK", "OK", "OK"]);
        hold(3, 3, "0 - - - -", ["OK", "OK", "OK", "OK"]);
        hold(3, 3, "- - - - -", ["INSUFFICIENT", "retain", "ALARM", "OK"]);
        hold(3, 3, "0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        hold(3, 3, "- - X - -", ["ALARM", "retain", "ALARM", "OK"]);
    }

    #[test]
    fn alarm_of_two_of_three_is_in_the_state_of_the_guides_table() {
        hold(2, 3, "0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        hold(2, 3, "0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        hold(2, 3, "0 - X - -", ["OK", "OK", "ALARM", "OK"]);
        hold(2, 3, "- - - - 0", ["OK", "OK", "ALARM", "OK"]);
        hold(2, 3, "- - - X -", ["ALARM", "retain", "ALARM", "OK"]);
    }

    /// "Avoiding premature transitions to alarm state": what may still be outweighed by the next point does not ring.
    #[test]
    fn alarm_with_a_fresh_breach_and_nothing_else_waits_for_more() {
        hold(3, 3, "- - - - X", ["INSUFFICIENT", "retain", "ALARM", "OK"]);
        hold(3, 3, "- - - X -", ["INSUFFICIENT", "retain", "ALARM", "OK"]);
    }

    #[test]
    fn alarm_of_one_point_goes_by_the_last_real_one_for_two_periods_more() {
        hold(1, 1, "0 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        hold(1, 1, "X - -", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        hold(1, 1, "0 - -", ["OK", "OK", "OK", "OK"]);
        hold(1, 1, "- - -", ["INSUFFICIENT", "retain", "ALARM", "OK"]);
    }
}
