//! The settings of personal accounts.

use std::ops::Range;

use kernel::config::{ConfigError, Env};

use super::invalid;
use super::sections::PERSONAL;
use crate::pace::Pace;

const HOURS: &str = "PERSONAL_HOURS";

impl Pace {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn load(env: &Env) -> Result<Self, ConfigError> {
        let values = PERSONAL.of(env);
        let hours = values.text(HOURS)?;
        Ok(Self {
            posts_per_day: values.number("PERSONAL_POSTS_PER_DAY")?,
            interval: values.seconds("PERSONAL_INTERVAL_SECONDS")?,
            hours: parse(&hours)
                .ok_or_else(|| invalid(HOURS, "two hours of a day like 8-22, the earlier one first"))?,
            rest: values.seconds("PERSONAL_REST_SECONDS")?,
        })
    }
}

fn parse(hours: &str) -> Option<Range<u32>> {
    let (from, to) = hours.split_once('-')?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to && to <= 24).then_some(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_which_the_first_is_not_the_earlier_one_are_refused_by_name() {
        let load = |hours: &'static str| Pace::load(&[(HOURS, hours)].into_iter().collect());
        for (hours, range) in [("8-22", 8..22), ("0-24", 0..24), ("23-24", 23..24)] {
            assert_eq!(load(hours).unwrap().hours, range);
        }
        for hours in ["22-8", "8-8", "8-25", "8", "8-", "08:00-22:00", "-1-3", "a-b"] {
            assert!(load(hours).unwrap_err().to_string().contains(HOURS), "{hours}");
        }
    }
}
